using RlWn.Agents.Dqn;
using RlWn.Envs;
using RlWn.Init;
using static TorchSharp.torch;

namespace RlWn.Agents.Tests.Dqn;

public class DqnAgentTests
{
    private static readonly DqnOptions Small = new()
    {
        Environments = 2, BufferSize = 400, BatchSize = 16, LearningStarts = 60, TrainEvery = 3, SyncTargetEvery = 100, ReportEvery = 100,
    };

    [Theory]
    [InlineData(1)]
    [InlineData(0.25)]
    public void Train_BatchNormalization_TargetHasTheOnlineNetworksStatistics(double targetStep)
    {
        using var envs = EnvRegistry.MakeVector("CartPole-v1", 2);
        using var agent = new DqnAgent(envs, Small with { TargetStep = targetStep }, new() { Hidden = [16], Scheme = Scheme.Parse("orthogonal-wn-bn") }, 1, CPU, 400);
        _ = agent.Train().Count();   // which ends with a step of the target

        var online = agent.Network().named_buffers().ToDictionary(entry => entry.name, entry => entry.buffer);
        Assert.All(agent.Target().named_buffers(), entry => Assert.Equal(online[entry.name], entry.buffer));
        Assert.Contains(online, entry => entry.Key.EndsWith("running_mean", StringComparison.Ordinal) && entry.Value.abs().max().item<float>() > 1e-3);
    }

    // θ⁻ after k steps of a share τ towards θ: here k = 1, the first, from θ₀.
    [Fact]
    public void Train_SoftTarget_MovesItsShareOfTheWay()
    {
        using var envs = EnvRegistry.MakeVector("CartPole-v1", 2);
        using var agent = Agents.MakeDqn(envs, Small with { TargetStep = 0.25, LearningRate = 0.01 }, steps: 100);
        var start = agent.Weights();
        _ = agent.Train().Count();

        var target = agent.Target().parameters().SelectMany(parameter => Aten.Memory<float>(parameter).ToArray());
        Assert.All(start.Zip(agent.Weights(), target), weight => Assert.Equal(weight.First + (0.25f * (weight.Second - weight.First)), weight.Third, 1e-6f));
        Assert.NotEqual(start, agent.Weights());
    }
}
