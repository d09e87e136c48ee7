using RlWn.Experiments.Cells;
using RlWn.Experiments.Figures;
using RlWn.Experiments.Runs;
using RlWn.Experiments.Tables;

namespace RlWn.Experiments.Tests.Cells;

/// <summary>What figures and tables make of run folders, with runs that were not run.</summary>
public sealed class RunsPlanTests : IDisposable
{
    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    [Theory]
    [InlineData(48, Scale.Cpu)]
    [InlineData(48, Scale.Paper)]
    [InlineData(3, Scale.Smoke)]
    public void Figure2_Combinations_AreAsManyForEachScheme(int expected, object scale)
    {
        var cells = Figure2.Plan(Work((Scale)scale)).Cells.Where(cell => Path.GetFileName(cell.Folder).StartsWith("combination", StringComparison.Ordinal)).ToArray();

        Assert.Equal(3 * expected, cells.Length);
        Assert.Equal(cells.Length, cells.Select(cell => cell.Folder).Distinct().Count());
        Assert.Equal(cells.Length, cells.Select(cell => cell.ResolveSupervised()).Distinct().Count());
    }

    [Fact]
    public void Figure2_LearningRates_AreChosenByValidationAndNotByTest()
    {
        var plan = Figure2.Plan(Work(Scale.Cpu));
        var cells = plan.Cells.Where(cell => Path.GetFileName(cell.Folder).StartsWith("cnn-5-orthogonal-proposed-", StringComparison.Ordinal)).ToArray();
        MadeRun.Done(cells[0], 0.7, 0.2, 0.4);
        MadeRun.Done(cells[1], 0.6, 0.5);

        var figure = plan.Conclude();

        var curve = figure.Panels[2].Series[0];
        Assert.Equal((5, 0.6), (curve.X.Single(), curve.Y.Single()));
        Assert.Equal(plan.Cells.Count + 2, figure.Numbers.ToString().Split('\n').Length);   // the header, and the end of the last line
        Assert.Contains("cifar10-depth,orthogonal-proposed,5,1,0.003,0.9,0.0001,quarters,done,0.7,0.4,2,2.5,,", figure.Numbers.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Figure2_Combinations_AreSortedAndSayWhyOneDied()
    {
        var plan = Figure2.Plan(Work(Scale.Smoke));
        var cells = plan.Cells.Where(cell => Path.GetFileName(cell.Folder).StartsWith("combination-orthogonal-proposed", StringComparison.Ordinal)).ToArray();
        MadeRun.Done(cells[0], 0.3, 0.3);
        MadeRun.Diverged(cells[1], "the loss was 1E+09, at step 3");
        MadeRun.Done(cells[2], 0.9, 0.9);

        var figure = plan.Conclude();

        Assert.Equal([0.9, 0.3, 0.1], figure.Panels[1].Series[0].Y);
        Assert.Contains(",diverged,0.1,,0,1,\"the loss was 1E+09, at step 3\",", figure.Numbers.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Figure3_TwoOfFiveSeedsDiverge_SixtyPercentSurvive()
    {
        var plan = Figure3.Plan(Work(Scale.Cpu));
        var cells = plan.Cells.Where(cell => Path.GetFileName(cell.Folder).StartsWith("survival-orthogonal-data-dependent-lr-0.05-warm-up-1-", StringComparison.Ordinal)).ToArray();
        Assert.Equal(5, cells.Length);
        foreach (var (i, cell) in cells.Index())
        {
            if (i < 2)
                MadeRun.Diverged(cell, "NaN");
            else
                MadeRun.Done(cell, 0.2, 0.2, 0.2, 0.2);
        }

        var curve = plan.Conclude().Panels[3].Series[1];

        Assert.Equal((0.05, 60), (curve.X.Single(), curve.Y.Single()));
    }

    [Fact]
    public void Figure3_Depths_AfterOneEpochAndAfterAll()
    {
        var plan = Figure3.Plan(Work(Scale.Cpu));
        var cells = plan.Cells.Where(cell => Path.GetFileName(cell.Folder).StartsWith("depth-1000-orthogonal-proposed", StringComparison.Ordinal)).ToArray();
        MadeRun.Done(cells[0], 0.4, 0.2, 0.25, 0.35);
        MadeRun.Done(cells[1], 0.4, 0.3, 0.35, 0.45);

        var panels = plan.Conclude().Panels;

        Assert.Equal(0.25, panels[0].Series[0].Y.Single(), 1e-12);
        Assert.Equal(0.40, panels[1].Series[0].Y.Single(), 1e-12);
        Assert.Equal((0.35, 0.45), (panels[1].Series[0].Band!.Value.Low[0], panels[1].Series[0].Band!.Value.High[0]));
    }

    [Fact]
    public void Table1_PaperScale_HasEveryRowOfThePaperAndTheBaselinesItLeavesOut()
    {
        var rows = Table1.Plan(Work(Scale.Paper)).Conclude().Rows;

        Assert.Equal(4 * 5 * 2, rows.Count);   // networks, schemes, without and with warm-up
        Assert.Equal(16, rows.Count(row => row[^1] != "-"));   // all that the paper prints but Shang et al.'s, which is no method of the paper's
        Assert.Contains(rows, row => row[..3] is ["ResNet-110", "orthogonal-proposed", "yes"] && row[^1] == "6.69 ± 0.11");
        Assert.Contains(rows, row => row[..3] is ["ResNet-56", "orthogonal-pytorch-default", "no"] && row[^1] == "-");
    }

    [Fact]
    public void Table1_ErrorsOfSeeds_AreThoseThatValidationChoosesAveragedAndDivergenceIsCountedApart()
    {
        var plan = Table1.Plan(Work(Scale.Cpu) with { SeedCount = 3 });
        Cell[] slow = [.. plan.Cells.Take(3)], fast = [.. plan.Cells.Skip(3).Take(3)];   // of the first row: learning rates 0.01 and 0.1
        MadeRun.Done(slow[0], 0.625, 0.6);
        MadeRun.Done(fast[0], 0.9, 0.5);   // better in the test, which chooses nothing
        MadeRun.Diverged(slow[1], "NaN");
        MadeRun.Done(fast[1], 0.375, 0.4);
        MadeRun.Diverged(slow[2], "NaN");
        MadeRun.Diverged(fast[2], "NaN");

        var result = plan.Conclude();

        Assert.Equal(["ResNet-20", "orthogonal-pytorch-default", "no", "50.00 ± 17.68", "2", "1", "0.01 and 0.1", "-"], result.Rows[0]);   // 37.5 and 62.5: 12.5 √2 = 17.68
        var chosen = result.Runs.ToString().Split('\n').Skip(1).Take(6).Select(line => line.Split(',')[5]);
        Assert.Equal(["yes", "no", "yes", "no", "yes", "no"], chosen);   // of two that diverged, the first stands for the seed

        // The first method's first point, and above it one of three seeds that diverged.
        var panel = result.Panels[0];
        Assert.Equal((2, "ResNet-20"), (result.Panels.Count, panel.Title));
        Assert.Equal((50, 12.5 * Math.Sqrt(2)), (panel.Series[0].Y[0], Math.Round(panel.Series[0].Deviation![0], 12)), (a, b) => a.Item1 == b.Item1 && Math.Abs(a.Item2 - b.Item2) < 1e-9);
        Assert.Equal(("× 1/3", panel.Series[0].X[0]), (Assert.Single(panel.Notes).Text, panel.Notes[0].X));
    }

    [Fact]
    public void Table1_LearningRatesThatHaveNotAllEnded_ChooseNothingForTheSeed()
    {
        var plan = Table1.Plan(Work(Scale.Cpu));
        Cell[] slow = [.. plan.Cells.Take(2)], fast = [.. plan.Cells.Skip(2).Take(2)];   // of the first row: learning rates 0.01 and 0.1, seeds 1 and 2
        MadeRun.Done(slow[0], 0.5, 0.5);
        MadeRun.Done(slow[1], 0.75, 0.5);
        MadeRun.Done(fast[1], 0.625, 0.6);

        var result = plan.Conclude();

        Assert.Equal(["37.50 ± -", "1", "0", "0.1"], result.Rows[0][3..7]);   // seed 2 alone, by its better validation
        Assert.Equal(["", "no", "", "yes"], result.Runs.ToString().Split('\n').Skip(1).Take(4).Select(line => line.Split(',')[5]));
    }

    [Fact]
    public void Figure2_LearningRatesThatHaveNotAllEnded_GiveNoPoint()
    {
        var plan = Figure2.Plan(Work(Scale.Cpu));
        MadeRun.Done(plan.Cells.First(cell => Path.GetFileName(cell.Folder).StartsWith("cnn-5-orthogonal-proposed-", StringComparison.Ordinal)), 0.7, 0.2, 0.4);

        Assert.Empty(plan.Conclude().Panels[2].Series[0].X);
    }

    private RunsWork Work(Scale scale) => new(scale, Seed: 1, "cpu", scratch.Path);
}
