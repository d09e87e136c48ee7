using RlWn.Init;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Networks;

/// <summary>A policy network and a value network over the same observations: two that share nothing, or one whose last output is the value.</summary>
/// <remarks>
/// For discrete actions the policy's outputs are logits; for continuous ones they are the means of a diagonal Gaussian whose
/// log σ is a parameter of its own, <see cref="log_std"/>, the same in every state (Schulman et al. 2017, arXiv:1707.06347, section 6.1).
/// </remarks>
public sealed class ActorCritic : Module<Tensor, (Tensor Policy, Tensor Value)>
{
    private readonly Scheme scheme;
    private readonly AgentNetwork? critic;
    private Parameter? logStd;

    /// <summary>Makes both networks.</summary>
    /// <param name="observationSize">D: numbers in an observation, at least 1.</param>
    /// <param name="policyOutputs">K: how many choices, or how many numbers an action has; at least 1.</param>
    /// <param name="continuous">Whether the outputs are means rather than logits.</param>
    /// <param name="options">Widths, scheme, normalizations and output layers.</param>
    /// <param name="init">Where the first values come from; the scheme's direction counts, not its own.</param>
    public ActorCritic(int observationSize, int policyOutputs, bool continuous, NetworkOptions options, Initializer init)
        : this([observationSize], policyOutputs, continuous, options, init) { }

    /// <summary>Makes both networks, for observations of a shape: [channels, height, width] where the torso is a convolutional one.</summary>
    /// <param name="observationShape">Length of each dimension of an observation, at least 1.</param>
    /// <param name="policyOutputs">K: how many choices, or how many numbers an action has; at least 1.</param>
    /// <param name="continuous">Whether the outputs are means rather than logits.</param>
    /// <param name="options">Torso, widths, scheme, normalizations and output layers.</param>
    /// <param name="init">Where the first values come from; the scheme's direction counts, not its own.</param>
    /// <exception cref="ArgumentException">The torso does not fit the observations.</exception>
    public ActorCritic(ReadOnlySpan<int> observationShape, int policyOutputs, bool continuous, NetworkOptions options, Initializer init) : base(nameof(ActorCritic))
    {
        foreach (var length in observationShape)
            ArgumentOutOfRangeException.ThrowIfLessThan(length, 1, nameof(observationShape));
        ArgumentOutOfRangeException.ThrowIfLessThan(policyOutputs, 1);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(init);

        scheme = options.Scheme;
        PolicyOutputs = policyOutputs;
        ActionBounds = options.ActionBounds;
        Threads = options.Threads;
        Actor = AgentNetwork.Make(observationShape, policyOutputs + (options.Shared ? 1 : 0), options, options.PolicyOutput, options.PolicyScale, init);
        register_module("actor", Actor);
        if (options.Shared)
        {
            ScaleValueRow(options);
        }
        else
        {
            critic = AgentNetwork.Make(observationShape, 1, options, options.ValueOutput, options.ValueScale, init);
            register_module("critic", critic);
        }

        if (continuous)
        {
            using var scope = NewDisposeScope();
            logStd = new Parameter(full(policyOutputs, options.LogStd, init.Dtype, init.Device ?? CPU));
            logStd.DetachFromDisposeScope();
            register_parameter(nameof(log_std), logStd);
        }
    }

    /// <summary>K: logits, or numbers of an action.</summary>
    public int PolicyOutputs { get; }

    /// <summary>What the means of continuous actions are means of; without meaning for discrete actions.</summary>
    public ActionBounds ActionBounds { get; }

    /// <summary>The policy network, [N, D] to [N, K]; to [N, K + 1] where it is the value network too. With a memory sequences, [T, N, D] to [T, N, K] or [T, N, K + 1].</summary>
    public AgentNetwork Actor { get; }

    /// <summary>Whether policy and value are one network.</summary>
    public bool IsShared => critic is null;

    /// <summary>The value network, [N, D] to [N, 1]; with a memory sequences, [T, N, D] to [T, N, 1].</summary>
    /// <exception cref="InvalidOperationException">Policy and value are one network.</exception>
    public AgentNetwork Critic => critic ?? throw new InvalidOperationException($"Expected two networks, got a shared one. Take {nameof(Actor)}, whose last output is the value.");

    /// <summary>Whether the scheme sets scales and biases by a batch of observations, which <see cref="NormalizeOn"/> takes before training starts.</summary>
    public bool NeedsBatch => scheme.NeedsBatch && (Actor.Torso is not null || Actor.Head.Widths.Count > 2);

    /// <summary>How many threads may run the networks.</summary>
    internal int Threads { get; }

    /// <summary>log σ of each number of a continuous action, shape [K]; null for discrete actions.</summary>
    public Parameter? log_std
    {
        get => logStd;
        set
        {
            if (ReferenceEquals(logStd, value))
                return;

            logStd?.Dispose();
            logStd = value;
            value?.DetachFromDisposeScope();
            ConditionallyRegisterParameter(nameof(log_std), value);
        }
    }

    /// <inheritdoc/>
    /// <param name="input">Observations, shape [N, D]; with a memory sequences from an empty one, [T, N, D].</param>
    /// <returns>Logits or means [N, K], and values V(s), shape [N]; with a memory [T, N, K] and [T, N].</returns>
    /// <exception cref="ArgumentException">The shape is another.</exception>
    public override (Tensor Policy, Tensor Value) forward(Tensor input)
    {
        if (critic is not null)
            return (Actor.forward(input), critic.forward(input).squeeze(-1));

        using var both = Actor.forward(input);
        return (both.narrow(-1, 0, PolicyOutputs), both.select(-1, PolicyOutputs));
    }

    /// <summary>Sets g and b of hidden layers by a batch of observations, as a data-dependent scheme wants. Directions stay as they are.</summary>
    /// <param name="observations">[N, D], row after row: 100 or more different ones.</param>
    /// <exception cref="ArgumentException">The scheme looks at no batch, or the observations are not finite or do not vary.</exception>
    public void NormalizeOn(ReadOnlySpan<float> observations)
    {
        var size = Actor.InputSize;
        if (!NeedsBatch || observations.IsEmpty || observations.Length % size != 0)
            throw new ArgumentException($"Expected rows of {size} numbers for a data-dependent scheme, got {observations.Length} numbers for {scheme.Name}.", nameof(observations));

        using var scope = NewDisposeScope();
        var batch = empty([observations.Length / size, size], ScalarType.Float32);
        observations.CopyTo(Aten.Memory<float>(batch));
        Initialization.ApplyScales(this, scheme, batch);
    }

    // The rows of the shared output layer were drawn as the policy's; the last is the value's.
    private void ScaleValueRow(NetworkOptions options)
    {
        if (options.ValueOutput == OutputLayer.PyTorchDefault)
            return;

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var layer = new PlacedLayer("", Actor.Head.Layers[^1], null);
        var row = (layer.Scale ?? layer.Weight).narrow(0, PolicyOutputs, 1);
        row.mul_(tensor(options.ValueScale / options.PolicyScale, row.dtype, row.device));
    }

    /// <inheritdoc/>
    protected override void RegisterComponents() { }
}
