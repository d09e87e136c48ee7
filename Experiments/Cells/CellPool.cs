using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using RlWn.Experiments.Supervised;
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
/// <param name="start">Starts this program with a command line; null for <see cref="Tether.Start"/>.</param>
internal sealed class CellPool(int jobs, string? data, StatusLine? status, Func<IReadOnlyList<string>, Process>? start = null)
{
    private const long MemoryOfACell = 2L << 30;   // bytes: the networks of the CPU scales take 0.3 to 1.5 GiB
    private const int OutputKept = 100;            // lines

    private static readonly TimeSpan LookAtMemoryEvery = TimeSpan.FromSeconds(1);

    private readonly CellMemory memory = new();
    private readonly Lock progress = new();
    private readonly ConcurrentQueue<CellFailure> failures = [];
    private long startedAt;
    private int all, ended, running;
    private double workDone, workLeft;

    /// <summary>As many as cores and memory allow; one where they share a GPU.</summary>
    /// <param name="device">Where networks learn.</param>
    /// <param name="threads">How many threads each cell keeps busy, at least 1.</param>
    public static int DefaultJobs(torch.Device device, int threads = 1) => device.type == DeviceType.CUDA
        ? 1
        : (int)Math.Clamp(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / MemoryOfACell, 1, Math.Max(Environment.ProcessorCount / threads, 1));

    /// <summary>Makes those cells that have not ended, the longest first; an interrupted one goes on from its last checkpoint.</summary>
    /// <param name="cells">Cells with folders of their own.</param>
    /// <param name="stop">Asks all processes to stop soon, which save what they can, and waits for them.</param>
    /// <returns>The cells that failed; those after a stop are not among them.</returns>
    /// <exception cref="IOException">A folder holds the run of other settings, or images are not there and cannot be downloaded.</exception>
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
        ReadImages(open, stop);

        Task.WhenAll(Enumerable.Range(0, Math.Min(jobs, open.Count)).Select(_ => Task.Run(() => MakeAll(open, stop), CancellationToken.None))).GetAwaiter().GetResult();
        if (ended + failures.Count < all)
            throw new OperationCanceledException(stop);
        return [.. failures];
    }

    private async Task MakeAll(ConcurrentQueue<Cell> open, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested && open.TryDequeue(out var cell))
        {
            while (!memory.TryBegin(cell))
            {
                if (stop.WaitHandle.WaitOne(LookAtMemoryEvery))
                    return;
            }

            Count(running: 1);
            try
            {
                await Make(cell, stop).ConfigureAwait(false);
            }
            catch (Exception failure) when (failure is Win32Exception or IOException or UnauthorizedAccessException)   // the first: no process could be started
            {
                Fail(cell, $"its process could not be started or followed: {failure.Message}");
            }

            memory.End(cell);
            Count(running: -1);
        }
    }

    // Once, before processes that would all download the same into one place.
    private void ReadImages(IEnumerable<Cell> open, CancellationToken stop)
    {
        var images = new SupervisedData(data, status ?? new(TextWriter.Null, isLive: false));
        foreach (var name in open.Where(cell => cell.Kind == CellKind.Supervised).Select(cell => cell.ResolveSupervised().Data).Distinct())
            images.Read(name, isTest: false, stop);
    }

    private async Task Make(Cell cell, CancellationToken stop)
    {
        var from = Stopwatch.GetTimestamp();
        using var child = (start ?? Tether.Start)(cell.Arguments(data));
        using var asking = stop.Register(() => Tether.AskToStop(child));
        var output = LastLines(child.StandardOutput);
        var errors = LastLines(child.StandardError);
        var exit = child.WaitForExitAsync(CancellationToken.None);
        while (await Task.WhenAny(exit, Task.Delay(LookAtMemoryEvery, CancellationToken.None)).ConfigureAwait(false) != exit)
            memory.See(cell, child);
        var (said, complained) = (await output.ConfigureAwait(false), await errors.ConfigureAwait(false));

        if (child.ExitCode == Failures.Done && cell.HasEnded)
        {
            // Its summary is indented, and begins with what it came to.
            var result = string.Join(' ', (said.FirstOrDefault(line => line.StartsWith("  ", StringComparison.Ordinal)) ?? "done").Split(' ', StringSplitOptions.RemoveEmptyEntries));
            End(cell, string.Create(CultureInfo.InvariantCulture, $"{result}, {Stopwatch.GetElapsedTime(from).TotalSeconds:0.0} s"));
        }
        else if (!WasStopped(child.ExitCode, stop))
        {
            Fail(cell, complained.LastOrDefault(line => line.StartsWith("rlwn: ", StringComparison.Ordinal)) ?? complained.LastOrDefault() ?? $"it ended with code {child.ExitCode}");
        }
    }

    private void Fail(Cell cell, string message)
    {
        failures.Enqueue(new(cell, message));
        End(cell, $"failed: {message}");
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
