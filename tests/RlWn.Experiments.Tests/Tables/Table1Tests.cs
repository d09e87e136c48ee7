using System.Text.Json;
using System.Xml.Linq;
using RlWn.Experiments.Runs;
using RlWn.Experiments.Tables;
using RlWn.Experiments.Tests.Cells;
using SkiaSharp;

namespace RlWn.Experiments.Tests.Tables;

public sealed class Table1Tests : IDisposable
{
    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    [Fact]
    public void Table_DrawOnly_DrawsWhatHasEndedAndMarksWhatDiverged()
    {
        var cells = Table1.Plan(new(Scale.Smoke, Seed: 1, "auto", scratch["out"])).Cells;
        MadeRun.Diverged(cells[0], "NaN");
        MadeRun.Done(cells[1], 0.75, 0.5);

        var (exitCode, output, error) = Rlwn.Run(scratch.Path, "table", "1", "--scale", "smoke", "--draw-only", "--out", scratch["out"]);

        Assert.True(exitCode == 0, error);
        Assert.StartsWith("ResNet-8\torthogonal-pytorch-default\tno\tn/a\t0\t1\t", output, StringComparison.Ordinal);
        using (var picture = SKBitmap.Decode(scratch["out/table-1.png"]))
            Assert.Equal((1_600, 2 * MethodPanel.RowHeight), (picture.Width, picture.Height));
        Assert.Contains("1/1", XDocument.Load(scratch["out/table-1.svg"]).Root!.Value, StringComparison.Ordinal);
        Assert.Equal(11, File.ReadAllLines(scratch["out/table-1.csv"]).Length);   // the header, and five methods without and with warm-up
        using var madeWith = JsonDocument.Parse(File.ReadAllBytes(scratch["out/table-1.json"]));
        Assert.Equal(10, madeWith.RootElement.GetProperty("runs").GetArrayLength());
    }
}
