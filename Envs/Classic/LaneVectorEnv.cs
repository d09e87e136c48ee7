using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace RlWn.Envs;

/// <summary>N tasks with a step limit, eight to a register: bit by bit what each does alone, only faster.</summary>
/// <typeparam name="TPhysics">The tasks' rules.</typeparam>
/// <typeparam name="TAction">The type of an action.</typeparam>
/// <remarks>
/// The state lies as rows of one number of all tasks, so that eight at once can be taken from it. A row is filled up to whole eights; what
/// stands there is stepped along and seen by nobody.
/// </remarks>
internal sealed class LaneVectorEnv<TPhysics, TAction> : VectorEnv
    where TPhysics : struct, IPhysics<TAction>
    where TAction : unmanaged, INumberBase<TAction>
{
    private const int Lanes = 8;
    private readonly int maxSteps;
    private readonly Vector512<double>[] states;   // [N / 8, state size]
    private readonly int[] steps;                  // done in each running episode
    private readonly Rng[] randoms;
    private bool started;

    /// <summary>Makes N tasks that share the calling thread.</summary>
    /// <param name="count">N, at least 1.</param>
    /// <param name="maxSteps">An episode that has not ended after this many steps is truncated; at least 1.</param>
    public LaneVectorEnv(int count, int maxSteps) : base(count, TPhysics.ObservationSpace, TPhysics.ActionSpace)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxSteps, 1);
        this.maxSteps = maxSteps;
        states = new Vector512<double>[(count + Lanes - 1) / Lanes * TPhysics.StateSize];
        steps = new int[count];
        randoms = new Rng[count];
    }

    /// <inheritdoc/>
    public override void Reset(ulong seed)
    {
        for (var i = 0; i < Count; i++)
        {
            randoms[i] = new Rng(seed, (ulong)i);
            Start(i);
        }

        for (var first = 0; first < Count; first += Lanes)
            Observe(first, uint.MaxValue, Observations);
        started = true;
    }

    /// <inheritdoc/>
    public override void Step()
    {
        if (!started)
            throw new InvalidOperationException("Expected Reset(seed) before the first Step. Call it once to start every episode.");

        ReadOnlySpan<TAction> actions = Actions.All<TAction>();
        for (var row = 0; row < Count; row++)
        {
            if (!TPhysics.ActionSpace.Contains(actions.Slice(row, 1)))
                throw new ArgumentException($"Expected every row of Actions to lie in {ActionSpace}, got {actions[row]} in row {row}. No environment was stepped.");
        }

        for (var first = 0; first < Count; first += Lanes)
            StepEight(first, actions[first..Math.Min(first + Lanes, Count)]);
    }

    /// <inheritdoc/>
    public override bool CanSave => true;

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer)
    {
        if (!started)
            throw new InvalidOperationException("Expected Reset(seed) before Save. There is nothing to save yet.");

        for (var i = 0; i < Count; i++)
        {
            writer.Write(randoms[i]);
            writer.Write(steps[i]);
            foreach (var number in StateOf(i))
                writer.Write(number[i % Lanes]);
        }
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader)
    {
        Span<double> state = stackalloc double[TPhysics.StateSize];
        for (var i = 0; i < Count; i++)
        {
            randoms[i] = reader.ReadRng();
            steps[i] = reader.ReadCount(maxSteps, "steps of a running episode");
            reader.Read(state);
            Set(i, state);
        }

        started = true;
    }

    private void StepEight(int first, ReadOnlySpan<TAction> actions)
    {
        Span<double> wide = stackalloc double[Lanes];
        wide.Clear();
        for (var lane = 0; lane < actions.Length; lane++)
            wide[lane] = double.CreateTruncating(actions[lane]);

        var terminated = TPhysics.Advance(Vector512.Create<double>(wide), StateOf(first), out var reward);
        var ended = 0u;
        for (var lane = 0; lane < actions.Length; lane++)
        {
            var i = first + lane;
            var isTerminated = (terminated >> lane & 1) != 0;
            var isTruncated = ++steps[i] == maxSteps & !isTerminated;
            RewardsToWrite[i] = (float)reward[lane];
            TerminatedToWrite[i] = isTerminated;
            TruncatedToWrite[i] = isTruncated;
            ended |= isTerminated | isTruncated ? 1u << lane : 0;
        }

        Observe(first, ~ended, Observations);
        if (ended == 0)
            return;

        Observe(first, ended, FinalObservations);
        for (var lanes = ended; lanes != 0; lanes &= lanes - 1)
            Start(first + BitOperations.TrailingZeroCount(lanes));
        Observe(first, ended, Observations);
    }

    private void Start(int i)
    {
        Span<double> drawn = stackalloc double[TPhysics.StateSize];
        TPhysics.Draw(randoms[i], drawn);
        Set(i, drawn);
        steps[i] = 0;
    }

    private void Set(int i, ReadOnlySpan<double> numbers)
    {
        var state = StateOf(i);
        for (var number = 0; number < numbers.Length; number++)
            state[number] = state[number].WithElement(i % Lanes, numbers[number]);
    }

    // Writes the rows of those of eight tasks whose bit is set.
    private void Observe(int first, uint lanes, Batch batch)
    {
        var width = batch.Width;
        Span<Vector512<double>> seen = stackalloc Vector512<double>[width];
        TPhysics.Observe(StateOf(first), seen);

        var numbers = MemoryMarshal.Cast<Vector512<double>, double>(seen);
        var rows = batch.All<float>()[(first * width)..];
        for (var lane = 0; lane < Math.Min(Lanes, Count - first); lane++)
        {
            if ((lanes >> lane & 1) == 0)
                continue;
            for (var number = 0; number < width; number++)
                rows[(lane * width) + number] = (float)numbers[(number * Lanes) + lane];
        }
    }

    private Span<Vector512<double>> StateOf(int i) => states.AsSpan(i / Lanes * TPhysics.StateSize, TPhysics.StateSize);
}
