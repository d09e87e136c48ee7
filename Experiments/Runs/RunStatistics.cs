using RlWn.Agents;
using RlWn.Envs;

namespace RlWn.Experiments.Runs;

/// <summary>What is known of a run's training episodes: the mean of the last 100, when it first reached the threshold, and the curve.</summary>
/// <param name="threshold">The mean return that counts as solved, if there is one.</param>
internal sealed class RunStatistics(double? threshold)
{
    /// <summary>How many episodes the mean is over.</summary>
    public const int Window = 100;

    private Queue<Episode> last = new(Window);
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

    /// <summary>Seconds of training up to the last report.</summary>
    public double Seconds => row.Seconds;

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

    /// <summary>Writes all of it.</summary>
    public void Save(BinaryWriter writer)
    {
        writer.Write(row.Report?.Steps ?? 0);
        writer.Write(row.Seconds);
        writer.Write(episodes);
        writer.Write(last.Count);
        foreach (var (@return, length) in last)
        {
            writer.Write(@return);
            writer.Write(length);
        }

        writer.Write(returns);
        writer.Write(Reached is not null);
        if (Reached is { } reached)
        {
            writer.Write(reached.Steps);
            writer.Write(reached.Seconds);
        }

        Returns.Save(writer);
        Means.Save(writer);
    }

    /// <summary>Takes up what was saved.</summary>
    public void Load(BinaryReader reader)
    {
        row = row with { Report = new(reader.ReadInt64(), 0, [], []), Seconds = reader.ReadDouble() };
        episodes = reader.ReadInt64();
        (last, lengths) = (new(Window), 0);
        for (var left = reader.ReadInt32(); left > 0; left--)
        {
            var episode = new Episode(reader.ReadDouble(), reader.ReadInt32());
            last.Enqueue(episode);
            lengths += episode.Length;
        }

        returns = reader.ReadDouble();   // the sum as it was rounded on the way
        Reached = reader.ReadBoolean() ? (reader.ReadInt64(), reader.ReadDouble()) : null;
        Returns.Load(reader);
        Means.Load(reader);
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

    public void Save(BinaryWriter writer)
    {
        writer.Write(seen);
        writer.Write(stride);
        writer.Write(points.Count);
        foreach (var (x, y) in points)
        {
            writer.Write(x);
            writer.Write(y);
        }
    }

    public void Load(BinaryReader reader)
    {
        (seen, stride) = (reader.ReadInt64(), reader.ReadInt64());
        points.Clear();
        for (var left = reader.ReadInt32(); left > 0; left--)
            points.Add((reader.ReadDouble(), reader.ReadDouble()));
    }
}
