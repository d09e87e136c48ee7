using System.CommandLine;
using RlWn.Experiments.Cells;
using RlWn.Experiments.Supervised.Data;
using RlWn.Experiments.Terminal;

namespace RlWn.Experiments.Commands;

/// <summary>The options of commands that make many runs, and how they make them.</summary>
internal sealed class PoolOptions
{
    private readonly Option<string?> jobs = Jobs();
    private readonly Option<string?> data = new("--data")
    {
        Description = $"The folder of MNIST and CIFAR, downloaded there if missing. [default: {DataFolder.Variable}, else the user's cache]", HelpName = "DIR",
    };
    private readonly Option<bool> drawOnly = new("--draw-only") { Description = "Make no runs; conclude from those that have ended." };

    /// <summary>The options, to be added to a command.</summary>
    public IEnumerable<Option> All => [jobs, data, drawOnly];

    /// <summary>Refuses the options where there are no runs to make.</summary>
    /// <exception cref="UsageException">One of them is there.</exception>
    public void Refuse(ParseResult parsed, string what)
    {
        if (parsed.GetValue(jobs) is not null || parsed.GetValue(drawOnly))
            throw new UsageException($"Expected neither --jobs nor --draw-only for {what}, which is measured in one process, got one of them. Leave it out.");
    }

    /// <summary>The folder of the images; null for the usual one.</summary>
    public string? Data(ParseResult parsed) => parsed.GetValue(data);

    /// <summary>The option --jobs.</summary>
    public static Option<string?> Jobs() => new("--jobs") { Description = "Runs at a time, a process each. [default: as many as cores and memory allow]", HelpName = "N" };

    /// <summary>Reads the option --jobs.</summary>
    public static int ReadJobs(ParseResult parsed, Option<string?> jobs, string device) =>
        parsed.GetValue(jobs) is null ? CellPool.DefaultJobs(Options.ReadDevice(device)) : Options.Read(parsed, jobs!);

    /// <summary>Makes all runs of an experiment that have not ended, and concludes. After a failure it goes on with the rest, and still concludes.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="plan">The experiment.</param>
    /// <param name="device">Where networks learn.</param>
    /// <param name="quiet">Whether to say nothing of single runs.</param>
    /// <param name="again">The command that goes on after a stop.</param>
    /// <param name="write">Writes what the runs came to.</param>
    /// <returns>The exit code.</returns>
    public int Run<T>(ParseResult parsed, RunsPlan<T> plan, string device, bool quiet, string again, Action<T> write)
    {
        using var stop = new StopSignals();
        using var status = StatusLine.OnError();
        IReadOnlyList<CellFailure> failures = [];
        if (!parsed.GetValue(drawOnly))
        {
            try
            {
                failures = new CellPool(ReadJobs(parsed, jobs, device), parsed.GetValue(data), quiet ? null : status).Run(plan.Cells, stop.Token);
            }
            catch (OperationCanceledException)
            {
                status.Say($"Stopped; '{again}' goes on from here.");
                return Failures.Stopped;
            }
        }

        write(plan.Conclude());
        return Report(failures, status);
    }

    /// <summary>Lists the cells that failed.</summary>
    /// <returns>The exit code.</returns>
    public static int Report(IReadOnlyList<CellFailure> failures, StatusLine status)
    {
        foreach (var (cell, message) in failures)
            status.Say($"rlwn: '{cell.Folder}' failed: {message}");
        return failures.Count > 0 ? Failures.Failed : Failures.Done;
    }

    /// <summary>Every run with all its settings, for the JSON beside a result.</summary>
    public static IEnumerable<object> Describe(IEnumerable<Cell> cells) => cells.Select(cell => new { Run = Path.GetFileName(cell.Folder), Settings = cell.ResolveSupervised() });
}
