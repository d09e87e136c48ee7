using System.ComponentModel;
using RlWn.Experiments.Cells;
using RlWn.Experiments.Runs;
using RlWn.Experiments.Supervised;
using RlWn.Init;

namespace RlWn.Experiments.Tests.Cells;

public sealed class CellTests : IDisposable
{
    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    [Fact]
    public void Arguments_NewCell_SayEverySettingWithoutLoss()
    {
        var cell = Make(("learningRate", 1.0 / 3), ("description", "a \"quoted\", spaced = text"), ("schedule", LearningRateSchedule.WideResNet), ("scheme", Scheme.Parse("he-hanin")), ("model", Architecture.Wrn), ("depth", 16));

        var arguments = cell.Arguments("some where");
        var said = arguments.Index().Where(argument => argument.Index > 0 && arguments[argument.Index - 1] == "--set").Select(argument => Assignment.Parse(argument.Item));
        var settings = SupervisedSettings.Resolve([.. Recipe.Load(arguments[1], RecipeShelf.Supervised).Assignments, .. said]);

        Assert.Equal(["supervised", "toy-mlp"], arguments.Take(2));
        Assert.Equal(["--out", scratch["run"], "--data", "some where", "--quiet"], arguments.TakeLast(5));
        Assert.Equal(cell.ResolveSupervised(), settings);
        Assert.Equal(
            (1.0 / 3, "a \"quoted\", spaced = text", LearningRateSchedule.WideResNet, 1),
            (settings.LearningRate, settings.Description, settings.Schedule, settings.Threads));
    }

    [Fact]
    public void Arguments_CellThatBegan_GoOn()
    {
        var cell = Make();
        MadeRun.Diverged(cell, "");
        var train = new Cell(CellKind.Train, "cartpole-ppo", [], scratch["agent"]);
        RunFolder.Create(scratch["agent"]).WriteJson(RunFolder.Settings, RunSettings.Resolve(Recipe.Load("cartpole-ppo").Assignments).ToJson());

        Assert.Equal(["supervised", "--resume", scratch["run"], "--quiet"], cell.Arguments(null));
        Assert.Equal(["resume", scratch["agent"], "--quiet"], train.Arguments("data"));
    }

    [Theory]
    [InlineData("done", true)]
    [InlineData("diverged", true)]
    [InlineData("stopped", false)]
    [InlineData("failed", false)]
    [InlineData("running", false)]
    public void HasEnded_ByItsStatus(string state, bool expected)
    {
        var cell = Make();
        Assert.False(cell.HasEnded);
        MadeRun.Done(cell, 0.5, 0.5);
        File.WriteAllText(scratch["run/status.json"], $$"""{ "state": "{{state}}" }""");

        Assert.Equal(expected, cell.HasEnded);
    }

    [Fact]
    public void HasEnded_RunOfOtherSettings_IsRefusedByName()
    {
        MadeRun.Done(Make(("depth", 4)), 0.5, 0.5);

        var failure = Assert.Throws<IOException>(() => Make(("depth", 5)).HasEnded);

        Assert.Contains("another depth: 4 instead of 5", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void HasEnded_RunOfAnotherDeviceAndOtherNetworkThreads_IsThisOne()   // which give the same to the bit
    {
        var folder = RunFolder.Create(scratch["run"]);
        folder.WriteJson(RunFolder.Settings, RunSettings.Resolve([.. Recipe.Load("breakout-dqn").Assignments, new("network.threads", "1", ""), new("device", "cpu", "")]).ToJson());
        File.WriteAllText(folder[RunFolder.Status], """{ "state": "done" }""");

        Assert.True(new Cell(CellKind.Train, "breakout-dqn", [new("network.threads", "2", "")], folder.Path).HasEnded);
    }

    [Fact]
    public void Outcome_DivergedAfterAnEpoch_CountsAsGuessingFromThenOn()
    {
        var cell = Make(("epochs", 3));
        MadeRun.Diverged(cell, "the loss was NaN", 0.4);

        var outcome = CellOutcome.Read(cell);

        Assert.Equal(("diverged", "the loss was NaN", true), (outcome.State, outcome.Reason, outcome.HasDiverged));
        Assert.Equal((0.1, 0.4, 0.1), (outcome.Accuracy, outcome.ValidationAfter(1), outcome.ValidationAfter(3)));   // ten classes
    }

    [Fact]
    public void Run_TwoCellsOfOneFolder_IsRefused() =>
        Assert.Throws<ArgumentException>(() => new CellPool(1, null, null).Run([Make(), Make(("seed", 2UL))], TestContext.Current.CancellationToken));

    [Fact]
    public void Run_ProcessesThatCannotBeStarted_AreFailuresOfTheirCellsAlone()
    {
        Cell[] cells = [.. from seed in (int[])[1, 2, 3] select Cell.Supervised("toy-mlp", scratch[$"seed-{seed}"], ("seed", seed))];
        var starts = 0;
        var pool = new CellPool(1, null, null, _ => ++starts < 3 ? throw new Win32Exception("no such program") : throw new IOException("too many open files"));

        var failures = pool.Run(cells, TestContext.Current.CancellationToken);

        Assert.Equal(cells, failures.Select(failure => failure.Cell));
        Assert.EndsWith("no such program", failures[0].Message, StringComparison.Ordinal);
        Assert.EndsWith("too many open files", failures[2].Message, StringComparison.Ordinal);
    }

    // Ten units are free. The largest cell had 4; one of two that run has them, the other may still take them.
    [Fact]
    public void TryBegin_MemoryThatTheLargestWouldNotHave_Waits()
    {
        var memory = new CellMemory(free: () => 10, most: 1_000);
        Cell[] cells = [.. from seed in (int[])[1, 2, 3, 4] select Cell.Supervised("toy-mlp", $"seed-{seed}")];

        Assert.True(memory.TryBegin(cells[0]));
        memory.See(cells[0], now: 4, peak: 4);
        Assert.True(memory.TryBegin(cells[1]));    // 10 of 4
        Assert.True(memory.TryBegin(cells[2]));    // 10 - 4
        Assert.False(memory.TryBegin(cells[3]));   // 10 - 4 - 4
        memory.End(cells[1]);
        Assert.True(memory.TryBegin(cells[3]));
    }

    [Fact]
    public void TryBegin_LimitOfTheProcess_CountsWhatCellsHave()   // 9 in all: beside 4 and 3 are 2, and 4 are wanted
    {
        var memory = new CellMemory(free: () => null, most: 9);
        Cell[] cells = [.. from seed in (int[])[1, 2, 3] select Cell.Supervised("toy-mlp", $"seed-{seed}")];
        Assert.True(memory.TryBegin(cells[0]));
        Assert.True(memory.TryBegin(cells[1]));
        memory.See(cells[0], now: 4, peak: 4);
        memory.See(cells[1], now: 3, peak: 3);

        Assert.False(memory.TryBegin(cells[2]));
        memory.End(cells[0]);
        memory.End(cells[1]);
        memory.See(cells[2], now: 0, peak: 100);
        memory.End(cells[2]);
        Assert.True(memory.TryBegin(cells[2]));    // alone it may try, however large
    }

    private Cell Make(params IEnumerable<(string, object)> differences) => Cell.Supervised("toy-mlp", scratch["run"], differences);
}
