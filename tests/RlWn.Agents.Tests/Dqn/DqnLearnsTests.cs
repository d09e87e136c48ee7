using RlWn.Agents.Dqn;
using RlWn.Envs;
using RlWn.Init;
using RlWn.Testing;
using static TorchSharp.torch;

namespace RlWn.Agents.Tests.Dqn;

/// <summary>Tiny tasks whose best return is known, for each switch alone and for all together.</summary>
public class DqnLearnsTests
{
    private static readonly DqnOptions Small = new()
    {
        Environments = 2, LearningRate = 0.005, BufferSize = 2_000, BatchSize = 32, LearningStarts = 200, TrainEvery = 2, SyncTargetEvery = 50,
        ExplorationFraction = 0.6, Gamma = 0.95,
    };

    public static TheoryData<string> Switches => ["plain", "squared", "doubleQ", "dueling", "steps", "prioritized", "quantile", "soft", "noisy", "categorical", "rainbow", "together"];

    [Theory]
    [MemberData(nameof(Switches))]
    public void Train_CorridorSeenInBytes_WalksStraightToTheGoal(string name)
    {
        using var envs = Corridors(2);
        using var agent = Make(envs, Switched(name), steps: 6_000);
        foreach (var report in agent.Train())
            Assert.All(report.Metrics, metric => Assert.False(double.IsInfinity(metric.Value)));
        using var policy = agent.SnapshotPolicy();
        using var fresh = Corridors(1);

        var played = Evaluation.Run(policy, fresh, episodes: 1, seed: 99).Episodes.Single();
        Assert.Equal(new Episode(Return: -9, Length: 9), played);   // ten cells: nine steps, each -1
    }

    [Theory]
    [InlineData(true, 5)]    // five rewards of 1 and the task ends: 1 + γ + … + γ⁴ = 4.5244 at γ = 0.95
    [InlineData(false, 5)]   // cut off, the ring goes on for ever: 1 / (1 - γ) = 20
    public void Train_Ring_LearnsTheKnownValue(bool terminates, int steps)
    {
        using var envs = new SyncVectorEnv<float, int>(() => new Ring([1, 1, 1, 1, 1], steps, terminates), 2);
        using var agent = Make(envs, Small with { LearningRate = 0.002, SyncTargetEvery = 20, Steps = 3 }, steps: 16_000);
        foreach (var _ in agent.Train())
        {
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var values = Aten.Memory<float>(agent.Network().forward(tensor([1f, 0, 0, 0, 0]).unsqueeze(0))).ToArray();
        var expected = terminates ? 1 + 0.95 + (0.95 * 0.95) + Math.Pow(0.95, 3) + Math.Pow(0.95, 4) : 20;
        Assert.All(values, value => Assert.InRange(value, 0.95 * expected, 1.05 * expected));
    }

    private static DqnOptions Switched(string name) => name switch
    {
        "plain" => Small,
        "squared" => Small with { Loss = ErrorLoss.Squared },
        "doubleQ" => Small with { DoubleQ = true },
        "dueling" => Small with { Dueling = true },
        "steps" => Small with { Steps = 3 },
        "prioritized" => Small with { Prioritized = true },
        "quantile" => Small with { Returns = ReturnModel.Quantile, Atoms = 11 },
        "soft" => Small with { TargetStep = 0.05, SyncTargetEvery = 2 },
        "noisy" => Small with { Noisy = true },
        "categorical" => Small with { Returns = ReturnModel.Categorical, Atoms = 31, ValueMin = -15, ValueMax = 0 },
        "rainbow" => Small with
        {
            DoubleQ = true, Dueling = true, Steps = 3, Prioritized = true, Noisy = true, Returns = ReturnModel.Categorical, Atoms = 31, ValueMin = -15, ValueMax = 0,
        },
        "together" => Small with { DoubleQ = true, Dueling = true, Steps = 3, Prioritized = true, Noisy = true, Returns = ReturnModel.Quantile, Atoms = 11 },
        _ => throw new ArgumentOutOfRangeException(nameof(name)),
    };

    private static DqnAgent Make(VectorEnv envs, DqnOptions options, long steps) => new(envs, options, new() { Hidden = [32] }, seed: 1, CPU, steps);

    private static SyncVectorEnv<byte, int> Corridors(int count) =>
        new(() => new TimeLimit<byte, int>(new Corridor(10), 60), count);
}
