namespace RlWn.Agents.Formulas;

/// <summary>log π(a|s) and the entropy H of a policy, and their gradients in the network's outputs, in closed form.</summary>
/// <remarks>
/// A loss that sees the policy through log π(a|s) and H alone has, by the chain rule, the gradient slope · ∇log π + entropySlope · ∇H, with its own
/// slopes in the two: Williams 1992 for ∇log π. Sums are in double.
/// </remarks>
internal static class PolicyGradient
{
    private const double HalfLogTau = 0.91893853320467274178;   // ½ log 2π

    // A standard normal number at every half from -5 to 5, by its density: the trapezoidal rule, which for a Gaussian times a smooth function is exact
    // to far more digits than its few points suggest.
    private static readonly double[] Normal = [.. Enumerable.Range(-10, 21).Select(k => k / 2.0)];
    private static readonly double[] NormalWeight = [.. Normal.Select(z => Math.Exp(-0.5 * z * z) / Normal.Sum(other => Math.Exp(-0.5 * other * other)))];

    /// <summary>π = softmax(z).</summary>
    /// <param name="logits">z, [K].</param>
    /// <param name="choice">a.</param>
    public static (double LogProbability, double Entropy) Categorical(ReadOnlySpan<float> logits, int choice)
    {
        var highest = logits[0];
        foreach (var logit in logits)
            highest = Math.Max(highest, logit);

        var sum = 0.0;
        foreach (var logit in logits)
            sum += Math.Exp(logit - highest);

        var normalizer = highest + Math.Log(sum);
        var entropy = 0.0;
        foreach (var logit in logits)
            entropy -= Math.Exp(logit - normalizer) * (logit - normalizer);
        return (logits[choice] - normalizer, entropy);
    }

    /// <summary>∂log π(a)/∂z = 1[a] - π, and ∂H/∂z = -π (log π + H).</summary>
    /// <param name="logits">z, [K].</param>
    /// <param name="choice">a.</param>
    /// <param name="policy">What <see cref="Categorical"/> gave for these.</param>
    /// <param name="slope">∂L/∂log π(a).</param>
    /// <param name="entropySlope">∂L/∂H.</param>
    /// <param name="gradient">Receives ∂L/∂z, [K].</param>
    public static void CategoricalGradient(
        ReadOnlySpan<float> logits, int choice, (double LogProbability, double Entropy) policy, double slope, double entropySlope, Span<float> gradient)
    {
        var normalizer = logits[choice] - policy.LogProbability;
        for (var k = 0; k < logits.Length; k++)
        {
            var logProbability = logits[k] - normalizer;
            var probability = Math.Exp(logProbability);
            gradient[k] = (float)((slope * ((k == choice ? 1 : 0) - probability)) - (entropySlope * probability * (logProbability + policy.Entropy)));
        }
    }

    /// <summary>π = N(μ, σ²), each number of the action by itself.</summary>
    /// <param name="mean">μ, [K].</param>
    /// <param name="logStd">log σ, [K].</param>
    /// <param name="action">a, [K].</param>
    public static (double LogProbability, double Entropy) Gaussian(ReadOnlySpan<float> mean, ReadOnlySpan<float> logStd, ReadOnlySpan<float> action)
    {
        var (logProbability, entropy) = (0.0, 0.0);
        for (var k = 0; k < mean.Length; k++)
        {
            var z = (action[k] - mean[k]) * Math.Exp(-logStd[k]);
            logProbability -= (0.5 * z * z) + logStd[k] + HalfLogTau;
            entropy += logStd[k] + 0.5 + HalfLogTau;
        }

        return (logProbability, entropy);
    }

