using System.Globalization;
using System.Text.Json;
using RlWn.Agents;
using RlWn.Envs;
using RlWn.Experiments.Runs;

namespace RlWn.Experiments.Tests;

/// <summary>Runs that meet a number which is not finite, from settings to checkpoints.</summary>
public sealed class DivergenceTests : IDisposable
{
    private const int PoisonedStep = 730;

    private readonly Scratch scratch = new();

    static DivergenceTests()
    {
        EnvRegistry.Register("Poisoned/Reward-v0", () => new Poisoned(reward: float.NaN, observation: 0), maxSteps: 50);
        EnvRegistry.Register("Poisoned/Observation-v0", () => new Poisoned(reward: 0, observation: float.PositiveInfinity), maxSteps: 50);
    }

    public void Dispose() => scratch.Dispose();

    [Theory]
    [InlineData("dqn", "Poisoned/Reward-v0", "finite reward, got NaN")]
    [InlineData("dqn", "Poisoned/Observation-v0", "finite observation, got Infinity")]
    [InlineData("impala", "Poisoned/Reward-v0", "finite reward, got NaN")]
    [InlineData("impala", "Poisoned/Observation-v0", "finite observation, got Infinity")]
    public void Run_NumberThatIsNotFinite_FailsWithItsPlaceAndLeavesTheLastGoodCheckpoint(string agent, string env, string what)
    {
        var settings = Settings(agent, env);
        var folder = RunFolder.Create(scratch["run"]);
        using (var run = new TrainingRun(settings))
        {
            var error = Assert.Throws<TrainingDivergedException>(() => run.Run(folder, progress: null, CancellationToken.None));
            Assert.StartsWith($"Expected a {what} in environment 0 after {PoisonedStep} environment steps.", error.Message, StringComparison.Ordinal);
            using var status = JsonDocument.Parse(File.ReadAllBytes(folder[RunFolder.Status]));
            Assert.Equal("failed", status.RootElement.GetProperty("state").GetString());
            Assert.Equal(error.Message, status.RootElement.GetProperty("reason").GetString());
        }

        // A report, and a checkpoint, every 100 steps. The task of the resumed run counts its steps anew, and is never poisoned.
        Assert.Equal("checkpoint-000000000700.ckpt", Directory.GetFiles(folder.Path, "*.ckpt").Select(Path.GetFileName).Max(StringComparer.Ordinal));
        using var resumed = new TrainingRun(settings);
        var warnings = new List<string>();
        var result = resumed.Resume(folder, progress: null, warnings.Add, CancellationToken.None);

        Assert.Equal(["Going on from step 700."], warnings);
        Assert.Equal(1000, result.Steps);
        Assert.Equal(100, result.Evaluation!.Episodes.Count);
        Assert.All(File.ReadAllLines(folder[RunFolder.Metrics]).Skip(1).SelectMany(line => line.Split(',')).Where(cell => cell.Length > 0),
            cell => Assert.True(double.IsFinite(double.Parse(cell, CultureInfo.InvariantCulture))));
    }

    private static RunSettings Settings(string agent, string env) => RunSettings.Resolve(
    [
        .. from setting in (string[])
           [
               $"env={env}", $"agent={agent}", "steps=1000", "device=cpu", "network.hidden=[8]", "checkpointEvery=0",
               "dqn.reportEvery=100", "dqn.bufferSize=300", "dqn.learningStarts=50", "dqn.batchSize=8",
               "impala.actors=1", "impala.environments=1", "impala.rolloutSteps=10", "impala.trajectories=1", "impala.reportEvery=10",
           ]
           select Assignment.Parse(setting),
    ]);

    /// <summary>A task without end that gives nothing, but at one step of its life.</summary>
    private sealed class Poisoned(float reward, float observation) : IEnv<float, int>
    {
        private static readonly Box Seen = new([1], float.NegativeInfinity, float.PositiveInfinity);
        private static readonly Discrete Choices = new(2);

        private int steps;

        public Space<float> ObservationSpace => Seen;

        public Space<int> ActionSpace => Choices;

        public void Reset(Random random, Span<float> seen) => seen[0] = 0;

        public StepResult Step(ReadOnlySpan<int> action, Span<float> seen)
        {
            var isPoisoned = ++steps == PoisonedStep;
            seen[0] = isPoisoned ? observation : 0;
            return new(isPoisoned ? reward : 0, Terminated: false);
        }
    }
}
