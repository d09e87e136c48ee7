using System.Runtime.CompilerServices;
using RlWn.Agents.Impala;
using RlWn.Envs;
using RlWn.Networks;
using RlWn.Testing;
using static TorchSharp.torch;

namespace RlWn.Agents.Tests.Impala;

public class ImpalaAgentTests
{
    private static readonly NetworkOptions Small = new() { Hidden = [16] };

    // Two actors, three environments each, four trajectories of five steps an update: 60 steps.
    private static readonly ImpalaOptions Options = new() { Actors = 2, Environments = 3, RolloutSteps = 5, Trajectories = 4, ReportEvery = 3 };

    [Fact]
    public void Train_Report_ClosesItsUpdatesAndTheirSteps()
    {
        using var agent = CartPole(Options, steps: 500);   // nine updates of 60, in reports of three

        Assert.Equal([(180, 3), (360, 6), (540, 9)], agent.Train().Select(report => (report.Steps, report.Updates)));
        Assert.Equal(540, agent.Steps);
    }

    [Theory]
    [InlineData(0, 2)]
    [InlineData(1, 1)]
    [InlineData(1, 8)]
    [InlineData(3, 5)]
    public void Train_AnyNumberOfActors_KeepsTheLagWithinItsBound(int maxLag, int actors)
    {
        using var agent = CartPole(Options with { MaxLag = maxLag, Actors = actors }, steps: 6000);

        Assert.All(agent.Train(), report =>
        {
            Assert.InRange(report.Of("lag_max"), 0, maxLag);
            Assert.InRange(report.Of("lag_mean"), 0, report.Of("lag_max"));
        });
    }

    [Fact]
    public void Train_MaxLagZero_IsOnPolicyAndRepeats()   // ratios are 1 but for rounding between acting and learning
    {
        using var first = CartPole(Options with { MaxLag = 0 });
        using var second = CartPole(Options with { MaxLag = 0 });
        Assert.All(first.Train(), report => Assert.Equal(1, report.Of("rho_mean"), 1e-4));
        Assert.Equal(10, second.Train().Count());

        Assert.Equal(Saved(first), Saved(second));
    }

    // Actor and learner agree on log π of several choices at once, and of squashed numbers.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Train_SeveralChoicesOrSquashed_IsOnPolicyWithoutLag(bool squashed)
    {
        using var agent = new ImpalaAgent(
            count => squashed ? EnvRegistry.MakeVector("Pendulum-v1", count) : new SyncVectorEnv<float, int>(() => new Levers(), count),
            Options with { MaxLag = 0 }, Small with { ActionBounds = ActionBounds.Tanh, PolicyScale = 1 }, seed: 1, CPU, totalSteps: 1800);

        Assert.All(agent.Train(), report => Assert.Equal(1, report.Of("rho_mean"), 1e-4));
    }

    [Fact]
    public void Train_TwoLevers_SetsBothRight()
    {
        using var agent = new ImpalaAgent(
            count => new SyncVectorEnv<float, int>(() => new Levers(), count), Options with { LearningRate = 0.01 }, Small, seed: 1, CPU, totalSteps: 20_000);
        Assert.InRange(agent.Train().Last().Steps, 20_000, 20_060);
        using var policy = agent.SnapshotPolicy();
        using var fresh = new SyncVectorEnv<float, int>(() => new Levers(), 3);
        Assert.Equal(2, Evaluation.Run(policy, fresh, episodes: 30, seed: 99).Mean);
    }

    [Fact]
    public void Load_AfterSaveWithMaxLagZero_GoesOnBitByBit()
    {
        var options = Options with { MaxLag = 0 };
        using var whole = CartPole(options);
        Assert.Equal(10, whole.Train().Count());
        using var first = CartPole(options);
        Assert.Equal(4, first.Train().Take(4).Count());
        Assert.True(first.ResumesExactly);

        using var second = CartPole(options, seed: 99);   // nothing of its own seed is left
        Load(second, Saved(first));
        Assert.Equal(6, second.Train().Count());

        Assert.Equal(Saved(whole), Saved(second));
    }

