using RlWn.Init;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>
/// One network as learning sees it: outputs of a batch, then the gradient of every parameter from the gradient of the outputs. Small networks
/// on the CPU, MinAtar's torso among them, run in plain C#, all others, and those with a normalization beside weight norm, through libtorch's
/// autograd; both agree to rounding.
/// </summary>
/// <remarks>
/// One thread at a time. Batch normalization learns by the statistics of each batch, and acts by the running ones: right after acting, the policy that
/// is learned is then not quite the one that acted.
/// </remarks>
public sealed class LearningNetwork : IDisposable
{
    // The widest layer for which plain C# is faster than libtorch, by the table in benchmarks/results; observations may be wider as long as
    // the weight that sees them is no larger.
    internal const int WidestSmall = 256;

    private readonly AgentNetwork network;
    private readonly FlatParameters parameters;
    private readonly Parameter[] own;   // of the network; empty where it has all that are on the flat buffer
    private readonly MlpGradient? plain;
    private Tensor? graph;

    /// <summary>Makes the learning side of a network.</summary>
    /// <param name="network">The network; not owned.</param>
    /// <param name="parameters">Its parameters, maybe among others; not owned.</param>
    /// <param name="batch">The largest batch, at least 1; at least 2 with batch normalization, whose statistics are then the batch's.</param>
    /// <param name="second">Takes its part of backward passes in plain C#; not owned. Null leaves them to the caller's thread. The results are the same to the bit.</param>
    public LearningNetwork(AgentNetwork network, FlatParameters parameters, int batch, SecondThread? second = null) : this(network, parameters, batch, small: null, second) { }

    internal LearningNetwork(AgentNetwork network, FlatParameters parameters, int batch, bool? small, SecondThread? second = null)
    {
        ArgumentNullException.ThrowIfNull(network);
        network.RequireNoMemory();
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, network.Head.Partner == NormPartner.BatchNorm ? 2 : 1);
        (this.network, this.parameters) = (network, parameters);

        own = [.. network.parameters().Where(parameter => parameter.requires_grad)];
        if (own.Sum(parameter => parameter.NumberOfElements) == parameters.Values.NumberOfElements)
            own = [];
        if (small ?? (parameters.Values.device_type == TorchSharp.DeviceType.CPU && parameters.Values.dtype == ScalarType.Float32
            && IsSmall(network)))
        {
            plain = new MlpGradient(network, batch, second);
        }
    }

    /// <summary>Whether the passes run in plain C#. A forward pass then costs no more than acting does, and needs no refresh before.</summary>
    public bool IsPlainCSharp => plain is not null;

    /// <summary>Evaluates a batch, ready for <see cref="Backward"/>.</summary>
    /// <param name="observations">[B, D], row after row.</param>
    /// <param name="output">Receives [B, K].</param>
    /// <param name="sameWeights">Whether weights and noise are those of the last forward pass, which then need not be looked at again. Changes nothing where there was none.</param>
    /// <exception cref="ArgumentException">A length does not fit.</exception>
    public void Forward(Observations observations, Span<float> output, bool sameWeights = false)
    {
        if (plain is not null)
        {
            plain.Forward(observations, output, sameWeights);
            return;
        }

        using var scope = NewDisposeScope();
        Release();
        var (inputs, outputs) = (network.InputSize, network.OutputSize);
        var batch = output.Length / outputs;
        if (observations.Length != batch * inputs || output.Length != batch * outputs)
            throw new ArgumentException($"Expected rows of {inputs} numbers in and as many of {outputs} out, got {observations.Length} and {output.Length}.");

        graph = network.forward(observations.ToTensor(batch, inputs, parameters.Values.dtype, parameters.Values.device)).DetachFromDisposeScope();
        Aten.Memory<float>(graph.detach().to(ScalarType.Float32).cpu().contiguous()).CopyTo(output);
    }

    /// <summary>Writes the gradient of each of the network's parameters, given that of the outputs last evaluated.</summary>
    /// <param name="byOutput">∂L/∂output, [B, K].</param>
    public void Backward(ReadOnlySpan<float> byOutput)
    {
        if (plain is not null)
        {
            plain.Backward(byOutput);
            return;
        }

        using var scope = NewDisposeScope();
        var output = graph ?? throw new InvalidOperationException("Expected a forward pass before each backward pass.");
        ZeroGradients();
        autograd.backward([output], [Like(output, byOutput)]);
        Release();
    }

    /// <summary>Frees what passes need; the network stays.</summary>
    public void Dispose()
    {
        plain?.Dispose();
        Release();
    }

    /// <summary>Numbers as a tensor of the shape, type and device of another.</summary>
    internal static Tensor Like(Tensor tensor, ReadOnlySpan<float> numbers)
    {
        if (numbers.Length != tensor.NumberOfElements)
            throw new ArgumentException($"Expected a gradient for an output of shape [{string.Join(", ", tensor.shape)}], got {numbers.Length} numbers.");

        var copy = empty(tensor.shape, ScalarType.Float32);
        numbers.CopyTo(Aten.Memory<float>(copy));
        return copy.to(tensor.dtype, tensor.device);
    }

    /// <summary>Whether layers are so narrow that plain C# is faster than libtorch.</summary>
    internal static bool IsSmall(AgentNetwork network)
    {
        var widths = network.Head.Widths;
        return widths.Skip(1).Max() <= WidestSmall && network.Head.Partner == NormPartner.None
            && (network.Torso is { } torso ? ActingNetwork.IsPlain(torso) : (long)widths[0] * widths[1] <= WidestSmall * WidestSmall);
    }

    private void ZeroGradients()
    {
        if (own.Length == 0)
            parameters.ZeroGradients();
        foreach (var parameter in own)
        {
            using var gradient = parameter.grad;
            gradient?.zero_().Dispose();
        }
    }

    private void Release()
    {
        graph?.Dispose();
        graph = null;
    }
}
