using RlWn.Envs;
using RlWn.Networks;

namespace RlWn.Agents.Data;

/// <summary>Acts in environments and keeps what came of it, for all agents that learn from rollouts.</summary>
/// <param name="envs">The environments; not owned.</param>
/// <param name="acting">The policy and values that act; not owned.</param>
/// <param name="random">Draws the actions.</param>
/// <param name="section">The agent's section of the settings, for messages.</param>
/// <param name="firstEnvironment">The number of the vector's first environment in the run, for messages.</param>
/// <remarks>Of continuous actions is kept what was drawn, before it was brought within the bounds.</remarks>
internal sealed class Collector(VectorEnv envs, IActing acting, Rng random, string section, int firstEnvironment = 0)
{
    private readonly float[] policy = new float[envs.Count * acting.PolicyOutputs];   // logits or means of the step, [N, K]
    private readonly float[] lastValue = new float[envs.Count];                       // V of the observations that end the rollout, [N]
    private readonly ActionDistribution distribution = ActionDistribution.Of(envs.ActionSpace, acting.ActionBounds);
    private readonly Features features = new(envs.ObservationSpace);

    private readonly VectorEnv tasks = envs is NormalizedVectorEnv normalized ? normalized.Inner : envs;   // what they give is to report, and to be finite

    /// <summary>The episodes that ended on the way, with the rewards that the tasks gave.</summary>
    public EpisodeStatistics Episodes { get; } = new(envs.Count);

    /// <summary>Fills a rollout: T steps of the policy in N environments, wherever they stand.</summary>
    /// <param name="rollout">Receives them, with V(s') as 0 after a termination, and as the last observation's own after a truncation.</param>
    /// <param name="steps">Environment steps the run has done before, for messages.</param>
    /// <exception cref="TrainingDivergedException">An observation, an output, a value or a reward is not finite.</exception>
    public void Collect(Rollout rollout, long steps)
    {
        RequireObservations(steps);
        for (var t = 0; t < rollout.Steps; t++)
        {
            rollout.KeepObservations(t, envs);
            acting.Evaluate(features.Read(envs.Observations), envs.Count, policy, rollout.Value(t));
            RequireFinite(policy, "policy output", steps, t);
            RequireFinite(rollout.Value(t), "value", steps, t);
            if (t > 0)
                Bootstrap(rollout, t - 1, rollout.Value(t), steps);

            distribution.Draw(envs, policy, acting.LogStd, random, rollout.Choices(t), rollout.Numbers(t), rollout.LogProbability(t));
            envs.Step();
            RequireFinite(tasks.Rewards, "reward", steps, t + 1);
            RequireFinite(envs.Rewards, "normalized reward", steps, t + 1);
            RequireObservations(steps + ((t + 1L) * envs.Count));
            rollout.KeepOutcome(t, envs);
            Episodes.Record(tasks);
            BootstrapEnded(rollout, t);
            acting.Forget(rollout.Ended(t));
        }

        acting.Value(features.Read(envs.Observations), envs.Count, lastValue);
        Bootstrap(rollout, rollout.Steps - 1, lastValue, steps);
    }

    // V(sₜ₊₁) where the episode goes on: the value of the next observation.
    private void Bootstrap(Rollout rollout, int t, ReadOnlySpan<float> valueAfter, long steps)
    {
        var ended = rollout.Ended(t);
        var nextValue = rollout.NextValue(t);
        for (var i = 0; i < envs.Count; i++)
        {
            if (!ended[i])
                nextValue[i] = valueAfter[i];
        }

        RequireFinite(nextValue, "value of the next observation", steps, t + 1);
    }

    // V(sₜ₊₁) where it ended: none after a termination; after a truncation, the value of the state it was cut off in.
    private void BootstrapEnded(Rollout rollout, int t)
    {
        var nextValue = rollout.NextValue(t);
        if (envs.Truncated.Contains(true))
            acting.Value(features.Read(envs.FinalObservations), envs.Count, nextValue);

        for (var i = 0; i < envs.Count; i++)
        {
            if (envs.Terminated[i])
                nextValue[i] = 0;
        }
    }

    // A terminal one has no value and is not looked at.
    private void RequireObservations(long steps) => Finite.RequireObservations(tasks, steps, section, firstEnvironment, terminal: false);

    private void RequireFinite(ReadOnlySpan<float> numbers, string name, long steps, int t) =>
        Finite.Require(numbers, name, envs.Count, steps + ((long)t * envs.Count), section, firstEnvironment);
}
