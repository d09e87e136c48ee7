using System.Collections.Concurrent;

namespace RlWn.Envs;

/// <summary>A registered task: its name, its limit, what counts as solved, and how to make it.</summary>
public sealed record EnvSpec
{
    private readonly Func<int, int, VectorEnv> createVector;

    internal EnvSpec(Func<EnvContractOptions?, IReadOnlyList<Violation>> check, Func<int, int, VectorEnv> createVector) =>
        (Check, this.createVector) = (check, createVector);

    /// <summary>The name to ask for, as CartPole-v1.</summary>
    public required string Id { get; init; }

    /// <summary>What there is to do, in one sentence.</summary>
    public required string Description { get; init; }

    /// <summary>After how many steps an episode is truncated; null where it runs until the task ends it.</summary>
    public required int? MaxSteps { get; init; }

    /// <summary>The mean return of 100 episodes that counts as solved; null where nobody set one.</summary>
    public required double? RewardThreshold { get; init; }

    /// <summary>Makes one task, with its time limit.</summary>
    public required Func<IEnv> Create { get; init; }

    /// <summary>Makes a vector of tasks, with their time limit.</summary>
    /// <param name="count">How many environments, at least 1.</param>
    /// <param name="workers">
    /// On how many threads of its own; with 0 they share the calling one, in the fastest way that the task has. Threads pay for tasks whose step
    /// takes microseconds, as those with pixels.
    /// </param>
    /// <remarks>The results are the same to the bit whatever the number of threads.</remarks>
    public VectorEnv CreateVector(int count, int workers = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(workers);
        return createVector(count, workers);
    }

    /// <summary>What <see cref="EnvContract.Check(EnvSpec, EnvContractOptions?)"/> does: here the element types are known.</summary>
    internal Func<EnvContractOptions?, IReadOnlyList<Violation>> Check { get; }
}

/// <summary>The tasks that can be made by name. Open to everyone's own, from any thread.</summary>
public static class EnvRegistry
{
    private static readonly ConcurrentDictionary<string, EnvSpec> Specs = new(StringComparer.Ordinal);

    static EnvRegistry()
    {
        Register(
            "CartPole-v1", () => new CartPole(), maxSteps: 500, rewardThreshold: 475,
            description: "Balance a pole on a cart by pushing the cart left or right.",
            createVector: count => new CartPoleVector(count, maxSteps: 500));
        Register(
            "CartPoleNoVel-v1", () => new ObservedPart<int>(new CartPole(), 0, 2), maxSteps: 500, rewardThreshold: 475,
            description: "CartPole-v1 without its velocities: only the cart's position and the pole's angle are seen.");
        Register(
            "MountainCar-v0", () => new MountainCar(), maxSteps: 200, rewardThreshold: -110,
            description: "Swing a weak car back and forth in a valley until it reaches the flag on the hill.",
            createVector: count => new LaneVectorEnv<MountainCar.Physics, int>(count, maxSteps: 200));
        Register(
            "MountainCarContinuous-v0", () => new MountainCarContinuous(), maxSteps: 999, rewardThreshold: 90,
            description: "Reach the flag on the hill with a weak car, by pushes of any strength and at little cost.",
            createVector: count => new LaneVectorEnv<MountainCarContinuous.Physics, float>(count, maxSteps: 999));
        Register(
            "Acrobot-v1", () => new Acrobot(), maxSteps: 500, rewardThreshold: -100,
            description: "Swing the free end of a chain of two links above a line, by the torque between them.",
            createVector: count => new LaneVectorEnv<Acrobot.Physics, int>(count, maxSteps: 500));
        Register(
            "Pendulum-v1", () => new Pendulum(), maxSteps: 200,
            description: "Swing up a pendulum with a weak motor and keep it upright.",
            createVector: count => new LaneVectorEnv<Pendulum.Physics, float>(count, maxSteps: 200));

        RegisterMinAtar("Breakout", options => new Breakout(options), "Break bricks with a ball that a paddle keeps in the air.");
        RegisterMinAtar("Asterix", options => new Asterix(options), "Collect the gold that crosses the grid and evade the enemies.");
        RegisterMinAtar("Freeway", options => new Freeway(options), "Walk a chicken across eight lanes of traffic, as often as there is time.");
        RegisterMinAtar("Seaquest", options => new Seaquest(options), "Shoot fish and submarines, rescue divers, and surface before the oxygen ends.");
        RegisterMinAtar("SpaceInvaders", options => new SpaceInvaders(options), "Shoot the aliens that march down before they land.");

        RegisterPong();
    }

