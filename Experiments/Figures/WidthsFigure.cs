using System.Globalization;
using RlWn.Experiments.Runs;
using RlWn.Init;
using static TorchSharp.torch;

namespace RlWn.Experiments.Figures;

/// <summary>What widths do to the norms: from width 4 to 4,096, and where they vary strongly from layer to layer.</summary>
/// <remarks>
/// Theory is <see cref="MeanField"/>. The upper rows ask whether its theorems need infinite width; the last one what either gain costs the other
/// direction where fan_in and fan_out differ.
/// </remarks>
internal static class WidthsFigure
{
    private const int Depth = 10;          // layers of the networks of one width
    private const int Signs = 100;         // networks that one draw of directions stands for
    private const int ManyDraws = 40_000;  // draws times width: narrow networks scatter more and cost less

    private static readonly (Direction Direction, string Name)[] Kinds = [(Direction.Orthogonal, "orthogonal"), (Direction.He, "he")];

    private static readonly (string Name, string Title, Func<Fans, double> Scale)[] Gains =
    [
        ("forward", "forward gain, g = √(2 fan_in / fan_out)", fans => WeightNormScale.Forward(Gain.BeforeRelu, fans)),
        ("backward", "backward gain, g = √2", _ => WeightNormScale.Backward(Gain.BeforeRelu)),
    ];

    private sealed record Sizes(int[] Widths, int Depth, int MostDraws, int NetworksOfOneDraw, int[] VaryingWidths, int VaryingDraws);

    private sealed record Point(int Width, int Networks, RatioSpread One, RatioSpread Up, RatioSpread Down, NormRatio TheoryOne, NormRatios Theory);

    public static FigureResult Make(FigureWork work)
    {
        int[] cycle = [64, 128, 256, 512, 256, 128];
        var sizes = new Sizes(
            work.Scale.Choose<int[]>([4, 16, 64], [.. Powers(12)], [.. Powers(12)]), Depth, work.Scale.Choose(100, 400, 2_000), Signs,
            [.. Enumerable.Range(0, 21).Select(i => cycle[i % cycle.Length] / work.Scale.Choose(4, 1, 1))], work.Scale.Choose(5, 20, 100));
        var numbers = new CsvText(
            "part", "directions", "gain", "quantity", "width", "layer", "networks", "root_mean_square", "theory_root_mean_square",
            "typical", "theory_typical", "log_deviation", "theory_log_deviation", "dead_share", "theory_dead_share");

        var points = Kinds.Select(kind => sizes.Widths.Select(width => Measure(work, sizes, kind.Direction, width)).ToArray()).ToArray();
        var panels = new List<Panel>();
        foreach (var (quantity, title, measured, theory) in ((string, string, Func<Point, RatioSpread>, Func<Point, NormRatio>)[])
        [
            ("one-layer", "1 layer, forward", point => point.One, point => point.TheoryOne),
            ("forward", $"{Depth} layers, forward", point => point.Up, point => point.Theory.Forward),
            ("backward", $"{Depth} layers, backward", point => point.Down, point => point.Theory.Backward),
        ])
        {
            for (var i = 0; i < Kinds.Length; i++)
            {
                foreach (var point in points[i])
                    Write(numbers, "one-width", Kinds[i].Name, "forward", quantity, point.Width, quantity == "one-layer" ? 1 : Depth, point.Networks, measured(point), theory(point));
                panels.Add(AgainstWidth(Kinds[i].Name == "he" ? "He" : "orthogonal", title, sizes.Widths, [.. points[i].Select(measured)], [.. points[i].Select(theory)], i == 0, quantity == "one-layer"));
            }
        }

        foreach (var gain in Gains)
            panels.Add(Varying(work, sizes, gain, numbers, gain == Gains[0]));
        return new(panels, 2, 225, numbers, sizes);
    }

    private static IEnumerable<int> Powers(int last) => Enumerable.Range(2, last - 1).Select(power => 1 << power);

