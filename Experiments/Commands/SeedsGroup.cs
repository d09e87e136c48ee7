using RlWn.Experiments.Cells;
using RlWn.Experiments.Runs;
using RlWn.Experiments.Terminal;

namespace RlWn.Experiments.Commands;

/// <summary>The same run with several seeds, side by side: a folder with a run folder for each, and a summary.</summary>
/// <param name="Kind">Which command makes the runs.</param>
/// <param name="Recipe">The recipe's name, or the path of a .json file.</param>
/// <param name="Overrides">What differs from it; a seed among them is the first one.</param>
/// <param name="First">The first seed.</param>
/// <param name="Seeds">How many.</param>
/// <param name="Jobs">How many at a time.</param>
/// <param name="Data">The folder of the images; null for the usual one.</param>
internal sealed record SeedsGroup(CellKind Kind, string Recipe, IReadOnlyList<Assignment> Overrides, ulong First, int Seeds, int Jobs, string? Data = null)
{
    /// <summary>The summary's file in the group's folder.</summary>
    public const string Summary = "summary.json";

    /// <summary>Makes those runs that have not ended, and sums up.</summary>
    /// <param name="what">What is trained, in words.</param>
    /// <param name="path">The group's folder, new or empty unless it goes on.</param>
    /// <param name="goesOn">Whether the folder may hold seeds that have begun.</param>
    /// <param name="again">What is to be changed in the command so that it goes on after a stop, as "with --resume"; empty for nothing.</param>
    /// <param name="quiet">Whether to show the summary alone.</param>
    /// <param name="summarize">Sums up the runs that have ended, one at least.</param>
    /// <returns>The exit code.</returns>
    public int Run(string what, string path, bool goesOn, string again, bool quiet, Action<RunFolder, IReadOnlyList<Cell>> summarize)
    {
        using var stop = new StopSignals();
        using var status = StatusLine.OnError();
        var folder = goesOn ? RunFolder.At(path) : RunFolder.Create(path);
        Cell[] cells =
        [
            .. from i in Enumerable.Range(0, Seeds)
               let seed = First + (ulong)i
               select new Cell(Kind, Recipe, [.. Overrides, new("seed", Setting.Text(seed), "--seeds")], folder[$"seed-{seed}"]),
        ];

        Console.Out.WriteLine($"Training {what}, seeds {First} to {First + (ulong)Seeds - 1}, {Math.Min(Jobs, Seeds)} at a time, into {folder.Path}");
        IReadOnlyList<CellFailure> failures;
        try
        {
            failures = new CellPool(Jobs, Data, quiet ? null : status).Run(cells, stop.Token);
        }
        catch (OperationCanceledException)
        {
            status.Say($"Stopped; the same command {again}{(again.Length > 0 ? " " : "")}goes on from here.");
            return Failures.Stopped;
        }

        if (cells.Where(cell => cell.HasEnded).ToArray() is { Length: > 0 } ended)
            summarize(folder, ended);
        return PoolOptions.Report(failures, status);
    }

    /// <summary>A number for JSON, which knows none that is not finite.</summary>
    public static double? Finite(double number) => double.IsFinite(number) ? number : null;
}
