using System.ComponentModel.DataAnnotations;
using RlWn.Agents.Dqn;
using RlWn.Envs;
using RlWn.Init;
using RlWn.Networks;
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

    // One row has no variance, however many environments act.
    [Theory]
    [InlineData("orthogonal-wn-bn", NormPartner.None)]
    [InlineData("orthogonal-proposed", NormPartner.BatchNorm)]
    public void Constructor_BatchNormalizationOfOneRow_IsRefused(string scheme, NormPartner partner)
    {
        using var envs = EnvRegistry.MakeVector("CartPole-v1", 2);
        var error = Assert.Throws<ValidationException>(
            () => new DqnAgent(envs, Small with { BatchSize = 1 }, new() { Hidden = [16], Scheme = Scheme.Parse(scheme), NormPartner = partner }, 1, CPU, 400));
        Assert.Contains("dqn.batchSize of at least 2", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(16, 1, false)]
    [InlineData(16, 2, true)]
    [InlineData(Agents.TooWideForPlain, 2, false)]   // libtorch learns
    public void Constructor_Threads_SecondOneWhereItHasWork(int width, int threads, bool isThere)
    {
        using var envs = EnvRegistry.MakeVector("CartPole-v1", 2);
        using var agent = new DqnAgent(envs, Small, new() { Hidden = [width], Threads = threads }, 1, CPU, 100);
        Assert.Equal(isThere, agent.Second() is not null);
        Assert.NotEmpty(agent.Train());
    }

    // More environments than rows in a batch: the passes that act need room for each.
    [Fact]
    public void Train_MoreEnvironmentsThanRowsInABatch_Acts()
    {
        using var envs = EnvRegistry.MakeVector("CartPole-v1", 8);
        using var agent = Agents.MakeDqn(envs, Small with { Environments = 8, BatchSize = 2, EpsilonStart = 0, EpsilonEnd = 0 }, steps: 400);
        Assert.True(agent.Train().Last().Updates > 0);
    }

    // It acted by the weights before, without a random step; the update that follows hardly moves them. So what it learned from is what the network now says.
    [Fact]
    public void Train_DataDependentScheme_TheFirstUpdateSeesTheScaledNetwork()
    {
        using var envs = EnvRegistry.MakeVector("CartPole-v1", 2);
        using var agent = new DqnAgent(
            envs, Small with { EpsilonStart = 0, EpsilonEnd = 0, LearningRate = 1e-9 }, new() { Hidden = [16], Scheme = Scheme.Parse("orthogonal-data-dependent") }, 1, CPU, Small.LearningStarts);
        var report = agent.Train().Last();
        Assert.Equal(1, report.Updates);

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var batch = agent.Batch();
        var values = agent.Network().forward(tensor(batch.Observations.All<float>().ToArray(), [batch.Size, 4]));
        var taken = values.gather(1, tensor(batch.Actions).to(ScalarType.Int64).unsqueeze(1));
        Assert.Equal(taken.mean().item<float>(), report.Of("q_mean"), 1e-5);
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

    [Theory]
    [InlineData("reward", "Expected a finite reward, got NaN in environment 1 after 12 environment steps.")]
    [InlineData("infinite reward", "Expected a finite reward, got Infinity in environment 1 after 12 environment steps.")]
    [InlineData("observation", "Expected a finite observation, got NaN in environment 1 after 12 environment steps.")]
    [InlineData("last observation", "Expected a finite last observation of an episode, got NaN in environment 1 after 12 environment steps.")]
    [InlineData("huge rewards", "Expected a finite gradient_norm, got Infinity after ")]
    public void Train_NumberThatIsNotFinite_StopsWhereItCame(string what, string message)
    {
        var made = 0;
        using var envs = new SyncVectorEnv<float, int>(
            () =>
            {
                var environment = made++;
                return new Scripted<int>(new Discrete(2), step => Play(what, isSixthOfSecond: environment == 1 && step == 6));
            },
            2);
        using var agent = Agents.MakeDqn(envs, Small with { Loss = ErrorLoss.Squared, EpsilonEnd = 1 }, steps: 400);   // no Q-value is asked for

        var error = Assert.Throws<TrainingDivergedException>(() => agent.Train().Count());
        Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
        Assert.Contains("dqn.learningRate", error.Message, StringComparison.Ordinal);

        static (float, StepResult) Play(string what, bool isSixthOfSecond) => (what, isSixthOfSecond) switch
        {
            ("huge rewards", _) => (0, new(3e38f, Terminated: true)),   // whose square is beyond float's range, as a gradient is
            (_, false) => (0, new(0, false)),
            ("reward", _) => (0, new(float.NaN, false)),
            ("infinite reward", _) => (0, new(float.PositiveInfinity, false)),
            ("observation", _) => (float.NaN, new(0, false)),
            _ => (float.NaN, new(0, Terminated: true)),
        };
    }
}
