using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace RlWn.Envs;

/// <summary>N <see cref="CartPole"/> tasks with a step limit, eight to a register: bit by bit what each does alone, only faster.</summary>
/// <remarks>The state lies as four rows of N numbers, so that eight carts at once can be taken from it; the rest goes one by one.</remarks>
public sealed class CartPoleVector : VectorEnv
{
    private const int Lanes = 8;
    private readonly int maxSteps;
    private readonly double[] x, xDot, theta, thetaDot;   // m, m/s, rad, rad/s
    private readonly int[] steps;                         // done in each running episode
    private readonly Rng[] randoms;
    private bool started;

    /// <summary>Makes N tasks that share the calling thread.</summary>
    /// <param name="count">N, at least 1.</param>
    /// <param name="maxSteps">An episode that has not ended after this many steps is truncated; at least 1.</param>
    public CartPoleVector(int count, int maxSteps = 500) : base(count, CartPole.Observed, CartPole.Pushes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxSteps, 1);
        this.maxSteps = maxSteps;
        (x, xDot, theta, thetaDot) = (new double[count], new double[count], new double[count], new double[count]);
        steps = new int[count];
        randoms = new Rng[count];
    }

    /// <inheritdoc/>
    public override void Reset(ulong seed)
    {
        for (var i = 0; i < Count; i++)
        {
            randoms[i] = new Rng(seed, (ulong)i);
            Start(i, Observations.Row<float>(i));
        }

        started = true;
    }

    /// <inheritdoc/>
    public override void Step()
    {
        if (!started)
            throw new InvalidOperationException("Expected Reset(seed) before the first Step. Call it once to start every episode.");

        var actions = Actions.All<int>();
        if (actions.IndexOfAnyExceptInRange(0, 1) is >= 0 and var row)
        {
            throw new ArgumentException(
                $"Expected every action to be 0 (left) or 1 (right), got {actions[row]} in row {row}. No environment was stepped.");
        }

        var observations = Observations.All<float>();
        RewardsToWrite.Fill(1);

        var i = 0;
        for (; i <= Count - Lanes; i += Lanes)
            StepEight(i, actions.Slice(i, Lanes), observations.Slice(i * 4, Lanes * 4));
        for (; i < Count; i++)
            StepOne(i, actions[i], observations.Slice(i * 4, 4));
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
            writer.Write([x[i], xDot[i], theta[i], thetaDot[i]]);
        }
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader)
    {
        Span<double> state = stackalloc double[4];
        for (var i = 0; i < Count; i++)
        {
            randoms[i] = reader.ReadRng();
            steps[i] = reader.ReadCount(maxSteps, "steps of a running episode");
            reader.Read(state);
            (x[i], xDot[i], theta[i], thetaDot[i]) = (state[0], state[1], state[2], state[3]);
        }

        started = true;
    }

    private void StepEight(int first, ReadOnlySpan<int> actions, Span<float> observations)
    {
        var x8 = Vector512.LoadUnsafe(ref x[first]);
        var xDot8 = Vector512.LoadUnsafe(ref xDot[first]);
        var theta8 = Vector512.LoadUnsafe(ref theta[first]);
        var thetaDot8 = Vector512.LoadUnsafe(ref thetaDot[first]);
        var steps8 = Vector256.LoadUnsafe(ref steps[first]) + Vector256<int>.One;

        var lost = CartPole.Advance(Vector256.Create(actions), ref x8, ref xDot8, ref theta8, ref thetaDot8);
        var late = Vector256.Equals(steps8, Vector256.Create(maxSteps)).ExtractMostSignificantBits();

        x8.StoreUnsafe(ref x[first]);
        xDot8.StoreUnsafe(ref xDot[first]);
        theta8.StoreUnsafe(ref theta[first]);
        thetaDot8.StoreUnsafe(ref thetaDot[first]);
        steps8.StoreUnsafe(ref steps[first]);
        Interleave(x8.GetLower(), xDot8.GetLower(), theta8.GetLower(), thetaDot8.GetLower(), observations);
        Interleave(x8.GetUpper(), xDot8.GetUpper(), theta8.GetUpper(), thetaDot8.GetUpper(), observations[16..]);
        WriteFlags(lost, TerminatedToWrite.Slice(first, Lanes));
        WriteFlags(late & ~lost, TruncatedToWrite.Slice(first, Lanes));

        for (var ended = lost | late; ended != 0; ended &= ended - 1)
        {
            var lane = BitOperations.TrailingZeroCount(ended);
            StartAgain(first + lane, observations.Slice(lane * 4, 4));
        }
    }

    private void StepOne(int i, int action, Span<float> observation)
    {
        var state = (x[i], xDot[i], theta[i], thetaDot[i]);
        var lost = CartPole.Advance(action, ref state);
        var late = ++steps[i] == maxSteps;

        (x[i], xDot[i], theta[i], thetaDot[i]) = state;
        CartPole.Observe(state, observation);
        TerminatedToWrite[i] = lost;
        TruncatedToWrite[i] = late & !lost;

        if (lost | late)
            StartAgain(i, observation);
    }

    private void StartAgain(int i, Span<float> observation)
    {
        observation.CopyTo(FinalObservations.Row<float>(i));
        Start(i, observation);
    }

    private void Start(int i, Span<float> observation)
    {
        var state = CartPole.Draw(randoms[i]);
        (x[i], xDot[i], theta[i], thetaDot[i]) = state;
        steps[i] = 0;
        CartPole.Observe(state, observation);
    }

    // Four rows of four doubles become four rows of four floats.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Interleave(
        Vector256<double> x, Vector256<double> xDot, Vector256<double> theta, Vector256<double> thetaDot, Span<float> observations)
    {
        var linear = Vector256.Narrow(x, xDot);
        var angular = Vector256.Narrow(theta, thetaDot);

        // An index of 9 lies beyond the vector and leaves zero bits, for the other half to fill.
        var rows0And1 = Vector256.Shuffle(linear, Vector256.Create(0, 4, 9, 9, 1, 5, 9, 9))
            | Vector256.Shuffle(angular, Vector256.Create(9, 9, 0, 4, 9, 9, 1, 5));
        var rows2And3 = Vector256.Shuffle(linear, Vector256.Create(2, 6, 9, 9, 3, 7, 9, 9))
            | Vector256.Shuffle(angular, Vector256.Create(9, 9, 2, 6, 9, 9, 3, 7));

        rows0And1.CopyTo(observations);
        rows2And3.CopyTo(observations[Vector256<float>.Count..]);
    }

    // Bit k of eight becomes byte k, 0 or 1, which is how a bool is stored.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WriteFlags(uint bits, Span<bool> flags)
    {
        const ulong Ones = 0x0101_0101_0101_0101;
        var spread = (bits * Ones) & 0x8040_2010_0804_0201;                        // byte k keeps bit k
        var bytes = ((spread + 0x7F7F_7F7F_7F7F_7F7F) >> 7) & Ones;                // 0, or anything else, becomes 0 or 1
        Unsafe.WriteUnaligned(ref Unsafe.As<bool, byte>(ref flags[0]), bytes);
    }
}
