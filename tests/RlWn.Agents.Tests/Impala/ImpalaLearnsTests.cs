using RlWn.Agents.Impala;
using RlWn.Envs;
using RlWn.Testing;
using static TorchSharp.torch;

namespace RlWn.Agents.Tests.Impala;

/// <summary>Tiny tasks whose best return is known.</summary>
public class ImpalaLearnsTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(0, 3)]
    [InlineData(1, 3)]
    public void Train_TwoArmedBandit_PullsTheBetterArm(int best, int maxLag)
    {
        using var agent = new ImpalaAgent(
            count => new SyncVectorEnv<float, int>(() => new Bandit(best == 0 ? [1, 0] : [0, 1]), count),
            new() { MaxLag = maxLag, LearningRate = 0.01, RolloutSteps = 5 }, new() { Hidden = [16] }, 1, CPU, 8000);
        var last = agent.Train().Last();
        using var policy = agent.SnapshotPolicy();

        Assert.Equal(best, policy.Act([1]));
        Assert.True(last.Episodes.Average(episode => episode.Return) > 0.9);   // while exploring: a coin would give 0.5
    }

    [Fact]
    public void Train_UprightPole_ComesNearTheBestReturn()
    {
        using var agent = new ImpalaAgent(
            count => new SyncVectorEnv<float, float>(() => new Upright(), count),
            new() { Trajectories = 2, Gamma = 0.9, Lambda = 0.95, LearningRate = 3e-3, EntropyWeight = 0 }, new(), 1, CPU, 120_000);
        foreach (var _ in agent.Train())
        {
        }

        using var policy = agent.SnapshotPolicy();
        using var fresh = new SyncVectorEnv<float, float>(() => new Upright(), 4);
        Assert.InRange(Evaluation.Run(policy, fresh, episodes: 20, seed: 99).Mean, 1.3 * Upright.BestReturn, Upright.BestReturn + 1e-4);
    }

    [Fact]
    public void Train_CartPole_BalancesTenTimesAsLongAsAtFirst()   // a random policy falls after about 22 steps
    {
        using var agent = new ImpalaAgent(
            count => EnvRegistry.MakeVector("CartPole-v1", count),
            new() { RolloutSteps = 16, Trajectories = 2, Gamma = 0.98, Lambda = 0.95, LearningRate = 3e-3, EntropyWeight = 0 }, new(), 1, CPU, 100_000);
        Assert.InRange(agent.Train().First().Episodes.Average(episode => episode.Return), 8, 50);
        foreach (var _ in agent.Train())
        {
        }

        using var policy = agent.SnapshotPolicy();
        using var fresh = EnvRegistry.MakeVector("CartPole-v1", 10);
        Assert.InRange(Evaluation.Run(policy, fresh, episodes: 20, seed: 99).Mean, 220, 500);
    }
}
