namespace RlWn.Agents.Formulas;

/// <summary>log π(a|s) and the entropy H of a policy, and their gradients in the network's outputs, in closed form.</summary>
/// <remarks>
/// A loss that sees the policy through log π(a|s) and H alone has, by the chain rule, the gradient slope · ∇log π + entropySlope · ∇H, with its own
/// slopes in the two: Williams 1992 for ∇log π. Sums are in double.
/// </remarks>
internal static class PolicyGradient
{
    private const double HalfLogTau = 0.91893853320467274178;   // ½ log 2π

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
}
