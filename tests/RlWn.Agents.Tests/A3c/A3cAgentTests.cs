using RlWn.Agents.A3c;
using RlWn.Envs;
using RlWn.Networks;
using RlWn.Testing;
using static TorchSharp.torch;

namespace RlWn.Agents.Tests.A3c;

public class A3cAgentTests
{
    private static readonly NetworkOptions Small = new() { Hidden = [16] };

    // Three workers of two environments, five steps an update: ten updates a report are 100 steps.
    private static readonly A3cOptions Options = new() { Workers = 3, Environments = 2, RolloutSteps = 5, ReportEvery = 10 };

    [Fact]
    public void Train_TwoArmedBandit_PullsTheBetterArm()
    {
        using var agent = new A3cAgent(
            count => new SyncVectorEnv<float, int>(() => new Bandit(0, 1), count), new() { Workers = 2, LearningRate = 0.01 }, Small, 1, CPU, 8000);
        Assert.Equal(8000, agent.Train().Last().Steps);
        using var policy = agent.SnapshotPolicy();

        Assert.Equal(1, policy.Act([1]));
        Assert.False(agent.ResumesExactly);
    }

    // Each worker has libtorch compute on itself alone, which is not to become the number of threads that come later.
    [Fact]
    public void Train_Workers_LeaveLibtorchsThreadsToOthersAsTheyWere()
    {
        try
        {
            set_num_threads(3);
            using var agent = CartPole(Options);
            Assert.NotEmpty(agent.Train().Take(1));
            var later = 0;
            var other = new Thread(() => later = get_num_threads());
            other.Start();
            other.Join();
            Assert.Equal((3, 3), (get_num_threads(), later));
        }
        finally
        {
            set_num_threads(1);
        }
    }

    [Fact]
    public void Train_Report_ClosesItsUpdatesAndTheirSteps()
    {
        using var agent = CartPole(Options, steps: 250);

        Assert.Equal([(100, 10), (200, 20), (250, 25)], agent.Train().Select(report => (report.Steps, report.Updates)));
    }

    [Fact]
    public void Load_AfterSaveOfOneWorker_GoesOnBitByBit()
    {
        var options = Options with { Workers = 1 };
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
    public void Load_AfterSave_LosesNothing()   // from there on the order of steps is chance
    {
        using var first = CartPole(Options);
        Assert.Equal(4, first.Train().Take(4).Count());

        using var second = CartPole(Options, seed: 99);
        Load(second, Saved(first));
        Assert.Equal((first.Steps, first.Updates), (second.Steps, second.Updates));
        Assert.Equal(Saved(first), Saved(second));
        Assert.Equal(1000, second.Train().Last().Steps);
    }

    [Fact]
    public void Dispose_BeforeTheEnd_EndsTheWorkers()
    {
        var played = 0;
        var agent = Scripts(_ => new(Interlocked.Increment(ref played), false));
        Assert.Equal(2, agent.Train().Take(2).Count());
        Assert.Equal(200, played);   // between reports the workers rest
        agent.Dispose();

        Assert.Equal(200, played);
    }

    [Fact]
    public void Train_WorkerThatThrows_EndsWithItsErrorAndItsName()
    {
        var vectors = 0;
        using var agent = new A3cAgent(
            count =>
            {
                var fails = vectors++ == 2;
                return new SyncVectorEnv<float, int>(
                    () => new Scripted<int>(new Discrete(2), step => fails && step == 3 ? throw new IOException("the cable came off") : (0, new(1, false))), count);
            },
            Options, Small, 1, CPU, long.MaxValue);

        var error = Assert.Throws<InvalidOperationException>(() => agent.Train().Count());
        Assert.Equal("A3C worker 2: Environment 0 of 2 failed in Step: the cable came off", error.Message);
        Assert.IsType<IOException>(error.InnerException!.InnerException);
    }

    [Fact]
    public void Train_RewardNotFinite_EndsWithItsPlace()
    {
        using var agent = Scripts(step => new(step == 7 ? float.NaN : 1, false));

        Assert.Contains("finite reward, got NaN in environment", Assert.Throws<TrainingDivergedException>(() => agent.Train().Count()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_ObservationNotFinite_EndsWithItsPlace()
    {
        using var agent = new A3cAgent(
            count => new SyncVectorEnv<float, int>(() => new Scripted<int>(new Discrete(2), step => (step == 7 ? float.NaN : 0, new(1, false))), count),
            Options, Small, 1, CPU, long.MaxValue);

        var error = Assert.Throws<TrainingDivergedException>(() => agent.Train().Count());
        Assert.StartsWith("Expected a finite observation, got NaN in environment ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Construct_NormalizedEnvironments_IsRefused()
    {
        var error = Assert.Throws<ArgumentException>(() => new A3cAgent(
            count => new NormalizedVectorEnv(EnvRegistry.MakeVector("CartPole-v1", count)), Options, Small, 1, CPU, 1000));
        Assert.StartsWith("Expected environments that are not normalized for a3c", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_RewardsBeyondAnyNumber_EndBeforeTheyAreLearnedFrom()   // each is finite, two of them are not
    {
        using var agent = Scripts(_ => new(3e38f, false));

        Assert.Contains("Expected a finite gradient_norm", Assert.Throws<TrainingDivergedException>(() => agent.Train().Count()).Message, StringComparison.Ordinal);
        Assert.Equal(0, agent.Updates);
    }

    private static A3cAgent CartPole(A3cOptions options, long steps = 1000, ulong seed = 1) =>
        new(count => EnvRegistry.MakeVector("CartPole-v1", count), options, Small, seed, CPU, steps);

    private static A3cAgent Scripts(Func<int, StepResult> play) =>
        new(count => new SyncVectorEnv<float, int>(() => new Scripted<int>(new Discrete(2), step => (0, play(step))), count), Options, Small, 1, CPU, long.MaxValue);

    private static byte[] Saved(A3cAgent agent)
    {
        using var saved = new MemoryStream();
        agent.Save(new BinaryWriter(saved));
        return saved.ToArray();
    }

    private static void Load(A3cAgent agent, byte[] saved)
    {
        using var reader = new BinaryReader(new MemoryStream(saved));
        agent.Load(reader);
        Assert.Equal(saved.Length, reader.BaseStream.Position);
    }
}
