using RlWn.Envs;
using RlWn.Networks;

namespace RlWn.Agents.Data;

/// <summary>B transitions to learn from; filled anew for every update.</summary>
/// <param name="size">B.</param>
/// <param name="observationSpace">Where s comes from.</param>
/// <param name="actionSpace">Where a comes from.</param>
/// <param name="bounds">How continuous actions are brought within their bounds.</param>
internal sealed class Minibatch(int size, Space observationSpace, Space actionSpace, ActionBounds bounds)
{
    /// <summary>B: how many transitions there are.</summary>
    public int Size => size;

    /// <summary>What a was drawn from.</summary>
    public ActionDistribution Distribution { get; } = ActionDistribution.Of(actionSpace, bounds);

    /// <summary>s, [B, D], as the environment gave it: float or byte.</summary>
    public Batch Observations { get; } = Batch.Of(observationSpace, size);

    /// <summary>a, where it is one choice or several, [B, A]; else empty.</summary>
    public int[] Choices { get; } = new int[actionSpace is Space<int> ? size * actionSpace.Size : 0];

    /// <summary>a, where it is continuous, as drawn, [B, A]; else empty.</summary>
    public float[] Numbers { get; } = new float[actionSpace is Space<int> ? 0 : size * actionSpace.Size];

    /// <summary>log π_old(a|s), [B].</summary>
    public float[] LogProbability { get; } = new float[size];

    /// <summary>V_old(s), [B].</summary>
    public float[] Value { get; } = new float[size];

    /// <summary>Â, [B].</summary>
    public float[] Advantage { get; } = new float[size];

    /// <summary>The return to learn, [B].</summary>
    public float[] Target { get; } = new float[size];

    /// <summary>a of one transition.</summary>
    public DrawnAction Action(int row)
    {
        var width = Distribution.Size;
        return new(
            Choices.Length == 0 ? [] : Choices.AsSpan(row * width, width),
            Numbers.Length == 0 ? [] : Numbers.AsSpan(row * width, width));
    }

    /// <summary>Shifts and scales the advantages to mean 0 and (sample) deviation 1.</summary>
    public void NormalizeAdvantages()
    {
        var (mean, squares) = (0.0, 0.0);
        foreach (var advantage in Advantage)
            mean += advantage / (double)size;
        foreach (var advantage in Advantage)
            squares += (advantage - mean) * (advantage - mean);

        var scale = 1 / (Math.Sqrt(squares / (size - 1)) + 1e-8);
        foreach (ref var advantage in Advantage.AsSpan())
            advantage = (float)((advantage - mean) * scale);
    }
}
