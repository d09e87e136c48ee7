using RlWn.Envs;

namespace RlWn.Agents.Data;

/// <summary>B transitions out of a <see cref="ReplayBuffer"/>; filled anew for every update.</summary>
/// <param name="size">B.</param>
/// <param name="observationSpace">Where s comes from.</param>
internal sealed class Transitions(int size, Space observationSpace)
{
    /// <summary>B.</summary>
    public int Size => size;

    /// <summary>sₜ, [B, D], as the environment gave it: float or byte.</summary>
    public Batch Observations { get; } = Batch.Of(observationSpace, size);

    /// <summary>aₜ, [B].</summary>
    public int[] Actions { get; } = new int[size];

    /// <summary>rₜ + γ rₜ₊₁ + … over the steps looked ahead, [B].</summary>
    public float[] Rewards { get; } = new float[size];

    /// <summary>What the future beyond is worth: γ to the number of steps looked ahead, 0 where the task ended, [B].</summary>
    public float[] Discounts { get; } = new float[size];

    /// <summary>The observation after these steps, [B, D].</summary>
    public Batch NextObservations { get; } = Batch.Of(observationSpace, size);
}
