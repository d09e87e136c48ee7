using System.ComponentModel.DataAnnotations;
using System.Runtime.CompilerServices;
using RlWn.Agents.Data;
using RlWn.Agents.Ppo;
using RlWn.Envs;
using RlWn.Inference;
using RlWn.Init;
using RlWn.Networks;
using RlWn.Testing;
using static TorchSharp.torch;

namespace RlWn.Agents.Tests.Ppo;

public class RecurrentPpoAgentTests
{
    private static readonly PpoOptions Small = new() { RolloutSteps = 24, Epochs = 3, Minibatches = 2 };
    private static readonly NetworkOptions Remembering = new() { Lstm = 8, Hidden = [16] };

    // Episodes end within rollouts and go on across their ends: h and c, and where they are forgotten, are the same in collecting and in learning.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Train_NothingLearnedYet_RatiosAreOne(bool shared)
    {
        using var discrete = EnvRegistry.MakeVector("CartPoleNoVel-v1", 4);
        using var continuous = new SyncVectorEnv<float, float>(() => new Upright(2), 4);
        foreach (VectorEnv envs in new VectorEnv[] { discrete, continuous })
        {
            using var agent = Make(envs, Small with { LearningRate = 0, Epochs = 1 }, network: Remembering with { Shared = shared, PolicyScale = 1 });
            var reports = agent.Train().Take(3).ToArray();

            Assert.Contains(reports, report => report.Episodes.Count > 0);
            Assert.All(reports, report => Assert.InRange(report.Of("approx_kl"), 0, 1e-9));
            Assert.All(reports, report => Assert.Equal(0, report.Of("clip_fraction")));
        }
    }

    [Theory]
    [InlineData(1UL)]
    [InlineData(2UL)]
    [InlineData(3UL)]
    public void Train_SignSeenAtTheStart_IsRememberedToTheEnd(ulong seed)
    {
        const int Delay = 8;
        using var envs = new SyncVectorEnv<float, int>(() => new Recall(Delay), 16);
        var options = new PpoOptions { RolloutSteps = 40, Epochs = 4, Minibatches = 4, LearningRate = 0.01, EntropyWeight = 0.01 };
        using var agent = Make(envs, options, steps: 640 * 60, seed: seed);
        Assert.Equal(60, agent.Train().Count());
        using var policy = agent.SnapshotPolicy();
        using var fresh = new SyncVectorEnv<float, int>(() => new Recall(Delay), 4);

        Assert.InRange(Evaluation.Run(policy, fresh, episodes: 100, seed: 99).Mean, 0.95, 1);   // a coin gives 0.5
    }

    [Fact]
    public void Train_SignSeenAtTheStart_IsNothingToAnAgentWithoutMemory()
    {
        using var envs = new SyncVectorEnv<float, int>(() => new Recall(8), 16);
        using var agent = Agents.Make(envs, new() { RolloutSteps = 40, LearningRate = 0.01 }, steps: 640 * 60);
        Assert.Equal(60, agent.Train().Count());
        using var policy = agent.SnapshotPolicy();
        using var fresh = new SyncVectorEnv<float, int>(() => new Recall(8), 4);

        Assert.InRange(Evaluation.Run(policy, fresh, episodes: 100, seed: 99).Mean, 0.3, 0.7);
    }

    // Observed are 0, 0.1, 0.2 and, where the episode is cut off, 0.3: its value is that after all four, and the next episode remembers none of them.
    [Fact]
    public void Train_EpisodeCutOff_IsBootstrappedGivenAllThatWasSeen()
    {
        using var envs = new SyncVectorEnv<float, int>(() => new TimeLimit<float, int>(new Scripted<int>(new Discrete(2), k => (k / 10f, new(1, Terminated: false))), 3), 2);
        using var agent = Make(envs, Small with { RolloutSteps = 7, LearningRate = 0, Minibatches = 1 }, network: Remembering with { ValueScale = 1 });
        Assert.Single(agent.Train().Take(1));

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var values = Network(agent).Critic.call(tensor(new[] { 0f, 0.1f, 0.2f, 0.3f }).view(4, 1, 1)).view(-1).data<float>().ToArray();
        float[] expected = [values[1], values[2], values[3]];
        for (var t = 0; t < 7; t++)
            Assert.Equal(expected[t % 3], Collected(agent).NextValue(t)[0], 1e-5f);
        Assert.True(values.Zip(values.Skip(1)).All(pair => Math.Abs(pair.First - pair.Second) > 1e-3));
    }

    [Theory]
    [InlineData("CartPoleNoVel-v1", "orthogonal-proposed")]
    [InlineData("Pendulum-v1", "he-no-wn")]
    public void Load_AfterSave_GoesOnBitByBit(string env, string scheme)
    {
        const long Steps = 6 * 4 * 24;
        var network = Remembering with { Scheme = Scheme.Parse(scheme) };
        using var envs = EnvRegistry.MakeVector(env, 4);
        using var whole = Make(envs, Small, Steps, network: network);
        var expected = whole.Train().Select(Text).ToArray();

        using var firstEnvs = EnvRegistry.MakeVector(env, 4);
        using var first = Make(firstEnvs, Small, Steps, network: network);
        using var saved = new MemoryStream();
        Assert.Equal(3, first.Train().Take(3).Count());
        Assert.True(first.ResumesExactly);
        first.Save(new BinaryWriter(saved));
        saved.Position = 0;
        using var secondEnvs = EnvRegistry.MakeVector(env, 4);
        using var second = Make(secondEnvs, Small, Steps, seed: 99, network: network);
        second.Load(new BinaryReader(saved));

        Assert.Equal(expected.Skip(3), second.Train().Select(Text));
        Assert.Equal(saved.Length, saved.Position);
        Assert.Equal(Weights(whole), Weights(second));

        static string Text(TrainingReport report) => $"{report.Steps} {report.Updates} {string.Join(" ", report.Episodes)} {string.Join(" ", report.Metrics)}";
    }

