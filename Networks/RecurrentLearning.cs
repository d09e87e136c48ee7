using RlWn.Inference;
using RlWn.Init;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>
/// A recurrent actor-critic as learning sees it: outputs of whole sequences, then the gradient of every parameter through all their steps. Small networks on the
/// CPU without a torso run in plain C#, all others through libtorch's autograd; both agree to rounding.
/// </summary>
/// <remarks>Werbos 1990, doi:10.1109/5.58337: backpropagation through time, cut off at the first step. One thread at a time.</remarks>
public sealed class RecurrentLearning : IDisposable
{
    private readonly ActorCritic network;
    private readonly RecurrentNetwork[] parts;   // policy and value, or one for both
    private readonly FlatParameters parameters;
    private readonly int capacity;               // the largest T N
    private readonly SequenceGradient[] plain;   // of each part; none where libtorch learns
    private readonly Tensor[] graphs;            // their outputs of the last forward pass, [T, N, K], where it does
    private readonly float[] both;               // outputs of a shared network, and their gradient

    /// <summary>Makes the learning side of a network.</summary>
    /// <param name="network">A network with network.lstm above 0; not owned.</param>
    /// <param name="parameters">Its parameters, whose gradients are written; not owned.</param>
    /// <param name="batch">The most steps of all sequences together, T N, at least 1.</param>
    /// <exception cref="ArgumentException">The network has no memory.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The batch is below 1.</exception>
    public RecurrentLearning(ActorCritic network, FlatParameters parameters, int batch) : this(network, parameters, batch, small: null) { }

