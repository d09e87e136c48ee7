using RlWn.Experiments.Runs;
using RlWn.Experiments.Tables;

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
    public void MeanAndDeviation_OfASample_MatchesHandCalculation(double[] numbers, string expected) =>
        Assert.Equal(expected, Table2Results.MeanAndDeviation(numbers));

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

        // Without its last measurement, that alone is made again, and comes out the same but for the seconds.
        File.WriteAllLines(csv, whole[..4]);
        var (_, again, progress) = Rlwn.Run(scratch.Path, [.. arguments, "--out", "first"]);

        Assert.Equal(output, again);
        Assert.DoesNotContain("3 / 4", progress, StringComparison.Ordinal);
        Assert.Equal(WithoutSeconds(whole), WithoutSeconds(File.ReadAllLines(csv)));
        Assert.Equal(whole[..4], File.ReadAllLines(csv)[..4]);
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
