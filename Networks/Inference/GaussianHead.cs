namespace RlWn.Inference;

/// <summary>The outputs are the means of a diagonal Gaussian, the same σ in every state; what is chosen is clipped to the bounds. See <see cref="DiagonalGaussian"/>.</summary>
/// <param name="logStd">log σ, [A].</param>
/// <param name="low">The least value of each number, [A], -∞ where unbounded.</param>
/// <param name="high">The greatest, [A], ∞ where unbounded.</param>
internal sealed class GaussianHead(float[] logStd, float[] low, float[] high) : ActionHead<float>
{
    public override ActionKind Kind => ActionKind.Continuous;

    public override int ActionSize => logStd.Length;

    public override string Description => $"{logStd.Length} continuous numbers";

    public ReadOnlySpan<float> LogStd => logStd;

    public IReadOnlyList<float> Low => low;

    public IReadOnlyList<float> High => high;

    public override void Choose(ReadOnlySpan<float> outputs, Random? random, Span<float> action)
    {
        outputs.CopyTo(action);
        if (random is not null)
            DiagonalGaussian.Sample(action, logStd, random, action);
        for (var i = 0; i < action.Length; i++)
            action[i] = Math.Clamp(action[i], low[i], high[i]);
    }
}
