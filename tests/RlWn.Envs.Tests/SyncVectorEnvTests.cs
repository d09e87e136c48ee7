namespace RlWn.Envs.Tests;

public class SyncVectorEnvTests
{
    [Fact]
    public void Step_EndedEpisode_IsResetWithinTheStep()
    {
        using var envs = new SyncVectorEnv<float, int>(() => new Script(endAt: 2, terminate: true), 2);
        envs.Reset(0);
        Assert.Equal([0, 0], envs.Observations.All<float>().ToArray());

        envs.Step();
        Assert.Equal([1, 1], envs.Observations.All<float>().ToArray());
        Assert.Equal([false, false], envs.Terminated.ToArray());

        envs.Step();
        Assert.Equal([0, 0], envs.Observations.All<float>().ToArray());
        Assert.Equal([2, 2], envs.FinalObservations.All<float>().ToArray());
        Assert.Equal([20, 20], envs.Rewards.ToArray());
        Assert.Equal([true, true], envs.Terminated.ToArray());

        envs.Step();
        Assert.Equal([10, 10], envs.Rewards.ToArray());
        Assert.Equal([false, false], envs.Terminated.ToArray());
    }

    [Fact]
    public void Step_BothTerminatedAndTruncated_CountsAsTerminated()
    {
        using var envs = new SyncVectorEnv<float, int>(() => new Script(endAt: 1, terminate: true, truncate: true), 1);
        envs.Reset(0);
        envs.Step();
        Assert.True(envs.Terminated[0]);
        Assert.False(envs.Truncated[0]);
    }

    [Fact]
    public void Reset_Environment_DrawsFromItsOwnStream()
    {
        using var envs = new SyncVectorEnv<float, int>(() => new CartPole(), 3);
        envs.Reset(9);
        for (ulong i = 0; i < 3; i++)
        {
            var alone = new float[4];
            new CartPole().Reset(new Rng(9, i), alone);
            Assert.Equal(alone, envs.Observations.Row<float>((int)i).ToArray());
        }
    }

    [Fact]
    public void Step_ActionOutsideTheSpace_IsRefusedBeforeAnyStep()
    {
        using var envs = new SyncVectorEnv<float, int>(() => new Script(endAt: 9), 3);
        envs.Reset(0);
        envs.Actions.Row<int>(2)[0] = 5;

        var exception = Assert.Throws<ArgumentException>(envs.Step);
        Assert.Contains("Discrete(2), got [5] in row 2", exception.Message, StringComparison.Ordinal);
        Assert.Equal([0, 0, 0], envs.Observations.All<float>().ToArray());
    }

    [Fact]
    public void Step_TaskThatThrows_SaysWhichEnvironment()
    {
        var made = 0;
        using var envs = new SyncVectorEnv<float, int>(() => new Script(endAt: 9, failAt: made++ == 1 ? 1 : -1), 3);
        envs.Reset(0);

        var exception = Assert.Throws<InvalidOperationException>(envs.Step);
        Assert.Equal("Environment 1 of 3 failed in Step: scripted", exception.Message);
        Assert.IsType<NotSupportedException>(exception.InnerException);
    }

    [Fact]
    public void Step_BeforeReset_IsRefused()
    {
        using var envs = new SyncVectorEnv<float, int>(() => new CartPole(), 1);
        Assert.Throws<InvalidOperationException>(envs.Step);
    }

    [Fact]
    public void Construct_SameTaskTwice_IsRefused()
    {
        var env = new CartPole();
        Assert.Throws<ArgumentException>(() => new SyncVectorEnv<float, int>(() => env, 2));
    }

    [Fact]
    public void Construct_SecondTaskFails_DisposesTheFirst()
    {
        var first = new Script(endAt: 1);
        var made = 0;
        Assert.Throws<NotSupportedException>(
            () => new SyncVectorEnv<float, int>(() => made++ == 0 ? first : throw new NotSupportedException(), 2));
        Assert.Equal(1, first.Disposals);
    }

    [Fact]
    public void Dispose_Twice_DisposesTasksOnce()
    {
        var tasks = new List<Script>();
        var envs = new SyncVectorEnv<float, int>(() => { tasks.Add(new Script(endAt: 1)); return tasks[^1]; }, 2);
        envs.Dispose();
        envs.Dispose();
        Assert.All(tasks, task => Assert.Equal(1, task.Disposals));
    }

    /// <summary>Observes the step's number and rewards ten times that.</summary>
    private sealed class Script(int endAt, bool terminate = false, bool truncate = false, int failAt = -1) : IEnv<float, int>, IDisposable
    {
        private int steps;

        public Space<float> ObservationSpace { get; } = new Box([1], 0, 100);

        public Space<int> ActionSpace { get; } = new Discrete(2);

        public int Disposals { get; private set; }

        public void Reset(Random random, Span<float> observation) => observation[0] = steps = 0;

        public StepResult Step(ReadOnlySpan<int> action, Span<float> observation)
        {
            observation[0] = ++steps;
            return steps == failAt
                ? throw new NotSupportedException("scripted")
                : new StepResult(10 * steps, terminate && steps == endAt, truncate && steps == endAt);
        }

        public void Dispose() => Disposals++;
    }
}
