using RlWn.Init;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>An actor-critic as acting sees it: logits or means, and values, from observations in the main memory. See <see cref="ActingNetwork"/>.</summary>
/// <remarks>Call <see cref="Refresh"/> after the network was trained; until then the weights of the last refresh act. One thread at a time.</remarks>
public sealed class Acting : IDisposable
{
    private readonly ActorCritic network;
    private readonly ActingNetwork actor;
    private readonly ActingNetwork critic;
    private readonly float[] logStd;

    /// <summary>Makes the acting side of a network, refreshed.</summary>
    /// <param name="network">The network; not owned.</param>
    public Acting(ActorCritic network) : this(network, ActingNetwork.WideFrom, ActingNetwork.WideBatch) { }

    internal Acting(ActorCritic network, long wideFrom, int wideBatch)
    {
        ArgumentNullException.ThrowIfNull(network);
        this.network = network;
        actor = new ActingNetwork(network.Actor, wideFrom, wideBatch);
        critic = new ActingNetwork(network.Critic, wideFrom, wideBatch);
        logStd = new float[network.log_std is null ? 0 : PolicyOutputs];
        Refresh();
    }

    /// <summary>D: numbers in an observation.</summary>
    public int ObservationSize => actor.ObservationSize;

    /// <summary>K: logits, or numbers of an action.</summary>
    public int PolicyOutputs => actor.Outputs;

    /// <summary>log σ of each number of a continuous action, as of the last refresh; empty for discrete actions.</summary>
    public ReadOnlySpan<float> LogStd => logStd;

    /// <summary>Takes over the network's present weights. Allocates nothing that stays.</summary>
    public void Refresh()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        actor.Refresh();
        critic.Refresh();
        if (network.log_std is { } parameter)
            Aten.Memory<float>(parameter.to(ScalarType.Float32).cpu()).CopyTo(logStd);
    }

    /// <summary>Evaluates policy and value of a batch.</summary>
    /// <param name="observations">[N, D], row after row.</param>
    /// <param name="batch">N, at least 1.</param>
    /// <param name="policy">Receives logits or means, [N, K].</param>
    /// <param name="values">Receives V(s), [N].</param>
    public void Evaluate(ReadOnlySpan<float> observations, int batch, Span<float> policy, Span<float> values)
    {
        actor.Forward(observations, batch, policy);
        critic.Forward(observations, batch, values);
    }

    /// <summary>Evaluates the value alone.</summary>
    /// <inheritdoc cref="Evaluate" path="/param"/>
    public void Value(ReadOnlySpan<float> observations, int batch, Span<float> values) => critic.Forward(observations, batch, values);

    /// <summary>Frees the folded copies; the network stays.</summary>
    public void Dispose()
    {
        actor.Dispose();
        critic.Dispose();
    }
}
