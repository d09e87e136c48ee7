using System.Globalization;
using System.Text.Json;
using System.Xml.Linq;
using RlWn.Experiments.Figures;
using SkiaSharp;

namespace RlWn.Experiments.Tests;

/// <summary>Each figure at smoke scale, made by the command as its users run it: the files, and the numbers against theory.</summary>
public sealed class FigureTests : IDisposable
{
    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    [Fact]
    public void Figure1_SmokeScale_ObeysTheTheorems()
    {
        var rows = Make("1", height: 4 * 210);

        foreach (var row in rows)
        {
            // √ E ratio² of 2 networks whose squared ratios deviate by √(10 · 5/40) at most.
            Assert.InRange(Number(row, "root_mean_square") / Number(row, "theory_root_mean_square"), 0.5, 1.6);
            if (row["network"] == "plain" && row["quantity"] == "forward" && row["scheme"] != "he-g1")
                Assert.Equal(1, Number(row, "theory_root_mean_square"), 1e-5);   // theorem 1
        }

        // Theorem 3 with 10 blocks: (1 + 1/10)^5 of the square, hence 1.1^(10/2) of the norm; at g = 1 every block adds a half: 1.5^(10/2).
        foreach (var row in rows.Where(row => row["network"] == "residual" && row["quantity"] == "forward" && row["layer"] == "10"))
            Assert.Equal(Math.Pow(row["scheme"] == "he-g1" ? 1.5 : 1.1, 5), Number(row, "theory_root_mean_square"), 1e-4);
    }

    [Fact]
    public void FigureWidths_SmokeScale_MatchesTheoryAtEveryWidth()
    {
        var rows = Make("widths", height: 4 * 225);

        foreach (var row in rows.Where(row => row["quantity"] == "one-layer"))
        {
            // 6,000 networks or more: a squared ratio deviates by √(18/24) at width 4, a standard error of 1.2% of the square.
            Assert.Equal(1, Number(row, "theory_root_mean_square"), 1e-5);
            Assert.InRange(Number(row, "root_mean_square"), 0.96, 1.04);
            Assert.Equal(Number(row, "theory_dead_share"), Number(row, "dead_share"), 0.02);
        }

        // Widths 16 to 128 and back: the forward gain keeps activations, the backward gain keeps gradients, and each costs the other √(width ratio).
        var varying = rows.Where(row => row["part"] == "varying").ToArray();
        foreach (var row in varying)
        {
            var kept = row["gain"] == row["quantity"];
            var (from, to) = row["quantity"] == "forward" ? (16.0, Number(row, "width")) : (64.0, Number(row, "width"));
            Assert.Equal(kept ? 1 : Math.Sqrt(to / from), Number(row, "theory_root_mean_square"), 1e-4);
            Assert.InRange(Number(row, "root_mean_square") / Number(row, "theory_root_mean_square"), 0.6, 1.6);
        }
    }

    [Fact]
    public void FigureScaleOrDirection_SmokeScale_ScaleDecidesTheNorm()
    {
        var rows = Make("scale-or-direction", height: 3 * 225);

        double Last(string scale, string directions) =>
            Number(rows.Single(row => row["quantity"] == "forward" && row["scale"] == scale && row["directions"] == directions && row["index"] == "10"), "value");

        // Ten ReLU layers at g = 1 halve the square each time: 2^-5 of the norm, less the drift of narrow layers; the proposed scale keeps about all of it.
        foreach (var directions in (string[])["orthogonal", "he"])
        {
            Assert.InRange(Last("one", directions), 0.25 / 32, 1.5 / 32);
            Assert.InRange(Last("proposed", directions), 0.25, 1.5);
        }

        Assert.InRange(Last("of-v", "orthogonal"), 0.25 / 32, 1.5 / 32);   // orthonormal rows: the length is 1
        Assert.Contains(rows, row => row["quantity"] == "loss");
    }

    [Fact]
    public void Figure_SameSeed_SameNumbers()
    {
        Assert.Equal(0, Rlwn.Run(scratch.Path, "figure", "1", "--scale", "smoke", "--quiet", "--seed", "7", "--device", "cpu", "--out", "a").ExitCode);
        Assert.Equal(0, Rlwn.Run(scratch.Path, "figure", "1", "--scale", "smoke", "--quiet", "--seed", "7", "--device", "cpu", "--out", "b").ExitCode);

        Assert.Equal(File.ReadAllText(scratch["a/figure-1.csv"]), File.ReadAllText(scratch["b/figure-1.csv"]));
    }