    // Half an hour of play, as is usual for Atari's games: 108,000 frames.
    private static void RegisterPong()
    {
        const int MaxFrames = 30 * 60 * 60, FrameSkip = 4;
        Register(
            "RlWnPong-v0", () => new Pong(), maxSteps: MaxFrames,
            description: "Get a ball past the opponent's paddle 21 times: RlWn's own game, frame by frame, in colours of 210 x 160 pixels.");
        foreach (var size in (ReadOnlySpan<int>)[84, 42])
        {
            Register(
                $"RlWnPong-{size}-v0", () => new FrameStack<byte, int>(new SmallPong(size, FrameSkip), frames: 4), maxSteps: MaxFrames / FrameSkip,
                description: $"RlWnPong-v0 after the standard preprocessing: 4 frames an action, the last 4 seen at once, grey, {size} x {size} pixels.");
        }
    }

    /// <summary>All registered tasks, by id.</summary>
    public static IReadOnlyList<EnvSpec> All => [.. Specs.Values.OrderBy(spec => spec.Id, StringComparer.Ordinal)];

    /// <summary>Registers a task, as in <c>EnvRegistry.Register("My-v0", () =&gt; new MyEnv(), maxSteps: 200)</c>.</summary>
    /// <typeparam name="TObservation">The type of one observed number; found from <paramref name="create"/>.</typeparam>
    /// <typeparam name="TAction">The type of one number of an action; found from <paramref name="create"/>.</typeparam>
    /// <param name="id">A name that is not taken; by custom with a version, as My-v0.</param>
    /// <param name="create">Makes one task without its time limit: a new one at each call.</param>
    /// <param name="maxSteps">After how many steps an episode is truncated, at least 1; null for no limit.</param>
    /// <param name="rewardThreshold">The mean return of 100 episodes that counts as solved, if there is one.</param>
    /// <param name="description">What there is to do, in one sentence.</param>
    /// <param name="createVector">
    /// Makes a faster vector of so many tasks, with the time limit; null for a <see cref="SyncVectorEnv{TObservation, TAction}"/>.
    /// <see cref="EnvContract"/> checks that it does what the task does alone.
    /// </param>
    /// <returns>What was registered.</returns>
    /// <exception cref="ArgumentException">The id is empty or taken.</exception>
    public static EnvSpec Register<TObservation, TAction>(
        string id, Func<IEnv<TObservation, TAction>> create, int? maxSteps = null, double? rewardThreshold = null,
        string description = "", Func<int, VectorEnv>? createVector = null)
        where TObservation : unmanaged
        where TAction : unmanaged
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(id);
        ArgumentNullException.ThrowIfNull(create);
        if (maxSteps < 1)
            throw new ArgumentOutOfRangeException(nameof(maxSteps), $"Expected at least 1 step, or null for no limit, got {maxSteps}.");

        IEnv<TObservation, TAction> CreateLimited() =>
            maxSteps is { } limit ? new TimeLimit<TObservation, TAction>(create(), limit) : create();

        IReadOnlyList<Violation> Check(EnvContractOptions? options) => createVector is null
            ? EnvContract.Check(CreateLimited, options)
            : [.. EnvContract.Check(CreateLimited, options), .. EnvContract.CheckVector(createVector, CreateLimited, options)];

