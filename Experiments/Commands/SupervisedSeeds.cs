using System.Globalization;
using RlWn.Experiments.Cells;
using RlWn.Experiments.Runs;
using RlWn.Experiments.Supervised;
using RlWn.Experiments.Tables;
using static RlWn.Experiments.Commands.SeedsGroup;
using static RlWn.Experiments.Terminal.SummaryLine;

namespace RlWn.Experiments.Commands;

/// <summary><c>rlwn supervised --seeds</c>: a network with several seeds, side by side, and what they say together.</summary>
internal static class SupervisedSeeds
{
    private const string Threads = "threads";

    /// <summary>Trains those seeds that have not ended, and sums up. Unless threads are asked for, each has one, so that as many run as there are cores.</summary>
    /// <param name="recipe">The recipe's name, or the path of a .json file.</param>
    /// <param name="overrides">What differs from it; a seed among them is the first one.</param>
    /// <param name="seeds">How many.</param>
    /// <param name="jobs">How many at a time; null for as many as cores and memory allow.</param>
    /// <param name="data">The folder of the images; null for the usual one.</param>
    /// <param name="outFolder">The group's folder, new or empty; null for one by the recipe's name and the time.</param>
    /// <param name="resumed">The folder of a group to go on with; null for none.</param>
    /// <param name="quiet">Whether to show the summary alone.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="IOException">There is no group to go on with.</exception>
    public static int Run(string recipe, IReadOnlyList<Assignment> overrides, int seeds, int? jobs, string? data, string? outFolder, string? resumed, bool quiet)
    {
        if (resumed is not null && !Directory.Exists(resumed))
            throw new IOException($"Expected the folder of a group of seeds to go on with, found none at '{resumed}'. Name one that 'rlwn supervised --seeds' made, or begin a new one with --out.");

        if (!overrides.Any(assignment => assignment.Path.Equals(Threads, StringComparison.OrdinalIgnoreCase)))
            overrides = [.. overrides, new(Threads, "1", "--seeds")];
        var settings = SupervisedSettings.Resolve([.. Recipe.Load(recipe, RecipeShelf.Supervised).Assignments, .. overrides]);
        var path = resumed ?? outFolder ?? RunFolder.NewPath(string.Create(CultureInfo.InvariantCulture, $"{settings.Recipe}-{seeds}-seeds"), DateTimeOffset.Now);
        var atOnce = jobs ?? CellPool.DefaultJobs(Options.ReadDevice(settings.Device), settings.Threads ?? 1);
        var again = resumed is not null ? "" : outFolder is null ? $"with --resume {path}" : $"with --resume {path} instead of --out {path}";
        return new SeedsGroup(CellKind.Supervised, recipe, overrides, settings.Seed, seeds, atOnce, data)
            .Run($"{settings.Recipe}, {settings.Scheme}", path, resumed is not null, again, quiet, Summarize);
    }

    // A network that diverged has no error, and is counted apart.
    private static void Summarize(RunFolder folder, IReadOnlyList<Cell> ended)
    {
        CellOutcome[] runs = [.. ended.Select(CellOutcome.Read)];
        double[] errors = [.. runs.Where(run => double.IsFinite(run.Test)).Select(run => 100 * (1 - run.Test))];
        var (sample, diverged) = (Sample.Of(errors), runs.Count(run => run.HasDiverged));
        folder.WriteJson(Summary, new
        {
            runs[0].Settings.Recipe, Scheme = runs[0].Settings.Scheme.Name,
            Seeds = runs.Select(run => new { run.Settings.Seed, run.State, ErrorPercent = Finite(100 * (1 - run.Test)), ValidationBest = Finite(run.Validation.DefaultIfEmpty(double.NaN).Max()) }),
            ErrorPercentMean = Finite(sample.Mean), ErrorPercentDeviation = Finite(sample.Deviation), Diverged = diverged,
        });

        Say("test", $"error {sample} %, mean and deviation over {errors.Length} seeds");
        if (errors.Length > 1)
            Say("", $"{errors.Min():0.00} to {errors.Max():0.00} %");
        Say("diverged", $"{diverged} of {runs.Length}");
        Say("group", $"{folder.Path}");
    }
}
