using MathNet.Numerics.Statistics;

namespace RlWn.Experiments.Comparing;

/// <summary>Where a number lies with a confidence of 95%.</summary>
internal readonly record struct Interval(double Low, double High);

/// <summary>How far a statistic would move with other seeds, found by drawing the seeds that there are again and again.</summary>
internal static class Bootstrap
{
    /// <summary>How many times seeds are drawn for a number in a table; its ends then move by about a hundredth of the interval's width.</summary>
    public const int Resamples = 10_000;

    private const double Below = 0.025, Above = 0.975;   // 95% between them

    /// <summary>The 95% interval of a statistic of one method's scores.</summary>
    /// <inheritdoc cref="Of(IReadOnlyList{double[]}, Func{IReadOnlyList{double[]}, double}, Random, int)"/>
    public static Interval? Of(double[] scores, Func<double[], double> statistic, Random random, int resamples = Resamples) =>
        Of([scores], strata => statistic(strata[0]), random, resamples);

    /// <summary>The 95% interval of a statistic, by the percentiles of a stratified bootstrap.</summary>
    /// <param name="strata">The scores, each method's (or task's) apart: from each as many are drawn, with replacement, as it has.</param>
    /// <param name="statistic">Of the drawn scores, in the order of the strata. It may reorder them, but not keep them.</param>
    /// <param name="random">Where the draws come from.</param>
    /// <param name="resamples">How many times, at least 1.</param>
    /// <returns>The interval; null where a stratum has fewer than two scores, which say nothing of their spread.</returns>
    /// <remarks>Agarwal et al. 2021, arXiv:2108.13264, section 4; Efron 1979. With few seeds such intervals are somewhat too narrow.</remarks>
    public static Interval? Of(IReadOnlyList<double[]> strata, Func<IReadOnlyList<double[]>, double> statistic, Random random, int resamples = Resamples)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(resamples, 1);
        if (strata.Any(scores => scores.Length < 2))
            return null;

        var drawn = strata.Select(scores => new double[scores.Length]).ToArray();
        var values = new double[resamples];
        for (var i = 0; i < resamples; i++)
        {
            for (var stratum = 0; stratum < drawn.Length; stratum++)
            {
                for (var j = 0; j < drawn[stratum].Length; j++)
                    drawn[stratum][j] = strata[stratum][random.Next(drawn[stratum].Length)];
            }

            values[i] = statistic(drawn);
        }

        Array.Sort(values);
        return new(Quantile(values, Below), Quantile(values, Above));
    }

    private static double Quantile(double[] sorted, double share) => SortedArrayStatistics.QuantileCustom(sorted, share, QuantileDefinition.R7);
}
