using System.Collections.Immutable;

namespace RlWn.Envs;

/// <summary>A MinAtar game: what the five have in common, which is the grid, the actions, their stickiness, and how a game is seen and saved.</summary>
/// <remarks>
/// <para>
/// Young and Tian 2019, "MinAtar: An Atari-inspired testbed for thorough and reproducible reinforcement learning experiments",
/// arXiv:1903.03176, with the rules of the reference implementation, version 1.0.15, quirks included. A step does everything that it has to
/// do even where the game ends in the midst of it.
/// </para>
/// <para>
/// The draws are the reference's, in its order: its rand() is <see cref="Random.NextDouble"/>, its randint(k) is
/// <see cref="Random.Next(int)"/> and its randint(low, high) is <see cref="Random.Next(int, int)"/>; an array is drawn number by number. Each
/// step begins with the draw of the sticky action, whatever its probability. A <see cref="Random"/> that hands out what the reference's
/// generator drew replays a game of the reference.
/// </para>
/// <para>
/// It differs from the reference in two ways. An observation is [channel, row, column] and not [row, column, channel]. And a reset forgets
/// the last action: an episode that begins with a sticky action begins with none, where the reference carries over the last action of the
/// episode before. So an episode depends on its own draws alone, as <see cref="EnvContract"/> demands.
/// </para>
/// </remarks>
public abstract partial class MinAtarGame : IEnv<byte, int>, ITextView, IFrameView, ISavable
{
    /// <summary>How many rows and columns the grid has. Column 0 is on the left, row 0 on top.</summary>
    private protected const int Side = 10;

    /// <summary>How many cells the grid has.</summary>
    private protected const int Cells = Side * Side;

    private static readonly ImmutableArray<MinAtarAction> AllActions = [.. Enum.GetValues<MinAtarAction>()];

    private readonly ImmutableArray<MinAtarChannel> channels;
    private readonly Rgb[] palette;   // black, then the colour of each channel
    private readonly ByteBox observed;
    private readonly Discrete choices;
    private readonly double stickyProbability;
    private Random? random;
    private MinAtarAction lastAction;

    private protected MinAtarGame(
        ReadOnlySpan<MinAtarChannel> channels, ReadOnlySpan<MinAtarAction> minimalActions, MinAtarOptions? options)
    {
        options ??= new MinAtarOptions();
        if (!(options.StickyProbability is >= 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(
                nameof(options), $"Expected a StickyProbability of 0 to 1, got {options.StickyProbability}.");
        }

        this.channels = [.. channels];
        palette = [default, .. this.channels.Select(channel => channel.Color)];
        Actions = options.MinimalActions ? [.. minimalActions] : AllActions;
        Ramping = options.Ramping;
        stickyProbability = options.StickyProbability;
        observed = new ByteBox([channels.Length, Side, Side], high: 1);
        choices = new Discrete(Actions.Length);
    }

    /// <summary>A grid of flags for each of the game's channels, [C, 10, 10]: 1 where there is one of it.</summary>
    public Space<byte> ObservationSpace => observed;

    /// <summary>An index of <see cref="Actions"/>.</summary>
    public Space<int> ActionSpace => choices;

    /// <summary>What each number of <see cref="ActionSpace"/> does.</summary>
    public ImmutableArray<MinAtarAction> Actions { get; }

    /// <summary>The names of the channels of an observation, in order.</summary>
    public IReadOnlyList<string> Channels => [.. channels.Select(channel => channel.Name)];

    /// <summary>Whether the game grows harder as it goes on.</summary>
    private protected bool Ramping { get; }

    /// <summary>Whether the game has ended.</summary>
    private protected bool Terminated { get; set; }

    /// <inheritdoc/>
    public void Reset(Random random, Span<byte> observation)
    {
        ArgumentNullException.ThrowIfNull(random);
        this.random = random;
        lastAction = MinAtarAction.None;
        Terminated = false;
        Start(random);
        Observe(observation);
    }

    /// <inheritdoc/>
    /// <remarks>After the end of an episode nothing changes any more: the reward is 0, and the sticky action is drawn as ever.</remarks>
    /// <exception cref="InvalidOperationException">The game was never reset.</exception>
    public StepResult Step(ReadOnlySpan<int> action, Span<byte> observation)
    {
        if (!choices.Contains(action))
        {
            throw new ArgumentException(
                $"Expected one action, 0 to {choices.N - 1} ({string.Join(", ", Actions)}), got [{string.Join(", ", action.ToArray())}].",
                nameof(action));
        }

        if (random is null)
            throw new InvalidOperationException("Expected Reset before the first Step. Call it once to start the first episode.");

        if (random.NextDouble() >= stickyProbability)
            lastAction = Actions[action[0]];

        var reward = Terminated ? 0 : Act(lastAction, random);
        Observe(observation);
        return new StepResult(reward, Terminated);
    }

    /// <inheritdoc/>
    public void Save(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        Visit(new StateFields(writer));
    }

    /// <inheritdoc/>
    public void Load(BinaryReader reader, Random random)
    {
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(random);
        this.random = random;
        Visit(new StateFields(reader));
    }

    /// <summary>Sets every field to what an episode begins with.</summary>
    private protected abstract void Start(Random random);

    /// <summary>Does one action in a game that goes on, and sets <see cref="Terminated"/> where it ends.</summary>
    /// <returns>The reward.</returns>
    private protected abstract int Act(MinAtarAction action, Random random);

    /// <summary>Writes the flags of what is there into an observation of zeros.</summary>
    private protected abstract void Write(Span<byte> observation);

    /// <summary>Saves or loads every field of the game's own.</summary>
    private protected abstract void VisitState(StateFields fields);

    /// <summary>Sets the flag of a cell.</summary>
    private protected static void Mark(Span<byte> observation, int channel, int x, int y) =>
        observation[(channel * Cells) + (y * Side) + x] = 1;

    /// <summary>Whether a column lies in the grid.</summary>
    private protected static bool IsInside(int x) => (uint)x < Side;

    private void Observe(Span<byte> observation)
    {
        observation[..observed.Size].Clear();
        Write(observation);
    }

    private void Visit(StateFields fields)
    {
        var action = (int)lastAction;
        fields.Number(ref action, 0, AllActions.Length - 1, "last action");
        lastAction = (MinAtarAction)action;

        var terminated = Terminated;
        fields.Flag(ref terminated, "terminated");
        Terminated = terminated;
        VisitState(fields);
    }
}
