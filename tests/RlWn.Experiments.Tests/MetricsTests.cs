using RlWn.Agents;
using RlWn.Experiments.Runs;
using RlWn.Networks;

namespace RlWn.Experiments.Tests;

public sealed class MetricsTests : IDisposable
{
    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    private static MetricsRow Row(long steps, double returnMean, double loss) =>
        new(new TrainingReport(steps, steps / 4, [], [new("policy_loss", loss), new("entropy", 0.5)]), steps / 1000.0, 1000, 3, returnMean, 12.5);

    [Fact]
    public void MetricsCsv_TwoRows_HeaderOnceAndEmptyCellForNoNumber()
    {
        using (var csv = new MetricsCsv(scratch["metrics.csv"]))
        {
            csv.Write(Row(512, double.NaN, -0.25));
            csv.Write(Row(1024, 20.125, 1e-9));
            csv.Log.Flush();
        }

        Assert.Equal(
            """
            steps,seconds,steps_per_second,episodes,return_mean,length_mean,policy_loss,entropy
            512,0.512,1000,3,,12.5,-0.25,0.5
            1024,1.024,1000,3,20.125,12.5,1E-09,0.5

            """.ReplaceLineEndings("\n"),
            File.ReadAllText(scratch["metrics.csv"]));
    }

    [Fact]
    public void MetricsCsv_NotFlushed_IsNotInTheFileYet()
    {
        using var csv = new MetricsCsv(scratch["metrics.csv"]);
        csv.Write(Row(512, 1, 1));

        Assert.Equal(0, new FileInfo(scratch["metrics.csv"]).Length);
        csv.Log.Flush();
        Assert.NotEqual(0, new FileInfo(scratch["metrics.csv"]).Length);
    }

    private static readonly LayerDiagnostics[] Layers =
    [
        new("actor.0", 8, 1.5, 0.25, 0, 1e-5, 0.5, 0.125, 3.5, 2),
        new("actor.1", 0.01, null, null, null, null, null, null, 1, null),
    ];

    [Fact]
    public void DiagnosticsCsv_TwoLayers_HeaderOnceAndEmptyCellForNoNumber()
    {
        using (var csv = new DiagnosticsCsv(scratch["diagnostics.csv"]))
        {
            csv.Write(512, Layers);
            csv.Write(1024, Layers[1..]);
            csv.Log.Flush();
        }

        Assert.Equal(
            """
            steps,layer,v_norm,g_norm,v_gradient_norm,g_gradient_norm,effective_learning_rate,dormant_share,zero_gradient_share,stable_rank,input_norm
            512,actor.0,8,1.5,0.25,0,1E-05,0.5,0.125,3.5,2
            512,actor.1,0.01,,,,,,,1,
            1024,actor.1,0.01,,,,,,,1,

            """.ReplaceLineEndings("\n"),
            File.ReadAllText(scratch["diagnostics.csv"]));
    }

    [Fact]
    public void TensorBoardEvents_Diagnostics_HaveATagForEachNumberThatIsThere()
    {
        using (var events = new TensorBoardEvents(scratch.Path, DateTimeOffset.UnixEpoch))
        {
            events.Write(512, Layers[1..]);
            events.Log.Flush();
        }

        var read = TensorBoardFile.Read(Assert.Single(Directory.GetFiles(scratch.Path))).Last();

        Assert.Equal(512, read.Step);
        Assert.Equal(
            [("diagnostics/actor.1/v_norm", 0.01f), ("diagnostics/actor.1/stable_rank", 1f)],
            read.Summary.Value.Select(value => (value.Tag, value.SimpleValue)));
    }

    [Fact]
    public void TensorBoardEvents_ReadBackByTheFormat_HoldsWhatWasWritten()
    {
        using (var events = new TensorBoardEvents(scratch.Path, DateTimeOffset.UnixEpoch.AddSeconds(7)))
        {
            events.Write(Row(5_000_000_000, 20.5, double.NaN));   // beyond 32 bits
            events.Log.Flush();
        }

        var read = TensorBoardFile.Read(Assert.Single(Directory.GetFiles(scratch.Path, "events.out.tfevents.7.*"))).ToArray();

        Assert.Equal("brain.Event:2", read[0].FileVersion);
        Assert.Equal(5_000_000_000, read[1].Step);
        Assert.Equal(
            [("train/return_mean", 20.5f), ("train/length_mean", 12.5f), ("train/episodes", 3f), ("train/steps_per_second", 1000f), ("agent/entropy", 0.5f)],
            read[1].Summary.Value.Select(value => (value.Tag, value.SimpleValue)));
        Assert.Equal(2, read.Length);
    }

    [Fact]
    public void Crc_OfTheTestsThemselves_IsThatOfRfc3720() =>   // appendix B.4: 32 bytes of zeros
        Assert.Equal(0x8A9136AAu, TensorBoardFile.Crc32C(new byte[32]));
}
