using System.Globalization;
using RlWn.Experiments.Runs;
using RlWn.Init;
using RlWn.Networks;
using ScottPlot;
using static TorchSharp.torch;

namespace RlWn.Experiments.Figures;

/// <summary>The paper's figure 1: norms going up and gradients coming down, in plain and in residual networks.</summary>
/// <remarks>
/// Arpit, Campos and Bengio 2019, arXiv:1906.02341, by the protocol of the authors' notebook: 1,000 Gaussian inputs of 500 numbers; 20 layers of widths drawn
/// from m ± 50; 40 residual blocks on 500 numbers, of inner width m. What differs here: several networks instead of one, the root of the mean square
/// instead of the mean (theory is exact for it), and gradients by backpropagation, where the notebook's residual gradient has its ReLU on the wrong side.
/// </remarks>
internal static class NormsFigure
{
    private static readonly Start[] Starts =
    [
        new("he-g1", "He, g = 1", Direction.He, (_, _) => 1),
        new("orthogonal-proposed", "proposed, orthogonal", Direction.Orthogonal, WeightNormScale.Forward),
        new("he-proposed", "proposed, He", Direction.He, WeightNormScale.Forward),
    ];

    private sealed record Start(string Name, string Title, Direction Direction, Func<Gain, Fans, double> Scale);

    private sealed record Sizes(int Networks, int Inputs, int Dimension, int Layers, int Blocks, int[] Widths, int WidthSpread);

    // One curve: measured layer by layer, and √ E ratio² by theory.
    private sealed record Curve(Start Start, int Width, RatioSpread[] Measured, double[] Theory);

    public static FigureResult Make(FigureWork work)
    {
        var sizes = work.Scale.Choose<Sizes>(
            smoke: new(2, 100, 60, 8, 10, [40, 80], 10), cpu: new(5, 1_000, 500, 20, 40, [200, 1_000], 50), paper: new(20, 1_000, 500, 20, 40, [200, 1_000], 50));
        var numbers = new CsvText("network", "quantity", "scheme", "width", "layer", "root_mean_square", "mean", "deviation", "theory_root_mean_square");
        var (up, down, sumUp, sumDown) = (new List<Curve>(), new List<Curve>(), new List<Curve>(), new List<Curve>());
        var (done, all) = (0, Starts.Length * sizes.Widths.Length);
        foreach (var start in Starts)
        {
            foreach (var width in sizes.Widths)
            {
                work.Work?.Show((double)done++ / all, $"{start.Title}, width {width}");
                Plain(work, sizes, start, width, up, down);
                Residual(work, sizes, start, width, sumUp, sumDown);
            }
        }

        Panel[] panels =
        [
            .. Row("plain", "forward", up, numbers, "norm of output (input = 1)", "layer", 2),
            .. Row("plain", "backward", down, numbers, "norm of gradient (last = 1)", "layer", 2),
            .. Row("residual", "forward", sumUp, numbers, "norm of output (input = 1)", "block", 4),
            .. Row("residual", "backward", sumDown, numbers, "norm of gradient (last = 1)", "block", 4),
        ];
        return new(panels, Starts.Length, 210, numbers, sizes);
    }

    private static void Plain(FigureWork work, Sizes sizes, Start start, int width, List<Curve> up, List<Curve> down)
    {
        var profiles = new List<NormProfile>();
        var (theoryUp, theoryDown) = (new double[sizes.Layers], new double[sizes.Layers]);
        for (var network = 0; network < sizes.Networks; network++)
        {
            using var scope = NewDisposeScope();
            var init = new Initializer(work.Generator, start.Direction, work.Device);
            var spread = randint(width - sizes.WidthSpread, width + sizes.WidthSpread + 1, [sizes.Layers], ScalarType.Int64, work.Device, generator: work.Generator);
            long[] widths = [sizes.Dimension, .. spread.cpu().data<long>()];
            var fans = widths.Zip(widths.Skip(1), (inputs, outputs) => new Fans(inputs, outputs)).ToArray();

            using var layers = new Layers([.. fans.Select(layer => Norms.Layer(layer, start.Scale(Gain.BeforeRelu, layer), init))]);
            profiles.Add(Norms.Plain([.. layers.All], Inputs(work, sizes), work.Generator));
            var (forward, backward) = (1.0, 1.0);
            for (var l = 0; l < sizes.Layers; l++)
            {
                var above = sizes.Layers - 1 - l;
                forward *= Square(l).Forward.MeanSquare;
                theoryUp[l] += forward / sizes.Networks;
                theoryDown[above] += backward / sizes.Networks;
                backward *= Square(above).Backward.MeanSquare;
            }

            NormRatios Square(int l) => MeanField.Layer(fans[l], start.Direction, start.Scale(Gain.BeforeRelu, fans[l]));
        }

        up.Add(new(start, width, RatioSpread.ByLayer([.. profiles.Select(profile => profile.Forward)]), [.. theoryUp.Select(Math.Sqrt)]));
        down.Add(new(start, width, RatioSpread.ByLayer([.. profiles.Select(profile => profile.Backward)]), [.. theoryDown.Select(Math.Sqrt)]));
    }

