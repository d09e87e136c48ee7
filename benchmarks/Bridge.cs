using BenchmarkDotNet.Attributes;
using RlWn.Envs;

namespace RlWn.Benchmarks;

/// <summary>
/// The way to Python and back: a vector step of environments that do nothing, in one process. It needs a Still-v0 that Python's gymnasium can
/// make, as the tests' stand-in does: PYTHONPATH=tests/RlWn.Envs.Tests/Gymnasium/python. Time is per vector step.
/// </summary>
public class Bridge
{
    private GymnasiumVectorEnv envs = null!;

    [Params(1, 16)] public int Environments { get; set; }

    [Params(true, false)] public bool SharedMemory { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        envs = Gymnasium.MakeVector("gymnasium:Still-v0", Environments, new BridgeOptions { Processes = 1, SharedMemory = SharedMemory });
        envs.Reset(1);
    }

    [GlobalCleanup]
    public void Cleanup() => envs.Dispose();

    [Benchmark(Description = "vector step")]
    public void Step() => envs.Step();
}
