using RlWn.Agents;
using RlWn.Envs;

namespace RlWn.Experiments.Runs;

/// <summary>What is known of a run's training episodes: the mean of the last 100, when it first reached the threshold, and the curve.</summary>
/// <param name="threshold">The mean return that counts as solved, if there is one.</param>
internal sealed class RunStatistics(double? threshold)
{
    /// <summary>How many episodes the mean is over.</summary>
    public const int Window = 100;

    private readonly Queue<Episode> last = new(Window);
    private MetricsRow row;
    private long episodes;
    private double returns;
    private long lengths;

    /// <summary>Each episode's return, over the steps at which it was reported.</summary>
    public Curve Returns { get; } = new();

    /// <summary>The mean return of the last 100 episodes, over steps.</summary>
    public Curve Means { get; } = new();

    /// <summary>Steps and seconds at which the mean of 100 episodes first reached the threshold.</summary>
    public (long Steps, double Seconds)? Reached { get; private set; }

    /// <summary>Takes a report in.</summary>
    /// <param name="report">The report.</param>
    /// <param name="seconds">Since training began.</param>
    /// <returns>The report with where the run stands.</returns>
    public MetricsRow Add(TrainingReport report, double seconds)
    {
        foreach (var episode in report.Episodes)
        {
            Add(episode);
            Returns.Add(report.Steps, episode.Return);
            if (Reached is null && last.Count == Window && returns / Window >= threshold)
                Reached = (report.Steps, seconds);
        }

        if (report.Episodes.Count > 0)
            Means.Add(report.Steps, returns / last.Count);

        var stepsBefore = row.Report?.Steps ?? 0;
        row = new(report, seconds, (report.Steps - stepsBefore) / Math.Max(seconds - row.Seconds, 1e-9), episodes, returns / last.Count, (double)lengths / last.Count);
        return row;
    }

    private void Add(Episode episode)
    {
        if (last.Count == Window)
        {
            var oldest = last.Dequeue();
            returns -= oldest.Return;
            lengths -= oldest.Length;
        }

        last.Enqueue(episode);
        episodes++;
        returns += episode.Return;
        lengths += episode.Length;
    }
}

/// <summary>Points of a curve, few enough to draw and to keep however long the run: when they get many, every other one goes.</summary>
internal sealed class Curve
{
    private const int Most = 20_000;

    private readonly List<(double X, double Y)> points = [];
    private long seen;
    private long stride = 1;

    public IReadOnlyList<(double X, double Y)> Points => points;

    public void Add(double x, double y)
    {
        if (seen++ % stride != 0)
            return;

        if (points.Count == Most)
        {
            var kept = points.Where((_, index) => index % 2 == 0).ToArray();
            points.Clear();
            points.AddRange(kept);
            stride *= 2;
        }

        points.Add((x, y));
    }
}
