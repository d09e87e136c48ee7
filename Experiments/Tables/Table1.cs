using System.Globalization;
using RlWn.Experiments.Cells;
using RlWn.Experiments.Figures;
using RlWn.Experiments.Runs;
using RlWn.Experiments.Supervised;
using RlWn.Init;

namespace RlWn.Experiments.Tables;

/// <summary>What table 1 comes to.</summary>
/// <param name="Rows">A line for each network and method.</param>
/// <param name="Numbers">The same as numbers.</param>
/// <param name="Runs">Each run.</param>
/// <param name="Panels">The same as a picture.</param>
internal sealed record Table1Result(IReadOnlyList<string[]> Rows, CsvText Numbers, CsvText Runs, IReadOnlyList<Panel> Panels);

/// <summary>A line of the table, to be drawn.</summary>
/// <param name="Network">The network's name.</param>
/// <param name="Scheme">The scheme's name.</param>
/// <param name="HasWarmUp">Whether the learning rate was warmed up.</param>
/// <param name="Error">Test errors in percent.</param>
internal sealed record Table1Point(string Network, string Scheme, bool HasWarmUp, MethodPoint Error);

/// <summary>The paper's table 1: test errors of residual networks by method.</summary>
/// <remarks>
/// Arpit, Campos and Bengio 2019, arXiv:1906.02341. Beside its rows stand those that its reviewers asked for: every scheme, PyTorch's default and the data-dependent one among them,
/// for every network, each without and with warm-up, and weight norm together with batch norm.
/// </remarks>
internal static class Table1
{
    private static readonly (string Name, string Title)[] Schemes =
    [
        ("orthogonal-pytorch-default", "PyTorch default"), ("orthogonal-data-dependent", "data-dependent"), ("orthogonal-proposed", "proposed"),
        ("orthogonal-bn", "batch norm"), ("orthogonal-wn-bn", "weight + batch"),
    ];

    private static readonly bool[] WithoutAndWithWarmUp = [false, true];

    // What the paper prints, by recipe, scheme and warm-up.
    private static readonly Dictionary<(string Recipe, string Scheme, bool HasWarmUp), string> Paper = new()
    {
        [("cifar10-resnet56", "orthogonal-data-dependent", false)] = "9.19 ± 0.24",
        [("cifar10-resnet56", "orthogonal-proposed", false)] = "7.87 ± 0.14",
        [("cifar10-resnet56", "orthogonal-proposed", true)] = "7.20 ± 0.12",
        [("cifar10-resnet56", "orthogonal-bn", false)] = "6.97 (He et al.)",
        [("cifar10-resnet110", "orthogonal-data-dependent", false)] = "9.33 ± 0.10",
        [("cifar10-resnet110", "orthogonal-proposed", false)] = "7.71 ± 0.14",
        [("cifar10-resnet110", "orthogonal-proposed", true)] = "6.69 ± 0.11",
        [("cifar10-resnet110", "orthogonal-bn", false)] = "6.61 ± 0.16 (He et al.)",
        [("cifar10-wrn40-10", "orthogonal-data-dependent", false)] = "6.10 ± 0.23",
        [("cifar10-wrn40-10", "orthogonal-proposed", false)] = "4.74 ± 0.14",
        [("cifar10-wrn40-10", "orthogonal-proposed", true)] = "4.75 ± 0.08",
        [("cifar10-wrn40-10", "orthogonal-bn", false)] = "3.53 ± 0.38",
        [("cifar100-resnet164", "orthogonal-data-dependent", false)] = "30.26 ± 0.51",
        [("cifar100-resnet164", "orthogonal-proposed", false)] = "27.30 ± 0.49",
        [("cifar100-resnet164", "orthogonal-proposed", true)] = "25.31 ± 0.26",
        [("cifar100-resnet164", "orthogonal-bn", false)] = "25.52 ± 0.17",
    };

    // Of several learning rates, validation chooses one for each network, scheme, warm-up and seed: a rate that suits one scheme says nothing of another.
    private sealed record Sizes(IReadOnlyList<Net> Nets, int Epochs, int WarmUpEpochs, int Seeds, double[] LearningRates);

    // A recipe, and what differs from it at this scale.
    private sealed record Net(string Recipe, string Name, Dictionary<string, object> Differences);

    public static IReadOnlyList<string> Titles { get; } = ["network", "scheme", "warm-up", "test error %", "seeds", "diverged", "learning rate", "paper"];

