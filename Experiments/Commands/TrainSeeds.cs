using System.Globalization;
using RlWn.Experiments.Cells;
using RlWn.Experiments.Comparing;
using RlWn.Experiments.Runs;
using static RlWn.Experiments.Commands.SeedsGroup;
using static RlWn.Experiments.Terminal.SummaryLine;

namespace RlWn.Experiments.Commands;

/// <summary><c>rlwn train --seeds</c>: an agent with several seeds, side by side, and what they say together.</summary>
internal static class TrainSeeds
{
    /// <summary>Trains those seeds that have not ended, and sums up.</summary>
    /// <param name="recipe">The recipe's name, or the path of a .json file.</param>
    /// <param name="overrides">What differs from it; a seed among them is the first one.</param>
    /// <param name="seeds">How many.</param>
    /// <param name="jobs">How many at a time; null for as many as cores and memory allow.</param>
    /// <param name="outFolder">The group's folder, new or empty unless it goes on.</param>
    /// <param name="goesOn">Whether the folder may hold seeds that have begun.</param>
    /// <param name="quiet">Whether to show the summary alone.</param>
    /// <returns>The exit code.</returns>
    public static int Run(string recipe, IReadOnlyList<Assignment> overrides, int seeds, int? jobs, string? outFolder, bool goesOn, bool quiet)
    {
        var settings = RunSettings.Resolve([.. Recipe.Load(recipe).Assignments, .. overrides]);
        var path = outFolder ?? RunFolder.NewPath(string.Create(CultureInfo.InvariantCulture, $"{settings.Env}-{settings.Recipe}-{seeds}-seeds"), DateTimeOffset.Now);
        var atOnce = jobs ?? CellPool.DefaultJobs(Options.ReadDevice(settings.Device), BusyThreads(settings));
        var again = goesOn ? "" : outFolder is null ? $"with --out {path} --resume" : "with --resume";
        return new SeedsGroup(CellKind.Train, recipe, overrides, settings.Seed, seeds, atOnce)
            .Run($"{settings.Recipe} in {settings.Env}", path, goesOn, again, quiet, Summarize);
    }

    /// <summary>How many threads a run keeps busy: the greatest of libtorch's, of those that run networks side by side in plain C#, while which libtorch's wait, and of the agent's own.</summary>
    internal static int BusyThreads(RunSettings settings) => Math.Max(Math.Max(settings.Threads, settings.Network.Threads), AgentFactory.Threads(settings));

    private static void Summarize(RunFolder folder, IReadOnlyList<Cell> ended)
    {
        var group = RunGroup.Collect([.. ended.Select(cell => cell.Folder)])[0];
        var summary = GroupSummary.Of(group, Metric.Evaluation);
        folder.WriteJson(Summary, new
        {
            Recipe = group.Name, group.Runs[0].Env, Seeds = group.Runs.Zip(summary.Scores, (run, score) => new { run.Seed, Score = score }),
            summary.Mean, Deviation = Finite(summary.Deviation), summary.Median, summary.InterquartileMean, Low95 = summary.Interval?.Low, High95 = summary.Interval?.High,
            summary.Threshold, Solved = summary.Threshold is null ? (int?)null : summary.Solved,
        });

        Say("evaluation", $"interquartile mean {GroupSummary.Text(summary.InterquartileMean)}, 95% interval {GroupSummary.Text(summary.Interval)}, over {summary.Scores.Length} seeds");
        Say("", $"mean {GroupSummary.Text(summary.Mean)} ± {GroupSummary.Text(summary.Deviation)}, median {GroupSummary.Text(summary.Median)}, {GroupSummary.Text(summary.Scores.Min())} to {GroupSummary.Text(summary.Scores.Max())}");
        if (summary.Threshold is { } threshold)
            Say("solved", $"{summary.Solved} of {summary.Scores.Length} ({threshold} is asked for); the last 100 training episodes at it by step: {summary.StepsText}");
        Say("group", $"{folder.Path}");
        Say("next", $"{OwnName.Command} compare {folder.Path}");
    }
}
