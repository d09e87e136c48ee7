namespace RlWn.Inference;

/// <summary>A head whose outputs are the means of a diagonal Gaussian, the same σ in every state.</summary>
/// <param name="logStd">log σ, [A].</param>
/// <param name="low">The least value of each number of an action, [A], -∞ where unbounded.</param>
/// <param name="high">The greatest, [A], ∞ where unbounded.</param>
internal abstract class ContinuousHead(float[] logStd, float[] low, float[] high) : ActionHead<float>
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
        Bound(action);
    }

    /// <summary>Brings what was drawn, or the mean, within the bounds.</summary>
    protected abstract void Bound(Span<float> action);
}

/// <summary>What is chosen is clipped to the bounds. See <see cref="DiagonalGaussian"/>.</summary>
internal sealed class GaussianHead(float[] logStd, float[] low, float[] high) : ContinuousHead(logStd, low, high)
{
    private readonly float[] low = low, high = high;

    protected override void Bound(Span<float> action)
    {
        for (var i = 0; i < action.Length; i++)
            action[i] = Math.Clamp(action[i], low[i], high[i]);
    }
}

/// <summary>What is chosen is squashed between the bounds, which are finite. See <see cref="TanhGaussian"/>.</summary>
internal sealed class TanhGaussianHead(float[] logStd, float[] low, float[] high) : ContinuousHead(logStd, low, high)
{
    private readonly float[] low = low, high = high;

    protected override void Bound(Span<float> action) => TanhGaussian.Squash(action, low, high, action);
}