    internal RecurrentLearning(ActorCritic network, FlatParameters parameters, int batch, bool? small)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        (this.network, this.parameters, capacity) = (network, parameters, batch);
        parts = Recurrent.Of(network);
        var isSmall = small ?? (parameters.Values.device_type == TorchSharp.DeviceType.CPU && parameters.Values.dtype == ScalarType.Float32 && parts.All(IsSmall));
        plain = isSmall ? [.. parts.Select(part => new SequenceGradient(part, batch))] : [];
        graphs = new Tensor[isSmall ? 0 : parts.Length];
        both = new float[network.IsShared ? batch * network.Actor.OutputSize : 0];
    }

    /// <summary>Whether the passes run in plain C#.</summary>
    public bool IsPlainCSharp => plain.Length > 0;

    /// <summary>Evaluates policy and value of sequences, ready for <see cref="Backward"/>.</summary>
    /// <param name="observations">[T, N, D]: N sequences of T steps.</param>
    /// <param name="starts">Whether an episode starts with a step, so that nothing is remembered from before it, [T, N].</param>
    /// <param name="states">What was remembered before the first step: as <see cref="RecurrentActing.States"/>, of N episodes each.</param>
    /// <param name="policy">Receives logits or means, [T, N, K].</param>
    /// <param name="values">Receives V(s), [T, N].</param>
    /// <exception cref="ArgumentException">A length is another, there are more steps than there is room for, or the states are not of as many episodes.</exception>
    /// <exception cref="ObjectDisposedException">What runs in plain C# was freed.</exception>
    public void Forward(Observations observations, ReadOnlySpan<bool> starts, IReadOnlyList<RecurrentState> states, Span<float> policy, Span<float> values)
    {
        ArgumentNullException.ThrowIfNull(states);
        var inputs = network.Actor.InputSize;
        if (!AreOf(states, starts.Length) || observations.Length != starts.Length * inputs
            || policy.Length != starts.Length * network.PolicyOutputs || values.Length != starts.Length)
        {
            throw new ArgumentException(
                $"Expected {parts.Length} states [N, {string.Join("] and [N, ", parts.Select(part => part.Lstm.Units))}], up to {capacity} steps [T, N] in whole sequences, and of each step "
                + $"{inputs} observed numbers, {network.PolicyOutputs} of the policy and a value, got {states.Count} states "
                + $"[{string.Join("] and [", states.Select(state => $"{state.Rows}, {state.Units}"))}], {starts.Length} steps, {observations.Length}, {policy.Length} and {values.Length} numbers.");
        }

        if (IsPlainCSharp)
        {
            if (parts.Length == 2)
            {
                plain[0].Forward(observations, starts, states[0], policy);
                plain[1].Forward(observations, starts, states[1], values);
                return;
            }

            var outputs = both.AsSpan(0, policy.Length + values.Length);
            plain[0].Forward(observations, starts, states[0], outputs);
            SharedOutputs.Split(outputs, network.PolicyOutputs, policy, values);
            return;
        }

        ForwardThroughLibtorch(observations, starts, states, policy, values);
    }

    /// <summary>Writes the gradient of every parameter, given that of the outputs last evaluated.</summary>
    /// <param name="byPolicy">∂L/∂policy, [T, N, K].</param>
    /// <param name="byValue">∂L/∂V, [T, N].</param>
    /// <param name="byLogStd">∂L/∂log σ, [K]; empty for discrete actions.</param>
    /// <exception cref="ArgumentException">A length is another than that of the outputs.</exception>
    /// <exception cref="InvalidOperationException">There was no forward pass before.</exception>
    /// <exception cref="ObjectDisposedException">What runs in plain C# was freed.</exception>
    public void Backward(ReadOnlySpan<float> byPolicy, ReadOnlySpan<float> byValue, ReadOnlySpan<float> byLogStd)
    {
        var byFirst = byPolicy;
        if (parts.Length == 1)
        {
            var joined = both.AsSpan(0, byPolicy.Length + byValue.Length);
            SharedOutputs.Join(byPolicy, byValue, network.PolicyOutputs, joined);
            byFirst = joined;
        }

        using var scope = NewDisposeScope();
        if (IsPlainCSharp)
        {
            plain[0].Backward(byFirst);
            if (parts.Length == 2)
                plain[1].Backward(byValue);
        }
        else
        {
            if (graphs[0] is null)
                throw new InvalidOperationException("Expected a forward pass before each backward pass.");

            parameters.ZeroGradients();
            autograd.backward(
                graphs, parts.Length == 2 ? [LearningNetwork.Like(graphs[0], byFirst), LearningNetwork.Like(graphs[1], byValue)] : [LearningNetwork.Like(graphs[0], byFirst)]);
            Release();
        }

        if (network.log_std is { } logStd)
        {
            using var noGrad = no_grad();
            logStd.grad!.copy_(LearningNetwork.Like(logStd, byLogStd));
        }
    }

    /// <summary>Frees what passes need; the network stays.</summary>
    public void Dispose()
    {
        Release();
        foreach (var part in plain)
            part.Dispose();
    }

    // Whether states are those of whole sequences of so many steps.
    private bool AreOf(IReadOnlyList<RecurrentState> states, int steps) =>
        states.Count == parts.Length && steps >= 1 && steps <= capacity && steps % states[0].Rows == 0
        && states.Zip(parts).All(pair => pair.First.Rows == states[0].Rows && pair.First.Units == pair.Second.Lstm.Units);

    private void ForwardThroughLibtorch(Observations observations, ReadOnlySpan<bool> starts, IReadOnlyList<RecurrentState> states, Span<float> policy, Span<float> values)
    {
        using var scope = NewDisposeScope();
        Release();
        var (rows, inputs, like) = (states[0].Rows, network.Actor.InputSize, parameters.Values);
        var input = observations.ToTensor(starts.Length, inputs, like.dtype, like.device).view(-1, rows, inputs);
        var begins = tensor(starts.ToArray(), device: like.device).view(-1, rows);
        for (var i = 0; i < parts.Length; i++)
            graphs[i] = parts[i].Run(input, Like(states[i].Hidden, rows), Like(states[i].Cell, rows), begins).DetachFromDisposeScope();

        if (parts.Length == 2)
        {
            Recurrent.Numbers(graphs[0]).CopyTo(policy);
            Recurrent.Numbers(graphs[1]).CopyTo(values);
        }
        else
        {
            SharedOutputs.Split(Recurrent.Numbers(graphs[0]), network.PolicyOutputs, policy, values);
        }
    }

    private static bool IsSmall(RecurrentNetwork network) =>
        network.Torso is null && network.Lstm.Units <= LearningNetwork.WidestSmall
        && network.Lstm.Inputs <= LearningNetwork.WidestSmall && LearningNetwork.IsSmall(network.Head);

    private Tensor Like(ReadOnlySpan<float> memory, int rows)
    {
        var copy = empty([rows, memory.Length / rows], ScalarType.Float32);
        memory.CopyTo(Aten.Memory<float>(copy));
        return copy.to(parameters.Values.dtype, parameters.Values.device);
    }

    private void Release()
    {
        foreach (var graph in graphs)
            graph?.Dispose();
        Array.Clear(graphs);
    }
}
