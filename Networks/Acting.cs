using RlWn.Init;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>An actor-critic as acting sees it: logits or means, and values, from observations in the main memory. See <see cref="ActingNetwork"/>.</summary>
/// <remarks>Call <see cref="Refresh"/> after the network was trained; until then the weights of the last refresh act. One thread at a time.</remarks>
public sealed class Acting : IActing, IDisposable
{
    private readonly ActorCritic network;
    private readonly ActingNetwork actor;
    private readonly ActingNetwork? critic;   // none where policy and value are one network
    private readonly bool sideBySide;
    private readonly float[] logStd;
    private float[] both = [];                // outputs of a shared network

    /// <summary>Makes the acting side of a network, refreshed.</summary>
    /// <param name="network">The network; not owned.</param>
    public Acting(ActorCritic network) : this(network, ActingNetwork.WideFrom, ActingNetwork.WideBatch) { }

    internal Acting(ActorCritic network, long wideFrom, int wideBatch)
    {
        ArgumentNullException.ThrowIfNull(network);
        this.network = network;
        actor = new ActingNetwork(network.Actor, wideFrom, wideBatch);
        if (!network.IsShared)
            critic = new ActingNetwork(network.Critic, wideFrom, wideBatch);
        sideBySide = network.Threads > 1 && actor.IsPlainCSharp && critic?.IsPlainCSharp == true;
        logStd = new float[network.log_std is null ? 0 : PolicyOutputs];
        Refresh();
    }

    /// <summary>D: numbers in an observation.</summary>
    public int ObservationSize => actor.ObservationSize;

    /// <inheritdoc/>
    public int PolicyOutputs => network.PolicyOutputs;

    /// <inheritdoc/>
    public ActionBounds ActionBounds => network.ActionBounds;

    /// <inheritdoc/>
    public ReadOnlySpan<float> LogStd => logStd;

    /// <summary>Takes over the network's present weights. Allocates nothing that stays.</summary>
    public void Refresh()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        actor.Refresh();
        critic?.Refresh();
        if (network.log_std is { } parameter)
            Aten.Memory<float>(parameter.to(ScalarType.Float32).cpu()).CopyTo(logStd);
    }

    /// <inheritdoc/>
    public void Evaluate(Observations observations, int batch, Span<float> policy, Span<float> values)
    {
        if (critic is null)
        {
            SharedOutputs.Split(Outputs(observations, batch), PolicyOutputs, policy, values);
        }
        else if (sideBySide)
        {
            EvaluateSideBySide(critic, observations, batch, policy, values);
        }
        else
        {
            actor.Forward(observations, batch, policy);
            critic.Forward(observations, batch, values);
        }
    }

    /// <summary>Evaluates the policy alone.</summary>
    /// <inheritdoc cref="IActing.Evaluate" path="/param"/>
    public void Policy(Observations observations, int batch, Span<float> policy)
    {
        if (critic is null)
            SharedOutputs.Split(Outputs(observations, batch), PolicyOutputs, policy, values: default);
        else
            actor.Forward(observations, batch, policy);
    }

    /// <inheritdoc/>
    public void Value(Observations observations, int batch, Span<float> values)
    {
        if (critic is null)
            SharedOutputs.Split(Outputs(observations, batch), PolicyOutputs, policy: default, values);
        else
            critic.Forward(observations, batch, values);
    }

    /// <inheritdoc/>
    void IActing.Forget(ReadOnlySpan<bool> ended) { }

    /// <summary>Frees the folded copies; the network stays.</summary>
    public void Dispose()
    {
        actor.Dispose();
        critic?.Dispose();
    }

    private void EvaluateSideBySide(ActingNetwork critic, Observations observations, int batch, Span<float> policy, Span<float> values) => SideBySide.Run(
        observations, policy, values,
        (seen, output) => actor.Forward(seen, batch, output),
        (seen, output) => critic.Forward(seen, batch, output));

    private ReadOnlySpan<float> Outputs(Observations observations, int batch)
    {
        var count = batch * actor.Outputs;
        if (both.Length < count)
            both = new float[count];
        actor.Forward(observations, batch, both.AsSpan(0, count));
        return both.AsSpan(0, count);
    }
}
