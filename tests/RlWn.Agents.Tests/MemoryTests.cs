using System.Diagnostics;
using System.Globalization;
using RlWn.Agents.A2c;
using RlWn.Agents.A3c;
using RlWn.Agents.Dqn;
using RlWn.Agents.Impala;
using RlWn.Agents.Ppo;
using RlWn.Envs;
using RlWn.Init;
using RlWn.Networks;
using RlWn.Testing;
using static TorchSharp.torch;

namespace RlWn.Agents.Tests;

/// <summary>That training holds no more after many rollouts than after two, and survives a collector that never rests.</summary>
public class MemoryTests
{
    // RLWN_SOAK_UPDATES raises it: the library's promise is 100,000.
    private static readonly long SoakUpdates =
        long.Parse(Environment.GetEnvironmentVariable("RLWN_SOAK_UPDATES") ?? "20000", CultureInfo.InvariantCulture);

    // RLWN_SOAK_STEPS raises it: the library's promise is 1,000,000.
    private static readonly long SoakSteps = long.Parse(Environment.GetEnvironmentVariable("RLWN_SOAK_STEPS") ?? "6000", CultureInfo.InvariantCulture);

    [Theory]
    [InlineData(true, 16)]
    [InlineData(false, 16)]
    [InlineData(true, Agents.TooWideForPlain)]
    [InlineData(false, Agents.TooWideForPlain)]
    public void Train_TwoHundredRollouts_KeepsAsManyTensorsAsTwo(bool discrete, int width)
    {
        using var envs = Make(discrete);
        using var agent = Tiny(envs, width, epochs: 2);
        var before = LiveTensors();
        Run(agent, rollouts: 2);
        var afterTwo = LiveTensors();
        Run(agent, rollouts: 198);

        Assert.Equal(before, afterTwo);
        Assert.Equal(afterTwo, LiveTensors());
    }

    [Theory]
    [InlineData("a2c", 16)]
    [InlineData("a3c", 16)]
    [InlineData("impala", 16)]
    [InlineData("a2c", Agents.TooWideForPlain)]
    [InlineData("a3c", Agents.TooWideForPlain)]
    [InlineData("impala", Agents.TooWideForPlain)]
    public void Train_FiftyReports_KeepAsManyTensorsAsTwo(string name, int width)
    {
        using var envs = EnvRegistry.MakeVector("CartPole-v1", 8);
        var network = new NetworkOptions { Hidden = [width] };
        using IAgent agent = name switch
        {
            "a2c" => new A2cAgent(envs, new() { ReportEvery = 2 }, network, 1, CPU, long.MaxValue),
            "a3c" => new A3cAgent(count => EnvRegistry.MakeVector("CartPole-v1", count), new() { Workers = 2, ReportEvery = 2 }, network, 1, CPU, long.MaxValue),
            _ => new ImpalaAgent(count => EnvRegistry.MakeVector("CartPole-v1", count), new() { RolloutSteps = 5, ReportEvery = 2 }, network, 1, CPU, long.MaxValue),
        };
        Assert.Equal(2, agent.Train().Take(2).Count());
        var afterTwo = LiveTensors();
        Assert.Equal(50, agent.Train().Take(50).Count());

        Assert.Equal(afterTwo, LiveTensors());
    }

    // Three matrices of 1,000 x 1,000 as weights, gradients and two moments: 48 MB an agent. (TorchSharp's count of live tensors does not go
    // back for parameters, so it is memory that tells.)
    [Fact]
    public void Dispose_Agent_FreesItsNetworks()
    {
        using var envs = new SyncVectorEnv<float, float>(() => new Upright(poles: 1000), 1);
        MakeAndDispose(5);   // the allocator keeps some for the next
        var before = ResidentBytes();
        MakeAndDispose(20);

        // Of 960 MB that they had. One forgotten flat buffer of each would be 240; what the allocator keeps varies by up to 70.
        Assert.InRange(ResidentBytes() - before, long.MinValue, 150 << 20);

        void MakeAndDispose(int agents)
        {
            for (var i = 0; i < agents; i++)
            {
                using var agent = Agents.Make(
                    envs, new() { RolloutSteps = 4, Epochs = 1, Minibatches = 1 }, network: new() { Hidden = [1000], Scheme = Scheme.Parse("he-proposed") });
                Run(agent, rollouts: 1);
            }
        }
    }

