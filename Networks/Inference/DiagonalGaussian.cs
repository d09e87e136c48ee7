namespace RlWn.Inference;

/// <summary>The distribution of a continuous action whose numbers are independent: N(mean, diag(std²)), std = exp(logStd).</summary>
/// <remarks>
/// Nothing here allocates. Actions are not bounded: clip a copy for the environment and keep the drawn action and its probability
/// for the update. The most probable action is the mean.
/// </remarks>
public static class DiagonalGaussian
{
    private static readonly double HalfLogTau = 0.5 * Math.Log(Math.Tau);

    /// <summary>Draws an action.</summary>
    /// <param name="mean">μ, shape [A].</param>
    /// <param name="logStd">log σ, shape [A].</param>
    /// <param name="random">The source of randomness; two draws of <see cref="Random.NextDouble"/> are taken for each number.</param>
    /// <param name="action">Receives a, shape [A]; may be <paramref name="mean"/> itself.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Sample(ReadOnlySpan<float> mean, ReadOnlySpan<float> logStd, Random random, Span<float> action)
    {
        ArgumentNullException.ThrowIfNull(random);
        RequireSameLength(mean, logStd, action);
        for (var i = 0; i < mean.Length; i++)
        {
            // Box and Muller 1958; the second number they give is left unused.
            var normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(Math.Tau * random.NextDouble());
            action[i] = (float)(mean[i] + (Math.Exp(logStd[i]) * normal));
        }
    }

    /// <summary>Draws an action and tells how probable it was.</summary>
    /// <param name="mean">μ, shape [A].</param>
    /// <param name="logStd">log σ, shape [A].</param>
    /// <param name="random">The source of randomness; two draws of <see cref="Random.NextDouble"/> are taken for each number.</param>
    /// <param name="action">Receives a, shape [A]. Must not overlap <paramref name="mean"/>.</param>
    /// <param name="logProbability">log π(a), in nats: what <see cref="LogProbability"/> gives for the drawn action.</param>
    /// <exception cref="ArgumentException">The lengths differ, or a mean or standard deviation is NaN or infinite.</exception>
    public static void Sample(
        ReadOnlySpan<float> mean, ReadOnlySpan<float> logStd, Random random, Span<float> action, out float logProbability)
    {
        Sample(mean, logStd, random, action);
        logProbability = LogProbability(mean, logStd, action);
    }

    /// <summary>log π(a) of an action in nats, the sum over its numbers.</summary>
    /// <param name="mean">μ, shape [A].</param>
    /// <param name="logStd">log σ, shape [A].</param>
    /// <param name="action">a, shape [A].</param>
    /// <exception cref="ArgumentException">The lengths differ, or the probability is not a number.</exception>
    public static float LogProbability(ReadOnlySpan<float> mean, ReadOnlySpan<float> logStd, ReadOnlySpan<float> action)
    {
        RequireSameLength(mean, logStd, action);
        var sum = 0.0;
        for (var i = 0; i < mean.Length; i++)
        {
            var z = ((double)action[i] - mean[i]) * Math.Exp(-(double)logStd[i]);
            sum -= (0.5 * z * z) + logStd[i] + HalfLogTau;
        }

        return double.IsFinite(sum) ? (float)sum : throw NoDistribution(mean, logStd, action);
    }

    private static void RequireSameLength(ReadOnlySpan<float> mean, ReadOnlySpan<float> logStd, ReadOnlySpan<float> action)
    {
        if (mean.Length != logStd.Length || mean.Length != action.Length)
        {
            throw new ArgumentException(
                $"Expected mean, logStd and action of one length, got {mean.Length}, {logStd.Length} and {action.Length}.", nameof(action));
        }
    }

    private static ArgumentException NoDistribution(ReadOnlySpan<float> mean, ReadOnlySpan<float> logStd, ReadOnlySpan<float> action)
    {
        for (var i = 0; i < mean.Length; i++)
        {
            if (!float.IsFinite(mean[i]) || !float.IsFinite(logStd[i]) || !float.IsFinite(action[i]))
            {
                return new ArgumentException(
                    $"Expected finite numbers, got mean {mean[i]}, logStd {logStd[i]} and action {action[i]} at index {i}. " +
                    "The training has diverged, or the observation holds NaN.", nameof(mean));
            }
        }

        return new ArgumentException("Expected a finite log-probability. The deviation is too small or too large.", nameof(logStd));
    }
}
