using RlWn.Agents.Data;
using RlWn.Envs;
using RlWn.Networks;

namespace RlWn.Agents.Impala;

/// <summary>One of IMPALA's actors: environments, and a copy of the weights to act by, of its own.</summary>
/// <remarks>Espeholt et al. 2018, arXiv:1802.01561, section 3. One thread at a time.</remarks>
internal sealed class ImpalaActor : IDisposable
{
    private readonly ulong seed;            // of the environments
    private readonly Rng random;
    private readonly Acting acting;         // μ: the learner's weights as of the trajectory's begin
    private readonly ActionDistribution distribution;
    private readonly Features features;
    private readonly float[] policy;        // logits or means of the step, [N, K]
    private readonly EpisodeStatistics episodes;
    private readonly int firstEnvironment;  // the number of the vector's first in the run, for messages

    public ImpalaActor(int index, VectorEnv envs, ActorCritic network, ulong seed)
    {
        Envs = envs;
        random = new Rng(seed, stream: ulong.MaxValue - (ulong)index);
        this.seed = random.NextUInt64();
        acting = new Acting(network);
        distribution = ActionDistribution.Of(envs.ActionSpace, acting.ActionBounds);
        features = new Features(envs.ObservationSpace);
        policy = new float[envs.Count * acting.PolicyOutputs];
        episodes = new EpisodeStatistics(envs.Count);
        firstEnvironment = index * envs.Count;
    }

    /// <summary>Its environments; owned.</summary>
    public VectorEnv Envs { get; }

    /// <summary>Sets a data-dependent scheme's scales in this actor's environments; others stay as they are.</summary>
    /// <param name="network">The network.</param>
    public void SetScales(ActorCritic network) => ActorCritics.SetScales(network, Envs, new Collector(Envs, acting, random, "impala"), seed);

    /// <summary>Starts new episodes.</summary>
    public void Start() => Envs.Reset(seed);

    /// <summary>Acts for one trajectory.</summary>
    /// <param name="number">Which, counted over the whole run.</param>
    /// <param name="queue">Where there is room for it, and weights to act by.</param>
    /// <param name="steps">Environment steps of the trajectories before it, for messages.</param>
    /// <returns>Whether there was room; not so where the queue was stopped.</returns>
    /// <exception cref="TrainingDivergedException">An output, a reward or an observation is not finite.</exception>
    public bool Act(long number, TrajectoryQueue queue, long steps)
    {
        if (queue.Begin(number, acting) is not { } trajectory)   // μ ← π
            return false;

        for (var t = 0; t < trajectory.Steps; t++)               // T steps under μ
        {
            trajectory.KeepObservations(t, Envs);
            acting.Policy(features.Read(Envs.Observations), Envs.Count, policy);
            RequireFinite(policy, "policy output", Steps(t));
            distribution.Draw(Envs, policy, acting.LogStd, random, trajectory.Choices(t), trajectory.Numbers(t), trajectory.LogProbability(t));

            Envs.Step();
            RequireFinite(Envs.Rewards, "reward", Steps(t + 1));
            Finite.RequireObservations(Envs, Steps(t + 1), "impala", firstEnvironment);
            trajectory.KeepOutcome(t, Envs);
            episodes.Record(Envs);
        }

        trajectory.KeepLastObservations(Envs);
        queue.End(number);
        return true;

        long Steps(int t) => steps + ((long)t * Envs.Count);
    }

    /// <summary>Hands out the episodes that ended since the last call.</summary>
    public IReadOnlyList<Episode> TakeEpisodes() => episodes.Take();

    public void Save(BinaryWriter writer)
    {
        writer.Write(random);
        Resumption.Save(Envs, episodes, writer);
    }

    public void Load(BinaryReader reader, long steps)
    {
        random.State = reader.ReadRng().State;
        Resumption.Load(Envs, episodes, reader, seed, steps);
    }

    private void RequireFinite(ReadOnlySpan<float> numbers, string name, long steps) =>
        Finite.Require(numbers, name, Envs.Count, steps, "impala", firstEnvironment);

    public void Dispose()
    {
        acting.Dispose();
        Envs.Dispose();
    }
}
