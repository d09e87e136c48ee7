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

    // Bytes, behind convolutions or not, and observations that are normalized, as acting has seen them.
    [Theory]
    [InlineData("bytes", Torso.MinAtar, false)]
    [InlineData("bytes", Torso.MinAtar, true)]
    [InlineData("bytes", Torso.Mlp, false)]
    [InlineData("normalized", Torso.Mlp, true)]
    public void Train_NothingLearnedYetOfAnyObservations_RatiosAreOne(string observed, Torso torso, bool shared)
    {
        using var envs = Observing(observed);
        using var agent = Make(envs, Small with { LearningRate = 0, Epochs = 1, RolloutSteps = 48 }, network: Remembering with { Torso = torso, Shared = shared, PolicyScale = 1 });
        var reports = agent.Train().Take(3).ToArray();

        Assert.Contains(reports, report => report.Episodes.Count > 0);
        Assert.All(reports, report => Assert.InRange(report.Of("approx_kl"), 0, 1e-9));
        Assert.All(reports, report => Assert.Equal(0, report.Of("clip_fraction")));
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
    public void Load_AfterSave_GoesOnBitByBit(string env, string scheme) =>
        AssertGoesOn(() => EnvRegistry.MakeVector(env, 4), Remembering with { Scheme = Scheme.Parse(scheme) }, after: 3);

    [Theory]
    [InlineData("bytes", Torso.MinAtar, false)]
    [InlineData("bytes", Torso.Mlp, true)]
    [InlineData("normalized", Torso.Mlp, true)]
    public void Load_AfterSaveOfAnyObservations_GoesOnBitByBit(string observed, Torso torso, bool shared) =>
        AssertGoesOn(() => Observing(observed), Remembering with { Torso = torso, Shared = shared }, after: 3);

    // The projection of the first weights is of both.
    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Load_AfterSaveOfAProjectedNetwork_GoesOnBitByBit(int after) => AssertGoesOn(
        () => EnvRegistry.MakeVector("CartPoleNoVel-v1", 4), Remembering with { Scheme = Scheme.Parse("he-pytorch-default"), ProjectEvery = 2 }, after);

    [Fact]
    public void Load_EnvironmentsThatCannotBeSaved_StartNewEpisodesOfWhichNothingIsRemembered()
    {
        using var envs = new SyncVectorEnv<byte, int>(() => new Corridor(5), 4);
        using var agent = Make(envs, Small with { RolloutSteps = 23 });
        Assert.Single(agent.Train().Take(1));
        Assert.Contains(Acting(agent).States, state => state.Hidden.ContainsAnyExcept(0f));   // an episode goes on
        using var saved = new MemoryStream();
        agent.Save(new BinaryWriter(saved));

        saved.Position = 0;
        using var other = Make(envs, Small with { RolloutSteps = 23 });
        Assert.False(other.ResumesExactly);
        other.Load(new BinaryReader(saved));

        Assert.Equal(Weights(agent), Weights(other));
        Assert.All(Acting(other).States, state => Assert.False(state.Hidden.ContainsAnyExcept(0f) || state.Cell.ContainsAnyExcept(0f)));
        Assert.All(Enumerable.Range(0, 4), i => Assert.Equal(1, envs.Observations.Row<byte>(i)[0]));   // the corridor's first cell
        Assert.Equal(agent.Steps + (4 * 23), other.Train().First().Steps);
    }

    // A first rollout that failed leaves a memory behind.
    [Fact]
    public void Train_FromTheStart_RemembersNothing()
    {
        using var envs = EnvRegistry.MakeVector("CartPoleNoVel-v1", 4);
        using var agent = Make(envs, Small);
        foreach (var state in Acting(agent).States)
        {
            state.Hidden.Fill(1);
            state.Cell.Fill(1);
        }

        Assert.Single(agent.Train().Take(1));
        Assert.All(StartStates(agent), state => Assert.False(state.Hidden.ContainsAnyExcept(0f) || state.Cell.ContainsAnyExcept(0f)));
    }

    // As PpoAgent: (10³⁰)² is beyond single precision.
    [Fact]
    public void Train_GradientBeyondAnyNumber_EndsBeforeItIsSteppedAlong()
    {
        using var envs = new SyncVectorEnv<float, int>(() => new Scripted<int>(new Discrete(2), _ => (0, new(1e30f, Terminated: false))), 2);
        using var agent = Make(envs, Small);
        var before = Weights(agent);

        Assert.Contains("Expected a finite gradient_norm", Assert.Throws<TrainingDivergedException>(() => agent.Train().Count()).Message, StringComparison.Ordinal);
        Assert.Equal(0, agent.Updates);
        Assert.Equal(before, Weights(agent));
    }

    private static void AssertGoesOn(Func<VectorEnv> make, NetworkOptions network, int after)
    {
        const long Steps = 6 * 4 * 24;
        using var envs = make();
        using var whole = Make(envs, Small, Steps, network: network);
        var expected = whole.Train().Select(Text).ToArray();

        using var firstEnvs = make();
        using var first = Make(firstEnvs, Small, Steps, network: network);
        using var saved = new MemoryStream();
        if (after == 0)
            firstEnvs.Reset(1);   // there is nothing to save of them before
        Assert.Equal(after, first.Train().Take(after).Count());
        Assert.True(first.ResumesExactly);
        first.Save(new BinaryWriter(saved));
        saved.Position = 0;
        using var secondEnvs = make();
        using var second = Make(secondEnvs, Small, Steps, seed: after == 0 ? 1UL : 99, network: network);   // a run that has started has nothing left of its own seed
        second.Load(new BinaryReader(saved));

        Assert.Equal(expected.Skip(after), second.Train().Select(Text));
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

    [Theory]
    [InlineData(Torso.MinAtar, false)]
    [InlineData(Torso.Mlp, true)]
    public void SnapshotPolicy_OfBytes_ActsAsTheNetworkOverAnEpisode(Torso torso, bool shared)
    {
        const int Length = 40;
        using var envs = Observing("bytes");
        using var agent = Make(envs, Small, network: Remembering with { Torso = torso, Shared = shared, PolicyScale = 1 });
        Assert.Equal(2, agent.Train().Take(2).Count());
        using var folder = new TemporaryFolder();
        using (var policy = agent.SnapshotPolicy())
            policy.Save(folder["policy.safetensors"]);
        using var loaded = Policy.Load(folder["policy.safetensors"]);
        Assert.Equal(8, loaded.StateUnits);

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var random = new Random(3);
        byte[] bytes = [.. Enumerable.Range(0, Length * loaded.ObservationSize).Select(_ => (byte)random.Next(2))];
        using var numbers = tensor(bytes.Select(value => (float)value).ToArray(), [Length, 1, loaded.ObservationSize]);   // 1 is a grid's greatest
        var expected = Network(agent).Actor.call(numbers).narrow(-1, 0, loaded.ActionCount).argmax(-1).data<long>().ToArray();
        var (onBytes, onNumbers) = (loaded.NewState(), loaded.NewState());
        for (var t = 0; t < Length; t++)
        {
            Assert.Equal(expected[t], loaded.ActOnBytes(bytes.AsSpan(t * loaded.ObservationSize, loaded.ObservationSize), onBytes));
            Assert.Equal(expected[t], loaded.Act(numbers[t].data<float>().ToArray(), onNumbers));
        }

        Assert.Equal(onNumbers.Hidden, onBytes.Hidden);
        Assert.True(expected.Distinct().Count() > 1);
    }

    // What the task gives is what the policy takes: it normalizes by itself, and remembers what that gives.
    [Fact]
    public void SnapshotPolicy_OfNormalizedObservations_ActsOnThoseOfTheTask()
    {
        using var envs = (NormalizedVectorEnv)Observing("normalized");
        using var agent = Make(envs, Small, network: Remembering with { PolicyScale = 1 });
        Assert.Equal(2, agent.Train().Take(2).Count());
        using var policy = agent.SnapshotPolicy();

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator(3);
        var observations = randn([30, 1, 2], generator: generator);
        var normalized = new float[30 * 2];
        envs.NormalizeObservations(observations.data<float>().ToArray(), normalized);
        Assert.NotEqual(observations.data<float>().ToArray(), normalized);
        var expected = Network(agent).Actor.call(tensor(normalized, [30, 1, 2])).argmax(-1).data<long>().ToArray();
        var state = policy.NewState();

        Assert.Equal(expected, Enumerable.Range(0, 30).Select(t => (long)policy.Act(observations[t].data<float>().ToArray(), state)));
        Assert.Equal(2, expected.Distinct().Count());
    }

    [Theory]
    [InlineData(8, false)]
    [InlineData(8, true)]
    [InlineData(Agents.TooWideForPlain, false)]
    public void Train_TwentyReports_KeepAsManyTensorsAsTwo(int width, bool shared)
    {
        using var envs = new SyncVectorEnv<float, float>(() => new Upright(2), 4);
        using var agent = Make(envs, Small with { RolloutSteps = 8, Epochs = 1 }, network: Remembering with { Hidden = [width], Shared = shared });
        Assert.Equal(2, agent.Train().Take(2).Count());
        var afterTwo = LiveTensors();
        Assert.Equal(20, agent.Train().Take(20).Count());

        Assert.Equal(afterTwo, LiveTensors());
    }

    [Fact]
    public void Construct_NetworkWithoutMemory_LeavesNoTensorsBehind()
    {
        using var envs = EnvRegistry.MakeVector("CartPoleNoVel-v1", 4);
        var before = LiveTensors();
        Assert.Throws<ArgumentException>(() => Make(envs, Small, network: Remembering with { Lstm = 0 }));

        Assert.Equal(before, LiveTensors());
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

    private static VectorEnv Observing(string kind) => kind switch
    {
        "bytes" => EnvRegistry.MakeVector("MinAtar/Breakout-v1", 4),
        _ => new NormalizedVectorEnv(EnvRegistry.MakeVector("CartPoleNoVel-v1", 4)),
    };

    // Those that this thread made and did not dispose.
    private static long LiveTensors() => TorchSharp.DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;

    private static float[] Weights(RecurrentPpoAgent agent)
    {
        using var scope = NewDisposeScope();
        return [.. Network(agent).parameters().SelectMany(parameter => Aten.Memory<float>(parameter).ToArray())];
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "network")]
    private static extern ref readonly ActorCritic Network(RecurrentPpoAgent agent);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "acting")]
    private static extern ref readonly RecurrentActing Acting(RecurrentPpoAgent agent);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "startStates")]
    private static extern ref readonly RecurrentState[] StartStates(RecurrentPpoAgent agent);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "rollout")]
    private static extern ref readonly Rollout Collected(RecurrentPpoAgent agent);

    private sealed class TemporaryFolder : IDisposable
    {
        private readonly string path = Directory.CreateTempSubdirectory("rlwn-").FullName;

        public string this[string name] => Path.Combine(path, name);

        public void Dispose() => Directory.Delete(path, recursive: true);
    }
}
