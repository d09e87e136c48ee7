using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using RlWn.Experiments.Terminal;
using TorchSharp;

namespace RlWn.Experiments.Cells;

/// <summary>A cell that was not made.</summary>
/// <param name="Cell">Which.</param>
/// <param name="Message">The line that its process said, or how it ended.</param>
internal sealed record CellFailure(Cell Cell, string Message);

/// <summary>Makes cells side by side, each in a process of its own: one that crashes takes nothing with it, and no process outlives this one.</summary>
/// <param name="jobs">How many at a time, at least 1.</param>
/// <param name="data">The folder of the images; null for the usual one.</param>
/// <param name="status">Told of each cell that ends; null to say nothing.</param>
internal sealed class CellPool(int jobs, string? data, StatusLine? status)
{
    private const long MemoryOfACell = 2L << 30;   // bytes: the networks of the CPU scales take 0.3 to 1.5 GiB
    private const int OutputKept = 100;            // lines

    private readonly Lock progress = new();
    private readonly ConcurrentQueue<CellFailure> failures = [];
    private long startedAt;
    private int all, ended, running;
    private double workDone, workLeft;

    /// <summary>As many as cores and memory allow, if every cell has one thread; one where they share a GPU.</summary>
    /// <param name="device">Where networks learn.</param>
    public static int DefaultJobs(torch.Device device) => device.type == DeviceType.CUDA
        ? 1
        : (int)Math.Clamp(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / MemoryOfACell, 1, Environment.ProcessorCount);

    /// <summary>Makes those cells that have not ended, the longest first; an interrupted one goes on from its last checkpoint.</summary>
    /// <param name="cells">Cells with folders of their own.</param>
    /// <param name="stop">Asks all processes to stop soon, which save what they can, and waits for them.</param>
    /// <returns>The cells that failed; those after a stop are not among them.</returns>
    /// <exception cref="IOException">A folder holds the run of other settings.</exception>
    /// <exception cref="OperationCanceledException">It was stopped before all were made.</exception>
    public IReadOnlyList<CellFailure> Run(IReadOnlyList<Cell> cells, CancellationToken stop)
    {
        if (cells.GroupBy(cell => Path.GetFullPath(cell.Folder)).FirstOrDefault(same => same.Count() > 1) is { } shared)
            throw new ArgumentException($"Expected a folder of its own for each cell, got '{shared.Key}' {shared.Count()} times.", nameof(cells));

        var open = new ConcurrentQueue<Cell>(cells.Where(cell => !cell.HasEnded).OrderByDescending(cell => cell.Work));
        (all, ended, startedAt) = (cells.Count, cells.Count - open.Count, Stopwatch.GetTimestamp());
        (workDone, workLeft) = (0, open.Sum(cell => cell.Work));
        if (ended > 0)
            status?.Say($"{ended} of {all} runs have ended before.");

        Task.WhenAll(Enumerable.Range(0, Math.Min(jobs, open.Count)).Select(_ => Task.Run(() => MakeAll(open, stop), CancellationToken.None))).GetAwaiter().GetResult();
        if (ended + failures.Count < all)
            throw new OperationCanceledException(stop);
        return [.. failures];
    }

    private async Task MakeAll(ConcurrentQueue<Cell> open, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested && open.TryDequeue(out var cell))
        {
            Count(running: 1);
            await Make(cell, stop).ConfigureAwait(false);
            Count(running: -1);
        }
    }

    private async Task Make(Cell cell, CancellationToken stop)
    {
        var from = Stopwatch.GetTimestamp();
        using var child = Tether.Start(cell.Arguments(data));
        using var asking = stop.Register(() => Tether.AskToStop(child));
        var output = LastLines(child.StandardOutput);
        var errors = LastLines(child.StandardError);
        await child.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        var (said, complained) = (await output.ConfigureAwait(false), await errors.ConfigureAwait(false));

        if (child.ExitCode == Failures.Done && cell.HasEnded)
        {
            // Its summary is indented, and begins with what it came to.
            var result = string.Join(' ', (said.FirstOrDefault(line => line.StartsWith("  ", StringComparison.Ordinal)) ?? "done").Split(' ', StringSplitOptions.RemoveEmptyEntries));
            End(cell, string.Create(CultureInfo.InvariantCulture, $"{result}, {Stopwatch.GetElapsedTime(from).TotalSeconds:0.0} s"));
        }
        else if (!WasStopped(child.ExitCode, stop))
        {
            var message = complained.LastOrDefault(line => line.StartsWith("rlwn: ", StringComparison.Ordinal)) ?? complained.LastOrDefault() ?? $"it ended with code {child.ExitCode}";
            failures.Enqueue(new(cell, message));
            End(cell, $"failed: {message}");
        }
    }

    // A signal to the whole group may reach the child before this process hears of it.
    private static bool WasStopped(int code, CancellationToken stop) => stop.IsCancellationRequested || (code == Failures.Stopped && stop.WaitHandle.WaitOne(TimeSpan.FromSeconds(1)));

    private static async Task<IReadOnlyCollection<string>> LastLines(StreamReader reader)
    {
        var lines = new Queue<string>();
        while (await reader.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            if (line.Length > 0)
                lines.Enqueue(line);
            if (lines.Count > OutputKept)
                lines.Dequeue();
        }

        return lines;
    }

    private void Count(int running)
    {
        lock (progress)
        {
            this.running += running;
            status?.Show($"{ended + failures.Count} of {all} ended, {this.running} running{TimeLeft()}");
        }
    }

    private void End(Cell cell, string what)
    {
        lock (progress)
        {
            if (!failures.Any(failure => failure.Cell == cell))
                ended++;
            (workDone, workLeft) = (workDone + cell.Work, workLeft - cell.Work);
            status?.Say($"{ended + failures.Count,4} / {all}  {Path.GetFileName(cell.Folder)}: {what}{TimeLeft()}");
        }
    }

    private string TimeLeft() => workDone > 0 && workLeft > 0
        ? string.Create(CultureInfo.InvariantCulture, $"; {Stopwatch.GetElapsedTime(startedAt) * (workLeft / workDone):h\\:mm\\:ss} left")
        : "";
}
