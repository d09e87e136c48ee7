using BenchmarkDotNet.Attributes;
using RlWn.Agents.Ppo;
using RlWn.Envs;
using RlWn.Networks;
using static TorchSharp.torch;

namespace RlWn.Benchmarks;

/// <summary>PPO on CartPole-v1 from start to end, 65,536 environment steps. Time is per environment step.</summary>
public class Training
{
    private const int Steps = 65_536;

    [GlobalSetup]
    public void Setup() => set_num_threads(1);

    [Benchmark(OperationsPerInvoke = Steps, Baseline = true, Description = "CleanRL's settings: 4 envs x 128, 4 epochs, 4 minibatches, 2x64")]
    public void CleanRlSettings() => Train(new PpoOptions(), new NetworkOptions());

    [Benchmark(OperationsPerInvoke = Steps, Description = "the same, 2x512 (libtorch's autograd)")]
    public void Wide() => Train(new PpoOptions(), new NetworkOptions { Hidden = [512, 512] });

    private static void Train(PpoOptions options, NetworkOptions network)
    {
        using var envs = EnvRegistry.MakeVector("CartPole-v1", options.Environments);
        using var agent = new PpoAgent(envs, options, network, seed: 1, CPU, Steps);
        foreach (var _ in agent.Train()) { }
    }
}
