using RlWn.Agents.Dqn;
using RlWn.Envs;
using RlWn.Inference;
using RlWn.Networks;
using static TorchSharp.torch;

namespace RlWn.Agents.Tests.Dqn;

public class DqnPolicyTests
{
    private static readonly DqnOptions Small = new()
    {
        Environments = 2, BufferSize = 400, BatchSize = 16, LearningStarts = 60, TrainEvery = 3, LearningRate = 0.01, Atoms = 11, ValueMin = -1, ValueMax = 4,
    };

    [Theory]
    [InlineData("CartPole-v1", ReturnModel.Mean, true)]
    [InlineData("CartPole-v1", ReturnModel.Quantile, true)]
    [InlineData("CartPole-v1", ReturnModel.Categorical, false)]
    [InlineData("CartPole-v1", ReturnModel.Categorical, true)]
    [InlineData("MinAtar/Breakout-v1", ReturnModel.Categorical, true)]
    public void SnapshotPolicy_EveryReturnModel_TakesTheActionOfTheHighestMean(string env, ReturnModel returns, bool dueling)
    {
        const int Count = 200;
        using var envs = EnvRegistry.MakeVector(env, 2);
        var isGrid = envs.ObservationSpace is ByteBox;
        using var agent = new DqnAgent(
            envs, Small with { Returns = returns, Dueling = dueling }, new() { Torso = isGrid ? Torso.MinAtar : Torso.Mlp, Hidden = [16], ValueOutput = OutputLayer.WeightNorm }, 1, CPU, 400);
        _ = agent.Train().Count();
        using var policy = agent.SnapshotPolicy();
        var size = envs.ObservationSpace.Size;
        var random = new Rng(6);
        float[] observations = [.. Enumerable.Range(0, size * Count).Select(_ => (float)random.NextUniform(-1, 1))];
        var chosen = new int[Count];
        policy.Act(observations, Count, chosen);

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var means = Means(agent.Network().forward(tensor(observations, [Count, size])).to(ScalarType.Float64), returns, dueling, policy.ActionCount);
        var (best, _) = means.topk(2, dim: 1);
        var clear = (best.select(1, 0) - best.select(1, 1)).data<double>().ToArray();
        var expected = means.argmax(1).data<long>().ToArray();
        Assert.All(Enumerable.Range(0, Count).Where(i => clear[i] > 1e-5), i => Assert.Equal(expected[i], chosen[i]));
        Assert.True(clear.Count(distance => distance > 1e-5) > Count * 9 / 10);
        Assert.True(chosen.Distinct().Count() > 1);
    }

    private static Tensor Means(Tensor output, ReturnModel returns, bool dueling, int actions)
    {
        var numbers = output.reshape(output.size(0), actions + (dueling ? 1 : 0), -1);
        if (dueling)
            numbers = numbers.narrow(1, actions, 1) + numbers.narrow(1, 0, actions) - numbers.narrow(1, 0, actions).mean([1], keepdim: true);
        return returns == ReturnModel.Categorical ? (numbers.softmax(2) * linspace(-1, 4, 11, ScalarType.Float64)).sum(2) : numbers.mean([2]);
    }
}