    [Theory]
    [InlineData("orthogonal-proposed", ScaleMode.Learnable, false)]
    [InlineData("orthogonal-proposed", ScaleMode.Absent, false)]
    [InlineData("he-no-wn", ScaleMode.Learnable, true)]
    public void SnapshotPolicy_SavedAndLoaded_ActsAsTheNetworkOverAnEpisode(string scheme, ScaleMode scale, bool shared)
    {
        using var envs = EnvRegistry.MakeVector("CartPoleNoVel-v1", 4);
        using var agent = Make(envs, Small, network: Remembering with { Scheme = Scheme.Parse(scheme), Scale = scale, Shared = shared, PolicyScale = 1 });
        Assert.Equal(2, agent.Train().Take(2).Count());
        using var folder = new TemporaryFolder();
        using (var policy = agent.SnapshotPolicy())
            policy.Save(folder["policy.safetensors"]);
        using var loaded = Policy.Load(folder["policy.safetensors"]);

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator(3);
        var observations = randn([200, 1, 2], generator: generator);
        var expected = Network(agent).Actor.call(observations).narrow(-1, 0, 2).argmax(-1).data<long>().ToArray();
        var state = loaded.NewState();
        var actions = Enumerable.Range(0, 200).Select(t => (long)loaded.Act(observations[t].data<float>().ToArray(), state)).ToArray();

        Assert.Equal(expected, actions);
        Assert.Equal(2, actions.Distinct().Count());
        Assert.Equal(8, loaded.StateUnits);
    }

    [Fact]
    public void Diagnose_AfterAReport_TellsOfTheMemorysLayersToo()
    {
        using var envs = EnvRegistry.MakeVector("CartPoleNoVel-v1", 4);
        using var watched = Make(envs, Small, steps: 300);
        var layers = watched.Train().Select(_ => watched.Diagnose()).Last();
        using var alone = Make(envs, Small, steps: 300);
        Assert.Equal(4, alone.Train().Count());

        Assert.Equal(
            ["actor.lstm.ih", "actor.lstm.hh", "actor.head.0", "actor.head.1", "critic.lstm.ih", "critic.lstm.hh", "critic.head.0", "critic.head.1"],
            layers.Select(layer => layer.Layer));
        Assert.All(layers, layer => Assert.True(layer.VGradientNorm > 0 || layer.GGradientNorm > 0));
        Assert.Equal(Weights(alone), Weights(watched));
    }

    [Fact]
    public void Dispose_Twice_IsAsOnce()
    {
        using var envs = EnvRegistry.MakeVector("CartPoleNoVel-v1", 4);
        var agent = Make(envs, Small);
        Assert.Single(agent.Train().Take(1));
        agent.Dispose();
        agent.Dispose();

        Assert.Throws<ObjectDisposedException>(() => agent.Train().First());
    }

    [Fact]
    public void Construct_WhatDoesNotFit_IsRefused()
    {
        using var envs = EnvRegistry.MakeVector("CartPoleNoVel-v1", 4);

        Assert.StartsWith(
            "Expected ppo.minibatches to divide ppo.environments with network.lstm",
            Assert.Throws<ValidationException>(() => Make(envs, Small with { Minibatches = 3 })).Message, StringComparison.Ordinal);
        Assert.StartsWith(
            "Expected network.lstm above 0", Assert.Throws<ArgumentException>(() => Make(envs, Small, network: Remembering with { Lstm = 0 })).Message, StringComparison.Ordinal);
        Assert.StartsWith("Expected network.lstm 0", Assert.Throws<ArgumentException>(() => Agents.Make(envs, Small, network: Remembering)).Message, StringComparison.Ordinal);
        Assert.StartsWith(
            "Expected network.normPartner none",
            Assert.Throws<ValidationException>(() => Make(envs, Small, network: Remembering with { NormPartner = NormPartner.LayerNorm })).Message, StringComparison.Ordinal);
    }

    private static RecurrentPpoAgent Make(VectorEnv envs, PpoOptions options, long steps = long.MaxValue, ulong seed = 1, NetworkOptions? network = null) =>
        new(envs, options with { Environments = envs.Count }, network ?? Remembering, seed, CPU, steps);

    private static float[] Weights(RecurrentPpoAgent agent)
    {
        using var scope = NewDisposeScope();
        return [.. Network(agent).parameters().SelectMany(parameter => Aten.Memory<float>(parameter).ToArray())];
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "network")]
    private static extern ref readonly ActorCritic Network(RecurrentPpoAgent agent);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "rollout")]
    private static extern ref readonly Rollout Collected(RecurrentPpoAgent agent);

    private sealed class TemporaryFolder : IDisposable
    {
        private readonly string path = Directory.CreateTempSubdirectory("rlwn-").FullName;

        public string this[string name] => Path.Combine(path, name);

        public void Dispose() => Directory.Delete(path, recursive: true);
    }
}
