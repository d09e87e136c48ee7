using System.ComponentModel.DataAnnotations;
using RlWn.Agents.Formulas;
using RlWn.Agents.Ppo;
using RlWn.Envs;
using RlWn.Testing;
using static TorchSharp.torch;

namespace RlWn.Agents.Tests.Ppo;

public class PpoAgentTests
{
    private static readonly Discrete Two = new(2);
    private static readonly PpoOptions Small = new() { RolloutSteps = 8, Epochs = 3, Minibatches = 4 };

    [Fact]
    public void Train_Report_CountsStepsUpdatesAndEpisodes()
    {
        using var envs = Rings(4);   // episodes of five steps, each with reward 1
        using var agent = Agents.Make(envs, Small, steps: 70);
        var reports = agent.Train().ToArray();

        Assert.Equal([32L, 64, 96], reports.Select(report => report.Steps));            // rounded up to whole rollouts of 4 · 8
        Assert.Equal([12L, 24, 36], reports.Select(report => report.Updates));          // 3 epochs of 4 minibatches
        Assert.Equal([4, 8, 4], reports.Select(report => report.Episodes.Count));       // after 8, 16 and 24 steps: 1, 3 and 4 each
        Assert.All(reports.SelectMany(report => report.Episodes), episode => Assert.Equal(new Episode(5, 5), episode));
        Assert.Equal((96, 36), (agent.Steps, agent.Updates));
        Assert.Equal(
            [
                "policy_loss", "value_loss", "entropy", "approx_kl", "clip_fraction", "gradient_norm",
                "learning_rate", "clip_range", "epochs", "explained_variance",
            ],
            reports[2].Metrics.Select(metric => metric.Name));
        Assert.Empty(agent.Train());
    }

    [Fact]
    public void Train_StoppedAndAskedAgain_GoesOn()
    {
        using var envs = EnvRegistry.MakeVector("CartPole-v1", 4);
        using var inOne = Agents.Make(envs, Small, steps: 128);
        Assert.Equal(4, inOne.Train().Count());
        using var inTwo = Agents.Make(envs, Small, steps: 128);
        Assert.Single(inTwo.Train().Take(1));
        Assert.Equal([64L, 96, 128], inTwo.Train().Select(report => report.Steps));

        Assert.Equal(inOne.Weights(), inTwo.Weights());
    }

    [Fact]
    public void Train_LinearSchedules_FallToZeroOverTheRun()
    {
        using var envs = Rings(4);
        var options = Small with { LearningRate = 0.01, LearningRateSchedule = Schedule.Linear, Clip = 0.4, ClipSchedule = Schedule.Linear };
        using var agent = Agents.Make(envs, options, steps: 4 * 32);
        var reports = agent.Train().ToArray();

        double[] left = [1, 0.75, 0.5, 0.25];   // of the run, when a rollout was collected
        Assert.All(left.Zip(reports), pair =>
        {
            Assert.Equal(0.01 * pair.First, pair.Second.Of("learning_rate"), 12);
            Assert.Equal(0.4 * pair.First, pair.Second.Of("clip_range"), 12);
        });
    }

    [Fact]
    public void Diagnose_AfterAReport_TellsOfItsLastUpdate()
    {
        using var envs = Rings(4);
        var options = Small with { LearningRate = 1e-5, LearningRateSchedule = Schedule.Linear };
        using var agent = Agents.Make(envs, options, steps: 128);
        Assert.Contains("after the first report", Assert.Throws<InvalidOperationException>(agent.Diagnose).Message, StringComparison.OrdinalIgnoreCase);

        var diagnoses = agent.Train().Take(2).Select(_ => agent.Diagnose()).ToArray();

        Assert.Equal(["actor.0", "actor.1", "critic.0", "critic.1"], diagnoses[1].Select(layer => layer.Layer));
        Assert.All(diagnoses[1], layer => Assert.True((layer.VGradientNorm > 0 || layer.GGradientNorm > 0) && layer.InputNorm > 0));   // of one input v has no direction to learn
        Assert.InRange(diagnoses[1].Sum(layer => (layer.VGradientNorm * layer.VGradientNorm) + (layer.GGradientNorm * layer.GGradientNorm ?? 0))!.Value, 0, 1.001 * 0.25);   // clipped to 0.5

        // Of four rollouts the second is learned from at three quarters of the rate, and so small a rate hardly moves v.
        Assert.Equal(0.75, (diagnoses[1][0].EffectiveLearningRate / diagnoses[0][0].EffectiveLearningRate)!.Value, 0.01);
    }

