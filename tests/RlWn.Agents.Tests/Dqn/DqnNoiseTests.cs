using RlWn.Agents.Dqn;
using RlWn.Envs;
using static TorchSharp.torch;

namespace RlWn.Agents.Tests.Dqn;

public class DqnNoiseTests
{
    private static readonly DqnOptions Noisy = new()
    {
        Environments = 2, BufferSize = 400, BatchSize = 16, LearningStarts = 60, TrainEvery = 3, ReportEvery = 100, Noisy = true, DoubleQ = true,
    };

    [Fact]
    public void Train_Noisy_ExploresByNoiseAlone()
    {
        using var envs = EnvRegistry.MakeVector("CartPole-v1", 2);
        using var agent = Agents.MakeDqn(envs, Noisy with { EpsilonStart = 1, EpsilonEnd = 1 }, steps: 400);
        var reports = agent.Train().ToArray();

        Assert.All(reports, report => Assert.Equal(0, report.Of("epsilon")));
        Assert.Equal(1, reports[0].Of("noise"), 0.05);   // a few updates of 2.5e-4, on deviations of 0.1 and more
        Assert.NotEqual(reports[0].Of("noise"), reports[^1].Of("noise"));
    }

    // Zeros are seen throughout, so that the values of the mean network are its last bias, which is zero: whatever is chosen is the noise's choice.
    [Fact]
    public void Train_BeforeTheFirstUpdate_EveryStepHasASampleOfItsOwn()
    {
        var task = new Scripted<int>(new Discrete(2), _ => (0, new StepResult(0, false, false)));
        using var envs = new SyncVectorEnv<float, int>(() => task, 1);
        using var agent = Agents.MakeDqn(envs, Noisy with { Environments = 1, LearningStarts = 400 }, steps: 200);
        _ = agent.Train().Count();

        var chosen = task.Actions.Count(action => action[0] == 1);
        Assert.InRange(chosen, 60, 140);   // of 200, each a coin: 5.7 standard deviations
    }

    [Fact]
    public void SnapshotPolicy_OfANoisyAgent_IsTheMeanWhateverWasDrawn()
    {
        using var envs = EnvRegistry.MakeVector("CartPole-v1", 2);
        using var agent = Agents.MakeDqn(envs, Noisy, steps: 400);
        _ = agent.Train().Count();
        using var before = agent.SnapshotPolicy();
        agent.Network().DrawNoise(new Rng(5));
        using var after = agent.SnapshotPolicy();

        const int Count = 500;
        var random = new Rng(6);
        float[] observations = [.. Enumerable.Range(0, 4 * Count).Select(_ => (float)random.NextUniform(-1, 1))];
        var (chosen, again) = (new int[Count], new int[Count]);
        before.Act(observations, Count, chosen);
        after.Act(observations, Count, again);
        Assert.Equal(chosen, again);

        agent.Network().ClearNoise();
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var mean = agent.Network().forward(tensor(observations, [Count, 4])).argmax(1);
        Assert.Equal(mean.data<long>().ToArray(), chosen.Select(action => (long)action));
    }

    [Fact]
    public void Diagnose_Noisy_LooksAtTheMeanAndDisturbsNothing()
    {
        using var envs = EnvRegistry.MakeVector("CartPole-v1", 2);
        using var agent = Agents.MakeDqn(envs, Noisy, steps: 400);
        using var twinEnvs = EnvRegistry.MakeVector("CartPole-v1", 2);
        using var twin = Agents.MakeDqn(twinEnvs, Noisy, steps: 400);
        foreach (var report in agent.Train())
        {
            if (report.Updates > 0)
                Assert.Equal(["0", "1"], agent.Diagnose().Select(layer => layer.Layer));
        }

        _ = twin.Train().Count();
        Assert.Equal(twin.Weights(), agent.Weights());
    }
}