    private static Point Measure(FigureWork work, Sizes sizes, Direction direction, int width)
    {
        // Orthogonal directions cost width³: all the smaller networks together as much as one of the widest.
        work.Work?.Show(direction == Direction.Orthogonal ? 0.9 * Math.Pow((double)width / sizes.Widths[^1], 3) : 0.9, $"{direction} directions, width {width}");
        var fans = new Fans(width, width);
        var g = Gains[0].Scale(fans);
        var draws = Math.Clamp(ManyDraws / (width * Depth), 1, sizes.MostDraws);
        var (one, up, down) = (new List<double>(), new List<double>(), new List<double>());
        for (var draw = 0; draw < draws; draw++)
        {
            using var scope = NewDisposeScope();
            var profile = Run(work, direction, Gains[0].Scale, [.. Enumerable.Repeat(width, Depth + 1)]);
            one.AddRange(profile.Forward[0]);
            up.AddRange(profile.Forward[^1]);
            down.AddRange(profile.Backward[0]);
        }

        var widths = Enumerable.Repeat(width, Depth + 1).ToArray();
        return new(
            width, draws * Signs, RatioSpread.Of(one), RatioSpread.Of(up), RatioSpread.Of(Alive(down)),
            MeanField.Layer(fans, direction, g).Forward, MeanField.Plain(widths, direction, Gains[0].Scale));
    }

    private static NormProfile Run(FigureWork work, Direction direction, Func<Fans, double> scale, int[] widths)
    {
        var init = new Initializer(work.Generator, direction, work.Device);
        var fans = widths.Zip(widths.Skip(1), (inputs, outputs) => new Fans(inputs, outputs));
        using var layers = new Layers([.. fans.Select(layer => Norms.Layer(layer, scale(layer), init))]);
        var x = randn(Signs, widths[0], ScalarType.Float32, work.Device, generator: work.Generator);
        return Norms.Plain([.. layers.All], x, work.Generator, ownSigns: true);
    }

    // Where a gradient is 0/0, nothing was handed in.
    private static double[] Alive(IEnumerable<double> ratios) => [.. ratios.Where(double.IsFinite)];

    private static Panel AgainstWidth(string direction, string what, int[] widths, RatioSpread[] measured, NormRatio[] theory, bool isFirst, bool isOne)
    {
        double[] xs = [.. widths];
        var x = new Axis("width of every layer", widths[0], widths[^1], [.. xs.Where((_, i) => i % 2 == 0)]) { IsLogarithmic = true };
        Series[] series = isOne
            ?
            [
                new(Stroke.Theory, xs, [.. theory.Select(ratio => Math.Sqrt(ratio.MeanSquare))]) { Label = "theory: 1 at every width" },
                new(Stroke.First, xs, [.. measured.Select(spread => spread.RootMeanSquare)])
                {
                    Band = ([.. measured.Select(spread => spread.RootMeanSquare - spread.Deviation)], [.. measured.Select(spread => spread.RootMeanSquare + spread.Deviation)]),
                    Label = "root mean square ± one deviation",
                },
            ]
            :
            [
                new(Stroke.Theory, xs, [.. theory.Select(ratio => ratio.Typical)]) { Label = "thin lines: theory" },
                new(Stroke.Theory, xs, [.. theory.Select(ratio => ratio.Typical * Math.Exp(Math.Sqrt(ratio.LogVariance)))]),
                new(Stroke.Theory, xs, [.. theory.Select(ratio => ratio.Typical * Math.Exp(-Math.Sqrt(ratio.LogVariance)))]),
                new(Stroke.First, xs, [.. measured.Select(spread => spread.Typical)])
                {
                    Band = ([.. measured.Select(spread => spread.Typical * Math.Exp(-spread.LogDeviation))], [.. measured.Select(spread => spread.Typical * Math.Exp(spread.LogDeviation))]),
                    Label = "typical network ± one deviation",
                },
            ];
        return new(
            $"{what}, {direction}", x,
            isOne
                ? new(isFirst ? "norm ratio" : "", 0, 2, 0, 0.5, 1, 1.5, 2)
                : new(isFirst ? "norm ratio" : "", 0.05, 4, 0.05, 0.1, 0.25, 0.5, 1, 2, 4) { IsLogarithmic = true },
            series);
    }

