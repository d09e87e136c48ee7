using System.Runtime.CompilerServices;
using RlWn.Agents.Impala;
using RlWn.Envs;
using RlWn.Networks;
using static TorchSharp.torch;

namespace RlWn.Agents.Tests.Impala;

/// <summary>
/// What the learner makes of a batch, against autograd on a loss written from the paper's equations. The task's observation is 0.1 for every step since
/// the episode began, so that what came after a step is known without the batch's word: 0.1 more.
/// </summary>
public class ImpalaGradientTests
{
    private const double Gamma = 0.9, Lambda = 0.8, RhoBar = 1.2, CBar = 0.9, ValueWeight = 0.7, EntropyWeight = 0.03;
    private const int Environments = 3, Trajectories = 4, Steps = 9;

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void Learn_TrajectoriesOfAnotherPolicy_FollowsAutograd(bool continuous, bool shared)
    {
        using var agent = new ImpalaAgent(
            count => continuous ? Make<float>(new Box([2], -1, 1), count) : Make<int>(new Discrete(3), count),
            new()
            {
                Actors = 2, Environments = Environments, RolloutSteps = Steps, Trajectories = Trajectories, ReportEvery = 1, LearningRate = 0, MaxGradientNorm = 1e6,
                Gamma = Gamma, Lambda = Lambda, RhoBar = RhoBar, CBar = CBar, ValueWeight = ValueWeight, EntropyWeight = EntropyWeight,
            },
            new() { Hidden = [16], Shared = shared, PolicyScale = 1, ValueScale = 1 }, seed: 3, CPU, totalSteps: 1_000_000);
        RaiseBiases(Network(agent));
        Assert.Single(agent.Train().Take(1));   // with α = 0: weights stay what they were
        var batch = Queue(agent).Of(0);
        Assert.Contains(true, batch.Terminated);
        Assert.Contains(true, batch.Ended.Zip(batch.Terminated, (ended, terminated) => ended && !terminated));

        var random = new Rng(7);
        foreach (ref var logProbability in batch.Transitions.LogProbability.AsSpan())
            logProbability += (float)random.NextNormal();   // as if another μ had acted: ratios on both sides of ρ̄ and c̄
        Queue(agent).Open(0);
        Learn(agent, batch);

        using var scope = NewDisposeScope();
        var network = Network(agent);
        var parameters = network.parameters().ToArray();
        var expected = autograd.grad([Loss(network, batch, continuous)], parameters);
        Assert.Contains(expected, gradient => gradient.abs().max().item<float>() > 0.01);
        for (var i = 0; i < parameters.Length; i++)
            Assert.True(parameters[i].grad!.allclose(expected[i], rtol: 1e-4, atol: 1e-5), $"Parameter {i}: {parameters[i].grad} against {expected[i]}.");
    }

    // So that the observation which episodes begin with, 0, is worth something.
    private static void RaiseBiases(ActorCritic network)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (name, parameter) in network.named_parameters())
        {
            if (name.EndsWith("bias", StringComparison.Ordinal))
                parameter.add_(tensor(0.3f));
        }
    }

    // L = -ρₜ (rₜ + γ vₜ₊₁ - V(sₜ)) log π(aₜ|sₜ) + c_v ½ (V(sₜ) - vₜ)² - c_e H on average, vₜ by eq. 1 as a sum.
    private static Tensor Loss(ActorCritic network, TrajectoryBatch batch, bool continuous)
    {
        var transitions = batch.Transitions;
        var seen = transitions.Observations.All<float>().ToArray();
        var (output, value) = network.forward(tensor(seen).unsqueeze(-1));
        var nextValue = network.forward(tensor([.. seen.Select(observation => observation + 0.1f)]).unsqueeze(-1)).Value.data<float>().ToArray();
        var (logProbability, entropy) = continuous
            ? Reference.Numbers(output, network.log_std!, tensor(transitions.Numbers).view(-1, 2))
            : Reference.Choices(output, transitions.Choices);

        var (logPi, v) = (logProbability.data<float>().ToArray(), value.data<float>().ToArray());
        var (count, columns) = (seen.Length, batch.Columns);
        double Ratio(int i) => Math.Exp(logPi[i] - transitions.LogProbability[i]);
        double Next(int i) => batch.Terminated[i] ? 0 : nextValue[i];
        double Target(int i)
        {
            var (sum, product) = ((double)v[i], 1.0);
            for (var j = i; j < count; j += columns)
            {
                sum += product * Math.Min(RhoBar, Ratio(j)) * (batch.Rewards[j] + (Gamma * Next(j)) - v[j]);
                product *= Gamma * Lambda * Math.Min(CBar, Ratio(j));
                if (batch.Ended[j])
                    break;
            }

            return sum;
        }

        double Advantage(int i)
        {
            var goesOn = !batch.Ended[i] && i + columns < count;
            return Math.Min(RhoBar, Ratio(i)) * (batch.Rewards[i] + (Gamma * (goesOn ? Target(i + columns) : Next(i))) - v[i]);
        }

        var advantage = tensor([.. Enumerable.Range(0, count).Select(i => (float)Advantage(i))]);
        var target = tensor([.. Enumerable.Range(0, count).Select(i => (float)Target(i))]);
        return -(advantage * logProbability).mean() + (ValueWeight * 0.5 * (value - target).square().mean()) - (EntropyWeight * entropy);
    }

    // Episodes end by turns after three steps, and are cut off after four.
    private static SyncVectorEnv<float, TAction> Make<TAction>(Space<TAction> actions, int count) where TAction : unmanaged => new(
        () =>
        {
            var episode = 0;
            return new Scripted<TAction>(actions, step =>
            {
                if (step == 1)
                    episode++;
                var terminates = episode % 2 == 0;
                return (0.1f * step, new StepResult(step - 1.5f, Terminated: terminates && step == 3, Truncated: !terminates && step == 4));
            });
        },
        count);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "network")]
    private static extern ref readonly ActorCritic Network(ImpalaAgent agent);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "queue")]
    private static extern ref readonly TrajectoryQueue Queue(ImpalaAgent agent);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "Learn")]
    private static extern void Learn(ImpalaAgent agent, TrajectoryBatch batch);
}
