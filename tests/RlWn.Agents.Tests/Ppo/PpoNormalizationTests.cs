using RlWn.Agents.A2c;
using RlWn.Agents.Ppo;
using RlWn.Envs;
using RlWn.Inference;
using RlWn.Testing;
using static TorchSharp.torch;

namespace RlWn.Agents.Tests.Ppo;

public sealed class PpoNormalizationTests : IDisposable
{
    private static readonly PpoOptions Small = new() { RolloutSteps = 16, Epochs = 2, Minibatches = 4 };

    private readonly string folder = Directory.CreateTempSubdirectory("rlwn-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    // Corridors of 5 cells: every step costs 1, so that an episode's return is less its length, whatever is learned from.
    [Fact]
    public void Train_NormalizedRewards_ReportsReturnsAsTheTaskGivesThem()
    {
        using var envs = new NormalizedVectorEnv(new SyncVectorEnv<byte, int>(() => new Corridor(5), 4), new() { Observations = false });
        using var agent = Agents.Make(envs, Small with { RolloutSteps = 256 });
        var episodes = agent.Next().Episodes;

        Assert.NotEmpty(episodes);
        Assert.All(episodes, episode => Assert.Equal(-episode.Length, episode.Return));
        Assert.NotEqual(-1, envs.Rewards[0]);
        Assert.Equal(-1, envs.Inner.Rewards[0]);
    }

    [Theory]
    [InlineData("Pendulum-v1")]
    [InlineData("CartPole-v1")]
    public void SnapshotPolicy_NormalizedObservations_ActsFromItsFileOnThoseOfTheTask(string env)
    {
        using var envs = Normalized(env);
        using var agent = Agents.Make(envs, Small, network: new() { Hidden = [16], PolicyScale = 1 });
        Assert.Equal(3, agent.Train().Take(3).Count());
        var path = Path.Combine(folder, "policy.safetensors");
        using (var policy = agent.SnapshotPolicy())
            policy.Save(path);
        using var loaded = Policy.Load(path);

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator(3);
        var size = envs.ObservationSpace.Size;
        var observations = (randn([100, size], generator: generator) * 3).data<float>().ToArray();
        var seen = new float[observations.Length];
        envs.NormalizeObservations(observations, seen);
        var outputs = agent.Network().Actor.forward(tensor(seen).view(-1, size));

        if (env == "CartPole-v1")
        {
            var choices = new int[100];
            loaded.Act(observations, 100, choices);
            Assert.Equal(outputs.argmax(-1).data<long>().ToArray().Select(action => (int)action), choices);
            Assert.Equal(2, choices.Distinct().Count());
        }
        else
        {
            var actions = new float[100];
            loaded.Act(observations, 100, actions);
            Assert.True(outputs.clamp(-2, 2).flatten().allclose(tensor(actions), 1e-5, 1e-5));
        }

        Assert.Equal("10", loaded.Metadata["rlwn.observation_clip"]);
        using var fresh = EnvRegistry.MakeVector(env, 2);
        Assert.Equal(4, Evaluation.Run(loaded, fresh, episodes: 4, seed: 9).Episodes.Count);   // of the task itself
    }

    [Fact]
    public void SnapshotPolicy_RewardsAlone_LeavesObservationsAsTheyAre()
    {
        using var envs = new NormalizedVectorEnv(new SyncVectorEnv<byte, int>(() => new Corridor(5), 4), new() { Observations = false });
        using var agent = Agents.Make(envs, Small);
        agent.Next();
        using var policy = agent.SnapshotPolicy();

        Assert.DoesNotContain("rlwn.observation_clip", policy.Metadata.Keys);
        Assert.Equal("1", policy.Metadata["rlwn.observation_high"]);
    }

    [Fact]
    public void Evaluation_WhileTraining_LeavesTheStatistics()
    {
        using var envs = Normalized("Pendulum-v1");
        using var agent = Agents.Make(envs, Small);
        agent.Next();
        using var policy = agent.SnapshotPolicy();
        var before = Statistics(envs);
        using var fresh = EnvRegistry.MakeVector("Pendulum-v1", 4);
        var first = Evaluation.Run(policy, fresh, 4, seed: 5);
        Assert.Equal(before, Statistics(envs));

        agent.Next();
        Assert.NotEqual(before, Statistics(envs));
        Assert.Equal(first.Episodes, Evaluation.Run(policy, fresh, 4, seed: 5).Episodes);   // the policy has its own
    }

    [Theory]
    [InlineData("Pendulum-v1", true)]
    [InlineData("Pendulum-v1", false)]
    [InlineData("CartPole-v1", true)]
    public void Load_AfterSave_GoesOnBitByBit(string env, bool rewards)
    {
        const long Steps = 8 * 4 * 16;
        using var wholeEnvs = Normalized(env, rewards);
        using var whole = Agents.Make(wholeEnvs, Small, Steps);
        Assert.Equal(8, whole.Train().Count());

        using var firstEnvs = Normalized(env, rewards);
        using var first = Agents.Make(firstEnvs, Small, Steps);
        Assert.Equal(3, first.Train().Take(3).Count());
        using var saved = new MemoryStream();
        first.Save(new BinaryWriter(saved));

        saved.Position = 0;
        using var secondEnvs = Normalized(env, rewards);
        using var second = Agents.Make(secondEnvs, Small, Steps, seed: 99);
        second.Load(new BinaryReader(saved));
        Assert.True(second.ResumesExactly);
        Assert.Equal(5, second.Train().Count());

        Assert.Equal(saved.Length, saved.Position);
        Assert.Equal(whole.Weights(), second.Weights());
        Assert.Equal(Statistics(wholeEnvs), Statistics(secondEnvs));
        Assert.Equal(Saved(whole), Saved(second));
    }

    // Poles cannot be saved: episodes start anew, but what was learned of scales is not lost.
    [Fact]
    public void Load_EnvironmentsThatCannotBeSaved_KeepsTheStatistics()
    {
        using var envs = Normalized(new SyncVectorEnv<float, float>(() => new Upright(), 4));
        using var agent = Agents.Make(envs, Small);
        agent.Next();
        using var saved = new MemoryStream();
        agent.Save(new BinaryWriter(saved));
        var (observations, returns) = (envs.ObservationStatistics.Count, envs.ReturnStatistics.Count);

        saved.Position = 0;
        using var otherEnvs = Normalized(new SyncVectorEnv<float, float>(() => new Upright(), 4));
        using var other = Agents.Make(otherEnvs, Small);
        other.Load(new BinaryReader(saved));

        Assert.Equal(saved.Length, saved.Position);
        Assert.Equal(observations + 4, otherEnvs.ObservationStatistics.Count);   // and the first ones of the new episodes
        Assert.Equal(returns, otherEnvs.ReturnStatistics.Count);
        Assert.Equal(agent.Steps + (4 * 16), other.Next().Steps);
    }

    [Fact]
    public void A2c_LoadAfterSave_GoesOnBitByBit()
    {
        using var wholeEnvs = Normalized("Pendulum-v1");
        using var whole = new A2cAgent(wholeEnvs, new() { Environments = 4, ReportEvery = 5 }, new() { Hidden = [16] }, 1, CPU, 1_000);
        Assert.Equal(10, whole.Train().Count());

        using var firstEnvs = Normalized("Pendulum-v1");
        using var first = new A2cAgent(firstEnvs, new() { Environments = 4, ReportEvery = 5 }, new() { Hidden = [16] }, 1, CPU, 1_000);
        Assert.Equal(4, first.Train().Take(4).Count());
        using var saved = new MemoryStream();
        first.Save(new BinaryWriter(saved));
        saved.Position = 0;
        using var secondEnvs = Normalized("Pendulum-v1");
        using var second = new A2cAgent(secondEnvs, new() { Environments = 4, ReportEvery = 5 }, new() { Hidden = [16] }, 99, CPU, 1_000);
        second.Load(new BinaryReader(saved));
        Assert.Equal(6, second.Train().Count());

        Assert.Equal(Saved(whole), Saved(second));
    }

    private static NormalizedVectorEnv Normalized(string env, bool rewards = true) => Normalized(EnvRegistry.MakeVector(env, 4), rewards);

    private static NormalizedVectorEnv Normalized(VectorEnv envs, bool rewards = true) => new(envs, new() { Rewards = rewards });

    private static double[] Statistics(NormalizedVectorEnv envs) =>
    [
        envs.ObservationStatistics.Count, .. envs.ObservationStatistics.Mean, .. envs.ObservationStatistics.Variance,
        envs.ReturnStatistics.Count, .. envs.ReturnStatistics.Mean, .. envs.ReturnStatistics.Variance,
    ];

    private static byte[] Saved(IAgent agent)
    {
        using var saved = new MemoryStream();
        agent.Save(new BinaryWriter(saved));
        return saved.ToArray();
    }
}
