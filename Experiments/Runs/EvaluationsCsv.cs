using System.Globalization;
using System.Text;
using RlWn.Agents;

namespace RlWn.Experiments.Runs;

/// <summary>The evaluations during a run, as text: one row each.</summary>
internal sealed class EvaluationsCsv : IDisposable
{
    public EvaluationsCsv(string path, long? end = null)
    {
        Log = new(path, end);
        if (end is null or 0)
            Encoding.UTF8.GetBytes("steps,seconds,episodes,return_mean,return_deviation,return_min,return_max\n", Log.Waiting);
    }

    public AppendLog Log { get; }

    public void Write(long steps, double seconds, EvaluationResult result) => Encoding.UTF8.GetBytes(
        string.Create(
            CultureInfo.InvariantCulture,
            $"{steps},{seconds:0.######},{result.Episodes.Count},{result.Mean:G9},{result.Deviation:G9},{result.Min:G9},{result.Max:G9}\n"),
        Log.Waiting);

    public void Dispose() => Log.Dispose();
}
