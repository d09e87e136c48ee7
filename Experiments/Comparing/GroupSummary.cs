using System.Globalization;
using MathNet.Numerics.Statistics;
using RlWn.Envs;

namespace RlWn.Experiments.Comparing;

/// <summary>A group of runs in numbers: each run is one score.</summary>
/// <param name="Name">The group's name.</param>
/// <param name="Scores">Each run's, by seed.</param>
/// <param name="Threshold">What counts as solved, where the environment says so.</param>
/// <param name="StepsToThreshold">Each run's, ascending; infinite for a run that never got there. Empty without a threshold.</param>
internal sealed record GroupSummary(string Name, double[] Scores, double? Threshold, double[] StepsToThreshold)
{
    /// <summary>Draws for intervals come from this seed, so that the same runs always give the same table.</summary>
    public const ulong BootstrapSeed = 2021;

    /// <summary>Mean score.</summary>
    public double Mean { get; } = ArrayStatistics.Mean(Scores);

    /// <summary>Standard deviation over runs, of a sample (n - 1); NaN for one run.</summary>
    public double Deviation { get; } = ArrayStatistics.StandardDeviation(Scores);

    /// <summary>The middle score.</summary>
    public double Median { get; } = Robust.Median(Scores);

    /// <summary>The interquartile mean.</summary>
    public double InterquartileMean { get; } = Robust.InterquartileMean(Scores);

    /// <summary>The 95% interval of the interquartile mean; null for one run.</summary>
    public Interval? Interval { get; } = Bootstrap.Of(Scores, Robust.InterquartileMeanInPlace, new Rng(BootstrapSeed));

    /// <summary>How many runs score what counts as solved.</summary>
    public int Solved => Scores.Count(score => score >= Threshold);

    /// <summary>How many runs had a mean of the last 100 training episodes that reached the threshold.</summary>
    public int Reached => StepsToThreshold.Count(double.IsFinite);

    /// <summary>Sums a group up.</summary>
    /// <exception cref="IOException">A run has no score.</exception>
    public static GroupSummary Of(RunGroup group, Metric metric) => new(
        group.Name, group.Scores(metric), group.Threshold,
        group.Threshold is { } threshold ? [.. group.Runs.Select(run => run.StepsTo(threshold) ?? double.PositiveInfinity).Order()] : []);

    /// <summary>Steps to the threshold as text: the median, and from the first run to the last; "never" where that one, or all, did not get there.</summary>
    public string StepsText => StepsToThreshold switch
    {
        [] => "-",
        [var only] => Steps(only),
        [double.PositiveInfinity, ..] => Steps(double.PositiveInfinity),
        [var first, .., var last] => $"{Steps(Robust.Median(StepsToThreshold))} ({Steps(first)} to {Steps(last)})",
    };

    /// <summary>A return for people: one digit after the point, or a dash where there is no number.</summary>
    public static string Text(double number) => double.IsFinite(number) ? number.ToString("0.0", CultureInfo.InvariantCulture) : "-";

    /// <summary>The interval for people.</summary>
    public static string Text(Interval? interval) => interval is { } known ? $"{Text(known.Low)} to {Text(known.High)}" : "-";

    private static string Steps(double steps) => double.IsFinite(steps) ? steps.ToString("#,0", CultureInfo.InvariantCulture) : "never";
}
