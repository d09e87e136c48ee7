using RlWn.Init;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Networks;

/// <summary>A policy network and a value network over the same observations, with nothing shared.</summary>
/// <remarks>
/// For discrete actions the policy's outputs are logits; for continuous ones they are the means of a diagonal Gaussian whose
/// log σ is a parameter of its own, <see cref="log_std"/>, the same in every state (Schulman et al. 2017, arXiv:1707.06347, section 6.1).
/// </remarks>
public sealed class ActorCritic : Module<Tensor, (Tensor Policy, Tensor Value)>
{
    private readonly Scheme scheme;
    private Parameter? logStd;

    /// <summary>Makes both networks.</summary>
    /// <param name="observationSize">D: numbers in an observation, at least 1.</param>
    /// <param name="policyOutputs">K: how many choices, or how many numbers an action has; at least 1.</param>
    /// <param name="continuous">Whether the outputs are means rather than logits.</param>
    /// <param name="options">Widths, scheme, normalizations and output layers.</param>
    /// <param name="init">Where the first values come from; the scheme's direction counts, not its own.</param>
    public ActorCritic(int observationSize, int policyOutputs, bool continuous, NetworkOptions options, Initializer init) : base(nameof(ActorCritic))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(observationSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(policyOutputs, 1);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(init);

        int[] hidden = [.. options.Hidden];
        scheme = options.Scheme;
        Actor = new Mlp(observationSize, hidden, policyOutputs, options.PolicyOutput, options.PolicyScale, init, scheme, options.Scale, options.NormPartner);
        Critic = new Mlp(observationSize, hidden, 1, options.ValueOutput, options.ValueScale, init, scheme, options.Scale, options.NormPartner);
        register_module("actor", Actor);
        register_module("critic", Critic);

        if (continuous)
        {
            using var scope = NewDisposeScope();
            logStd = new Parameter(full(policyOutputs, options.LogStd, init.Dtype, init.Device ?? CPU));
            logStd.DetachFromDisposeScope();
            register_parameter(nameof(log_std), logStd);
        }
    }

    /// <summary>The policy network, [N, D] to [N, K].</summary>
    public Mlp Actor { get; }

    /// <summary>The value network, [N, D] to [N, 1].</summary>
    public Mlp Critic { get; }

    /// <summary>Whether the scheme sets scales and biases by a batch of observations, which <see cref="NormalizeOn"/> takes before training starts.</summary>
    public bool NeedsBatch => scheme.NeedsBatch && Actor.Widths.Count > 2;

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
    /// <param name="input">Observations, shape [N, D].</param>
    /// <returns>Logits or means [N, K], and values V(s), shape [N].</returns>
    public override (Tensor Policy, Tensor Value) forward(Tensor input) => (Actor.forward(input), Critic.forward(input).squeeze(-1));

    /// <summary>Sets g and b of hidden layers by a batch of observations, as a data-dependent scheme wants. Directions stay as they are.</summary>
    /// <param name="observations">[N, D], row after row: 100 or more different ones.</param>
    /// <exception cref="ArgumentException">The scheme looks at no batch, or the observations are not finite or do not vary.</exception>
    public void NormalizeOn(ReadOnlySpan<float> observations)
    {
        var size = Actor.Widths[0];
        if (!NeedsBatch || observations.IsEmpty || observations.Length % size != 0)
            throw new ArgumentException($"Expected rows of {size} numbers for a data-dependent scheme, got {observations.Length} numbers for {scheme.Name}.", nameof(observations));

        using var scope = NewDisposeScope();
        var batch = empty([observations.Length / size, size], ScalarType.Float32);
        observations.CopyTo(Aten.Memory<float>(batch));
        Initialization.ApplyScales(this, scheme, batch);
    }

    /// <inheritdoc/>
    protected override void RegisterComponents() { }
}
