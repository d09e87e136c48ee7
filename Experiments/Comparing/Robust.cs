using MathNet.Numerics.Statistics;

namespace RlWn.Experiments.Comparing;

/// <summary>What a few seeds say of a method, when some of them may be far off.</summary>
internal static class Robust
{
    /// <summary>
    /// The interquartile mean: the mean of what is left when the lowest and the highest quarter of the scores are dropped. One seed that fails
    /// moves it less than the mean, and it uses more of the seeds than the median.
    /// </summary>
    /// <param name="scores">At least one, in any order. From each end ⌊n / 4⌋ are dropped, so below four seeds it is the mean.</param>
    /// <exception cref="ArgumentException">There is no score.</exception>
    /// <remarks>Agarwal et al. 2021, arXiv:2108.13264, section 4.</remarks>
    public static double InterquartileMean(IReadOnlyList<double> scores)
    {
        double[] sorted = [.. scores];
        return InterquartileMeanInPlace(sorted);
    }

    /// <summary>The same of scores that may be put in another order.</summary>
    /// <inheritdoc cref="InterquartileMean"/>
    public static double InterquartileMeanInPlace(double[] scores)
    {
        if (scores.Length == 0)
            throw new ArgumentException("Expected at least one score, got none.", nameof(scores));

        Array.Sort(scores);
        var dropped = scores.Length / 4;
        var sum = 0.0;
        for (var i = dropped; i < scores.Length - dropped; i++)
            sum += scores[i];
        return sum / (scores.Length - (2 * dropped));
    }

    /// <summary>The middle score: half of them are below it. Of an even number, halfway between the two in the middle.</summary>
    /// <param name="scores">At least one; a score may be infinite, as the steps of a seed that never got there.</param>
    /// <exception cref="ArgumentException">There is no score.</exception>
    public static double Median(IEnumerable<double> scores)
    {
        var sorted = scores.Order().ToArray();
        return sorted.Length > 0 ? SortedArrayStatistics.Median(sorted) : throw new ArgumentException("Expected at least one score, got none.", nameof(scores));
    }

    /// <summary>The probability that a run of one method scores higher than a run of another; a tie counts half.</summary>
    /// <param name="scores">Of the first method, at least one.</param>
    /// <param name="others">Of the second, at least one.</param>
    /// <returns>From 0 to 1: the share of all pairs of runs, which is the Mann-Whitney statistic U over their number.</returns>
    /// <exception cref="ArgumentException">One of them has no score.</exception>
    /// <remarks>Agarwal et al. 2021, arXiv:2108.13264, section 4.</remarks>
    public static double ProbabilityOfImprovement(IReadOnlyList<double> scores, IReadOnlyList<double> others)
    {
        if (scores.Count == 0 || others.Count == 0)
            throw new ArgumentException($"Expected at least one score of each, got {scores.Count} and {others.Count}.", nameof(scores));

        var halves = 0L;   // U, doubled
        foreach (var score in scores)
        {
            foreach (var other in others)
                halves += score > other ? 2 : score == other ? 1 : 0;
        }

        return halves / (2.0 * scores.Count * others.Count);
    }
}
