using RlWn.Agents.Data;
using RlWn.Agents.Impala;
using RlWn.Envs;
using RlWn.Networks;
using static TorchSharp.torch;

namespace RlWn.Agents.Tests.Impala;

public sealed class TrajectoryQueueTests : IDisposable
{
    private const int Trajectories = 2;   // of a batch

    private readonly VectorEnv envs = EnvRegistry.MakeVector("CartPole-v1", 1);
    private readonly ActorCritic network;
    private readonly Acting acting;

    public TrajectoryQueueTests()
    {
        network = ActorCritics.Make(envs, new() { Hidden = [4] }, seed: 1, CPU);
        acting = new Acting(network);
    }

    public void Dispose()
    {
        acting.Dispose();
        network.Dispose();
        envs.Dispose();
    }

    [Fact]
    public void Next_BatchThatIsFull_IsHandedOutInOrder()
    {
        var queue = Open(maxLag: 1);
        Fill(queue, 2, 3, 1);   // batch 1 before batch 0
        Fill(queue, 0);

        Assert.Same(queue.Of(0), queue.Next());
        Advance(queue);
        Assert.Same(queue.Of(1), queue.Next());
        Assert.NotSame(queue.Of(0), queue.Of(1));
    }

    [Fact]
    public void Next_TrajectoryMissing_WaitsForIt()
    {
        var queue = Open(maxLag: 1);
        Fill(queue, 0, 2, 3);

        AssertNextWaitsFor(queue, 1);
    }

    // A ring of L + 1 batches: the first trajectory of batch L + 1 has no room until update 0 is done, and has then the weights of update 0.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public void Begin_RingFull_WaitsForTheLearner(int maxLag)
    {
        var queue = Open(maxLag);
        var beyond = (maxLag + 1) * Trajectories;
        Fill(queue, [.. Enumerable.Range(0, beyond)]);
        var begin = Waiting(() => Assert.Equal(1, queue.Begin(beyond, acting)!.Version));

        Advance(queue);
        begin();
    }

    [Fact]
    public void Begin_AheadOfTheLearner_HasWeightsOfAtMostMaxLagUpdatesBefore()
    {
        const int MaxLag = 2;
        var queue = Open(MaxLag);
        for (var number = 0; number < (MaxLag + 1) * Trajectories; number++)
            Assert.Equal(0, queue.Begin(number, acting)!.Version);      // as far ahead as there is room
        for (var number = 0; number < (MaxLag + 1) * Trajectories; number++)
            queue.End(number);

        for (var update = 0; update < 20; update++)
        {
            var lags = queue.Next()!.Trajectories.Select(trajectory => update - trajectory.Version);
            Assert.All(lags, lag => Assert.Equal(Math.Min(update, MaxLag), lag));
            Advance(queue);
            Fill(queue, [.. Enumerable.Range((update + 1 + MaxLag) * Trajectories, Trajectories)]);   // the room that came free
        }
    }

    [Fact]
    public void Begin_WeightsLearned_TakesThemOver()
    {
        var queue = Open(maxLag: 0);
        float[] observation = [0.1f, 0.2f, 0.3f, 0.4f], before = new float[2], after = new float[2];
        acting.Policy(observation, 1, before);
        using (no_grad())
        using (NewDisposeScope())
        {
            foreach (var parameter in network.Actor.parameters())
                parameter.zero_();
        }

        Assert.NotNull(queue.Begin(0, acting));
        acting.Policy(observation, 1, after);
        Assert.NotEqual(before, after);
    }

    [Fact]
    public void Stop_WhoWaits_GoesHomeWithNothing()
    {
        var queue = Open(maxLag: 0);
        Fill(queue, 0);
        var learner = Waiting(() => Assert.Null(queue.Next()));
        var actor = Waiting(() => Assert.Null(queue.Begin(Trajectories, acting)));

        queue.Stop();
        learner();
        actor();
        Assert.Null(queue.Next());
        Assert.Null(queue.Begin(1, acting));
    }

    [Fact]
    public void Open_AfterStop_ForgetsWhatWasFilled()
    {
        var queue = Open(maxLag: 1);
        Fill(queue, 0, 1);
        queue.Stop();
        queue.Open(update: 10);
        Fill(queue, 20);

        AssertNextWaitsFor(queue, 21);
        Assert.All(queue.Of(10).Trajectories, trajectory => Assert.Equal(10, trajectory.Version));
    }

    private TrajectoryQueue Open(int maxLag)
    {
        var queue = new TrajectoryQueue(maxLag, () => new TrajectoryBatch(Trajectories, steps: 3, envs, ActionBounds.Clip));
        queue.Open(update: 0);
        return queue;
    }

    private void Fill(TrajectoryQueue queue, params int[] numbers)
    {
        foreach (var number in numbers)
        {
            Assert.NotNull(queue.Begin(number, acting));
            queue.End(number);
        }
    }

    private void AssertNextWaitsFor(TrajectoryQueue queue, int number)
    {
        var isFilled = false;
        var next = Waiting(() =>
        {
            Assert.NotNull(queue.Next());
            Assert.True(Volatile.Read(ref isFilled));
        });

        Volatile.Write(ref isFilled, true);
        Fill(queue, number);
        next();
    }

    private static void Advance(TrajectoryQueue queue)
    {
        lock (queue.Weights)
            queue.Advance();
    }

    // Runs it on a thread of its own, and comes back once that waits; the result waits for its end.
    private static Action Waiting(Action action)
    {
        Exception? failure = null;
        var thread = new Thread(() => failure = Record.Exception(action)) { IsBackground = true };
        thread.Start();
        SpinWait.SpinUntil(() => thread.ThreadState.HasFlag(ThreadState.WaitSleepJoin) || !thread.IsAlive);
        return () =>
        {
            thread.Join();
            Assert.Null(failure);
        };
    }
}