    [Fact]
    public void Load_AfterSave_LosesNothing()   // with a lag, which weights a trajectory gets from there on is chance
    {
        using var first = CartPole(Options);
        Assert.Equal(4, first.Train().Take(4).Count());
        Assert.False(first.ResumesExactly);

        using var second = CartPole(Options, seed: 99);
        Load(second, Saved(first));
        Assert.Equal((first.Steps, first.Updates), (second.Steps, second.Updates));
        Assert.Equal(Saved(first), Saved(second));
        Assert.Equal(1800, second.Train().Last().Steps);
    }

    [Fact]
    public void Load_EnvironmentsThatCannotBeSaved_StartNewEpisodes()
    {
        using var first = new ImpalaAgent(Corridors, Options with { MaxLag = 0 }, Small, 1, CPU, 1800);
        Assert.Single(first.Train().Take(1));
        Assert.False(first.ResumesExactly);

        using var second = new ImpalaAgent(Corridors, Options with { MaxLag = 0 }, Small, 1, CPU, 1800);
        Load(second, Saved(first));
        Assert.Equal(1800, second.Train().Last().Steps);

        static SyncVectorEnv<byte, int> Corridors(int count) => new(() => new Corridor(5), count);
    }

    [Fact]
    public void Load_OtherActors_IsRefused()
    {
        using var agent = CartPole(Options);
        Assert.Single(agent.Train().Take(1));
        using var other = CartPole(Options with { Actors = 3 });

        Assert.Throws<EndOfStreamException>(() => Load(other, Saved(agent)));   // Checkpoint.Load says it is damaged
    }

    [Fact]
    public void Dispose_BeforeTheEnd_EndsTheActorsAndTheirEnvironments()
    {
        var played = 0;
        var agent = new ImpalaAgent(count => Scripts(count, _ => (0, new(Interlocked.Increment(ref played), false))), Options, Small, 1, CPU, long.MaxValue);
        Assert.Equal(2, agent.Train().Take(2).Count());
        Assert.Equal(360, played);   // between reports the actors rest
        agent.Dispose();

        Assert.Equal(360, played);
    }

    [Fact]
    public void Dispose_NeverTrained_IsNothingSpecial()
    {
        using var agent = CartPole(Options);

        Assert.Equal(0, agent.Steps);
    }

    [Fact]
    public void Train_ActorThatThrows_EndsWithItsErrorAndItsName()
    {
        var vectors = 0;
        using var agent = new ImpalaAgent(
            count =>
            {
                var vector = vectors++;
                var made = 0;
                return new SyncVectorEnv<float, int>(
                    () =>
                    {
                        var fails = vector == 1 && made++ == 2;
                        return new Scripted<int>(new Discrete(2), step => fails && step == 33 ? throw new IOException("the cable came off") : (0, new(1, false)));
                    },
                    count);
            },
            Options, Small, 1, CPU, long.MaxValue);

        var error = Assert.Throws<InvalidOperationException>(() => agent.Train().Count());
        Assert.Equal("IMPALA actor 1: Environment 2 of 3 failed in Step: the cable came off", error.Message);
        Assert.IsType<IOException>(error.InnerException!.InnerException);
    }

