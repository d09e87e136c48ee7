using RlWn.Agents;
using RlWn.Envs;
using RlWn.Experiments.Runs;

namespace RlWn.Experiments.Tests;

public sealed class RunStatisticsTests
{
    private static TrainingReport Report(long steps, params IEnumerable<double> returns) =>
        new(steps, 0, [.. returns.Select(value => new Episode(value, 10 * (int)value))], []);

    [Fact]
    public void Add_MoreThanAHundredEpisodes_MeanIsOfTheLastHundred()
    {
        var statistics = new RunStatistics(threshold: null);

        statistics.Add(Report(10, Enumerable.Repeat(1.0, 60)), 1);
        var row = statistics.Add(Report(30, Enumerable.Repeat(3.0, 80)), 3);   // the last hundred: 20 of 1, 80 of 3

        Assert.Equal(((20 * 1) + (80 * 3)) / 100.0, row.ReturnMean);
        Assert.Equal(26, row.LengthMean);
        Assert.Equal(140, row.Episodes);
        Assert.Equal(10, row.StepsPerSecond);   // 20 steps in 2 s
    }

    [Fact]
    public void Add_NoEpisodeYet_MeanIsNaN() => Assert.Equal(double.NaN, new RunStatistics(threshold: 1).Add(Report(10), 1).ReturnMean);

    [Fact]
    public void Reached_NeedsAHundredEpisodes()
    {
        var statistics = new RunStatistics(threshold: 5);

        statistics.Add(Report(10, Enumerable.Repeat(9.0, 99)), 1);
        Assert.Null(statistics.Reached);
        statistics.Add(Report(20, 9.0), 2);
        statistics.Add(Report(30, Enumerable.Repeat(0.0, 100)), 3);

        Assert.Equal((20, 2), statistics.Reached);
    }

    [Fact]
    public void Curve_MillionPoints_KeepsFewOverTheWholeLength()
    {
        var curve = new Curve();
        for (var i = 0; i < 1_000_000; i++)
            curve.Add(i, -i);

        Assert.InRange(curve.Points.Count, 10_000, 20_000);
        Assert.All(curve.Points, point => Assert.Equal(-point.X, point.Y));
        Assert.Equal(0, curve.Points[0].X);
        Assert.InRange(curve.Points[^1].X, 999_000, 999_999);
        Assert.Single(curve.Points.Zip(curve.Points.Skip(1), (left, right) => right.X - left.X).Distinct());
    }

    [Fact]
    public void Draw_NoEpisode_GivesAPngAllTheSame() =>
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], LearningCurve.Draw(new RunStatistics(1), "empty", 1)[..4]);
}
