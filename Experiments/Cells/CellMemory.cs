using System.Diagnostics;
using System.Globalization;

namespace RlWn.Experiments.Cells;

/// <summary>Whether memory is left for one more cell: as much as the largest has taken so far, beside what those that run may still take.</summary>
/// <remarks>
/// Where the system ends processes for want of memory, a cell that waits is better than one that is ended. Until a cell has shown what it takes, any may
/// begin; and one may begin whenever none runs.
/// </remarks>
/// <param name="free">Bytes that the machine has left; null asks the system, which Linux alone answers.</param>
/// <param name="most">Bytes that all cells may have together; null for as many as this process may have, a container's limit included.</param>
internal sealed class CellMemory(Func<long?>? free = null, long? most = null)
{
    private readonly Lock access = new();
    private readonly Dictionary<Cell, long> running = [];   // the bytes that each has at the moment
    private long largest;

    /// <summary>Counts a cell among those that run, if there is room for it.</summary>
    public bool TryBegin(Cell cell)
    {
        lock (access)
        {
            var left = Math.Min((free ?? Available)() ?? long.MaxValue, (most ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes) - running.Values.Sum());
            var claimed = running.Values.Sum(has => Math.Max(largest - has, 0));
            return (running.Count == 0 || left - claimed >= largest) && running.TryAdd(cell, 0);
        }
    }

    /// <summary>Takes down what a running cell has.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="process">Its process.</param>
    public void See(Cell cell, Process process)
    {
        try
        {
            process.Refresh();
            See(cell, process.WorkingSet64, process.PeakWorkingSet64);
        }
        catch (InvalidOperationException)
        {
            // It ended meanwhile, and has nothing.
        }
    }

    /// <summary>Takes down what a running cell has.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="now">Bytes at the moment.</param>
    /// <param name="peak">The most that it has had; a system may not know it and say 0.</param>
    public void See(Cell cell, long now, long peak)
    {
        lock (access)
        {
            running[cell] = now;
            largest = Math.Max(largest, Math.Max(now, peak));
        }
    }

    /// <summary>Counts a cell no longer.</summary>
    public void End(Cell cell)
    {
        lock (access)
            running.Remove(cell);
    }

    // What can be had without swapping; null where the system is another.
    private static long? Available()
    {
        const string Described = "/proc/meminfo", Entry = "MemAvailable:";
        var line = File.Exists(Described) ? File.ReadLines(Described).FirstOrDefault(line => line.StartsWith(Entry, StringComparison.Ordinal)) : null;
        return line is null ? null : 1024 * long.Parse(line[Entry.Length..].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
    }
}
