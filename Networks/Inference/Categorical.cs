namespace RlWn.Inference;

/// <summary>The distribution of a discrete action: π(a) = exp(logitₐ) / Σ exp(logit).</summary>
/// <remarks>Nothing here allocates. A logit of negative infinity rules its action out; sums are in double.</remarks>
public static class Categorical
{
    /// <summary>The most probable action, the first of equals.</summary>
    /// <param name="logits">Unnormalized log-probabilities, shape [K], K at least 1.</param>
    /// <returns>The action, from 0 to K - 1.</returns>
    /// <exception cref="ArgumentException">A logit is NaN, or all are negative infinity.</exception>
    public static int Greedy(ReadOnlySpan<float> logits)
    {
        var (action, highest) = (-1, float.NegativeInfinity);
        for (var a = 0; a < logits.Length; a++)
        {
            if (logits[a] <= highest)
                continue;
            if (float.IsNaN(logits[a]))
                throw NoDistribution(logits);
            (action, highest) = (a, logits[a]);
        }

        return action >= 0 ? action : throw NoDistribution(logits);
    }

    /// <summary>Draws an action.</summary>
    /// <param name="logits">Unnormalized log-probabilities, shape [K], K at least 1.</param>
    /// <param name="random">The source of randomness; one draw of <see cref="Random.NextDouble"/> is taken.</param>
    /// <param name="logProbability">log π(a) of the drawn action, in nats.</param>
    /// <returns>The action, from 0 to K - 1.</returns>
    /// <exception cref="ArgumentException">A logit is NaN or positive infinity, or all are negative infinity.</exception>
    public static int Sample(ReadOnlySpan<float> logits, Random random, out float logProbability)
    {
        ArgumentNullException.ThrowIfNull(random);
        var (highest, sum) = Normalizer(logits);

        // The first action whose cumulative weight exceeds the threshold. It exists: the weights are added up exactly as in the
        // normalizer, and u < 1 rounds u * sum below sum.
        var threshold = random.NextDouble() * sum;
        var cumulative = 0.0;
        var action = -1;
        do
            cumulative += Math.Exp(logits[++action] - highest);
        while (cumulative <= threshold);

        logProbability = (float)(logits[action] - highest - Math.Log(sum));
        return action;
    }

    /// <summary>log π(a) of an action, in nats; negative infinity for an action that is ruled out.</summary>
    /// <param name="logits">Unnormalized log-probabilities, shape [K], K at least 1.</param>
    /// <param name="action">a, from 0 to K - 1.</param>
    /// <exception cref="ArgumentException">A logit is NaN or positive infinity, or all are negative infinity.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such action.</exception>
    public static float LogProbability(ReadOnlySpan<float> logits, int action)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(action);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(action, logits.Length);
        var (highest, sum) = Normalizer(logits);
        return (float)(logits[action] - highest - Math.Log(sum));
    }

    /// <summary>The highest logit, and Σ exp(logit - highest), which cannot overflow.</summary>
    private static (double Highest, double Sum) Normalizer(ReadOnlySpan<float> logits)
    {
        var highest = float.NegativeInfinity;
        foreach (var logit in logits)
        {
            if (logit > highest)
                highest = logit;
        }

        var sum = 0.0;
        foreach (var logit in logits)
            sum += Math.Exp(logit - (double)highest);

        // Not so with no logits, with NaN among them, and when the highest is infinite.
        return sum >= 1 ? (highest, sum) : throw NoDistribution(logits);
    }

    private static ArgumentException NoDistribution(ReadOnlySpan<float> logits)
    {
        var nan = logits.IndexOf(float.NaN);
        var whatCame =
            logits.IsEmpty ? "none."
            : nan >= 0 ? $"NaN for action {nan}. The training has diverged, or the observation holds NaN."
            : logits.Contains(float.PositiveInfinity) ? "infinity. The training has diverged, or the observation holds infinity."
            : $"negative infinity for all {logits.Length} actions. Leave at least one action possible.";
        return new ArgumentException($"Expected logits below infinity, at least one of them finite, got {whatCame}", nameof(logits));
    }
}