    [Fact]
    public void Diagnose_Training_IsNotChangedByIt()
    {
        using var envs = EnvRegistry.MakeVector("CartPole-v1", 4);
        using var watched = Agents.Make(envs, Small, steps: 128);
        foreach (var _ in watched.Train())
            watched.Diagnose();
        using var alone = Agents.Make(envs, Small, steps: 128);
        Assert.Equal(4, alone.Train().Count());

        Assert.Equal(alone.Weights(), watched.Weights());
    }

    [Fact]
    public void Train_ConstantSchedules_Stay()
    {
        using var envs = Rings(4);
        var options = Small with { LearningRate = 0.01, LearningRateSchedule = Schedule.Constant, Clip = 0.4 };
        using var agent = Agents.Make(envs, options, steps: 64);

        Assert.All(agent.Train(), report => Assert.Equal((0.01, 0.4), (report.Of("learning_rate"), report.Of("clip_range"))));
    }

    [Theory]
    [InlineData(1e-6, 1)]
    [InlineData(100.0, 3)]
    [InlineData(null, 3)]
    public void Train_TargetKl_StopsFurtherEpochs(double? targetKl, int expected)
    {
        using var envs = EnvRegistry.MakeVector("CartPole-v1", 4);
        using var agent = Agents.Make(envs, Small with { LearningRate = 0.01, TargetKl = targetKl });
        var report = agent.Next();

        Assert.Equal(expected, report.Of("epochs"));
        Assert.Equal(4 * expected, report.Updates);
        Assert.InRange(report.Of("approx_kl"), 1e-6, 100);
    }

    // With V ≈ 0 and a learning rate of 0 the value loss is the mean of ½ r² over what was learned from: r = 1 … 16 gives
    // ½ (1² + … + 16²) / 16 = 46.75 only if every transition counts once, whatever the minibatches.
    [Theory]
    [InlineData(1, 1)]
    [InlineData(4, 1)]
    [InlineData(8, 3)]
    public void Train_Epoch_LearnsFromEveryTransitionOnce(int minibatches, int epochs)
    {
        var played = 0;
        using var envs = new SyncVectorEnv<float, int>(() => new Scripted<int>(Two, _ => (0, new(++played, Terminated: true))), 2);
        var options = new PpoOptions { RolloutSteps = 8, Epochs = epochs, Minibatches = minibatches, LearningRate = 0 };
        using var agent = Agents.Make(envs, options, network: new() { Hidden = [4], ValueScale = 1e-6 });

        Assert.Equal(46.75, agent.Next().Of("value_loss"), 1e-4);
    }

    [Fact]
    public void Train_NothingLearnedYet_RatiosAreOne()
    {
        using var discrete = EnvRegistry.MakeVector("CartPole-v1", 4);
        using var continuous = new SyncVectorEnv<float, float>(() => new Upright(2), 4);
        foreach (VectorEnv envs in new VectorEnv[] { discrete, continuous })
        {
            using var agent = Agents.Make(envs, Small with { LearningRate = 0 });
            var before = agent.Weights();
            var report = agent.Next();

            Assert.Equal(before, agent.Weights());
            Assert.InRange(report.Of("approx_kl"), 0, 1e-9);
            Assert.Equal(0, report.Of("clip_fraction"));
        }
    }

    // Adam's first step moves each weight by α |g| / (|g| + ε), so with α = ε = 1 and a small gradient by about |g|: the way is the
    // gradient's length.
    [Fact]
    public void Train_LongGradient_IsScaledDownToTheLargestNorm()
    {
        using var envs = new SyncVectorEnv<float, int>(() => new Bandit(100, 200), 4);
        var options = new PpoOptions { RolloutSteps = 8, Epochs = 1, Minibatches = 1, LearningRate = 1, AdamEpsilon = 1, MaxGradientNorm = 0.01 };
        using var agent = Agents.Make(envs, options);
        var before = agent.Weights();
        var report = agent.Next();

        var way = Math.Sqrt(before.Zip(agent.Weights(), (a, b) => Math.Pow(b - (double)a, 2)).Sum());
        Assert.InRange(way, 0.0098, 0.01001);
        Assert.True(report.Of("gradient_norm") > 10);   // as it was
    }

