using BenchmarkDotNet.Attributes;
using RlWn.Envs;

namespace RlWn.Benchmarks;

/// <summary>CartPole alone: one environment step, resets included, under random actions. Time is per environment step.</summary>
public class Stepping
{
    private const int Steps = 65_536;
    private VectorEnv envs = null!;
    private VectorEnv general = null!;
    private int[] actions = null!;

    [Params(1, 8, 64, 1024)] public int Environments { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        envs = EnvRegistry.MakeVector("CartPole-v1", Environments);
        general = new SyncVectorEnv<float, int>(() => new TimeLimit<float, int>(new CartPole(), 500), Environments);
        envs.Reset(1);
        general.Reset(1);
        var random = new Rng(2);
        actions = [.. Enumerable.Range(0, Steps + Environments).Select(_ => random.Next(2))];
    }

    [Benchmark(OperationsPerInvoke = Steps, Baseline = true, Description = "SyncVectorEnv of CartPole")]
    public void General() => Run(general);

    [Benchmark(OperationsPerInvoke = Steps, Description = "CartPoleVector")]
    public void Vector() => Run(envs);

    private void Run(VectorEnv vector)
    {
        for (var step = 0; step < Steps; step += Environments)
        {
            actions.AsSpan(step, Environments).CopyTo(vector.Actions.All<int>());
            vector.Step();
        }
    }
}

/// <summary>The classic tasks, one environment and 64: one environment step, resets included, under random actions. Time is per environment step.</summary>
public class ClassicStepping
{
    private const int Steps = 65_536;
    private VectorEnv alone = null!;
    private VectorEnv vector = null!;
    private byte[] actions = null!;

    [Params("CartPole-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Acrobot-v1", "Pendulum-v1")] public string Id { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        var spec = EnvRegistry.Get(Id);
        (alone, vector) = (Alone(spec), spec.CreateVector(64));
        alone.Reset(1);
        vector.Reset(1);

        var batch = Batch.Of(alone.ActionSpace, Steps);
        var random = new Rng(2);
        for (var row = 0; row < Steps; row++)
        {
            if (alone.ActionSpace is Discrete choices)
                choices.Sample(random, batch.Row<int>(row));
            else
                ((Box)alone.ActionSpace).Sample(random, batch.Row<float>(row));
        }

        actions = batch.Bytes.ToArray();
    }

    [Benchmark(OperationsPerInvoke = Steps, Baseline = true, Description = "One task")]
    public void One() => Run(alone);

    [Benchmark(OperationsPerInvoke = Steps, Description = "Vector of 64")]
    public void Vector() => Run(vector);

    private static VectorEnv Alone(EnvSpec spec) => spec.Create() is IEnv<float, int>
        ? new SyncVectorEnv<float, int>(() => (IEnv<float, int>)spec.Create(), 1)
        : new SyncVectorEnv<float, float>(() => (IEnv<float, float>)spec.Create(), 1);

    private void Run(VectorEnv envs)
    {
        var size = envs.Actions.Bytes.Length;
        for (var start = 0; start < actions.Length; start += size)
        {
            actions.AsSpan(start, size).CopyTo(envs.Actions.Bytes);
            envs.Step();
        }
    }
}
