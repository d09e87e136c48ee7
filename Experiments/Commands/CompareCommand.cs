using System.CommandLine;
using System.Globalization;
using System.Text;
using RlWn.Envs;
using RlWn.Experiments.Comparing;
using RlWn.Experiments.Figures;
using RlWn.Experiments.Runs;
using RlWn.Experiments.Terminal;

namespace RlWn.Experiments.Commands;

/// <summary><c>rlwn compare</c></summary>
internal static class CompareCommand
{
    public const string Examples = """
        rlwn compare runs                                   all runs in a folder, those of each recipe together
        rlwn compare runs/wn runs/no-wn --out wn-or-not
        rlwn compare low=runs/a high=runs/b                 with names of one's own
        rlwn compare runs/stopped --metric training         also runs that were not evaluated
        """;

    private const string Table = "table.csv", Improvement = "improvement.csv", Runs = "runs.csv", Curves = "curves";

    private static readonly string[] Titles = ["group", "seeds", "mean ± sd", "median", "IQM", "95% interval", "solved", "steps to threshold (first to last)"];

    public static Command Make()
    {
        var runs = new Argument<string[]>("RUN")
        {
            Description = "A run folder or a folder of runs; name=PATH puts what is there into one group of that name. Without, runs of a recipe are a group.",
            Arity = ArgumentArity.OneOrMore,
        };
        var metric = new Option<string>("--metric")
        {
            Description = "evaluation (episodes after training) or training (the last 100 training episodes).", HelpName = "NAME", DefaultValueFactory = _ => "evaluation",
        };
        var outFolder = new Option<string?>("--out") { Description = "The results' folder, new or empty. [default: compare-TIME]", HelpName = "DIR" };
        var command = new Command("compare", "Compare groups of runs over their seeds: a table, learning curves, and the numbers.") { runs, metric, outFolder };
        command.SetAction(parsed => Run(
            parsed.GetRequiredValue(runs), Read(parsed.GetRequiredValue(metric)),
            parsed.GetValue(outFolder) ?? string.Create(CultureInfo.InvariantCulture, $"compare-{DateTimeOffset.Now:yyyyMMdd-HHmmss}")));
        return command;
    }

    private static Metric Read(string name) => Setting.Parse(typeof(Metric), name) as Metric?
        ?? throw new UsageException($"Expected --metric evaluation or training, got '{name}'.");

    private static int Run(string[] arguments, Metric metric, string path)
    {
        var groups = RunGroup.Collect(arguments);
        GroupSummary[] summaries = [.. groups.Select(group => GroupSummary.Of(group, metric))];
        var bands = CurveBand.Of(groups);
        var panels = CurveBand.Panels(bands);
        var (columns, rowHeight) = CurveBand.Layout(panels.Count);

        var folder = RunFolder.Create(path);
        Write(folder, Curves + ".csv", CurveBand.Csv(bands));
        folder.Write(Curves + ".png", SmallMultiples.Png(panels, columns, rowHeight));
        folder.Write(Curves + ".svg", SmallMultiples.Svg(panels, columns, rowHeight));
        WriteNumbers(folder, groups, summaries);

        Listing.Write(Titles, summaries.Select(Row));
        var improvements = WriteImprovements(folder, summaries);
        if (improvements.Count > 0)
            Listing.Write(["probability of improvement", "", "95% interval"], improvements);
        Console.Out.WriteLine($"Table, curves and numbers are in {folder.Path}");
        return Failures.Done;
    }

    private static string[] Row(GroupSummary group) =>
    [
        group.Name, $"{group.Scores.Length}", $"{GroupSummary.Text(group.Mean)} ± {GroupSummary.Text(group.Deviation)}", GroupSummary.Text(group.Median),
        GroupSummary.Text(group.InterquartileMean), GroupSummary.Text(group.Interval), group.Threshold is null ? "-" : $"{group.Solved} of {group.Scores.Length}", group.StepsText,
    ];

    private static void WriteNumbers(RunFolder folder, IReadOnlyList<RunGroup> groups, IReadOnlyList<GroupSummary> summaries)
    {
        var table = new CsvText("group", "seeds", "mean", "deviation", "median", "interquartile_mean", "low", "high", "solved", "reached", "steps_to_threshold_median");
        foreach (var summary in summaries)
        {
            table.Add(
                summary.Name, summary.Scores.Length, summary.Mean, summary.Deviation, summary.Median, summary.InterquartileMean,
                summary.Interval?.Low ?? double.NaN, summary.Interval?.High ?? double.NaN, summary.Solved, summary.Reached,
                summary.StepsToThreshold.Length > 0 ? Robust.Median(summary.StepsToThreshold) : double.NaN);
        }

        var runs = new CsvText("group", "seed", "score", "steps_to_threshold");
        foreach (var (group, summary) in groups.Zip(summaries))
        {
            foreach (var (run, score) in group.Runs.Zip(summary.Scores))
                runs.Add(group.Name, run.Seed, score, summary.Threshold is { } threshold ? run.StepsTo(threshold) ?? double.NaN : double.NaN);
        }

        Write(folder, Table, table);
        Write(folder, Runs, runs);
    }

    private static List<string[]> WriteImprovements(RunFolder folder, IReadOnlyList<GroupSummary> summaries)
    {
        var csv = new CsvText("group", "over", "probability", "low", "high");
        var rows = new List<string[]>();
        foreach (var (index, first) in summaries.Index())
        {
            foreach (var second in summaries.Skip(index + 1))
            {
                var probability = Robust.ProbabilityOfImprovement(first.Scores, second.Scores);
                var interval = Bootstrap.Of([first.Scores, second.Scores], drawn => Robust.ProbabilityOfImprovement(drawn[0], drawn[1]), new Rng(GroupSummary.BootstrapSeed));
                csv.Add(first.Name, second.Name, probability, interval?.Low ?? double.NaN, interval?.High ?? double.NaN);
                var range = interval is { } known ? string.Create(CultureInfo.InvariantCulture, $"{known.Low:0.00} to {known.High:0.00}") : "-";
                rows.Add([$"{first.Name} over {second.Name}", probability.ToString("0.00", CultureInfo.InvariantCulture), range]);
            }
        }

        Write(folder, Improvement, csv);
        return rows;
    }

    private static void Write(RunFolder folder, string name, CsvText csv) => folder.Write(name, Encoding.UTF8.GetBytes(csv.ToString()));
}
