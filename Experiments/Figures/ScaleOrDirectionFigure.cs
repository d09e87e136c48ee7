using System.Globalization;
using RlWn.Experiments.Runs;
using RlWn.Init;
using RlWn.Networks;
using ScottPlot;
using static TorchSharp.torch;

namespace RlWn.Experiments.Figures;

/// <summary>Which of scale and direction matters: three choices of g, each with orthogonal and with He directions.</summary>
/// <remarks>
/// A deep MLP at the start, layer by layer, and over its first steps of training on a synthetic task: to tell which of ten random directions a Gaussian
/// input lies nearest to. Norms are those of a typical network: geometric means over networks and inputs.
/// </remarks>
internal static class ScaleOrDirectionFigure
{
    private const int Classes = 10;
    private const double LearningRate = 0.002, Momentum = 0.9;

    private static readonly (string Name, string Title, ScaleRule Rule)[] Lengths =
    [
        ("proposed", "g as proposed: √2", ScaleRule.Proposed),
        ("one", "g = 1", ScaleRule.Proposed),
        ("of-v", "g = length of v's rows", ScaleRule.PyTorchDefault),
    ];

    private static readonly Direction[] Directions = [Direction.Orthogonal, Direction.He];

    private sealed record Sizes(int Networks, int Inputs, int Dimension, int Width, int Layers, int TrainedNetworks, int Steps, double LearningRate, double Momentum);

    private sealed record Outcome(RatioSpread[] Up, RatioSpread[] Down, double[] Loss, double[] LossDeviation);

    public static FigureResult Make(FigureWork work)
    {
        var sizes = work.Scale.Choose<Sizes>(
            smoke: new(2, 64, 16, 32, 10, 2, 5, LearningRate, Momentum),
            cpu: new(10, 256, 64, 128, 50, 5, 200, LearningRate, Momentum),
            paper: new(50, 1_024, 64, 512, 50, 10, 500, LearningRate, Momentum));
        var numbers = new CsvText("quantity", "scale", "directions", "index", "value", "deviation", "theory");
        var (done, all) = (0, Lengths.Length * Directions.Length);
        var outcomes = new Dictionary<(string, Direction), Outcome>();
        foreach (var length in Lengths)
        {
            foreach (var direction in Directions)
            {
                work.Work?.Show((double)done++ / all, $"{length.Title}, {direction} directions");
                outcomes[(length.Name, direction)] = Measure(work, sizes, length.Name, new Scheme(direction, length.Rule));
            }
        }

        Panel[] panels =
        [
            .. Row("forward", "norm of output (input = 1)", Lengths.Select(length => length.Title)),
            .. Row("backward", "norm of gradient (last = 1)", Lengths.Select(length => length.Title)),
            .. Losses(),
        ];
        return new(panels, Lengths.Length, 225, numbers, sizes);

        IEnumerable<Panel> Row(string quantity, string unit, IEnumerable<string> titles)
        {
            foreach (var ((name, _, _), title) in Lengths.Zip(titles))
            {
                yield return new(
                    title, new($"layer of {sizes.Layers}", 1, sizes.Layers, [1, .. Enumerable.Range(1, 5).Select(i => (double)(i * sizes.Layers / 5))]),
                    new(name == Lengths[0].Name ? unit : "", 1e-8, 10, 1e-8, 1e-6, 1e-4, 1e-2, 1) { IsLogarithmic = true, Format = Power },
                    [.. Directions.SelectMany(direction => Ratios(quantity, name, direction))])
                { KeyAt = quantity == "forward" ? Alignment.LowerLeft : Alignment.LowerRight };
            }
        }

        IEnumerable<Series> Ratios(string quantity, string name, Direction direction)
        {
            var isUp = quantity == "forward";
            var measured = isUp ? outcomes[(name, direction)].Up : outcomes[(name, direction)].Down;
            var theory = Theory(sizes, name, direction, isUp);
            for (var l = 0; l < measured.Length; l++)
                numbers.Add(quantity, name, Word(direction), l + 1, measured[l].Typical, measured[l].LogDeviation, theory[l]);

            double[] layers = [.. Enumerable.Range(1, measured.Length)];
            yield return new(Stroke.Theory, layers, theory);
            yield return new(Line(direction), layers, [.. measured.Select(spread => spread.Typical)])
            {
                Band = ([.. measured.Select(spread => spread.Typical * Math.Exp(-spread.LogDeviation))], [.. measured.Select(spread => spread.Typical * Math.Exp(spread.LogDeviation))]),
                Label = direction == Direction.He ? "He" : "orthogonal",
            };
        }

        IEnumerable<Panel> Losses()
        {
            var chance = Math.Log(Classes);
            foreach (var (name, title, _) in Lengths)
            {
                var series = new List<Series>
                {
                    new(Stroke.Theory, [0, sizes.Steps], [chance, chance]) { Label = name == Lengths[0].Name ? "chance: ln 10" : "" },
                };
                foreach (var direction in Directions)
                {
                    var outcome = outcomes[(name, direction)];
                    for (var step = 0; step < outcome.Loss.Length; step++)
                        numbers.Add("loss", name, Word(direction), step, outcome.Loss[step], outcome.LossDeviation[step], chance);
                    series.Add(new(Line(direction), [.. Enumerable.Range(0, outcome.Loss.Length).Select(step => (double)step)], outcome.Loss)
                    {
                        Band = ([.. outcome.Loss.Zip(outcome.LossDeviation, (loss, deviation) => loss - deviation)], [.. outcome.Loss.Zip(outcome.LossDeviation, (loss, deviation) => loss + deviation)]),
                        Label = string.Create(CultureInfo.InvariantCulture, $"{(direction == Direction.He ? "He" : "orthogonal")}: {outcome.Loss[^1]:0.00}"),
                    });
                }

                yield return new(title, new("step of training", 0, sizes.Steps, [.. Enumerable.Range(0, 6).Select(i => i * sizes.Steps / 5.0)]), new(name == Lengths[0].Name ? "training loss (nats)" : "", 0, 3, 0, 1, 2, 3), series) { KeyAt = Alignment.LowerLeft };
            }
        }
    }

