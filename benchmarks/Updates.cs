using BenchmarkDotNet.Attributes;
using RlWn.Inference;
using RlWn.Init;
using RlWn.Networks;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Benchmarks;

/// <summary>Forward and backward pass of an actor-critic (two 2-layer networks of one width on 4 numbers), by whom it runs.</summary>
public class ForwardBackward
{
    private Module<Tensor, Tensor> plain = null!;
    private ActorCritic network = null!;
    private FlatParameters parameters = null!;
    private Learning learning = null!;
    private Learning autograd = null!;
    private float[] observations = null!;
    private float[] policy = null!;
    private float[] values = null!;
    private Tensor input = null!;

    [Params(64, 128, 256, 512)] public int Width { get; set; }

    [Params(128)] public int Batch { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        set_num_threads(1);
        using var generator = new Generator(1);
        network = new ActorCritic(4, 2, continuous: false, new NetworkOptions { Hidden = [Width, Width] }, new Initializer(generator));
        parameters = new FlatParameters(network);
        learning = new Learning(network, parameters, Batch, small: true);
        autograd = new Learning(network, parameters, Batch, small: false);
        plain = Sequential(("0", Linear(4, Width)), ("1", ReLU()), ("2", Linear(Width, Width)), ("3", ReLU()), ("4", Linear(Width, 2)));
        observations = [.. Enumerable.Range(0, Batch * 4).Select(_ => Random.Shared.NextSingle())];
        (policy, values) = (new float[Batch * 2], new float[Batch]);
        input = tensor(observations, [Batch, 4]);
    }

    [Benchmark(Baseline = true, Description = "libtorch autograd, fused weight norm")]
    public void Autograd()
    {
        autograd.Forward(observations, policy, values);
        autograd.Backward(policy, values, []);
    }

    [Benchmark(Description = "plain C#")]
    public void PlainCSharp()
    {
        learning.Forward(observations, policy, values);
        learning.Backward(policy, values, []);
    }

    [Benchmark(Description = "TorchSharp, one plain network without weight norm, times two")]
    public void PlainTorch()
    {
        for (var i = 0; i < 2; i++)
        {
            using var scope = NewDisposeScope();
            plain.zero_grad();
            plain.forward(input).sum().backward();
        }
    }
}

/// <summary>Forward and backward pass over sequences of 64 steps of 4 environments: actor and critic with an LSTM and a layer of the same width on 4 numbers.</summary>
public class Sequences
{
    private const int T = 64, N = 4;

    private readonly float[] observations = [.. Enumerable.Range(0, T * N * 4).Select(_ => Random.Shared.NextSingle())];
    private readonly bool[] starts = [.. Enumerable.Range(0, T * N).Select(i => i % 50 == 49)];
    private readonly float[] policy = new float[T * N * 2], values = new float[T * N];
    private RecurrentState[] states = null!;
    private RecurrentLearning plain = null!;
    private RecurrentLearning autograd = null!;
    private LSTM lstm = null!;
    private Linear head = null!;
    private Tensor input = null!;

    [Params(64, 128, 256)] public int Units { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        set_num_threads(1);
        using var generator = new Generator(1);
        var network = new ActorCritic(4, 2, continuous: false, new NetworkOptions { Lstm = Units, Hidden = [Units] }, new Initializer(generator));
        var parameters = new FlatParameters(network);
        plain = new RecurrentLearning(network, parameters, T * N, small: true);
        autograd = new RecurrentLearning(network, parameters, T * N, small: false);
        states = [new(N, Units), new(N, Units)];
        (lstm, head) = (LSTM(4, Units), Linear(Units, 2));
        input = tensor(observations, [T, N, 4]);
    }

    [Benchmark(Baseline = true, Description = "libtorch autograd, fused weight norm")]
    public void Autograd() => Learn(autograd);

    [Benchmark(Description = "plain C#")]
    public void PlainCSharp() => Learn(plain);

    [Benchmark(Description = "TorchSharp's LSTM and a linear layer, times two; no weight norm, no episodes that start")]
    public void PlainTorch()
    {
        for (var i = 0; i < 2; i++)
        {
            using var scope = NewDisposeScope();
            lstm.zero_grad();
            head.zero_grad();
            head.call(lstm.call(input).Item1).sum().backward();
        }
    }

    private void Learn(RecurrentLearning learning)
    {
        learning.Forward(new(observations), starts, states, policy, values);
        learning.Backward(policy, values, []);
    }
}

/// <summary>Weight norm of one layer, forward and backward, by the way it is computed.</summary>
public class WeightNormKernel
{
    private Parameter v = null!;
    private Parameter g = null!;
    private Tensor byWeight = null!;

    [Params(64, 512)] public int Width { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        set_num_threads(1);
        v = new Parameter(randn(Width, Width));
        g = new Parameter(ones(Width, 1));
        byWeight = randn(Width, Width);
    }

    [Benchmark(Baseline = true)]
    public void Elementary() => Run(Aten.WeightNormElementary(v, g));

    [Benchmark]
    public void Fused() => Run(Aten.WeightNorm(v, g));

    private void Run(Tensor weight)
    {
        weight.backward([byWeight]);
        weight.Dispose();
    }
}

/// <summary>Gradient clipping, optimizer step and zeroing for 200 tensors (those of a convolutional network, 0.27 million parameters).</summary>
public class OptimizerStep
{
    private Parameter[] parameters = null!;
    private optim.Optimizer torchAdam = null!;
    private FlatParameters flat = null!;
    private FlatAdam adam = null!;

    [GlobalSetup]
    public void Setup()
    {
        set_num_threads(1);
        parameters = [.. Tensors()];
        foreach (var parameter in parameters)
            parameter.grad = ones_like(parameter);
        torchAdam = optim.Adam(parameters, 1e-6);

        var list = new ParameterList([.. Tensors()]);
        flat = new FlatParameters(list);
        adam = new FlatAdam(flat);

        static IEnumerable<Parameter> Tensors() =>
            Enumerable.Range(0, 200).Select(i => new Parameter(i % 2 == 0 ? randn(16, 16, 3, 3) : randn(16)));
    }

    [Benchmark(Baseline = true, Description = "TorchSharp: clip_grad_norm_, optim.Adam, zero")]
    public void Torch()
    {
        using var scope = NewDisposeScope();
        nn.utils.clip_grad_norm_(parameters, 0.5);
        torchAdam.step();
        foreach (var parameter in parameters)
        {
            using var gradient = parameter.grad!;
            gradient.zero_();
        }
    }

    [Benchmark(Description = "FlatParameters and FlatAdam")]
    public void Flat()
    {
        flat.ClipGradients(0.5);
        adam.Step(1e-6);
        flat.ZeroGradients();
    }
}
