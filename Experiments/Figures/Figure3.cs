using RlWn.Experiments.Cells;
using RlWn.Experiments.Runs;
using RlWn.Experiments.Supervised;
using RlWn.Init;

namespace RlWn.Experiments.Figures;

/// <summary>The paper's figure 3: residual networks of 10 to 10,000 layers, and how many seeds survive which learning rate.</summary>
/// <remarks>
/// Arpit, Campos and Bengio 2019, arXiv:1906.02341. Above: a WideResNet against depth after one epoch, and after several, which their reviewers asked for.
/// Below: the share of seeds that reach the end of an epoch without diverging, without and with warm-up, for every scheme. Divergence is a result here, and no failure.
/// </remarks>
internal static class Figure3
{
    private static readonly (string Name, string Title)[] Schemes =
    [
        ("orthogonal-proposed", "proposed"), ("orthogonal-data-dependent", "data-dependent"), ("orthogonal-pytorch-default", "PyTorch default"),
        ("orthogonal-hanin", "stage-wise Hanin"),
    ];

    // Of 10,000 layers only the activations between blocks are kept, and a few images go through at a time.
    private const int RecomputeFrom = 1_000, MicroBatch = 32;

    // Of several learning rates, validation chooses one for each depth, scheme and seed: 10,000 layers diverge at 0.01, where 1,000 learn well.
    private sealed record Deep(int[] Depths, int? Images, int Batch, int Epochs, int Seeds, double[] LearningRates);

    private sealed record Survival(int Depth, int Widening, int? Images, int Batch, int Epochs, int Seeds, double[] LearningRates, int WarmUpEpochs, bool ReducedMemory = false);

    private sealed record Sizes(string Recipe, Deep Deep, Survival Survival);

    /// <summary>All runs, and the picture that they come to.</summary>
    public static RunsPlan<FigureResult> Plan(RunsWork work)
    {
        double[] rates = [0.001, 0.005, 0.01, 0.05, 0.1];
        var sizes = work.Scale.Choose<Sizes>(
            smoke: new("toy-mlp", new([10, 16], 100, 50, 2, 1, [0.001, 0.01]), new(10, 1, 100, 50, 1, 1, [0.01, 0.1], 1)),
            cpu: new("cifar10-wrn16-4", new([10, 100, 1_000], 2_500, 32, 3, 2, [0.01]), new(40, 1, 1_000, 32, 3, 5, rates, 1, ReducedMemory: true)),
            paper: new("cifar10-wrn40-10", new([10, 100, 1_000, 10_000], null, 128, 5, 3, [0.001, 0.01]), new(40, 10, null, 128, 3, 20, rates, 1)));

        Cell[] deep =
        [
            .. from depth in sizes.Deep.Depths
               from scheme in Schemes
               from rate in sizes.Deep.LearningRates
               from seed in work.Seeds(sizes.Deep.Seeds)
               let isDeep = depth >= RecomputeFrom
               select work.Cell(
                   FormattableString.Invariant($"depth-{depth}-{scheme.Name}-lr-{rate}"), sizes.Recipe, seed,
                   [
                       .. Net(depth, 1, scheme.Name, sizes.Deep.Images, sizes.Deep.Batch, sizes.Deep.Epochs, rate),
                       ("augmentation", Alteration.CropAndFlip), ("reducedMemory", true), ("validationShare", 0.2), ("recompute", isDeep),
                       .. isDeep ? [("microBatch", Math.Min(MicroBatch, sizes.Deep.Batch))] : Array.Empty<(string, object)>(),
                   ]),
        ];
        Cell[] survival =
        [
            .. from rate in sizes.Survival.LearningRates
               from warmUp in new[] { 0, sizes.Survival.WarmUpEpochs }
               from scheme in Schemes
               from seed in work.Seeds(sizes.Survival.Seeds)
               select work.Cell(
                   FormattableString.Invariant($"survival-{scheme.Name}-lr-{rate}-warm-up-{warmUp}"), sizes.Recipe, seed,
                   [
                       .. Net(sizes.Survival.Depth, sizes.Survival.Widening, scheme.Name, sizes.Survival.Images, sizes.Survival.Batch, sizes.Survival.Epochs, rate),
                       ("warmUpEpochs", warmUp), ("reducedMemory", sizes.Survival.ReducedMemory),
                   ]),
        ];
        return new([.. deep, .. survival], sizes, () => Draw(sizes, deep, survival));
    }

