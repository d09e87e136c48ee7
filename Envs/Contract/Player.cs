using System.Runtime.InteropServices;

namespace RlWn.Envs;

/// <summary>One task under check, with the observation it last wrote.</summary>
/// <param name="env">The task; disposed with the player.</param>
/// <param name="mark">Every byte of the observation is set to this before the task writes it.</param>
internal sealed class Player<TObservation, TAction>(IEnv<TObservation, TAction> env, byte mark = 0) : IDisposable
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private readonly TObservation[] observation = new TObservation[env.ObservationSpace.Size];

    public IEnv<TObservation, TAction> Env { get; } = env;

    public ReadOnlySpan<TObservation> Observation => observation;

    public ReadOnlySpan<byte> Bytes => MemoryMarshal.AsBytes(Observation);

    public void Reset(Random random)
    {
        Mark();
        Env.Reset(random, observation);
    }

    public StepResult Step(ReadOnlySpan<TAction> action)
    {
        Mark();
        return Env.Step(action, observation);
    }

    /// <summary>Whether a number still has the bytes that it was marked with.</summary>
    public bool IsMarked(int index)
    {
        var size = Bytes.Length / observation.Length;
        return !Bytes.Slice(index * size, size).ContainsAnyExcept(mark);
    }

    /// <summary>The first number that differs from another player's in any bit, or -1.</summary>
    public int FirstDifference(ReadOnlySpan<TObservation> other)
    {
        var same = Bytes.CommonPrefixLength(MemoryMarshal.AsBytes(other));
        return same == Bytes.Length ? -1 : same / (Bytes.Length / observation.Length);
    }

    public void Dispose() => (Env as IDisposable)?.Dispose();

    private void Mark() => MemoryMarshal.AsBytes(observation.AsSpan()).Fill(mark);
}
