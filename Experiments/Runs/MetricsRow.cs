using RlWn.Agents;

namespace RlWn.Experiments.Runs;

/// <summary>Where a run stands with a report of its agent.</summary>
/// <param name="Report">The report.</param>
/// <param name="Seconds">Since training began.</param>
/// <param name="StepsPerSecond">Since the report before.</param>
/// <param name="Episodes">Training episodes so far.</param>
/// <param name="ReturnMean">Mean return of the last 100 training episodes; NaN before the first.</param>
/// <param name="LengthMean">Mean length of the same episodes, in steps.</param>
internal readonly record struct MetricsRow(
    TrainingReport Report, double Seconds, double StepsPerSecond, long Episodes, double ReturnMean, double LengthMean);
