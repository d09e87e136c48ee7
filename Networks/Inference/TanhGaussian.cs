namespace RlWn.Inference;

/// <summary>
/// The distribution of a continuous action within bounds: a = low + ½ (high - low) (1 + tanh u), u from N(mean, diag(std²)), std = exp(logStd).
/// </summary>
/// <remarks>
/// <para>
/// Haarnoja et al. 2018, arXiv:1801.01290, appendix C: log π(a) = log N(u) - Σ log |∂a/∂u|. Actions are kept as u, before the bounds: at the bounds
/// themselves a says no longer which u it came of.
/// </para>
/// <para>Nothing here allocates. The action at the mean is the median, number by number.</para>
/// </remarks>
public static class TanhGaussian
{
    /// <summary>The action that u stands for.</summary>
    /// <param name="unbounded">u, shape [A].</param>
    /// <param name="low">The least value of each number, [A], finite.</param>
    /// <param name="high">The greatest, [A], finite and above low.</param>
    /// <param name="action">Receives a, shape [A]; may be <paramref name="unbounded"/> itself.</param>
    public static void Squash(ReadOnlySpan<float> unbounded, ReadOnlySpan<float> low, ReadOnlySpan<float> high, Span<float> action)
    {
        for (var i = 0; i < unbounded.Length; i++)
        {
            var a = low[i] + (0.5 * ((double)high[i] - low[i]) * (1 + Math.Tanh(unbounded[i])));
            action[i] = Math.Clamp((float)a, low[i], high[i]);
        }
    }

    /// <summary>Draws an action and tells how probable it was.</summary>
    /// <param name="mean">μ of u, shape [A].</param>
    /// <param name="logStd">log σ of u, shape [A].</param>
    /// <param name="low">The least value of each number, [A], finite.</param>
    /// <param name="high">The greatest, [A], finite and above low.</param>
    /// <param name="random">The source of randomness; two draws of <see cref="Random.NextDouble"/> are taken for each number.</param>
    /// <param name="unbounded">Receives u, shape [A]. Must not overlap <paramref name="mean"/>.</param>
    /// <param name="action">Receives a, shape [A].</param>
    /// <param name="logProbability">log π(a), in nats.</param>
    /// <exception cref="ArgumentException">The lengths differ, or a mean or standard deviation is NaN or infinite.</exception>
    public static void Sample(
        ReadOnlySpan<float> mean, ReadOnlySpan<float> logStd, ReadOnlySpan<float> low, ReadOnlySpan<float> high, Random random,
        Span<float> unbounded, Span<float> action, out float logProbability)
    {
        DiagonalGaussian.Sample(mean, logStd, random, unbounded, out logProbability);
        Squash(unbounded, low, high, action);
        logProbability -= (float)LogVolume(unbounded, low, high);
    }

    /// <summary>Σ log ∂a/∂u: what a volume around u becomes around a.</summary>
    /// <param name="unbounded">u, shape [A].</param>
    /// <param name="low">The least value of each number, [A], finite.</param>
    /// <param name="high">The greatest, [A], finite and above low.</param>
    public static double LogVolume(ReadOnlySpan<float> unbounded, ReadOnlySpan<float> low, ReadOnlySpan<float> high)
    {
        var sum = 0.0;
        for (var i = 0; i < unbounded.Length; i++)
            sum += Math.Log(0.5 * ((double)high[i] - low[i])) + LogSlope(unbounded[i]);
        return sum;
    }

    /// <summary>log (1 - tanh² u), which neither overflows nor rounds to log 0: 2 (log 2 - |u| - log (1 + e^(-2|u|))).</summary>
    /// <param name="unbounded">u.</param>
    public static double LogSlope(double unbounded)
    {
        var size = Math.Abs(unbounded);
        return 2 * (Math.Log(2) - size - Math.Log(1 + Math.Exp(-2 * size)));
    }
}
