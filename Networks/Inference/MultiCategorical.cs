namespace RlWn.Inference;

/// <summary>The distribution of several choices at once, each by itself: the logits of all stand in a row, log π(a) is the sum over the choices. See <see cref="Categorical"/>.</summary>
/// <remarks>Nothing here allocates.</remarks>
public static class MultiCategorical
{
    /// <summary>The most probable choices, each the first of equals.</summary>
    /// <param name="logits">Unnormalized log-probabilities, shape [Σ counts]: those of the first choice, then of the next.</param>
    /// <param name="counts">How many each choice has, [A].</param>
    /// <param name="action">Receives the choices, [A].</param>
    /// <exception cref="ArgumentException">The lengths do not fit, a logit is NaN, or all of a choice are negative infinity.</exception>
    public static void Greedy(ReadOnlySpan<float> logits, ReadOnlySpan<int> counts, Span<int> action)
    {
        RequireFit(logits, counts, action);
        var start = 0;
        for (var i = 0; i < counts.Length; i++)
        {
            action[i] = Categorical.Greedy(logits.Slice(start, counts[i]));
            start += counts[i];
        }
    }

    /// <summary>Draws choices.</summary>
    /// <param name="logits">Unnormalized log-probabilities, shape [Σ counts].</param>
    /// <param name="counts">How many each choice has, [A].</param>
    /// <param name="random">The source of randomness; one draw of <see cref="Random.NextDouble"/> is taken for each choice.</param>
    /// <param name="action">Receives the choices, [A].</param>
    /// <param name="logProbability">log π(a), in nats.</param>
    /// <exception cref="ArgumentException">The lengths do not fit, a logit is NaN or positive infinity, or all of a choice are negative infinity.</exception>
    public static void Sample(ReadOnlySpan<float> logits, ReadOnlySpan<int> counts, Random random, Span<int> action, out float logProbability)
    {
        RequireFit(logits, counts, action);
        var (start, sum) = (0, 0f);
        for (var i = 0; i < counts.Length; i++)
        {
            action[i] = Categorical.Sample(logits.Slice(start, counts[i]), random, out var ofChoice);
            start += counts[i];
            sum += ofChoice;
        }

        logProbability = sum;
    }

    private static void RequireFit(ReadOnlySpan<float> logits, ReadOnlySpan<int> counts, ReadOnlySpan<int> action)
    {
        var sum = 0;
        foreach (var count in counts)
            sum += count;
        if (sum != logits.Length || counts.Length != action.Length)
        {
            throw new ArgumentException(
                $"Expected {sum} logits and {counts.Length} choices, as counts say, got {logits.Length} and {action.Length}.", nameof(logits));
        }
    }
}
