using System.Xml.Linq;
using RlWn.Experiments.Runs;
using RlWn.Experiments.Supervised.Data;
using RlWn.Experiments.Tables;
using RlWn.Init;
using SkiaSharp;

namespace RlWn.Experiments.Tests.Tables;

public sealed class Table2Tests : IDisposable
{
    private static readonly Table2Settings Settings = Table2Settings.Of(Scale.Smoke);
    private static readonly Table2Cell First = new("noise", "WRN-10-1", "orthogonal-proposed", 1);
    private static readonly Origin Here = new("", "", "", "", "", 1, "", "", 1, DateTimeOffset.UnixEpoch);

    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    [Theory]
    [InlineData(new double[] { }, "n/a")]
    [InlineData(new[] { 1.5 }, "1.50 ± -")]
    [InlineData(new[] { 1.0, 2, 3 }, "2.00 ± 1.00")]   // (1 + 0 + 1) / 2
    public void Sample_OfNumbers_MatchesHandCalculation(double[] numbers, string expected) =>
        Assert.Equal(expected, Sample.Of(numbers).ToString());

    [Fact]
    public void Results_OpenedAgain_AreThere()
    {
        var measured = new Table2Result(2.5, new(100, -100, 7, 0.25, true), 1.5);
        var overflowed = new Table2Result(double.NaN, null, 0.5);
        var results = Open();
        results.Add(First, measured);
        results.Add(First with { Seed = 2 }, overflowed);

        var again = Open();

        Assert.Equal(measured, again[First]);
        Assert.Equal(overflowed, again[First with { Seed = 2 }]);
        Assert.Null(again[First with { Seed = 3 }]);
        Assert.Equal(
            ["noise", "WRN-10-1", "orthogonal-proposed", "2.00 ± -", "2", "0", "1", "1.31 ± 0.12 (CIFAR-10 WRN-40-10)"],   // log10 100; one of two overflowed
            again.Rows(Settings).Last());
    }

    [Fact]
    public void Open_ResultsOfOtherSettings_AreLeftAlone()
    {
        Open().Add(First, new(2.5, null, 1));
        var before = File.ReadAllText(scratch[Table2Results.Csv]);

        var failure = Assert.Throws<IOException>(() => Table2Results.Open(scratch.Path, Settings with { Batch = 17 }, Here));

        Assert.Contains("--out", failure.Message, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllText(scratch[Table2Results.Csv]));
    }

