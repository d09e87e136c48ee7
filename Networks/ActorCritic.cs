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
    private Parameter? logStd;

    /// <summary>Makes both networks with the proposed initialization.</summary>
    /// <param name="observationSize">D: numbers in an observation, at least 1.</param>
    /// <param name="policyOutputs">K: how many choices, or how many numbers an action has; at least 1.</param>
    /// <param name="continuous">Whether the outputs are means rather than logits.</param>
    /// <param name="options">Widths and output layers.</param>
    /// <param name="init">Where the first values come from.</param>
    public ActorCritic(int observationSize, int policyOutputs, bool continuous, NetworkOptions options, Initializer init) : base(nameof(ActorCritic))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(observationSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(policyOutputs, 1);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(init);

        int[] hidden = [.. options.Hidden];
        Actor = new Mlp(observationSize, hidden, policyOutputs, options.PolicyOutput, options.PolicyScale, init);
        Critic = new Mlp(observationSize, hidden, 1, options.ValueOutput, options.ValueScale, init);
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

    /// <inheritdoc/>
    protected override void RegisterComponents() { }
}
