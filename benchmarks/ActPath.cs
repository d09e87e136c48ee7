using BenchmarkDotNet.Attributes;
using RlWn.Inference;
using RlWn.Init;
using RlWn.Networks;
using static TorchSharp.torch;

namespace RlWn.Benchmarks;

/// <summary>From an observation to an action with a 2x64 actor on 8 numbers and 4 choices. Time is per call.</summary>
public class ActPath
{
    private ActorCritic network = null!;
    private Policy policy = null!;
    private float[] observations = null!;
    private int[] actions = null!;
    private long[] chosen = null!;

    [Params(1, 8, 64)] public int Batch { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        set_num_threads(1);
        using var generator = new Generator(1);
        network = new ActorCritic(8, 4, continuous: false, new NetworkOptions(), new Initializer(generator));
        policy = Policy.FromTensors(
            [.. network.Actor.named_parameters().Select(entry => TensorData.Of(
                $"actor.{entry.name}", [.. entry.parameter.shape.Select(length => (int)length)], (ReadOnlySpan<float>)Aten.Memory<float>(entry.parameter)))],
            Policy.DiscreteMetadata([8]));
        var random = new Random(1);
        observations = [.. Enumerable.Range(0, Batch * 8).Select(_ => random.NextSingle())];
        (actions, chosen) = (new int[Batch], new long[Batch]);
    }

    [Benchmark(Baseline = true, Description = "TorchSharp: tensor, forward, argmax")]
    public void TorchForward()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var output = network.Actor.forward(tensor(observations, [Batch, 8])).argmax(1);
        Aten.Memory<long>(output).CopyTo(chosen);
    }

    [Benchmark(Description = "Policy.Act, greedy")]
    public void Greedy() => policy.Act(observations, Batch, actions);

    [Benchmark(Description = "Policy.Sample")]
    public void Sample() => policy.Sample(observations, Batch, Random.Shared, actions);
}

/// <summary>Where plain C# and libtorch cross: policy and value of a batch, two hidden layers of one width on 16 numbers.</summary>
public class ActingByWidth
{
    private ActorCritic network = null!;
    private FoldedMlp folded = null!;
    private float[] observations = null!;
    private float[] outputs = null!;

    [Params(64, 256, 512, 1024, 2048)] public int Width { get; set; }

    [Params(1, 8, 64)] public int Batch { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        set_num_threads(1);
        using var generator = new Generator(1);
        network = new ActorCritic(16, 4, continuous: false, new NetworkOptions { Hidden = [Width, Width] }, new Initializer(generator));
        folded = new FoldedMlp(16, Width, Width, 4);
        for (var i = 0; i < 3; i++)
        {
            var (inputs, outs) = (folded.Widths[i], folded.Widths[i + 1]);
            folded.SetLayer(i, [.. Enumerable.Range(0, inputs * outs).Select(_ => Random.Shared.NextSingle() / inputs)], new float[outs]);
        }

        observations = [.. Enumerable.Range(0, Batch * 16).Select(_ => Random.Shared.NextSingle())];
        outputs = new float[Batch * 4];
    }

    [Benchmark(Baseline = true)]
    public void Torch()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var input = empty([Batch, 16], ScalarType.Float32);
        observations.CopyTo(Aten.Memory<float>(input));
        Aten.Memory<float>(network.Actor.forward(input)).CopyTo(outputs);
    }

    [Benchmark]
    public void Folded() => folded.Forward(observations, Batch, outputs);
}