    [Theory]
    [InlineData("noise,WRN-10-1")]
    [InlineData("noise,WRN-10-1,orthogonal-proposed,one,2,100,100,7,0.25,True,2.5,1")]
    public void Open_BrokenLine_IsNamed(string line)
    {
        Open().Add(First, new(2.5, null, 1));
        File.AppendAllText(scratch[Table2Results.Csv], $"{line}\n");

        var failure = Assert.Throws<IOException>(Open);

        Assert.StartsWith("Expected a measurement in line 3 of '", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void MeasureMissing_OneRowThatCannotBeMade_IsNamedAndTheOthersAreMeasured()
    {
        // A WideResNet has 6 n + 4 layers: none has 11.
        var settings = Settings with { Seeds = 1, Batch = 4, MicroBatch = 4, NoiseSide = 4, Iterations = 2, Rows = [Settings.Rows[0] with { Depth = 11 }, Settings.Rows[0]] };
        var (table, results) = (new Table2(settings, TorchDevice.Choose("cpu")), Table2Results.Open(scratch.Path, settings, Here));

        var failures = table.MeasureMissing(results, new Dictionary<string, ImageSet> { ["noise"] = table.Noise() }, null, TestContext.Current.CancellationToken);

        Assert.Equal(Table2Settings.Rules.Select(rule => $"noise WRN-11-1 orthogonal-{rule} seed 1"), failures.Select(failure => $"{failure.Cell}"));
        Assert.All(failures, failure => Assert.Contains("11", failure.Message, StringComparison.Ordinal));
        Assert.All(table.Cells.Where(entry => entry.Row.Depth == 10), entry => Assert.NotNull(results[entry.Cell]));
        Assert.All(results.Panels(settings)[0].Series, series => Assert.All(series.Y, value => Assert.True(double.IsNaN(value))));
        Assert.All(results.Panels(settings)[1].Series, series => Assert.All(series.Y, value => Assert.True(double.IsFinite(value))));
    }

    [Fact]
    public void Measure_StoppedInsideThePowerIteration_EndsThere()
    {
        // Without a stop it ends after 10^9 products, or where a product changes the norm by nothing at all.
        var settings = Settings with { Iterations = 1_000_000_000, Tolerance = 1e-300, NoiseSide = 32, Batch = 32, MicroBatch = 32 };
        var table = new Table2(settings, TorchDevice.Choose("cpu"));
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(700));

        Assert.Throws<OperationCanceledException>(() => table.Measure(settings.Rows[0], First, table.Noise(), stop.Token));
    }

    [Fact]
    public void Panels_OfKnownResults_AreTheHandCalculation()
    {
        var results = Open();
        results.Add(First, new(2.5, new(100, -100, 7, 0.25, true), 1.5));
        results.Add(First with { Seed = 2 }, new(2.5, new(10_000, 1, 7, 0.25, true), 1.5));
        results.Add(First with { Scheme = "orthogonal-hanin" }, new(double.NaN, null, 0.5));

        var panel = Assert.Single(results.Panels(Settings));

        // The fourth method: log10 of 100 and of 10,000 are 2 and 4, their deviation √2. Of stage-wise Hanin one seed was measured, and overflowed.
        Assert.Equal(("noise, WRN-10-1: the loss's Hessian at the start", 3.0), (panel.Title, panel.Series[0].Y[3]));
        Assert.Equal(Math.Sqrt(2), panel.Series[0].Deviation![3], 1e-12);
        Assert.All(panel.Series[0].Y.Take(3), value => Assert.True(double.IsNaN(value)));
        Assert.Equal((2.0, "× 1/1"), (Assert.Single(panel.Notes).X, panel.Notes[0].Text));
        Assert.InRange(3 - Math.Sqrt(2), panel.Y.Least, panel.Y.Greatest);
        Assert.InRange(3 + Math.Sqrt(2), panel.Y.Least, panel.Y.Ticks[^1]);
    }

    [Fact]
    public void Table_SmokeScale_CanBeRepeatedAndGoesOn()
    {
        string[] arguments = ["table", "2", "--scale", "smoke", "--seeds", "1", "--device", "cpu"];
        var (exitCode, output, error) = Rlwn.Run(scratch.Path, [.. arguments, "--out", "first"]);
        Assert.True(exitCode == 0, error);
        var lines = output.TrimEnd().Split('\n');
        var csv = Path.Combine(scratch["first"], Table2Results.Csv);
        var whole = File.ReadAllLines(csv);

        Assert.Equal(4, lines.Length);
        Assert.StartsWith("noise\tWRN-10-1\torthogonal-pytorch-default\t", lines[0], StringComparison.Ordinal);
        Assert.Contains("4 / 4", error, StringComparison.Ordinal);
        Assert.Equal(5, whole.Length);
        using (var picture = SKBitmap.Decode(scratch["first/table-2.png"]))
            Assert.Equal((1_600, 2 * MethodPanel.RowHeight), (picture.Width, picture.Height));
        Assert.Equal("svg", XDocument.Load(scratch["first/table-2.svg"]).Root!.Name.LocalName);

        // Without its last measurement, that alone is made again, and comes out the same but for the seconds.
        File.WriteAllLines(csv, whole[..4]);
        var (_, again, progress) = Rlwn.Run(scratch.Path, [.. arguments, "--out", "first"]);

        Assert.Equal(output, again);
        Assert.DoesNotContain("3 / 4", progress, StringComparison.Ordinal);
        Assert.Equal(WithoutSeconds(whole), WithoutSeconds(File.ReadAllLines(csv)));
        Assert.Equal(whole[..4], File.ReadAllLines(csv)[..4]);
    }

    [Fact]
    public void Table_Stopped_SaysTheCommandThatGoesOn()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "It has no SIGTERM.");
        using var running = Rlwn.Start(scratch.Path, "table", "2", "--scale", "smoke", "--seeds", "300", "--device", "cpu", "--out", "out");
        Assert.True(SpinWait.SpinUntil(() => File.Exists(scratch["out/table-2.csv"]), TimeSpan.FromSeconds(100)), "Nothing was measured.");
        running.Signal("TERM");
        var (exitCode, _, error) = running.Wait();

        Assert.Equal(130, exitCode);
        Assert.Contains("table 2 --scale smoke --seeds 300 --device cpu --out out' goes on from here.", error, StringComparison.Ordinal);   // of other settings the folder would be refused
    }

    [Fact]
    public void Table_WithoutDataOrAWayToIt_IsOneLineAndExitCode1()
    {
        File.WriteAllText(scratch["file"], "");

        var (exitCode, output, error) = Rlwn.Run(scratch.Path, "table", "2", "--data", scratch["file"], "--out", "out");

        Assert.Equal((1, ""), (exitCode, output));
        Assert.StartsWith("rlwn: Expected CIFAR-10 in '", Assert.Single(error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    private Table2Results Open() => Table2Results.Open(scratch.Path, Settings, Here);

    private static string[] WithoutSeconds(string[] lines) => [.. lines.Select(line => line[..line.LastIndexOf(',')])];
}
