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