    private static Panel Varying(FigureWork work, Sizes sizes, (string Name, string Title, Func<Fans, double> Scale) gain, CsvText numbers, bool isFirst)
    {
        work.Work?.Show(0.95, $"widths that vary, {gain.Name} gain");
        var widths = sizes.VaryingWidths;
        var profiles = new List<NormProfile>();
        for (var draw = 0; draw < sizes.VaryingDraws; draw++)
        {
            using var scope = NewDisposeScope();
            profiles.Add(Run(work, Direction.Orthogonal, gain.Scale, widths));
        }

        var (up, down) = (RatioSpread.ByLayer([.. profiles.Select(profile => profile.Forward)]), RatioSpread.ByLayer([.. profiles.Select(profile => profile.Backward)]));
        var (theoryUp, theoryDown) = (new NormRatio[up.Length], new NormRatio[up.Length]);
        var (forward, backward) = (NormRatio.One, NormRatio.One);
        for (var l = 0; l < up.Length; l++)
        {
            var above = up.Length - 1 - l;
            theoryUp[l] = forward = forward.Then(Layer(l).Forward);
            theoryDown[above] = backward;
            backward = backward.Then(Layer(above).Backward);
        }

        for (var l = 0; l < up.Length; l++)
        {
            Write(numbers, "varying", "orthogonal", gain.Name, "forward", widths[l + 1], l + 1, profiles.Count * Signs, up[l], theoryUp[l]);
            Write(numbers, "varying", "orthogonal", gain.Name, "backward", widths[l + 1], l + 1, profiles.Count * Signs, down[l], theoryDown[l]);
        }

        double[] xs = [.. Enumerable.Range(1, up.Length)];
        var narrow = widths.Min().ToString(CultureInfo.InvariantCulture);
        return new(
            gain.Title,
            new($"layer (widths {narrow} to {widths.Max()} and back)", 1, up.Length, 1, 5, 10, 15, 20),
            new(isFirst ? "norm ratio" : "", 0.25, 8, 0.25, 0.5, 1, 2, 4, 8) { IsLogarithmic = true },
            new Series(Stroke.Theory, xs, [.. theoryUp.Select(ratio => Math.Sqrt(ratio.MeanSquare))]),
            new Series(Stroke.Theory, xs, [.. theoryDown.Select(ratio => Math.Sqrt(ratio.MeanSquare))]),
            Curve(Stroke.First, up, "activations (input = 1)"),
            Curve(Stroke.Second, down, "gradients (last layer = 1)"));

        NormRatios Layer(int l)
        {
            var fans = new Fans(widths[l], widths[l + 1]);
            return MeanField.Layer(fans, Direction.Orthogonal, gain.Scale(fans));
        }

        Series Curve(Stroke stroke, RatioSpread[] measured, string label) => new(stroke, xs, [.. measured.Select(spread => spread.RootMeanSquare)])
        {
            Band = ([.. measured.Select(spread => Math.Max(1e-3, spread.RootMeanSquare - spread.Deviation))], [.. measured.Select(spread => spread.RootMeanSquare + spread.Deviation)]),
            Label = label,
        };
    }

    private static void Write(CsvText numbers, string part, string directions, string gain, string quantity, int width, int layer, int networks, RatioSpread measured, NormRatio theory) =>
        numbers.Add(
            part, directions, gain, quantity, width, layer, networks, measured.RootMeanSquare, Math.Sqrt(theory.MeanSquare), measured.Typical, theory.Typical,
            measured.LogDeviation, Math.Sqrt(theory.LogVariance), measured.DeadShare, theory.DeadShare);
}
