using RlWn.Experiments.Cells;
using RlWn.Experiments.Runs;
using RlWn.Experiments.Supervised;
using RlWn.Init;

namespace RlWn.Experiments.Figures;

/// <summary>The paper's figure 2: how deep plain networks can be, and how many hyperparameters suit them, by initialization.</summary>
/// <remarks>
/// Arpit, Campos and Bengio 2019, arXiv:1906.02341. Left: an MLP on MNIST against depth. Middle: 48 combinations of hyperparameters of an MLP of 20 layers, sorted by result.
/// Right: a CNN on CIFAR-10 against depth. Which 48 combinations the paper took is not known here; these are every combination of four learning rates, two momenta,
/// three weight decays and two schedules.
/// </remarks>
internal static class Figure2
{
    private const int Depth = 20;   // of the MLP in the middle

    private static readonly (string Name, string Title)[] Schemes =
    [
        ("orthogonal-proposed", "proposed"), ("orthogonal-data-dependent", "data-dependent"), ("orthogonal-pytorch-default", "PyTorch default"),
    ];

    // Images: at most so many of the training set, and of the test set. Of several learning rates, validation chooses one for each depth, scheme and seed.
    private sealed record NetSizes(string Recipe, int[] Depths, int Width, int? Images, int Epochs, int Batch, int Seeds, double[] LearningRates);

    private sealed record Combination(double LearningRate, double Momentum, double WeightDecay, LearningRateSchedule Schedule)
    {
        public string Name => FormattableString.Invariant($"lr-{LearningRate}-momentum-{Momentum}-decay-{WeightDecay}-{Runs.Setting.Text(Schedule)}");
    }

    private sealed record Sizes(NetSizes Mlp, NetSizes Cnn, int CombinationDepth, int CombinationEpochs, Combination[] Combinations);

    /// <summary>All runs, and the picture that they come to.</summary>
    public static RunsPlan<FigureResult> Plan(RunsWork work)
    {
        var sizes = work.Scale.Choose(
            smoke: new Sizes(
                new("toy-mlp", [2, 5], 16, 200, 1, 50, 1, [0.01]), new("toy-mlp", [5], 8, 200, 1, 50, 1, [0.01]), CombinationDepth: 2, CombinationEpochs: 1, [.. Combinations().Take(2), Worst]),
            cpu: new(
                new("mnist-mlp", [2, 5, 10, 20, 100, 200], 128, 20_000, 10, 128, 2, [0.001, 0.01]), new("cifar10-cnn", [5, 25, 100], 16, 20_000, 8, 64, 1, [0.003, 0.01]),
                Depth, CombinationEpochs: 3, Combinations()),
            paper: new(
                new("mnist-mlp", [2, 5, 10, 20, 100, 200], 512, null, 50, 128, 5, [0.001, 0.01, 0.1]), new("cifar10-cnn", [5, 25, 100], 128, null, 200, 128, 5, [0.001, 0.01, 0.1]),
                Depth, CombinationEpochs: 50, Combinations()));

        var mlps = ByDepth(work, "mlp", sizes.Mlp, ("model", Architecture.Mlp));
        var cnns = ByDepth(work, "cnn", sizes.Cnn, ("model", Architecture.Cnn));
        Cell[] combinations =
        [
            .. from combination in sizes.Combinations
               from scheme in Schemes
               select work.Cell(
                   $"combination-{scheme.Name}-{combination.Name}", sizes.Mlp.Recipe, work.Seed,
                   [
                       .. Of(sizes.Mlp, sizes.CombinationDepth, scheme.Name), ("epochs", sizes.CombinationEpochs), ("learningRate", combination.LearningRate),
                       ("momentum", combination.Momentum), ("weightDecay", combination.WeightDecay), ("schedule", combination.Schedule),
                   ]),
        ];
        return new([.. mlps, .. combinations, .. cnns], sizes, () => Draw(sizes, mlps, combinations, cnns));
    }

    private static Combination Worst => Combinations()[^1];

    private static Combination[] Combinations() =>
    [
        .. from rate in new[] { 0.001, 0.01, 0.1, 1 }
           from momentum in new[] { 0, 0.9 }
           from decay in new[] { 0, 1e-4, 1e-3 }
           from schedule in new[] { LearningRateSchedule.Constant, LearningRateSchedule.Thirds }
           select new Combination(rate, momentum, decay, schedule),
    ];

