namespace RlWn.Experiments.Figures;

/// <summary>A curve over seeds.</summary>
internal static class SeedCurve
{
    /// <summary>At each x the mean over seeds, and a band from the lowest to the highest.</summary>
    /// <param name="stroke">How it is drawn.</param>
    /// <param name="title">What the panel's key says of it.</param>
    /// <param name="points">Each seed's x and y, in any order.</param>
    public static Series Of(Stroke stroke, string title, IEnumerable<(double X, double Y)> points)
    {
        var byX = points.Where(point => double.IsFinite(point.Y)).GroupBy(point => point.X, point => point.Y).OrderBy(same => same.Key).ToArray();
        return new(stroke, [.. byX.Select(same => same.Key)], [.. byX.Select(same => same.Average())])
        {
            Band = ([.. byX.Select(same => same.Min())], [.. byX.Select(same => same.Max())]),
            Label = title,
        };
    }
}

/// <summary>Where numbers stand on an axis.</summary>
internal static class Ticks
{
    private const int Most = 6;

    private static readonly int[] Steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];

    /// <summary>A few round numbers at equal distances: the first at or below the least, the last at or above the greatest, and two at least.</summary>
    /// <param name="least">Finite.</param>
    /// <param name="greatest">Finite, at least <paramref name="least"/>.</param>
    public static double[] Around(double least, double greatest)
    {
        var wide = greatest > least ? greatest - least : Math.Max(Math.Abs(least), 1);
        var power = Math.Pow(10, Math.Floor(Math.Log10(wide / (Most - 1))));
        var step = power * Steps.First(factor => wide / (factor * power) <= Most - 1);
        var (first, last) = (Math.Floor(least / step), Math.Ceiling(greatest / step));
        return [.. Enumerable.Range(0, (int)Math.Max(last - first, 1) + 1).Select(i => Math.Round((first + i) * step, Decimals(step)))];
    }

    // Enough for the numbers to be round in binary too.
    private static int Decimals(double step) => (int)Math.Clamp(Math.Ceiling(-Math.Log10(step)), 0, 15);

    /// <summary>A few round whole numbers, among them the first.</summary>
    public static double[] Whole(int from, int to)
    {
        var step = Steps.First(step => (to - from) / step < Most);
        return [.. Enumerable.Range(0, ((to - from) / step) + 1).Select(i => (double)(from + (i * step)))];
    }
}
