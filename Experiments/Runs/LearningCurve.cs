using ScottPlot;

namespace RlWn.Experiments.Runs;

/// <summary>The picture of a run: every training episode's return, and the mean of the last 100.</summary>
internal static class LearningCurve
{
    private const int Width = 1600, Height = 900;   // pixels: 800 by 450 on a page, at double density
    private const double Scale = 2;

    /// <summary>Draws the picture.</summary>
    /// <param name="statistics">What is drawn.</param>
    /// <param name="title">What is written above.</param>
    /// <param name="threshold">The return that counts as solved, drawn as a dashed line; null for none.</param>
    /// <returns>A PNG file.</returns>
    public static byte[] Draw(RunStatistics statistics, string title, double? threshold)
    {
        using var plot = new Plot { ScaleFactor = Scale };
        plot.Title(title);
        plot.XLabel("environment steps");
        plot.YLabel("return");
        foreach (var label in (LabelStyle[])[plot.Axes.Title.Label, plot.Axes.Bottom.Label, plot.Axes.Left.Label])
            label.Bold = false;
        plot.Legend.Alignment = Alignment.LowerRight;

        var episodes = plot.Add.ScatterPoints(Xs(statistics.Returns), Ys(statistics.Returns), Colors.SteelBlue.WithAlpha(0.35));
        episodes.MarkerSize = 4;
        episodes.LegendText = "episode";

        var mean = plot.Add.ScatterLine(Xs(statistics.Means), Ys(statistics.Means), Colors.Navy);
        mean.LineWidth = 2;
        mean.LegendText = $"mean of the last {RunStatistics.Window}";

        if (threshold is { } solved)
        {
            var line = plot.Add.HorizontalLine(solved, color: Colors.Gray, pattern: LinePattern.Dashed);
            line.LegendText = $"solved at {Setting.Text(solved)}";
        }

        if (statistics.Returns.Points is [.., var last])
            plot.Axes.SetLimitsX(0, 1.02 * last.X);   // room for the last number
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { LabelFormatter = steps => $"{steps:#,0}" };
        return plot.GetImageBytes(Width, Height, ImageFormat.Png);
    }

    private static double[] Xs(Curve curve) => [.. curve.Points.Select(point => point.X)];

    private static double[] Ys(Curve curve) => [.. curve.Points.Select(point => point.Y)];
}