    // The entropy of one number is log σ + ½ log 2πe. The first epoch starts at σ = 1; Adam's first step, α long, is behind the second's.
    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 0.01)]
    public void Train_Epoch_TakesTheDeviationThatTheOneBeforeLeft(int epochs, double moved)
    {
        using var envs = new SyncVectorEnv<float, float>(() => new Upright(), 4);
        using var agent = Agents.Make(envs, new() { RolloutSteps = 8, Epochs = epochs, Minibatches = 1, LearningRate = 0.01 });
        var entropy = agent.Next().Of("entropy");

        Assert.Equal(moved, Math.Abs(entropy - (0.5 * Math.Log(2 * Math.PI * Math.E))), 1e-4);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Train_SameSeed_GivesTheSameWeightsBitByBit(bool discrete)
    {
        var first = Weights(seed: 3);

        Assert.Equal(first, Weights(seed: 3));
        Assert.NotEqual(first, Weights(seed: 4));

        float[] Weights(ulong seed)
        {
            using VectorEnv envs = discrete ? EnvRegistry.MakeVector("CartPole-v1", 4) : new SyncVectorEnv<float, float>(() => new Upright(), 4);
            using var agent = Agents.Make(envs, Small with { RolloutSteps = 32, LearningRate = 0.01 }, seed: seed);
            Assert.Equal(5, agent.Train().Take(5).Count());
            return agent.Weights();
        }
    }

    [Fact]
    public void Train_SameSeedThroughLibtorch_GivesTheSameWeightsBitByBit()
    {
        Assert.Equal(Weights(), Weights());

        static float[] Weights()
        {
            using var envs = EnvRegistry.MakeVector("CartPole-v1", 4);
            using var agent = Agents.Make(envs, Small, network: new() { Hidden = [Agents.TooWideForPlain] });
            Assert.True(agent.LearnsThroughLibtorch());
            Assert.Equal(2, agent.Train().Take(2).Count());
            return agent.Weights();
        }
    }

    [Fact]
    public void Construct_LargestSeed_IsFine()
    {
        using var envs = Rings(4);
        using var agent = Agents.Make(envs, Small, seed: ulong.MaxValue);
        Assert.Equal(32, agent.Next().Steps);
    }

    // log σ = 2: nearly nine draws in ten lie beyond ±1. Zero observations make the mean 0, so log π(a) = -½ (a/σ)² - log σ - ½ log 2π.
    [Fact]
    public void Train_ActionsBeyondTheBounds_AreClippedForTheEnvironmentOnly()
    {
        var env = new Scripted<float>(new Box([1], -1, 1), _ => (0, new(1, Terminated: false)));
        using var envs = new SyncVectorEnv<float, float>(() => env, 1);
        var options = new PpoOptions { RolloutSteps = 64, Epochs = 1, Minibatches = 1, LearningRate = 0 };
        using var agent = Agents.Make(envs, options, network: new() { Hidden = [4], LogStd = 2 });
        agent.Next();

        var drawn = Enumerable.Range(0, 64).Select(t => agent.Rollout().Numbers(t)[0]).ToArray();
        Assert.Equal(drawn.Select(a => Math.Clamp(a, -1, 1)), env.Actions.Select(action => action[0]));
        Assert.InRange(drawn.Count(a => Math.Abs(a) > 1), 45, 64);   // expected 57
        for (var t = 0; t < 64; t++)
        {
            var expected = (-0.5 * Math.Pow(drawn[t] / Math.Exp(2), 2)) - 2 - (0.5 * Math.Log(2 * Math.PI));
            Assert.Equal(expected, agent.Rollout().LogProbability(t)[0], 1e-5);
        }
    }

    [Fact]
    public void Train_NaNReward_SaysWhereItCameFrom()
    {
        var error = Diverge((i, step) => (0, new(i == 1 && step == 3 ? float.NaN : 1, Terminated: false)));

        Assert.Contains("finite reward, got NaN in environment 1 after 6 environment steps", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_NaNObservation_SaysWhereItCameFrom()
    {
        var error = Diverge((i, step) => (i == 1 && step == 3 ? float.NaN : 0, new(1, Terminated: false)));

        Assert.Contains("finite observation, got NaN in environment 1 after 6 environment steps", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_NaNObservationAtTheEndOfARollout_SaysWhereItCameFrom()
    {
        var error = Diverge((i, step) => (i == 0 && step == 8 ? float.NaN : 0, new(1, Terminated: false)));

        Assert.Contains("finite observation, got NaN in environment 0 after 16 environment steps", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_NaNFinalObservation_CountsWhereAnEpisodeIsCutOff()
    {
        var error = Diverge((i, step) => (i == 1 && step == 2 ? float.NaN : 0, new(1, Terminated: false, Truncated: step == 2)));

        Assert.Contains("finite last observation of an episode, got NaN in environment 1 after 4 environment steps", error.Message, StringComparison.Ordinal);
    }

    // The statistics turn both into NaN in every environment: it is the task's number that is named.
    [Theory]
    [InlineData(true, "finite observation, got Infinity in environment 1 after 6 environment steps")]
    [InlineData(false, "finite reward, got Infinity in environment 1 after 6 environment steps")]
    public void Train_InfiniteNumberOfANormalizedTask_SaysWhereItCameFrom(bool isObservation, string message)
    {
        using var envs = new NormalizedVectorEnv(Pair((i, step) => (i, step) == (1, 3)
            ? (isObservation ? float.PositiveInfinity : 0, new(isObservation ? 1 : float.PositiveInfinity, Terminated: false))
            : (0, new(1, Terminated: false))));
        using var agent = Agents.Make(envs, Small);

        Assert.Contains(message, Assert.Throws<TrainingDivergedException>(() => agent.Train().Count()).Message, StringComparison.Ordinal);
    }

    // What a task shows of its end has no value, be it NaN; that environment 1 is cut off at another time must not bring it up.
    [Fact]
    public void Train_NaNFinalObservationOfATermination_DoesNotMatter()
    {
        using var envs = Pair(
            (i, step) => i == 0 ? (step == 3 ? float.NaN : 0, new(1, Terminated: step == 3)) : (0, new(1, Terminated: false, Truncated: step == 2)));
        using var agent = Agents.Make(envs, Small);

        Assert.Equal(4, agent.Train().Take(4).Count());
        Assert.All(agent.Weights(), weight => Assert.True(float.IsFinite(weight)));
    }

    [Fact]
    public void Train_HugeReward_IsNamedByItsLoss()
    {
        var error = Diverge((_, _) => (0, new(float.MaxValue, Terminated: true)));

        Assert.Contains("environment steps. Lower ppo.learningRate", error.Message, StringComparison.Ordinal);
    }

    // (10³⁰)² is beyond single precision, in which the gradient's length is summed: weights that took such a step would be NaN.
    [Fact]
    public void Train_GradientBeyondAnyNumber_EndsBeforeItIsSteppedAlong()
    {
        using var envs = Pair((_, _) => (0, new(1e30f, Terminated: false)));
        using var agent = Agents.Make(envs, Small);
        var before = agent.Weights();

        Assert.Contains("Expected a finite gradient_norm", Assert.Throws<TrainingDivergedException>(() => agent.Train().Count()).Message, StringComparison.Ordinal);
        Assert.Equal(0, agent.Updates);
        Assert.Equal(before, agent.Weights());
    }

    [Fact]
    public void Construct_OtherCountOfEnvironments_IsRefused()
    {
        using var envs = Rings(3);
        var error = Assert.Throws<ArgumentException>(
            () => new PpoAgent(envs, new() { Environments = 4 }, new(), seed: 1, CPU, totalSteps: 1));
        Assert.StartsWith("Expected 4 environments as ppo.environments says, got 3.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Construct_SettingsThatContradictEachOther_AreRefused()
    {
        using var envs = Rings(4);
        Assert.Throws<ValidationException>(() => Agents.Make(envs, Small with { Minibatches = 5 }));
        Assert.Throws<ValidationException>(() => Agents.Make(envs, Small, network: new() { Hidden = [8, 0] }));
        Assert.Throws<ArgumentOutOfRangeException>(() => Agents.Make(envs, Small, steps: 0));
    }

    private static SyncVectorEnv<float, int> Rings(int count) => new(() => new Ring([1], 5, terminates: false), count);

    private static SyncVectorEnv<float, int> Pair(Func<int, int, (float, StepResult)> play)
    {
        var made = 0;
        return new(() => { var i = made++; return new Scripted<int>(Two, step => play(i, step)); }, 2);
    }

    private static TrainingDivergedException Diverge(Func<int, int, (float, StepResult)> play)
    {
        using var envs = Pair(play);
        using var agent = Agents.Make(envs, Small);
        return Assert.Throws<TrainingDivergedException>(() => agent.Train().Take(2).Count());
    }
}