    private static Cell[] ByDepth(RunsWork work, string part, NetSizes sizes, (string, object) model) =>
    [
        .. from depth in sizes.Depths
           from scheme in Schemes
           from rate in sizes.LearningRates
           from seed in work.Seeds(sizes.Seeds)
           select work.Cell(FormattableString.Invariant($"{part}-{depth}-{scheme.Name}-lr-{rate}"), sizes.Recipe, seed, [model, .. Of(sizes, depth, scheme.Name), ("learningRate", rate)]),
    ];

    private static (string Setting, object Value)[] Of(NetSizes sizes, int depth, string scheme) =>
    [
        ("depth", depth), ("width", sizes.Width), ("scheme", Scheme.Parse(scheme)), ("epochs", sizes.Epochs), ("batch", sizes.Batch),
        .. sizes.Images is { } images ? [("images", images)] : Array.Empty<(string, object)>(),
    ];

    private static FigureResult Draw(Sizes sizes, Cell[] mlps, Cell[] combinations, Cell[] cnns)
    {
        var numbers = new CsvText(
            "part", "scheme", "depth", "seed", "learning_rate", "momentum", "weight_decay", "schedule", "state", "accuracy", "validation_best", "epochs", "seconds", "reason", "run");
        var (left, middle, right) = (Read("mnist-depth", mlps), Read("combinations", combinations), Read("cifar10-depth", cnns));
        return new(
            [
                DepthPanel("MNIST, MLP", sizes.Mlp, left, hasKey: false),   // its curves leave no corner free
                new(
                    $"MNIST, MLP of {sizes.CombinationDepth} layers", new("hyperparameters, by result", 0, sizes.Combinations.Length, Ticks.Whole(0, sizes.Combinations.Length)), Accuracy,
                    [.. Schemes.Select((scheme, i) => Sorted((Stroke)i, scheme.Title, [.. middle.Where(run => run.Settings.Scheme.Name == scheme.Name)]))]),
                DepthPanel("CIFAR-10, CNN", sizes.Cnn, right),
            ],
            3, 260, numbers, sizes);

        CellOutcome[] Read(string part, Cell[] cells)
        {
            var runs = cells.Select(CellOutcome.Read).ToArray();
            foreach (var run in runs)
            {
                var at = run.Settings;
                numbers.Add(
                    part, at.Scheme.Name, at.Depth, at.Seed, at.LearningRate, at.Momentum, at.WeightDecay, Runs.Setting.Text(at.Schedule),
                    run.State, run.Accuracy, run.Validation.DefaultIfEmpty(double.NaN).Max(), run.Validation.Count, run.Seconds, run.Reason, Path.GetFileName(run.Cell.Folder));
            }

            return [.. runs.Where(run => run.Outcome is not null)];
        }
    }

    private static Axis Accuracy => new("test accuracy", 0, 1, 0, 0.2, 0.4, 0.6, 0.8, 1);

    private static Panel DepthPanel(string title, NetSizes sizes, CellOutcome[] runs, bool hasKey = true) => new(
        title,
        new("layers", sizes.Depths[0], Math.Max(sizes.Depths[^1], sizes.Depths[0] + 1), [.. sizes.Depths.Select(depth => (double)depth)]) { IsLogarithmic = true }, Accuracy,
        [
            .. Schemes.Select((scheme, i) => SeedCurve.Of(
                (Stroke)i, hasKey ? scheme.Title : "",
                from run in CellOutcome.ChosenOnValidation(runs.Where(run => run.Settings.Scheme.Name == scheme.Name), sizes.LearningRates.Length, run => (run.Settings.Depth, run.Settings.Seed))
                select ((double)run.Settings.Depth, run.Accuracy))),
        ]);

    private static Series Sorted(Stroke stroke, string title, CellOutcome[] runs)
    {
        double[] sorted = [.. runs.Select(run => run.Accuracy).OrderDescending()];
        return new(stroke, [.. Enumerable.Range(1, sorted.Length).Select(i => (double)i)], sorted) { Label = title };
    }
}
