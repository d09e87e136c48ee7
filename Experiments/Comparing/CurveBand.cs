using RlWn.Envs;
using RlWn.Experiments.Figures;
using RlWn.Experiments.Runs;

namespace RlWn.Experiments.Comparing;

/// <summary>How a group of runs learned: at each step of a grid the interquartile mean over seeds of the last 100 episodes' mean return, and its 95% interval.</summary>
/// <param name="Name">The group's name.</param>
/// <param name="Steps">The grid, as far as every run of the group goes.</param>
/// <param name="Middle">The interquartile mean; NaN until every run has ended an episode.</param>
/// <param name="Low">The interval's lower end; NaN for one run.</param>
/// <param name="High">Its upper end.</param>
internal sealed record CurveBand(string Name, double[] Steps, double[] Middle, double[] Low, double[] High)
{
    private const int GridPoints = 200, Resamples = 2_000, MostCurves = 3;
    private const int RowHeight = 380;   // on a page 800 wide

    /// <summary>The curves of groups on one grid. The intervals are for each step by itself.</summary>
    public static IReadOnlyList<CurveBand> Of(IReadOnlyList<RunGroup> groups)
    {
        var last = groups.Max(End);
        return [.. groups.Select(group => Of(group, [.. Enumerable.Range(1, GridPoints).Select(i => (double)last * i / GridPoints).Where(step => step <= End(group))]))];
    }

    /// <summary>The numbers of the picture.</summary>
    public static CsvText Csv(IReadOnlyList<CurveBand> bands)
    {
        var csv = new CsvText("group", "steps", "interquartile_mean", "low", "high");
        foreach (var band in bands)
        {
            for (var i = 0; i < band.Steps.Length; i++)
                csv.Add(band.Name, Math.Round(band.Steps[i]), band.Middle[i], band.Low[i], band.High[i]);
        }

        return csv;
    }

    /// <summary>The picture: up to three groups in one panel; of more, each against the first in a panel of its own.</summary>
    public static IReadOnlyList<Panel> Panels(IReadOnlyList<CurveBand> bands) => bands.Count <= MostCurves
        ? [Panel("", bands, bands)]
        : [.. bands.Skip(1).Select(band => Panel(band.Name, [bands[0], band], bands))];

    /// <summary>How many panels stand in a row, and how high the row is.</summary>
    public static (int Columns, int RowHeight) Layout(int panels) => panels == 1 ? (1, RowHeight) : (2, RowHeight * 2 / 3);

    private static Panel Panel(string title, IReadOnlyList<CurveBand> shown, IReadOnlyList<CurveBand> all)
    {
        var y = all.SelectMany(band => (double[])[.. band.Middle, .. band.Low, .. band.High]).Where(double.IsFinite).DefaultIfEmpty(0).ToArray();
        return new(
            title, Fit("environment steps", 0, all.SelectMany(band => band.Steps).DefaultIfEmpty(1).Max()), Fit("return, mean of 100 episodes", y.Min(), y.Max()),
            [.. shown.Select((band, index) => new Series((Stroke)index, band.Steps, band.Middle) { Band = (band.Low, band.High), Label = band.Name })])
        {
            KeyAt = ScottPlot.Alignment.LowerRight,
        };
    }

    // Round numbers 1, 2 or 5 times a power of ten apart, four to nine of them, and the ends at such numbers.
    private static Axis Fit(string label, double least, double greatest)
    {
        var span = Math.Max(greatest - least, 1e-6);
        var power = Math.Pow(10, Math.Floor(Math.Log10(span / 4)));
        var apart = power * new[] { 5.0, 2, 1 }.First(factor => factor * power <= span / 4);
        var (from, to) = (Math.Floor(least / apart), Math.Ceiling((greatest / apart) - 1e-9));
        return new(label, from * apart, Math.Max(to, from + 1) * apart, [.. Enumerable.Range(0, (int)Math.Max(to - from, 1) + 1).Select(i => (from + i) * apart)]);
    }

    private static long End(RunGroup group) => group.Runs.Min(run => run.Training is [.., var last] ? last.Steps : 0);

    private static CurveBand Of(RunGroup group, double[] steps)
    {
        var random = new Rng(GroupSummary.BootstrapSeed);
        var (middle, low, high) = (new double[steps.Length], new double[steps.Length], new double[steps.Length]);
        var at = new int[group.Runs.Count];   // each run's last report at or before the step
        for (var i = 0; i < steps.Length; i++)
        {
            double[] returns = [.. group.Runs.Select((run, index) => ReturnAt(run.Training, ref at[index], steps[i]))];
            var isWhole = returns.All(double.IsFinite);
            var interval = isWhole ? Bootstrap.Of(returns, Robust.InterquartileMeanInPlace, random, Resamples) : null;
            middle[i] = isWhole ? Robust.InterquartileMean(returns) : double.NaN;
            (low[i], high[i]) = (interval?.Low ?? double.NaN, interval?.High ?? double.NaN);
        }

        return new(group.Name, steps, middle, low, high);
    }

    private static double ReturnAt(IReadOnlyList<TrainingPoint> training, ref int at, double step)
    {
        while (at + 1 < training.Count && training[at + 1].Steps <= step)
            at++;
        return training[at].Steps <= step ? training[at].ReturnMean : double.NaN;
    }
}