    private static void Residual(FigureWork work, Sizes sizes, Start start, int width, List<Curve> up, List<Curve> down)
    {
        var (first, last) = (new Fans(sizes.Dimension, width), new Fans(width, sizes.Dimension));
        var (scaleFirst, scaleLast) = (start.Scale(Gain.BeforeRelu, first), start.Scale(Gain.LastOfBlock(sizes.Blocks), last));
        var profiles = new List<NormProfile>();
        for (var network = 0; network < sizes.Networks; network++)
        {
            using var scope = NewDisposeScope();
            var init = new Initializer(work.Generator, start.Direction, work.Device);
            using var layers = new Layers([.. Enumerable.Range(0, 2 * sizes.Blocks)
                .Select(i => i % 2 == 0 ? Norms.Layer(first, scaleFirst, init) : Norms.Layer(last, scaleLast, init))]);
            profiles.Add(Norms.Residual([.. layers.All.Chunk(2).Select(pair => (pair[0], pair[1]))], Inputs(work, sizes), work.Generator));
        }

        // A block adds the square that its two layers and the ReLU between them pass on: 1/B as proposed, 1/2 at g = 1.
        var share = scaleFirst * scaleFirst * scaleLast * scaleLast / 2;
        var growth = Enumerable.Range(0, sizes.Blocks + 1).Select(b => Math.Pow(1 + share, b / 2.0)).ToArray();
        up.Add(new(start, width, RatioSpread.ByLayer([.. profiles.Select(profile => profile.Forward)]), growth[1..]));
        down.Add(new(start, width, RatioSpread.ByLayer([.. profiles.Select(profile => profile.Backward)]), [.. growth[..^1].Reverse()]));
    }

    private static Tensor Inputs(FigureWork work, Sizes sizes) => randn(sizes.Inputs, sizes.Dimension, ScalarType.Float32, work.Device, generator: work.Generator);

    private static IEnumerable<Panel> Row(string network, string quantity, List<Curve> curves, CsvText numbers, string unit, string index, double greatest)
    {
        foreach (var curve in curves)
        {
            for (var l = 0; l < curve.Theory.Length; l++)
            {
                var measured = curve.Measured[l];
                numbers.Add(network, quantity, curve.Start.Name, curve.Width, l + 1, measured.RootMeanSquare, measured.Mean, measured.Deviation, curve.Theory[l]);
            }
        }

        foreach (var start in Starts)
        {
            var mine = curves.Where(curve => curve.Start == start).OrderBy(curve => curve.Width).ToArray();
            var depth = mine[0].Theory.Length;
            var isFirst = start == Starts[0];
            yield return new(
                $"{network}, {start.Title}",
                new($"{index} of {depth}", 1, depth, [1, .. Enumerable.Range(1, 4).Select(quarter => (double)(quarter * depth / 4))]),
                new(isFirst ? unit : "", 0, greatest, [.. Enumerable.Range(0, 5).Select(i => i * greatest / 4)]),
                [.. mine.SelectMany((curve, i) => Series(curve, (Stroke)i, quantity == "forward"))])
            {
                KeyAt = (network, isFirst, quantity) switch   // at g = 1 residual networks leave the panel at the top
                {
                    ("residual", true, "forward") => Alignment.LowerRight,
                    ("residual", true, _) => Alignment.LowerLeft,
                    _ => Alignment.UpperRight,
                },
            };
        }
    }

    private static IEnumerable<Series> Series(Curve curve, Stroke stroke, bool isUp)
    {
        double[] index = [.. Enumerable.Range(1, curve.Theory.Length)];
        var end = isUp ? curve.Measured[^1].RootMeanSquare : curve.Measured[0].RootMeanSquare;
        yield return new(Stroke.Theory, index, curve.Theory);
        yield return new(stroke, index, [.. curve.Measured.Select(spread => spread.RootMeanSquare)])
        {
            Band = ([.. curve.Measured.Select(spread => spread.RootMeanSquare - spread.Deviation)], [.. curve.Measured.Select(spread => spread.RootMeanSquare + spread.Deviation)]),
            Label = string.Create(CultureInfo.InvariantCulture, $"width {curve.Width:#,0}: {Number(end)} at {(isUp ? "end" : "start")}"),
        };
    }

    private static string Number(double value) => value.ToString(value < 0.01 ? "0.0000" : value < 100 ? "0.00" : "#,0", CultureInfo.InvariantCulture);
}

/// <summary>The layers of one network, disposed of together.</summary>
internal sealed class Layers(WeightNormLinear[] all) : IDisposable
{
    public IReadOnlyList<WeightNormLinear> All => all;

    public void Dispose()
    {
        foreach (var layer in all)
            layer.Dispose();
    }
}
