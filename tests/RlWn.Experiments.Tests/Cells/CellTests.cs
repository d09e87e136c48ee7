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

    private Cell Make(params IEnumerable<(string, object)> differences) => Cell.Supervised("toy-mlp", scratch["run"], differences);
}
