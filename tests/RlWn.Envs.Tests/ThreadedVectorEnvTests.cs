namespace RlWn.Envs.Tests;

public class ThreadedVectorEnvTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Step_AnyNumberOfWorkers_DoesWhatTheTaskDoesAlone(int workers) =>
        Assert.Empty(EnvContract.CheckVector(
            count => new ThreadedVectorEnv<float, int>(() => new SoundEnv(), count, workers), () => new SoundEnv(),
            new EnvContractOptions { Steps = 500 }));

    [Fact]
    public void CreateVector_WithWorkers_IsThreaded()
    {
        using var envs = EnvRegistry.MakeVector("CartPole-v1", 4, workers: 2);
        Assert.IsType<ThreadedVectorEnv<float, int>>(envs);
        Assert.Throws<ArgumentOutOfRangeException>(() => EnvRegistry.MakeVector("CartPole-v1", 4, workers: -1));
    }

    [Fact]
    public void Send_UntilReceive_BuffersAreRefused()
    {
        using var gate = new ManualResetEventSlim();
        using var envs = new ThreadedVectorEnv<float, int>(() => new Gated(gate), 2, 1);
        envs.Reset(0);
        envs.Send();
        Assert.Throws<InvalidOperationException>(() => envs.Observations);
        Assert.Throws<InvalidOperationException>(() => envs.Actions);
        Assert.Throws<InvalidOperationException>(() => envs.Rewards.Length);
        Assert.Throws<InvalidOperationException>(envs.Send);
        Assert.Throws<InvalidOperationException>(envs.Step);
        Assert.Throws<InvalidOperationException>(() => envs.Reset(1));
        gate.Set();
        envs.Receive();
        Assert.Equal(2, envs.Observations.Rows);
    }

    [Fact]
    public void Send_SyncVector_KeepsToTheSameRules()
    {
        using var envs = new SyncVectorEnv<float, int>(() => new SoundEnv(), 2);
        envs.Reset(0);
        envs.Send();
        Assert.Throws<InvalidOperationException>(() => envs.Observations);
        Assert.Throws<InvalidOperationException>(envs.Step);
        envs.Receive();
        envs.Step();
    }

    [Fact]
    public void Receive_WithoutSend_IsRefused()
    {
        using var envs = new SyncVectorEnv<float, int>(() => new SoundEnv(), 1);
        envs.Reset(0);
        Assert.Throws<InvalidOperationException>(envs.Receive);
    }

    [Fact]
    public void Send_RefusedAction_LeavesNoStepUnderWay()
    {
        using var envs = new ThreadedVectorEnv<float, int>(() => new SoundEnv(), 2, 2);
        envs.Reset(0);
        envs.Actions.All<int>()[1] = 7;
        Assert.Throws<ArgumentException>(envs.Send);
        envs.Actions.All<int>()[1] = 1;
        envs.Step();
    }

    [Fact]
    public void Receive_TasksThatThrow_NamesTheFirstOfThem()
    {
        var made = 0;
        using var envs = new ThreadedVectorEnv<float, int>(() => made++ is 3 or 6 ? new ThrowsAtStepFive() : new SoundEnv(), 8, 2);
        envs.Reset(0);
        for (var step = 1; step < 5; step++)
            envs.Step();
        envs.Send();
        var exception = Assert.Throws<InvalidOperationException>(envs.Receive);
        Assert.Equal("Environment 3 of 8 failed in Step: five", exception.Message);
        Assert.IsType<NotSupportedException>(exception.InnerException);
    }

    [Fact]
    public async Task Dispose_WithAStepUnderWay_WaitsForItsTaskAlone()
    {
        using var gate = new ManualResetEventSlim();
        var envs = new ThreadedVectorEnv<float, int>(() => new Gated(gate), 4, 2);
        envs.Reset(0);
        envs.Send();
        var disposing = Task.Run(envs.Dispose, TestContext.Current.CancellationToken);
        gate.Set();
        await disposing.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        envs.Dispose();
    }

    [Fact]
    public void Construct_NoWorkers_IsRefused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new ThreadedVectorEnv<float, int>(() => new SoundEnv(), 2, 0));

    [Fact]
    public void Step_OnTheWorkersThreads_AllocatesNothing()
    {
        using var envs = new ThreadedVectorEnv<float, int>(() => new CountsBytes(), 16, 2);
        envs.Reset(0);
        for (var step = 0; step < 500; step++)
            envs.Step();
        Volatile.Write(ref CountsBytes.Allocated, 0);
        for (var step = 0; step < 500; step++)
            envs.Step();
        Assert.Equal(0, Volatile.Read(ref CountsBytes.Allocated));
    }

    private sealed class Gated(ManualResetEventSlim gate) : SoundEnv
    {
        protected override float Reward()
        {
            gate.Wait();
            return 0;
        }
    }

    /// <summary>Adds up what its thread allocated between one step of such a task and the next.</summary>
    private sealed class CountsBytes : SoundEnv
    {
        public static long Allocated;

        [ThreadStatic]
        private static long before;

        protected override float Reward()
        {
            var now = GC.GetAllocatedBytesForCurrentThread();
            Interlocked.Add(ref Allocated, before == 0 ? 0 : now - before);
            before = now;
            return 0;
        }
    }
}