    private static (string Setting, object Value)[] Net(int depth, int widening, string scheme, int? images, int batch, int epochs, double rate) =>
    [
        ("model", Architecture.Wrn), ("depth", depth), ("widening", widening), ("scheme", Scheme.Parse(scheme)), ("batch", batch), ("epochs", epochs), ("learningRate", rate),
        ("schedule", LearningRateSchedule.Constant), .. images is { } most ? [("images", most)] : Array.Empty<(string, object)>(),
    ];

    private static FigureResult Draw(Sizes sizes, Cell[] deep, Cell[] survival)
    {
        var numbers = new CsvText("part", "scheme", "depth", "learning_rate", "warm_up_epochs", "seed", "state", "epochs", "validation_first", "validation_last", "test", "seconds", "reason", "run");
        var (depths, seeds) = (Read("depth", deep), Read("survival", survival));
        return new(
            [
                DepthPanel("after one epoch", 1), DepthPanel($"after {sizes.Deep.Epochs} epochs", sizes.Deep.Epochs),
                SurvivalPanel("no warm-up", 0), SurvivalPanel("with warm-up", sizes.Survival.WarmUpEpochs),
            ],
            2, 270, numbers, sizes);

        CellOutcome[] Read(string part, Cell[] cells)
        {
            var runs = cells.Select(CellOutcome.Read).ToArray();
            foreach (var run in runs)
            {
                var at = run.Settings;
                numbers.Add(
                    part, at.Scheme.Name, at.Depth, at.LearningRate, at.WarmUpEpochs, at.Seed, run.State, run.Validation.Count, run.ValidationAfter(1), run.ValidationAfter(at.Epochs),
                    run.Test, run.Seconds, run.Reason, Path.GetFileName(run.Cell.Folder));
            }

            return [.. runs.Where(run => run.Outcome is not null)];
        }

        Panel DepthPanel(string title, int epoch) => new(
            title, new("layers", sizes.Deep.Depths[0], sizes.Deep.Depths[^1], [.. sizes.Deep.Depths.Select(depth => (double)depth)]) { IsLogarithmic = true },
            new("accuracy on validation", 0, 0.6, 0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6),
            Curves(
                [.. CellOutcome.ChosenOnValidation(depths, sizes.Deep.LearningRates.Length, run => (run.Settings.Depth, run.Settings.Scheme, run.Settings.Seed))], run => run.Settings.Depth, run => run.ValidationAfter(epoch), hasBand: true));

        Panel SurvivalPanel(string title, int warmUp) => new(
            title, new("learning rate", sizes.Survival.LearningRates[0], sizes.Survival.LearningRates[^1], sizes.Survival.LearningRates) { IsLogarithmic = true },
            new($"% of seeds at epoch {sizes.Survival.Epochs}", 0, 105, 0, 20, 40, 60, 80, 100),
            Curves([.. seeds.Where(run => run.Settings.WarmUpEpochs == warmUp)], run => run.Settings.LearningRate, run => run.HasDiverged ? 0 : 100, hasBand: false))
        {
            KeyAt = ScottPlot.Alignment.LowerLeft,
        };
    }

    private static Series[] Curves(CellOutcome[] runs, Func<CellOutcome, double> x, Func<CellOutcome, double> y, bool hasBand) =>
    [
        .. from scheme in Schemes.Index()
           let curve = SeedCurve.Of((Stroke)scheme.Index, scheme.Item.Title, from run in runs where run.Settings.Scheme.Name == scheme.Item.Name select (x(run), y(run)))
           select hasBand ? curve : curve with { Band = null },
    ];
}
