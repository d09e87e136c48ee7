using RlWn.Envs;

namespace RlWn.Experiments.Runs;

/// <summary>Everything of a run that grows: metrics, diagnoses, evaluations, and all of them for TensorBoard.</summary>
internal sealed class RunLogs : IDisposable
{
    private const int Count = 4;   // of the logs below, in their order

    private readonly AppendLog?[] logs = new AppendLog?[Count];

    /// <summary>Makes the logs of a new run, or goes on with those of an interrupted one.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="settings">Which logs it has.</param>
    /// <param name="started">When the run started.</param>
    /// <param name="ends">Where each log goes on, as <see cref="ReadEnds"/> read it; null for a new run.</param>
    public RunLogs(RunFolder folder, RunSettings settings, DateTimeOffset started, long[]? ends = null)
    {
        try
        {
            // Metrics first: the file cannot be made twice, so of two runs that found one folder empty only one goes on.
            Metrics = new(folder[RunFolder.Metrics], ends?[0]);
            logs[0] = Metrics.Log;
            Diagnostics = settings.DiagnosticsEvery > 0 ? new(folder[RunFolder.Diagnostics], ends?[1]) : null;
            logs[1] = Diagnostics?.Log;
            Evaluations = settings.EvaluateEvery > 0 ? new(folder[RunFolder.Evaluations], ends?[2]) : null;
            logs[2] = Evaluations?.Log;
            Events = new(folder.Path, started, ends?[3]);
            logs[3] = Events.Log;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public MetricsCsv Metrics { get; }

    public DiagnosticsCsv? Diagnostics { get; }

    public EvaluationsCsv? Evaluations { get; }

    public TensorBoardEvents Events { get; }

    /// <summary>Where every log starts again when there is no checkpoint to go on from.</summary>
    public static long[] Beginnings => new long[Count];

    /// <summary>Reads what <see cref="SaveEnds"/> wrote.</summary>
    public static long[] ReadEnds(BinaryReader reader)
    {
        var ends = new long[Count];
        reader.ReadAll<long>(ends, "the ends of the run's logs");
        return ends;
    }

    /// <summary>Writes where each log ends, having the disk keep them up to there.</summary>
    public void SaveEnds(BinaryWriter writer)
    {
        foreach (var log in logs)
            log?.FlushToDisk();
        writer.WriteAll<long>([.. logs.Select(log => log?.Length ?? 0)]);
    }

    public void Flush()
    {
        foreach (var log in logs)
            log?.Flush();
    }

    public void Dispose()
    {
        foreach (var log in logs)
            log?.Dispose();
    }
}
