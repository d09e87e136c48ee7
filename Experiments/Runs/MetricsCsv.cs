using System.Globalization;
using System.Text;

namespace RlWn.Experiments.Runs;

/// <summary>A run's metrics as text: one row a report, the agent's own numbers last. A number that is not there is an empty cell.</summary>
internal sealed class MetricsCsv(string path, long? end = null) : IDisposable
{
    private readonly AppendLog log = new(path, end);
    private readonly StringBuilder line = new();
    private bool hasHeader = end > 0;

    public void Write(in MetricsRow row)
    {
        if (!hasHeader)
        {
            hasHeader = true;
            line.Append("steps,seconds,steps_per_second,episodes,return_mean,length_mean");
            foreach (var metric in row.Report.Metrics)
                line.Append(',').Append(metric.Name);
            line.Append('\n');
        }

        line.Append(CultureInfo.InvariantCulture, $"{row.Report.Steps},{row.Seconds:0.######},{row.StepsPerSecond:0.#},{row.Episodes}");
        Add(row.ReturnMean);
        Add(row.LengthMean);
        foreach (var metric in row.Report.Metrics)
            Add(metric.Value);
        line.Append('\n');

        foreach (var chunk in line.GetChunks())
            Encoding.UTF8.GetBytes(chunk.Span, log.Waiting);
        line.Clear();
    }

    public AppendLog Log => log;

    public void Dispose() => log.Dispose();

    private void Add(double value)
    {
        line.Append(',');
        if (!double.IsNaN(value))
            line.Append(CultureInfo.InvariantCulture, $"{value:G9}");
    }
}