    /// <summary>All runs, and the table that they come to.</summary>
    public static RunsPlan<Table1Result> Plan(RunsWork work)
    {
        var subset = new Dictionary<string, object> { ["images"] = 2_500, ["batch"] = 32 };
        var sizes = work.Scale.Choose<Sizes>(
            smoke: new([new("toy-mlp", "ResNet-8", new() { ["model"] = Architecture.Resnet, ["depth"] = 8, ["width"] = 4, ["images"] = 100 })], 1, 1, 1, [0.01]),
            cpu: new([new("cifar10-resnet20", "ResNet-20", subset), new("cifar10-resnet56", "ResNet-56", subset)], 4, 1, 2, [0.01, 0.1]),
            paper: new(
                [
                    new("cifar10-resnet56", "ResNet-56", []), new("cifar10-resnet110", "ResNet-110", []), new("cifar10-wrn40-10", "WRN-40-10 + cutout", []),
                    new("cifar100-resnet164", "CIFAR-100 ResNet-164 + cutout", []),
                ],
                200, 5, 5, [0.01, 0.05, 0.1]));
        (Net Net, string Scheme, bool HasWarmUp, Cell[] Cells)[] methods =
        [
            .. from net in sizes.Nets
               from scheme in Schemes
               from hasWarmUp in WithoutAndWithWarmUp
               select (net, scheme.Name, hasWarmUp, Cells(net, scheme.Name, hasWarmUp)),
        ];
        return new([.. methods.SelectMany(method => method.Cells)], sizes, Conclude);

        Cell[] Cells(Net net, string scheme, bool hasWarmUp) =>
        [
            .. from rate in sizes.LearningRates
               from seed in work.Seeds(sizes.Seeds)
               select work.Cell(
                   FormattableString.Invariant($"{net.Recipe}-{scheme}{(hasWarmUp ? "-warm-up" : "")}-lr-{rate}"), net.Recipe, seed,
                   [
                       .. net.Differences.Select(difference => (difference.Key, difference.Value)), ("scheme", Scheme.Parse(scheme)), ("epochs", sizes.Epochs),
                       ("warmUpEpochs", hasWarmUp ? sizes.WarmUpEpochs : 0), ("learningRate", rate),
                   ]),
        ];

        Table1Result Conclude()
        {
            var numbers = new CsvText("network", "scheme", "warm_up_epochs", "error_percent_mean", "error_percent_deviation", "seeds", "diverged", "learning_rates", "paper");
            var runs = new CsvText("network", "scheme", "warm_up_epochs", "learning_rate", "seed", "chosen", "state", "error_percent", "validation_best", "epochs", "seconds", "reason", "run");
            var (rows, points) = (new List<string[]>(), new List<Table1Point>());
            foreach (var (net, scheme, hasWarmUp, cells) in methods)
            {
                var outcomes = cells.Select(CellOutcome.Read).ToArray();
                var chosen = CellOutcome.ChosenOnValidation(outcomes, sizes.LearningRates.Length, run => run.Settings.Seed).ToDictionary(run => run.Settings.Seed);
                foreach (var run in outcomes)
                {
                    var isChosen = chosen.TryGetValue(run.Settings.Seed, out var best) ? run == best ? "yes" : "no" : "";
                    runs.Add(
                        net.Name, scheme, run.Settings.WarmUpEpochs, run.Settings.LearningRate, run.Settings.Seed, isChosen, run.State, Error(run), run.Validation.DefaultIfEmpty(double.NaN).Max(), run.Validation.Count,
                        run.Seconds, run.Reason, Path.GetFileName(run.Cell.Folder));
                }

                CellOutcome[] tested = [.. chosen.Values.Where(run => double.IsFinite(run.Test))];
                double[] errors = [.. tested.Select(Error)];
                var (error, diverged) = (Sample.Of(errors), chosen.Values.Count(run => run.HasDiverged));
                points.Add(new(net.Name, scheme, hasWarmUp, new(error, diverged, chosen.Count)));
                var rates = tested.Length == 0
                    ? "-" : string.Join(" and ", tested.Select(run => run.Settings.LearningRate).Distinct().Order().Select(rate => rate.ToString(CultureInfo.InvariantCulture)));
                var paper = Paper.GetValueOrDefault((net.Recipe, scheme, hasWarmUp), "-");
                numbers.Add(net.Name, scheme, hasWarmUp ? sizes.WarmUpEpochs : 0, error.Mean, error.Deviation, errors.Length, diverged, rates, paper);
                rows.Add([net.Name, scheme, hasWarmUp ? "yes" : "no", $"{error}", $"{errors.Length}", diverged.ToString(CultureInfo.InvariantCulture), rates, paper]);
            }

            return new(rows, numbers, runs, Panels(points));
        }
    }

    /// <summary>The table's picture: a panel for each network.</summary>
    /// <param name="points">Lines of the table, in its order: of each network every method, without and with warm-up.</param>
    public static IReadOnlyList<Panel> Panels(IEnumerable<Table1Point> points) =>
    [
        .. from network in points.GroupBy(point => point.Network)
           let ways = WithoutAndWithWarmUp.Select(hasWarmUp => new MethodWay(
               hasWarmUp ? "with warm-up" : "without warm-up", [.. network.Where(point => point.HasWarmUp == hasWarmUp).Select(point => point.Error)]))
           select MethodPanel.Of(
               network.Key, "test error, %", "method", [.. network.Select(point => point.Scheme).Distinct().Select(name => Schemes.First(scheme => scheme.Name == name).Title)], [.. ways], "diverged"),
    ];

    // Of those that were tested: a network that diverged has no error, and is counted apart.
    private static double Error(CellOutcome run) => 100 * (1 - run.Test);
}
