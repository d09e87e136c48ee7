using RlWn.Envs;
using RlWn.Init;
using RlWn.Networks;
using static TorchSharp.torch;

namespace RlWn.Agents.Data;

/// <summary>An actor-critic and its first values, as agents that learn from rollouts share them.</summary>
internal static class ActorCritics
{
    private const int Observations = 256;   // to set a data-dependent scheme's scales by: 100 or more different ones

    /// <summary>An actor-critic for the spaces of a vector. The same seed gives the same weights.</summary>
    /// <exception cref="ArgumentException">There is no distribution over the actions.</exception>
    public static ActorCritic Make(VectorEnv envs, NetworkOptions options, ulong seed, Device device)
    {
        var outputs = ActionDistribution.Of(envs.ActionSpace, options.ActionBounds).Outputs;
        using var generator = new Generator(unchecked((ulong)(long)seed));
        return new ActorCritic(envs.ObservationSpace.Shape.AsSpan(), outputs, envs.ActionSpace is Box, options, new Initializer(generator, Device: device));
    }

    /// <summary>Refuses batch normalization where copies of a network act and learn: each has running statistics of its own.</summary>
    /// <exception cref="ArgumentException">The network has it.</exception>
    public static void RequireNoBatchNorm(NetworkOptions network, string agent)
    {
        if (network.Scheme.HasBatchNorm || network.NormPartner == NormPartner.BatchNorm)
        {
            throw new ArgumentException(
                $"Expected a network without batch normalization for {agent}, whose threads would each keep statistics of their own, got network.scheme {network.Scheme} "
                + $"with network.normPartner {network.NormPartner}. Take another scheme, or the agent a2c or ppo.", nameof(network));
        }
    }

    /// <summary>log σ as of now, [K], which has moved since acting was refreshed; none of choices. Valid in the caller's dispose scope.</summary>
    public static ReadOnlySpan<float> LogStd(ActorCritic network) => network.log_std is { } logStd ? Aten.Memory<float>(logStd.cpu()) : [];

    /// <summary>Refuses vectors that normalize, where an agent has several or learns from steps that were scaled by other statistics.</summary>
    /// <exception cref="ArgumentException">This one does.</exception>
    public static void RequireNotNormalized(VectorEnv envs, string agent)
    {
        if (envs is NormalizedVectorEnv)
        {
            throw new ArgumentException(
                $"Expected environments that are not normalized for {agent}, whose vectors would each have scales of their own, got a {nameof(NormalizedVectorEnv)}. "
                + "Give the environments as they are, or take the agent a2c or ppo.", nameof(envs));
        }
    }

    /// <summary>Sets a data-dependent scheme's scales by what the policy sees with g = 1, in steps that do not count. Others stay as they are.</summary>
    /// <param name="network">The network.</param>
    /// <param name="envs">Where to look; reset by <paramref name="seed"/> before, and to be reset after.</param>
    /// <param name="collector">Of the vector, acting by the network.</param>
    /// <param name="seed">The environments' seed.</param>
    public static void SetScales(ActorCritic network, VectorEnv envs, Collector collector, ulong seed)
    {
        if (!network.NeedsBatch)
            return;

        var rollout = new Rollout(Math.Max(1, (Observations + envs.Count - 1) / envs.Count), envs);
        var batch = new Minibatch(rollout.Count, envs.ObservationSpace, envs.ActionSpace, network.ActionBounds);
        envs.Reset(seed);
        collector.Collect(rollout, steps: 0);
        rollout.Gather([.. Enumerable.Range(0, rollout.Count)], batch);
        network.NormalizeOn(new Features(envs.ObservationSpace).Of(batch.Observations));
        collector.Episodes.Reset();
    }
}
