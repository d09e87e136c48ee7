using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>An actor-critic as learning sees it: both its networks, or the shared one, and log σ. See <see cref="LearningNetwork"/>.</summary>
/// <remarks>One thread at a time.</remarks>
public sealed class Learning : IDisposable
{
    private readonly ActorCritic network;
    private readonly LearningNetwork actor;
    private readonly LearningNetwork? critic;   // none where policy and value are one network
    private readonly bool sideBySide;
    private readonly float[] both;              // outputs of a shared network, and their gradient

    /// <summary>Makes the learning side of a network.</summary>
    /// <param name="network">The network; not owned.</param>
    /// <param name="parameters">Its parameters, whose gradients are written; not owned.</param>
    /// <param name="batch">The largest batch, at least 1; at least 2 with batch normalization, whose statistics are then the batch's.</param>
    public Learning(ActorCritic network, FlatParameters parameters, int batch) : this(network, parameters, batch, small: null) { }

    internal Learning(ActorCritic network, FlatParameters parameters, int batch, bool? small)
    {
        ArgumentNullException.ThrowIfNull(network);
        this.network = network;
        actor = new LearningNetwork(network.Actor, parameters, batch, small);
        both = new float[network.IsShared ? batch * network.Actor.OutputSize : 0];
        if (!network.IsShared)
            critic = new LearningNetwork(network.Critic, parameters, batch, small);
        sideBySide = network.Threads > 1 && actor.IsPlainCSharp && critic?.IsPlainCSharp == true;
    }

    /// <summary>Evaluates policy and value of a batch, ready for <see cref="Backward"/>.</summary>
    /// <param name="observations">[B, D], row after row.</param>
    /// <param name="policy">Receives logits or means, [B, K].</param>
    /// <param name="values">Receives V(s), [B].</param>
    public void Forward(Observations observations, Span<float> policy, Span<float> values)
    {
        if (critic is null)
        {
            var outputs = Both(policy.Length, values.Length);
            actor.Forward(observations, outputs);
            SharedOutputs.Split(outputs, network.PolicyOutputs, policy, values);
        }
        else if (sideBySide)
        {
            SideBySide.Run(observations, policy, values, (seen, output) => actor.Forward(seen, output), (seen, output) => critic.Forward(seen, output));
        }
        else
        {
            actor.Forward(observations, policy);
            critic.Forward(observations, values);
        }
    }

    /// <summary>Writes the gradient of every parameter, given that of the outputs last evaluated.</summary>
    /// <param name="byPolicy">∂L/∂policy, [B, K].</param>
    /// <param name="byValue">∂L/∂V, [B].</param>
    /// <param name="byLogStd">∂L/∂log σ, [K]; empty for discrete actions.</param>
    public void Backward(ReadOnlySpan<float> byPolicy, ReadOnlySpan<float> byValue, ReadOnlySpan<float> byLogStd)
    {
        if (critic is null)
        {
            var outputs = Both(byPolicy.Length, byValue.Length);
            SharedOutputs.Join(byPolicy, byValue, network.PolicyOutputs, outputs);
            actor.Backward(outputs);
        }
        else if (sideBySide)
        {
            SideBySide.Run(byPolicy, byValue, actor.Backward, critic.Backward);
        }
        else
        {
            actor.Backward(byPolicy);
            critic.Backward(byValue);
        }

        if (network.log_std is { } logStd)
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            logStd.grad!.copy_(LearningNetwork.Like(logStd, byLogStd));
        }
    }

    /// <summary>Frees what passes need; the network stays.</summary>
    public void Dispose()
    {
        actor.Dispose();
        critic?.Dispose();
    }

    private Span<float> Both(int policy, int values)
    {
        if (policy != values * network.PolicyOutputs || policy + values > both.Length)
            throw new ArgumentException($"Expected up to {both.Length / (network.PolicyOutputs + 1)} rows of {network.PolicyOutputs} numbers of the policy and as many values, got {policy} and {values}.");
        return both.AsSpan(0, policy + values);
    }
}
