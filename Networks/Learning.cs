using RlWn.Init;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>
/// An actor-critic as learning sees it: outputs of a batch, then the gradient of every parameter from the gradient of the outputs. Small
/// networks on the CPU run in plain C#, all others, and those with a normalization beside weight norm, through libtorch's autograd; both agree to rounding.
/// </summary>
/// <remarks>
/// One thread at a time. Batch normalization learns by the statistics of each batch, and acts by the running ones: right after acting, the policy that
/// is learned is then not quite the one that acted.
/// </remarks>
public sealed class Learning : IDisposable
{
    /// <summary>The widest layer for which plain C# is faster than libtorch, by the table in benchmarks/results.</summary>
    internal const int WidestSmall = 256;

    private readonly ActorCritic network;
    private readonly FlatParameters parameters;
    private readonly MlpGradient? actor;
    private readonly MlpGradient? critic;
    private (Tensor Policy, Tensor Value)? graph;

    /// <summary>Makes the learning side of a network.</summary>
    /// <param name="network">The network; not owned.</param>
    /// <param name="parameters">Its parameters, whose gradients are written; not owned.</param>
    /// <param name="batch">The largest batch, at least 1; at least 2 with batch normalization, whose statistics are then the batch's.</param>
    public Learning(ActorCritic network, FlatParameters parameters, int batch) : this(network, parameters, batch, small: null) { }

    internal Learning(ActorCritic network, FlatParameters parameters, int batch, bool? small)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, network.Actor.Partner == NormPartner.BatchNorm ? 2 : 1);
        (this.network, this.parameters) = (network, parameters);

        if (small ?? (parameters.Values.device_type == TorchSharp.DeviceType.CPU && parameters.Values.dtype == ScalarType.Float32
            && network.Actor.Widths.Max() <= WidestSmall && network.Actor.Partner == NormPartner.None))
        {
            actor = new MlpGradient(network.Actor, batch);
            critic = new MlpGradient(network.Critic, batch);
        }
    }

    /// <summary>Evaluates policy and value of a batch, ready for <see cref="Backward"/>.</summary>
    /// <param name="observations">[B, D], row after row.</param>
    /// <param name="policy">Receives logits or means, [B, K].</param>
    /// <param name="values">Receives V(s), [B].</param>
    public void Forward(ReadOnlySpan<float> observations, Span<float> policy, Span<float> values)
    {
        if (actor is not null)
        {
            actor.Forward(observations, policy);
            critic!.Forward(observations, values);
            return;
        }

        using var scope = NewDisposeScope();
        Release();
        var (inputs, outputs) = (network.Actor.Widths[0], network.Actor.Widths[^1]);
        if (observations.Length != values.Length * inputs || policy.Length != values.Length * outputs)
            throw new ArgumentException($"Expected {values.Length} rows of {inputs} numbers in and as many of {outputs} out, got {observations.Length} and {policy.Length}.");

        var input = empty([values.Length, inputs], ScalarType.Float32);
        observations.CopyTo(Aten.Memory<float>(input));
        var (output, value) = network.forward(input.to(parameters.Values.dtype, parameters.Values.device));
        CopyTo(output, policy);
        CopyTo(value, values);
        graph = (output.DetachFromDisposeScope(), value.DetachFromDisposeScope());
    }

    /// <summary>Writes the gradient of every parameter, given that of the outputs last evaluated.</summary>
    /// <param name="byPolicy">∂L/∂policy, [B, K].</param>
    /// <param name="byValue">∂L/∂V, [B].</param>
    /// <param name="byLogStd">∂L/∂log σ, [K]; empty for discrete actions.</param>
    public void Backward(ReadOnlySpan<float> byPolicy, ReadOnlySpan<float> byValue, ReadOnlySpan<float> byLogStd)
    {
        using var scope = NewDisposeScope();
        if (actor is not null)
        {
            actor.Backward(byPolicy);
            critic!.Backward(byValue);
        }
        else
        {
            var (output, value) = graph ?? throw new InvalidOperationException("Expected a forward pass before each backward pass.");
            parameters.ZeroGradients();
            autograd.backward([output, value], [Like(output, byPolicy), Like(value, byValue)]);
            Release();
        }

        if (network.log_std is { } logStd)
        {
            using var noGrad = no_grad();
            logStd.grad!.copy_(Like(logStd, byLogStd));
        }
    }

    /// <summary>Frees what passes need; the network stays.</summary>
    public void Dispose()
    {
        actor?.Dispose();
        critic?.Dispose();
        Release();
    }

    private void Release()
    {
        graph?.Policy.Dispose();
        graph?.Value.Dispose();
        graph = null;
    }

    private static void CopyTo(Tensor tensor, Span<float> numbers) =>
        Aten.Memory<float>(tensor.detach().to(ScalarType.Float32).cpu().contiguous()).CopyTo(numbers);

    private static Tensor Like(Tensor tensor, ReadOnlySpan<float> numbers)
    {
        if (numbers.Length != tensor.NumberOfElements)
            throw new ArgumentException($"Expected a gradient for an output of shape [{string.Join(", ", tensor.shape)}], got {numbers.Length} numbers.");

        var copy = empty(tensor.shape, ScalarType.Float32);
        numbers.CopyTo(Aten.Memory<float>(copy));
        return copy.to(tensor.dtype, tensor.device);
    }
}