    // Natively freed objects that the managed side still uses show as a crash here; kept ones show as growth.
    [Theory]
    [InlineData(true, 16)]
    [InlineData(false, 16)]
    [InlineData(false, Agents.TooWideForPlain)]
    public void Train_WhileAnotherThreadCollects_RunsCleanInFlatMemory(bool discrete, int width)
    {
        const long MostGrowth = 24 << 20;   // bytes
        const long LeastCollections = 100;
        using var envs = Make(discrete);
        using var agent = Tiny(envs, width);
        Assert.Equal(width == Agents.TooWideForPlain, agent.LearnsThroughLibtorch());

        using var stop = new CancellationTokenSource();
        var collections = 0L;
        var collector = new Thread(() =>
        {
            for (; !stop.IsCancellationRequested; Interlocked.Increment(ref collections))
            {
                GC.Collect();
                Thread.Sleep(1);   // on a busy machine training would hardly come to its turn
            }
        });
        collector.Start();
        try
        {
            var warmUp = SoakUpdates / 10;
            Until(agent, warmUp);
            var (tensors, memory) = (Tensor.TotalCount, ResidentBytes());
            for (var updates = SoakUpdates; agent.Updates < SoakUpdates || Volatile.Read(ref collections) <= LeastCollections; updates += warmUp)
                Until(agent, updates);   // longer where other work keeps the collector from its turn

            Assert.Equal(tensors, Tensor.TotalCount);
            Assert.InRange(ResidentBytes() - memory, long.MinValue, MostGrowth);
        }
        finally
        {
            stop.Cancel();
            collector.Join();
        }

        Assert.All(agent.Weights(), weight => Assert.True(float.IsFinite(weight)));
    }

    // From the step on at which the buffer is full and its ring goes round.
    [Theory]
    [InlineData("CartPole-v1", false, 16, 4)]
    [InlineData("CartPole-v1", true, 16, 4)]
    [InlineData("CartPole-v1", true, Agents.TooWideForPlain, 40)]
    [InlineData("MinAtar/Breakout-v1", false, 16, 4)]   // on two threads
    [InlineData("MinAtar/Breakout-v1", true, 16, 4)]
    public void Train_DqnOnAFullBuffer_RunsInFlatMemory(string env, bool rainbow, int width, int trainEvery)
    {
        const long MostGrowth = 24 << 20, MostManagedGrowth = 64 << 10;   // bytes
        var options = new DqnOptions { Environments = 2, BufferSize = 1000, BatchSize = 16, LearningStarts = 200, TrainEvery = trainEvery, SyncTargetEvery = 100 };
        if (rainbow)
        {
            options = options with
            {
                DoubleQ = true, Dueling = true, Steps = 3, Prioritized = true, Noisy = true, Returns = ReturnModel.Categorical, Atoms = 11, ValueMin = 0, ValueMax = 100,
            };
        }

        using var envs = EnvRegistry.MakeVector(env, 2);
        var isGrid = envs.ObservationSpace is ByteBox;
        using var agent = new DqnAgent(
            envs, options, new() { Hidden = [width], Torso = isGrid ? Inference.Torso.MinAtar : Inference.Torso.Mlp, Threads = isGrid ? 2 : 1 }, 1, CPU, SoakSteps);
        agent.Second()?.SetNeverAlone(true);
        using var training = agent.Train().GetEnumerator();
        Until(SoakSteps / 2);
        var (tensors, managed, memory) = (LiveTensors(), GC.GetTotalMemory(forceFullCollection: true), ResidentBytes());
        Until(SoakSteps);

        var growth = (Tensors: LiveTensors() - tensors, Managed: GC.GetTotalMemory(forceFullCollection: true) - managed, Resident: ResidentBytes() - memory);
        TestContext.Current.TestOutputHelper?.WriteLine($"{agent.Steps} steps, {agent.Updates} updates: {growth}, resident {ResidentBytes() >> 20} MB");
        Assert.Equal(isGrid, agent.Second()?.DoneBeside() > 0);
        Assert.Equal(0, growth.Tensors);
        Assert.InRange(growth.Managed, long.MinValue, MostManagedGrowth);
        Assert.InRange(growth.Resident, long.MinValue, MostGrowth);

        void Until(long steps)
        {
            while (agent.Steps < steps)
                Assert.True(training.MoveNext());
        }
    }

    private static VectorEnv Make(bool discrete) =>
        discrete ? EnvRegistry.MakeVector("CartPole-v1", 2) : new SyncVectorEnv<float, float>(() => new Upright(), 2);

    // Every epoch has eight updates on two transitions each.
    private static PpoAgent Tiny(VectorEnv envs, int width, int epochs = 20) =>
        Agents.Make(envs, new() { RolloutSteps = 8, Minibatches = 8, Epochs = epochs }, network: new() { Hidden = [width] });

    private static void Run(PpoAgent agent, int rollouts) => Assert.Equal(rollouts, agent.Train().Take(rollouts).Count());

    private static void Until(PpoAgent agent, long updates)
    {
        foreach (var report in agent.Train())
        {
            if (report.Updates >= updates)
                return;
        }
    }

    private static long LiveTensors()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return Tensor.TotalCount;
    }

    private static long ResidentBytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
