using BenchmarkDotNet.Attributes;
using RlWn.Envs;

namespace RlWn.Benchmarks;

/// <summary>The MinAtar games: one environment step, resets and observations included, under random actions. Time is per environment step.</summary>
public class MinAtar
{
    private const int Steps = 65_536;
    private VectorEnv envs = null!;
    private int[] actions = null!;

    [Params("Breakout", "Asterix", "Freeway", "Seaquest", "SpaceInvaders")] public string Game { get; set; } = "";

    [Params(1, 64)] public int Environments { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        envs = EnvRegistry.MakeVector($"MinAtar/{Game}-v0", Environments);
        envs.Reset(1);
        var random = new Rng(2);
        actions = [.. Enumerable.Range(0, Steps + Environments).Select(_ => random.Next(6))];
    }

    [Benchmark(OperationsPerInvoke = Steps)]
    public void Step()
    {
        for (var step = 0; step < Steps; step += Environments)
        {
            actions.AsSpan(step, Environments).CopyTo(envs.Actions.All<int>());
            envs.Step();
        }
    }
}