        VectorEnv CreateVector(int count, int workers) => workers > 0
            ? new ThreadedVectorEnv<TObservation, TAction>(CreateLimited, count, workers)
            : createVector?.Invoke(count) ?? new SyncVectorEnv<TObservation, TAction>(CreateLimited, count);

        var spec = new EnvSpec(Check, CreateVector)
        {
            Id = id,
            Description = description,
            MaxSteps = maxSteps,
            RewardThreshold = rewardThreshold,
            Create = CreateLimited,
        };
        return Specs.TryAdd(id, spec)
            ? spec
            : throw new ArgumentException($"Expected an id that is not taken, got \"{id}\". Choose another, or register once.", nameof(id));
    }

    // By Gymnasium's names: version 0 has all six actions, version 1 those that the game makes use of.
    private static void RegisterMinAtar(string name, Func<MinAtarOptions, MinAtarGame> create, string description)
    {
        var all = new MinAtarOptions();
        var minimal = new MinAtarOptions { MinimalActions = true };
        Register<byte, int>($"MinAtar/{name}-v0", () => create(all), description: description);
        Register<byte, int>($"MinAtar/{name}-v1", () => create(minimal), description: description);
    }

    /// <summary>The task of this id, or null.</summary>
    /// <param name="id">The id, in its exact case; every one that begins with gymnasium: is one of <see cref="Gymnasium"/>.</param>
    /// <exception cref="UnknownEnvException">The id begins with gymnasium: and goes on as none of its ids does.</exception>
    public static EnvSpec? Find(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        if (!id.StartsWith(Gymnasium.Prefix, StringComparison.Ordinal))
            return Specs.GetValueOrDefault(id);

        try
        {
            return Gymnasium.Spec(id);
        }
        catch (FormatException misformed)
        {
            throw new UnknownEnvException(id, misformed);
        }
    }

    /// <summary>The task of this id.</summary>
    /// <param name="id">The id, in its exact case.</param>
    /// <exception cref="UnknownEnvException">No task has this id.</exception>
    public static EnvSpec Get(string id) => Find(id) ?? throw new UnknownEnvException(id, [.. All.Select(spec => spec.Id)]);

    /// <summary>Makes one task, with its time limit. Dispose it if it is <see cref="IDisposable"/>.</summary>
    /// <param name="id">The id, in its exact case.</param>
    /// <exception cref="UnknownEnvException">No task has this id.</exception>
    public static IEnv Make(string id) => Get(id).Create();

    /// <summary>Makes a vector of tasks, with their time limit.</summary>
    /// <param name="id">The id, in its exact case.</param>
    /// <param name="count">How many environments, at least 1.</param>
    /// <param name="workers">On how many threads of its own; 0 for the calling one.</param>
    /// <exception cref="UnknownEnvException">No task has this id.</exception>
    public static VectorEnv MakeVector(string id, int count, int workers = 0) => Get(id).CreateVector(count, workers);
}

/// <summary>No task is registered under an id; the message names the nearest one that is, and all others.</summary>
public sealed class UnknownEnvException : ArgumentException
{
    /// <summary>Says what is known instead.</summary>
    /// <param name="id">What was asked for.</param>
    /// <param name="known">All registered ids.</param>
    public UnknownEnvException(string id, IReadOnlyList<string> known) : base(Describe(id, known)) => (Id, Nearest) = (id, Envs.Nearest.Of(id, known));

    internal UnknownEnvException(string id, FormatException misformed) : base(misformed.Message, misformed) => Id = id;

    /// <summary>What was asked for.</summary>
    public string Id { get; }

    /// <summary>The registered id that was probably meant, or null.</summary>
    public string? Nearest { get; }

    private static string Describe(string id, IReadOnlyList<string> known) =>
        $"Expected the id of a registered environment, got \"{id}\". "
        + (Envs.Nearest.Of(id, known) is { } nearest ? $"Did you mean \"{nearest}\"? " : "")
        + $"Known are: {string.Join(", ", known)}.";
}
