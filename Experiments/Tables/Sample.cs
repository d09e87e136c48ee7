using System.Globalization;
using MathNet.Numerics.Statistics;

namespace RlWn.Experiments.Tables;

/// <summary>What some numbers come to, one of each seed.</summary>
/// <param name="Mean">Their mean; NaN of none.</param>
/// <param name="Deviation">Their standard deviation as a sample's (n - 1); NaN of fewer than two.</param>
internal readonly record struct Sample(double Mean, double Deviation)
{
    public static Sample Of(double[] numbers) => new(ArrayStatistics.Mean(numbers), ArrayStatistics.StandardDeviation(numbers));

    /// <summary>Mean ± deviation as tables have it; n/a of none.</summary>
    public override string ToString() => double.IsNaN(Mean) ? "n/a" : string.Create(CultureInfo.InvariantCulture, $"{Mean:0.00} ± {(double.IsNaN(Deviation) ? "-" : $"{Deviation:0.00}")}");
}