    [Fact]
    public void Figure_FolderWithFiles_RefusesAndLeavesThem()
    {
        Directory.CreateDirectory(scratch["full"]);
        File.WriteAllText(scratch["full/mine"], "precious");

        var (exitCode, _, error) = Rlwn.Run(scratch.Path, "figure", "1", "--scale", "smoke", "--out", "full");

        Assert.Equal(1, exitCode);
        Assert.StartsWith("rlwn: Expected a new or empty folder", error, StringComparison.Ordinal);
        Assert.Equal([scratch["full/mine"]], Directory.GetFileSystemEntries(scratch["full"]));
    }

    [Theory]
    [InlineData(0.13, 0.87, new[] { 0, 0.2, 0.4, 0.6, 0.8, 1 })]        // 0.74 in steps of 0.2, of which at most 5 are needed
    [InlineData(61.9, 76.5, new[] { 60.0, 65, 70, 75, 80 })]
    [InlineData(-1.5, 6.7, new[] { -2.0, 0, 2, 4, 6, 8 })]
    [InlineData(3, 3, new[] { 3.0, 4 })]
    public void Around_TwoEnds_AreRoundNumbersThatHoldThem(double least, double greatest, double[] expected) => Assert.Equal(expected, Ticks.Around(least, greatest));

    [Fact]
    public void CsvText_NumbersAreWrittenAlikeEverywhere()
    {
        var csv = new CsvText("word", "number", "count");
        csv.Add("a", 1.5, 2);
        csv.Add("b", double.NaN, 3L);

        Assert.Equal("word,number,count\na,1.5,2\nb,,3\n", csv.ToString());
        Assert.Throws<ArgumentException>(() => csv.Add("a", 1.5));
    }

    [Fact]
    public void CsvText_WordsWithCommasQuotesAndLines_AreQuoted()
    {
        var csv = new CsvText("word", "reason");
        csv.Add("plain", "one, two");
        csv.Add("a \"b\"", "up\ndown");

        Assert.Equal("word,reason\nplain,\"one, two\"\n\"a \"\"b\"\"\",\"up\ndown\"\n", csv.ToString());
    }

    [Fact]
    public void RatioSpread_OfKnownRatios_IsTheHandCalculation()
    {
        var spread = RatioSpread.Of([0, 1, Math.E]);

        Assert.Equal(Math.Sqrt((1 + Math.Exp(2)) / 3), spread.RootMeanSquare, 1e-12);
        Assert.Equal((1 + Math.E) / 3, spread.Mean, 1e-12);
        Assert.Equal(Math.Exp(0.5), spread.Typical, 1e-12);       // of the two above 0, whose logarithms are 0 and 1
        Assert.Equal(0.5, spread.LogDeviation, 1e-12);
        Assert.Equal(1.0 / 3, spread.DeadShare, 1e-12);
    }

    private List<Dictionary<string, string>> Make(string figure, int height)
    {
        var (exitCode, output, error) = Rlwn.Run(scratch.Path, "figure", figure, "--scale", "smoke", "--device", "cpu");
        Assert.True(exitCode == 0, error);
        Assert.Contains("Done in", output, StringComparison.Ordinal);

        var file = scratch[$"results/figure-{figure}/figure-{figure}"];
        Assert.Equal(4, Directory.GetFiles(Path.GetDirectoryName(file)!).Length);
        using var picture = SKBitmap.Decode($"{file}.png");
        Assert.Equal((1_600, 2 * height), (picture.Width, picture.Height));
        // Every panel is drawn: its axes leave dark pixels in each quarter of the picture.
        foreach (var (x, y) in ((int, int)[])[(0, 0), (800, 0), (0, height), (800, height)])
            Assert.Contains(true, Enumerable.Range(0, 800 * height).Select(i => picture.GetPixel(x + (i % 800), y + (i / 800)).Red < 50));
        Assert.Equal("svg", XDocument.Load($"{file}.svg").Root!.Name.LocalName);

        using var settings = JsonDocument.Parse(File.ReadAllBytes($"{file}.json"));
        Assert.Equal(figure, settings.RootElement.GetProperty("figure").GetString());
        Assert.Equal(1, settings.RootElement.GetProperty("seed").GetInt32());
        Assert.True(settings.RootElement.TryGetProperty("configuration", out _));

        var lines = File.ReadAllLines($"{file}.csv");
        var names = lines[0].Split(',');
        return [.. lines.Skip(1).Select(line => names.Zip(line.Split(',')).ToDictionary(cell => cell.First, cell => cell.Second))];
    }

    private static double Number(Dictionary<string, string> row, string name) => double.Parse(row[name], CultureInfo.InvariantCulture);
}