    private static Outcome Measure(FigureWork work, Sizes sizes, string length, Scheme scheme)
    {
        var profiles = new List<NormProfile>();
        for (var i = 0; i < sizes.Networks; i++)
        {
            using var scope = NewDisposeScope();
            using var network = Network(work, sizes, length, scheme);
            Norms.Freeze(network);
            var x = randn(sizes.Inputs, sizes.Width, ScalarType.Float32, work.Device, generator: work.Generator);
            // The first layer takes the task's inputs; the norms are those of the square layers after it.
            profiles.Add(Norms.Plain([.. HiddenLayers(network).Skip(1)], x, work.Generator));
        }

        var losses = Enumerable.Range(0, sizes.TrainedNetworks).Select(_ => Train(work, sizes, length, scheme)).ToArray();
        var means = Enumerable.Range(0, sizes.Steps + 1).Select(step => losses.Average(loss => loss[step])).ToArray();
        return new(
            RatioSpread.ByLayer([.. profiles.Select(profile => profile.Forward)]), RatioSpread.ByLayer([.. profiles.Select(profile => profile.Backward)]), means,
            [.. means.Select((mean, step) => Math.Sqrt(losses.Average(loss => (loss[step] - mean) * (loss[step] - mean))))]);
    }

    private static Mlp Network(FigureWork work, Sizes sizes, string length, Scheme scheme)
    {
        var init = new Initializer(work.Generator, scheme.Direction, work.Device);
        var network = new Mlp(sizes.Dimension, [.. Enumerable.Repeat(sizes.Width, sizes.Layers + 1)], Classes, OutputLayer.PyTorchDefault, 1, init, scheme);
        if (length == "one")
        {
            using var noGrad = no_grad();
            foreach (var layer in HiddenLayers(network))
                layer.weight_g!.fill_(1);
        }

        return network;
    }

    private static IEnumerable<WeightNormLinear> HiddenLayers(Mlp network) => network.children().OfType<WeightNormLinear>();

    // The loss before each step, and after the last.
    private static double[] Train(FigureWork work, Sizes sizes, string length, Scheme scheme)
    {
        using var scope = NewDisposeScope();
        using var network = Network(work, sizes, length, scheme);
        using var optimizer = optim.SGD(network.parameters(), LearningRate, Momentum);
        var x = randn(sizes.Inputs, sizes.Dimension, ScalarType.Float32, work.Device, generator: work.Generator);
        var target = x.mm(randn(sizes.Dimension, Classes, ScalarType.Float32, work.Device, generator: work.Generator)).argmax(1);
        var losses = new double[sizes.Steps + 1];
        for (var step = 0; step <= sizes.Steps; step++)
        {
            using var update = NewDisposeScope();
            var loss = nn.functional.cross_entropy(network.call(x), target);
            losses[step] = loss.item<float>();
            optimizer.zero_grad();
            loss.backward();
            optimizer.step();
        }

        return losses;
    }

    // The typical ratio, layer by layer; for g = ||v|| with the mean length of v's rows, √2 for He directions and 1 for orthogonal ones.
    private static double[] Theory(Sizes sizes, string length, Direction direction, bool isUp)
    {
        var g = length == "proposed" || (length == "of-v" && direction == Direction.He) ? Math.Sqrt(2) : 1;
        var layer = MeanField.Layer(new(sizes.Width, sizes.Width), direction, g);
        return [.. Enumerable.Range(1, sizes.Layers).Select(l => isUp ? Math.Pow(layer.Forward.Typical, l) : Math.Pow(layer.Backward.Typical, sizes.Layers - l))];
    }

    private static Stroke Line(Direction direction) => direction == Direction.Orthogonal ? Stroke.First : Stroke.Second;

    private static string Word(Direction direction) => direction == Direction.Orthogonal ? "orthogonal" : "he";

    private static string Power(double value) => value == 1 ? "1" : string.Create(CultureInfo.InvariantCulture, $"1e{Math.Round(Math.Log10(value)):0}");
}