    /// <summary>With z = (a - μ)/σ: ∂log π/∂μ = z/σ, ∂log π/∂log σ = z² - 1, and ∂H/∂log σ = 1.</summary>
    /// <param name="mean">μ, [K].</param>
    /// <param name="logStd">log σ, [K].</param>
    /// <param name="action">a, [K].</param>
    /// <param name="slope">∂L/∂log π(a).</param>
    /// <param name="entropySlope">∂L/∂H.</param>
    /// <param name="gradient">Receives ∂L/∂μ, [K].</param>
    /// <param name="logStdGradient">∂L/∂log σ is added to it, [K].</param>
    public static void GaussianGradient(
        ReadOnlySpan<float> mean, ReadOnlySpan<float> logStd, ReadOnlySpan<float> action, double slope, double entropySlope,
        Span<float> gradient, Span<float> logStdGradient)
    {
        for (var k = 0; k < mean.Length; k++)
        {
            var inverse = Math.Exp(-logStd[k]);
            var z = (action[k] - mean[k]) * inverse;
            gradient[k] = (float)(slope * z * inverse);
            logStdGradient[k] += (float)((slope * ((z * z) - 1)) + entropySlope);
        }
    }

    /// <summary>π of a = low + ½ (high - low) (1 + tanh u) with u from N(μ, σ²), each number of the action by itself.</summary>
    /// <param name="mean">μ, [K].</param>
    /// <param name="logStd">log σ, [K].</param>
    /// <param name="unbounded">u, [K].</param>
    /// <param name="low">[K].</param>
    /// <param name="high">[K].</param>
    /// <remarks>
    /// Haarnoja et al. 2018, arXiv:1801.01290, appendix C: log π(a) = log N(u) - Σ log ∂a/∂u. The entropy, H(u) + Σ E log ∂a/∂u, has no closed form; the
    /// expectation is a sum over points of u.
    /// </remarks>
    public static (double LogProbability, double Entropy) TanhGaussian(
        ReadOnlySpan<float> mean, ReadOnlySpan<float> logStd, ReadOnlySpan<float> unbounded, ReadOnlySpan<float> low, ReadOnlySpan<float> high)
    {
        var (logProbability, entropy) = Gaussian(mean, logStd, unbounded);
        for (var k = 0; k < mean.Length; k++)
        {
            var deviation = Math.Exp(logStd[k]);
            entropy += Math.Log(0.5 * ((double)high[k] - low[k]));
            for (var i = 0; i < Normal.Length; i++)
                entropy += NormalWeight[i] * Inference.TanhGaussian.LogSlope(mean[k] + (deviation * Normal[i]));
        }

        return (logProbability - Inference.TanhGaussian.LogVolume(unbounded, low, high), entropy);
    }

    /// <summary>∂log π as without the tanh, since u is what was drawn; ∂H/∂μ = E -2 tanh u, and ∂H/∂log σ = 1 + E -2 σ z tanh u with u = μ + σ z.</summary>
    /// <param name="mean">μ, [K].</param>
    /// <param name="logStd">log σ, [K].</param>
    /// <param name="unbounded">u, [K].</param>
    /// <param name="slope">∂L/∂log π(a).</param>
    /// <param name="entropySlope">∂L/∂H.</param>
    /// <param name="gradient">Receives ∂L/∂μ, [K].</param>
    /// <param name="logStdGradient">∂L/∂log σ is added to it, [K].</param>
    public static void TanhGaussianGradient(
        ReadOnlySpan<float> mean, ReadOnlySpan<float> logStd, ReadOnlySpan<float> unbounded, double slope, double entropySlope,
        Span<float> gradient, Span<float> logStdGradient)
    {
        GaussianGradient(mean, logStd, unbounded, slope, entropySlope, gradient, logStdGradient);
        if (entropySlope == 0)
            return;

        for (var k = 0; k < mean.Length; k++)
        {
            var (deviation, byMean, byLogStd) = (Math.Exp(logStd[k]), 0.0, 0.0);
            for (var i = 0; i < Normal.Length; i++)
            {
                var bend = -2 * NormalWeight[i] * Math.Tanh(mean[k] + (deviation * Normal[i]));
                byMean += bend;
                byLogStd += bend * deviation * Normal[i];
            }

            gradient[k] += (float)(entropySlope * byMean);
            logStdGradient[k] += (float)(entropySlope * byLogStd);
        }
    }
}
