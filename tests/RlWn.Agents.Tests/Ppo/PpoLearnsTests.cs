using RlWn.Agents.A2c;
using RlWn.Agents.A3c;
using RlWn.Agents.Formulas;
using RlWn.Agents.Ppo;
using RlWn.Envs;
using RlWn.Inference;
using RlWn.Networks;
using RlWn.Testing;

namespace RlWn.Agents.Tests.Ppo;

/// <summary>Tiny tasks whose best return is known.</summary>
public class PpoLearnsTests
{
    [Theory]
    [InlineData(0, 1UL)]
    [InlineData(1, 1UL)]
    [InlineData(0, 2UL)]
    [InlineData(1, 2UL)]
    public void Train_TwoArmedBandit_PullsTheBetterArm(int best, ulong seed)
    {
        using var envs = new SyncVectorEnv<float, int>(() => new Bandit(best == 0 ? [1, 0] : [0, 1]), 4);
        using var agent = Agents.Make(envs, new() { RolloutSteps = 16, LearningRate = 0.01 }, steps: 64 * 30, seed);
        var last = agent.Train().Last();
        using var policy = agent.SnapshotPolicy();

        Assert.Equal(best, policy.Act([1]));
        Assert.True(last.Episodes.Average(episode => episode.Return) > 0.9);   // while exploring: a coin would give 0.5
        Assert.InRange(last.Of("entropy"), 0, 0.3);                            // of ln 2 = 0.69 at the start
    }

    [Theory]
    [InlineData(1UL)]
    [InlineData(2UL)]
    [InlineData(3UL)]
    public void Train_CorridorSeenInBytes_WalksStraightToTheGoal(ulong seed)
    {
        using var envs = Corridors(8);
        using var agent = Agents.Make(envs, new() { RolloutSteps = 32, LearningRate = 0.005 }, steps: 256 * 40, seed);
        Assert.Equal(40, agent.Train().Count());
        using var policy = agent.SnapshotPolicy();
        using var fresh = Corridors(1);

        var played = Evaluation.Run(policy, fresh, episodes: 1, seed: 99).Episodes.Single();
        Assert.Equal(new Episode(Return: -9, Length: 9), played);   // ten cells: nine steps, each -1
    }

    [Theory]
    [InlineData(1UL)]
    [InlineData(2UL)]
    [InlineData(3UL)]
    public void Train_UprightPole_ComesNearTheBestReturn(ulong seed)
    {
        using var envs = new SyncVectorEnv<float, float>(() => new Upright(), 8);
        var options = new PpoOptions { RolloutSteps = 40, Epochs = 10, Gamma = 0.9, LearningRate = 0.003, EntropyWeight = 0 };
        using var agent = Agents.Make(envs, options, steps: 320 * 120, seed);
        var first = agent.Train().First();
        var last = agent.Train().Last();
        using var policy = agent.SnapshotPolicy();
        using var fresh = new SyncVectorEnv<float, float>(() => new Upright(), 4);
        var result = Evaluation.Run(policy, fresh, episodes: 20, seed: 99);

        Assert.True(first.Episodes.Average(episode => episode.Return) < -20, "A fresh policy should let the pole fall.");
        Assert.InRange(result.Mean, 1.15 * Upright.BestReturn, Upright.BestReturn + 1e-4);
        Assert.True(last.Episodes.Average(episode => episode.Return) > -10);
    }

    [Theory]
    [InlineData(1UL)]
    [InlineData(2UL)]
    [InlineData(3UL)]
    public void Train_UprightPoleSquashed_ComesNearTheBestReturn(ulong seed)
    {
        using var envs = new SyncVectorEnv<float, float>(() => new Upright(), 8);
        var options = new PpoOptions { RolloutSteps = 40, Epochs = 10, Gamma = 0.9, LearningRate = 0.003, EntropyWeight = 0.001 };
        using var agent = Agents.Make(envs, options, steps: 320 * 120, seed, new() { Hidden = [16], ActionBounds = ActionBounds.Tanh });
        Assert.Equal(120, agent.Train().Count());
        using var policy = agent.SnapshotPolicy();
        using var fresh = new SyncVectorEnv<float, float>(() => new Upright(), 4);

        Assert.InRange(Evaluation.Run(policy, fresh, episodes: 20, seed: 99).Mean, 1.25 * Upright.BestReturn, Upright.BestReturn + 1e-4);
    }

    [Theory]
    [InlineData(1UL)]
    [InlineData(2UL)]
    [InlineData(3UL)]
    public void Train_TwoLevers_SetsBothRight(ulong seed)
    {
        using var envs = new SyncVectorEnv<float, int>(() => new Levers(), 4);
        using var agent = Agents.Make(envs, new() { RolloutSteps = 16, LearningRate = 0.01 }, steps: 64 * 60, seed);
        Assert.InRange(agent.Next().Episodes.Average(episode => episode.Return), 0.5, 1.2);
        Assert.Equal(59, agent.Train().Count());
        using var policy = agent.SnapshotPolicy();

        LeversAreSet(policy);
        using var fresh = new SyncVectorEnv<float, int>(() => new Levers(), 3);
        Assert.Equal(2, Evaluation.Run(policy, fresh, episodes: 30, seed: 99).Mean);
    }

    [Fact]
    public void A2cAndA3c_TwoLevers_SetBothRight()
    {
        using var envs = new SyncVectorEnv<float, int>(() => new Levers(), 8);
        using var a2c = new A2cAgent(envs, new() { LearningRate = 0.01 }, new() { Hidden = [16] }, 1, TorchSharp.torch.CPU, 12_000);
        Assert.Equal(12_000, a2c.Train().Last().Steps);
        using var synchronous = a2c.SnapshotPolicy();
        LeversAreSet(synchronous);

        using var a3c = new A3cAgent(
            count => new SyncVectorEnv<float, int>(() => new Levers(), count), new() { Workers = 2, LearningRate = 0.01 }, new() { Hidden = [16] }, 1, TorchSharp.torch.CPU, 12_000);
        Assert.Equal(12_000, a3c.Train().Last().Steps);
        using var asynchronous = a3c.SnapshotPolicy();
        LeversAreSet(asynchronous);
    }

    [Fact]
    public void Train_CartPole_BalancesTenTimesAsLongAsAtFirst()   // a random policy falls after about 22 steps
    {
        using var envs = EnvRegistry.MakeVector("CartPole-v1", 8);
        var options = new PpoOptions
        {
            RolloutSteps = 32, Epochs = 20, Minibatches = 1, Gamma = 0.98, Lambda = 0.8,
            LearningRate = 1e-3, ClipSchedule = Schedule.Linear, EntropyWeight = 0,
        };
        using var agent = Agents.Make(envs, options, steps: 40_000, network: new());
        Assert.InRange(agent.Next().Episodes.Average(episode => episode.Return), 8, 50);
        foreach (var _ in agent.Train())
        {
        }

        using var policy = agent.SnapshotPolicy();
        using var fresh = EnvRegistry.MakeVector("CartPole-v1", 10);
        Assert.InRange(Evaluation.Run(policy, fresh, episodes: 20, seed: 99).Mean, 220, 500);
    }

    private static void LeversAreSet(Policy policy)
    {
        var action = new int[2];
        for (var sign = 0; sign < 3; sign++)
        {
            policy.Act(Agents.OneHot(3, sign), action);
            Assert.Equal([sign, sign == 2 ? 1 : 0], action);
        }
    }

    private static SyncVectorEnv<byte, int> Corridors(int count) => new(() => new TimeLimit<byte, int>(new Corridor(10), 100), count);
}
