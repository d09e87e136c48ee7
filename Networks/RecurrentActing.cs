using RlWn.Inference;
using RlWn.Init;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>A recurrent actor-critic as acting sees it, with what it remembers of each environment's running episode. All in plain C#.</summary>
/// <remarks>Call <see cref="Refresh"/> after the network was trained; until then the weights of the last refresh act. One thread at a time.</remarks>
public sealed class RecurrentActing : IActing, IDisposable
{
    private readonly ActorCritic network;
    private readonly Part[] parts;   // policy and value, or one for both
    private readonly float[] logStd;
    private readonly float[] outputs, numbers;

    /// <summary>Makes the acting side of a network, refreshed, with an empty memory.</summary>
    /// <param name="network">A network with network.lstm above 0; not owned.</param>
    /// <param name="environments">N, at least 1.</param>
    /// <exception cref="ArgumentException">The network has no memory.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer environments than 1.</exception>
    public RecurrentActing(ActorCritic network, int environments)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentOutOfRangeException.ThrowIfLessThan(environments, 1);
        this.network = network;
        parts = [.. Recurrent.Of(network).Select(part => new Part(part, environments))];
        logStd = new float[network.log_std is null ? 0 : PolicyOutputs];
        outputs = new float[environments * (PolicyOutputs + 1)];
        numbers = new float[environments * network.Actor.InputSize];
        States = [.. parts.Select(part => part.State)];
        Refresh();
    }

    /// <inheritdoc/>
    public int PolicyOutputs => network.PolicyOutputs;

    /// <inheritdoc/>
    public ActionBounds ActionBounds => network.ActionBounds;

    /// <inheritdoc/>
    public ReadOnlySpan<float> LogStd => logStd;

    /// <summary>What is remembered of each environment's running episode: by the policy and by the value, or by both at once where they are one network.</summary>
    public IReadOnlyList<RecurrentState> States { get; }

    /// <summary>Takes over the network's present weights; the memory stays. Allocates nothing that stays.</summary>
    public void Refresh()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var part in parts)
            part.Refresh();
        if (network.log_std is { } parameter)
            Recurrent.Numbers(parameter).CopyTo(logStd);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The batch is not of all environments, or a length is another.</exception>
    public void Evaluate(Observations observations, int batch, Span<float> policy, Span<float> values)
    {
        RequireAll(observations, batch, policy.Length, batch * PolicyOutputs, values.Length);
        var seen = Seen(observations);
        if (parts is [var actor, var critic])
        {
            actor.Forward(seen, policy, isRemembered: true);
            critic.Forward(seen, values, isRemembered: true);
            return;
        }

        parts[0].Forward(seen, outputs, isRemembered: true);
        SharedOutputs.Split(outputs, PolicyOutputs, policy, values);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The batch is not of all environments, or a length is another.</exception>
    public void Value(Observations observations, int batch, Span<float> values)
    {
        RequireAll(observations, batch, policy: 0, wantedPolicy: 0, values.Length);
        var seen = Seen(observations);
        if (parts is [_, var critic])
        {
            critic.Forward(seen, values, isRemembered: false);
            return;
        }

        parts[0].Forward(seen, outputs, isRemembered: false);
        SharedOutputs.Split(outputs, PolicyOutputs, policy: default, values);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">They are not as many as environments.</exception>
    public void Forget(ReadOnlySpan<bool> ended)
    {
        if (ended.Length != States[0].Rows)
            throw new ArgumentException($"Expected whether the episode of each of {States[0].Rows} environments ended, got {ended.Length}.", nameof(ended));

        for (var i = 0; i < ended.Length; i++)
        {
            foreach (var state in States)
            {
                if (ended[i])
                    state.Reset(i);
            }
        }
    }

    /// <summary>Frees the folded copies; the network stays.</summary>
    public void Dispose()
    {
        foreach (var part in parts)
            part.Dispose();
    }

    // All environments step at once: what is remembered of one is not to be taken for another's.
    private void RequireAll(Observations observations, int batch, int policy, int wantedPolicy, int values)
    {
        var (rows, inputs) = (States[0].Rows, network.Actor.InputSize);
        if (batch != rows || observations.Length != rows * inputs || policy != wantedPolicy || values != rows)
        {
            throw new ArgumentException(
                $"Expected a batch of all {rows} environments, {inputs} observed numbers, {PolicyOutputs} of the policy where it is asked for and a value of each, "
                + $"got a batch of {batch}, {observations.Length}, {policy} and {values} numbers.");
        }
    }

    private ReadOnlySpan<float> Seen(Observations observations)
    {
        if (!observations.AreBytes)
            return observations.Numbers;

        observations.CopyTo(0, numbers);
        return numbers;
    }

    /// <summary>One network, folded, with its memory.</summary>
    private sealed class Part : IDisposable
    {
        private readonly RecurrentNetwork network;
        private readonly PolicyNetwork folded;
        private readonly RecurrentState aside;   // where a memory goes that is not to stay

        public Part(RecurrentNetwork network, int environments)
        {
            this.network = network;
            var (inputs, units) = ((int)network.Lstm.Inputs, (int)network.Lstm.Units);
            folded = new PolicyNetwork(network.Torso is { } torso ? new FoldedTorso(torso.Plan) : null, new FoldedLstm(inputs, units), new FoldedMlp([.. network.Head.Widths]));
            (State, aside) = (new(environments, units), new(environments, units));
        }

        public RecurrentState State { get; }

        public void Refresh()
        {
            for (var i = 0; i < (network.Torso?.Layers.Count ?? 0); i++)
            {
                var layer = network.Torso!.Layers[i];
                folded.Convolutions!.SetLayer(i, Recurrent.Numbers(ImageTorso.Folded(layer)), Recurrent.Numbers(layer.Bias!));
            }

            var (ofInput, ofHidden, biasOfInput, biasOfHidden) = network.Lstm.Folded();
            folded.Memory!.SetWeights(Recurrent.Numbers(ofInput), Recurrent.Numbers(ofHidden), Recurrent.Numbers(biasOfInput), Recurrent.Numbers(biasOfHidden));
            for (var i = 0; i < network.Head.Layers.Count; i++)
            {
                var (weight, bias) = network.Head.Folded(i);
                folded.Layers.SetLayer(i, Recurrent.Numbers(weight), Recurrent.Numbers(bias));
            }
        }

        public void Forward(ReadOnlySpan<float> observations, Span<float> outputs, bool isRemembered)
        {
            var state = State;
            if (!isRemembered)
            {
                aside.CopyFrom(State);
                state = aside;
            }

            folded.Forward(observations, state.Rows, state.Hidden, state.Cell, outputs);
        }

        public void Dispose() => folded.Dispose();
    }
}

/// <summary>What acting and learning of recurrent networks share.</summary>
internal static class Recurrent
{
    /// <summary>The policy's network and the value's, or the one that is both.</summary>
    /// <exception cref="ArgumentException">The network has no memory.</exception>
    public static RecurrentNetwork[] Of(ActorCritic network) =>
    [
        .. (network.IsShared ? [network.Actor] : new[] { network.Actor, network.Critic }).Select(part => part as RecurrentNetwork
            ?? throw new ArgumentException("Expected network.lstm above 0 for an agent with a memory, got 0. Set it, as network.lstm=64, or take PpoAgent.", nameof(network))),
    ];

    /// <summary>A tensor's numbers in the main memory, valid in the caller's dispose scope.</summary>
    public static ReadOnlySpan<float> Numbers(Tensor tensor) => Aten.Memory<float>(tensor.detach().to(ScalarType.Float32).cpu().contiguous());
}