    // Trajectory 1 is actor 1's first: its environments are numbers 3 to 5 of the run, its first step comes after the 15 of trajectory 0.
    [Fact]
    public void Train_RewardNotFinite_EndsWithItsPlace()
    {
        var made = 0;
        using var agent = new ImpalaAgent(
            count => new SyncVectorEnv<float, int>(
                () =>
                {
                    var reward = made++ == 4 ? float.NaN : 1;
                    return new Scripted<int>(new Discrete(2), _ => (0, new(reward, false)));
                },
                count),
            Options, Small, 1, CPU, long.MaxValue);

        var error = Assert.Throws<TrainingDivergedException>(() => agent.Train().Count());
        Assert.StartsWith("Expected a finite reward, got NaN in environment 4 after 18 environment steps.", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Train_ObservationNotFinite_EndsWithItsPlace(float observation)
    {
        using var agent = new ImpalaAgent(count => Scripts(count, step => (step == 2 ? observation : 0, new(1, false))), Options, Small, 1, CPU, long.MaxValue);

        var error = Assert.Throws<TrainingDivergedException>(() => agent.Train().Count());
        Assert.Contains(FormattableString.Invariant($"Expected a finite observation, got {observation} in environment "), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Construct_NormalizedEnvironments_IsRefused()
    {
        var error = Assert.Throws<ArgumentException>(() => new ImpalaAgent(
            count => new NormalizedVectorEnv(EnvRegistry.MakeVector("CartPole-v1", count)), Options, Small, 1, CPU, 1000));
        Assert.StartsWith("Expected environments that are not normalized for impala", error.Message, StringComparison.Ordinal);
    }

    // Environment 5 is the last of actor 1, whose first trajectory begins at step 15; its second step is the last of an episode.
    [Fact]
    public void Train_LastObservationNotFinite_EndsWithItsPlace()
    {
        var made = 0;
        using var agent = new ImpalaAgent(
            count => new SyncVectorEnv<float, int>(
                () =>
                {
                    var last = made++ == 5 ? float.NaN : 0;
                    return new Scripted<int>(new Discrete(2), step => (step == 2 ? last : 0, new(1, false, Truncated: step == 2)));
                },
                count),
            Options, Small, 1, CPU, long.MaxValue);

        var error = Assert.Throws<TrainingDivergedException>(() => agent.Train().Count());
        Assert.StartsWith("Expected a finite last observation of an episode, got NaN in environment 5 after 21 environment steps.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_RewardsBeyondAnyNumber_EndBeforeTheyAreLearnedFrom()   // each is finite, two of them are not
    {
        using var agent = new ImpalaAgent(count => Scripts(count, _ => (0, new(3e38f, false))), Options, Small, 1, CPU, long.MaxValue);

        Assert.Contains("Expected a finite gradient_norm", Assert.Throws<TrainingDivergedException>(() => agent.Train().Count()).Message, StringComparison.Ordinal);
        AssertWhole(agent);
    }

    [Fact]
    public void SetScales_DataDependentScheme_StartsFromWhatAnActorSees()
    {
        using var agent = new ImpalaAgent(
            count => EnvRegistry.MakeVector("CartPole-v1", count), Options, Small with { Scheme = Init.Scheme.Parse("orthogonal-data-dependent") }, 1, CPU, 180);

        Assert.Equal(180, agent.Train().Last().Steps);
    }

    [Fact]
    public void Constructor_BatchNormalization_IsRefused()
    {
        var error = Assert.Throws<ArgumentException>(() => new ImpalaAgent(
            count => EnvRegistry.MakeVector("CartPole-v1", count), Options, Small with { Scheme = Init.Scheme.Parse("orthogonal-wn-bn") }, 1, CPU, 100));
        Assert.Contains("without batch normalization for impala", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Diagnose_AfterAReport_LooksAtTheLastUpdate()
    {
        using var agent = CartPole(Options);
        Assert.Throws<InvalidOperationException>(agent.Diagnose);
        Assert.Single(agent.Train().Take(1));

        Assert.NotEmpty(agent.Diagnose());
    }

    private static ImpalaAgent CartPole(ImpalaOptions options, long steps = 1800, ulong seed = 1) =>
        new(count => EnvRegistry.MakeVector("CartPole-v1", count), options, Small, seed, CPU, steps);

    private static SyncVectorEnv<float, int> Scripts(int count, Func<int, (float, StepResult)> play) => new(() => new Scripted<int>(new Discrete(2), play), count);

    private static byte[] Saved(ImpalaAgent agent)
    {
        using var saved = new MemoryStream();
        agent.Save(new BinaryWriter(saved));
        return saved.ToArray();
    }

    private static void Load(ImpalaAgent agent, byte[] saved)
    {
        using var reader = new BinaryReader(new MemoryStream(saved));
        agent.Load(reader);
        Assert.Equal(saved.Length, reader.BaseStream.Position);
    }

    private static void AssertWhole(ImpalaAgent agent) =>
        Assert.All(Network(agent).parameters(), parameter => Assert.All(parameter.data<float>().ToArray(), weight => Assert.True(float.IsFinite(weight))));

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "network")]
    private static extern ref readonly ActorCritic Network(ImpalaAgent agent);
}
