namespace RlWn.Envs;

/// <summary>N tasks of any kind, and what a vector of them does whoever steps them.</summary>
/// <typeparam name="TObservation">The type of one observed number.</typeparam>
/// <typeparam name="TAction">The type of one number of an action.</typeparam>
public abstract class TaskVectorEnv<TObservation, TAction> : VectorEnv
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private readonly IEnv<TObservation, TAction>[] envs;
    private readonly Rng[] randoms;
    private readonly Batch actions, observations, finalObservations;   // at hand while a step is under way, too
    private bool started;

    private protected TaskVectorEnv(Func<IEnv<TObservation, TAction>> create, int count) : this(CreateAll(create, count)) { }

    private TaskVectorEnv(IEnv<TObservation, TAction>[] envs) : base(envs.Length, envs[0].ObservationSpace, envs[0].ActionSpace)
    {
        this.envs = envs;
        randoms = new Rng[envs.Length];
        (actions, observations, finalObservations) = (Actions, Observations, FinalObservations);
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">A task failed; the message says which.</exception>
    public override void Reset(ulong seed)
    {
        var i = 0;
        try
        {
            for (; i < Count; i++)
            {
                randoms[i] = new Rng(seed, (ulong)i);
                envs[i].Reset(randoms[i], Observations.Row<TObservation>(i));
            }
        }
        catch (Exception exception)
        {
            throw Failed(i, nameof(Reset), exception);
        }

        started = true;
    }

    /// <summary>Looks whether a step can begin.</summary>
    private protected void RequireReady()
    {
        if (!started)
            throw new InvalidOperationException("Expected Reset(seed) before the first Step. Call it once to start every episode.");

        ReadOnlySpan<TAction> all = actions.All<TAction>();
        var width = actions.Width;
        for (var row = 0; row < Count; row++)
        {
            if (!envs[row].ActionSpace.Contains(all.Slice(row * width, width)))
                throw OutsideSpace(row);
        }
    }

    /// <summary>Steps one environment and, where its episode ends, resets it. Different ones may be stepped at the same time.</summary>
    private protected void StepOne(int i)
    {
        var observation = observations.Row<TObservation>(i);
        var result = envs[i].Step(actions.Row<TAction>(i), observation);
        RewardsToWrite[i] = result.Reward;
        TerminatedToWrite[i] = result.Terminated;
        TruncatedToWrite[i] = result.Truncated & !result.Terminated;

        if (result.Ended)
        {
            observation.CopyTo(finalObservations.Row<TObservation>(i));
            envs[i].Reset(randoms[i], observation);
        }
    }

    /// <inheritdoc/>
    public override bool CanSave => Array.TrueForAll(envs, env => env.AsSavable() is not null);

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer)
    {
        if (!started)
            throw new InvalidOperationException("Expected Reset(seed) before Save. There is nothing to save yet.");

        for (var i = 0; i < Count; i++)
        {
            writer.Write(randoms[i]);
            envs[i].RequireSavable().Save(writer);
        }
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader)
    {
        for (var i = 0; i < Count; i++)
        {
            randoms[i] = reader.ReadRng();
            envs[i].RequireSavable().Load(reader, randoms[i]);
        }

        started = true;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        DisposeAll(envs);
        base.Dispose(disposing);
    }

    private static IEnv<TObservation, TAction>[] CreateAll(Func<IEnv<TObservation, TAction>> create, int count)
    {
        ArgumentNullException.ThrowIfNull(create);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);

        var envs = new IEnv<TObservation, TAction>[count];
        try
        {
            for (var i = 0; i < count; i++)
            {
                envs[i] = create() ?? throw new ArgumentException($"Expected a task, got null for environment {i}.", nameof(create));
                if (i > 0 && ReferenceEquals(envs[i], envs[i - 1]))
                    throw new ArgumentException("Expected a new task at each call, got one twice. Construct it inside the function.", nameof(create));
                if (envs[i].ObservationSpace.Size != envs[0].ObservationSpace.Size || envs[i].ActionSpace.Size != envs[0].ActionSpace.Size)
                {
                    throw new ArgumentException(
                        $"Expected tasks with the spaces {envs[0].ObservationSpace} and {envs[0].ActionSpace} like environment 0, "
                        + $"got {envs[i].ObservationSpace} and {envs[i].ActionSpace} in environment {i}.",
                        nameof(create));
                }
            }
        }
        catch
        {
            DisposeAll(envs);
            throw;
        }

        return envs;
    }

    private static void DisposeAll(IEnv<TObservation, TAction>?[] envs)
    {
        foreach (var env in envs)
            (env as IDisposable)?.Dispose();
    }

    private ArgumentException OutsideSpace(int row) => new(
        $"Expected every row of Actions to lie in {ActionSpace}, got [{string.Join(", ", Actions.Row<TAction>(row).ToArray())}] "
        + $"in row {row}. No environment was stepped.");

    private protected InvalidOperationException Failed(int i, string method, Exception exception) =>
        new($"Environment {i} of {Count} failed in {method}: {exception.Message}", exception);
}
