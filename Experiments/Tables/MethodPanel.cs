using System.Globalization;
using RlWn.Experiments.Figures;

namespace RlWn.Experiments.Tables;

/// <summary>One point of a table's picture.</summary>
/// <param name="Sample">Of the seeds that came to a number.</param>
/// <param name="Lost">Seeds that came to none: their networks diverged or overflowed.</param>
/// <param name="Seeds">All seeds.</param>
internal readonly record struct MethodPoint(Sample Sample, int Lost, int Seeds);

/// <summary>The points of one way to do it, as without or with warm-up.</summary>
/// <param name="Title">What the key says of it.</param>
/// <param name="Points">One for each method.</param>
internal sealed record MethodWay(string Title, IReadOnlyList<MethodPoint> Points);

/// <summary>How a table is drawn: methods from the left to the right, each with its means and deviations side by side, and above them how many seeds were lost.</summary>
internal static class MethodPanel
{
    /// <summary>The height of a row of one panel.</summary>
    public const int RowHeight = 230;

    private const double Apart = 0.36;     // between two ways of a method, where methods are 1 apart
    private const double KeyRoom = 1.35;   // to the right of the last method
    private const double Above = 0.14;     // the share of the height that is kept for the seeds that were lost

    /// <summary>Makes a panel.</summary>
    /// <param name="title">What stands above it.</param>
    /// <param name="quantity">What is measured, with its unit.</param>
    /// <param name="differ">What the methods differ in.</param>
    /// <param name="methods">The methods' names.</param>
    /// <param name="ways">Up to four.</param>
    /// <param name="lost">What became of seeds without a number: "diverged".</param>
    public static Panel Of(string title, string quantity, string differ, IReadOnlyList<string> methods, IReadOnlyList<MethodWay> ways, string lost)
    {
        var points = ways.SelectMany(way => way.Points).ToArray();
        var ends = points.SelectMany(point => (double[])[point.Sample.Mean - Length(point.Sample), point.Sample.Mean + Length(point.Sample)]).Where(double.IsFinite).DefaultIfEmpty(0).ToArray();
        var ticks = Ticks.Around(ends.Min(), ends.Max());
        var top = ticks[^1] + (Above / (1 - Above) * (ticks[^1] - ticks[0]));
        var hasLost = points.Any(point => point.Lost > 0);
        return new(
            title,
            new(differ, -0.5, methods.Count - 0.5 + KeyRoom, [.. Enumerable.Range(0, methods.Count).Select(i => (double)i)]) { Format = place => methods[(int)place] },
            new(quantity, ticks[0], top, ticks),
            [
                .. ways.Select((way, w) => new Series((Stroke)w, [.. way.Points.Select((_, m) => At(m, w))], [.. way.Points.Select(point => point.Sample.Mean)])
                {
                    Deviation = [.. way.Points.Select(point => point.Sample.Deviation)], IsJoined = false, Label = way.Title,
                }),
                Words("mean ± deviation"),
                .. hasLost ? [Words($"× {lost} / seeds")] : Array.Empty<Series>(),
            ])
        {
            Notes =
            [
                .. from way in ways.Index()
                   from point in way.Item.Points.Index()
                   where point.Item.Lost > 0
                   select new Note((Stroke)way.Index, At(point.Index, way.Index), top, string.Create(CultureInfo.InvariantCulture, $"× {point.Item.Lost}/{point.Item.Seeds}")),
            ],
        };

        double At(int method, int way) => method + (Apart * (way - ((ways.Count - 1) / 2.0)));
    }

    // A line of the key without a curve.
    private static Series Words(string label) => new(Stroke.Theory, [], []) { Label = label };

    private static double Length(Sample sample) => double.IsNaN(sample.Deviation) ? 0 : sample.Deviation;
}
