using RlWn.Agents.Data;
using RlWn.Envs;
using RlWn.Inference;

namespace RlWn.Agents;

/// <summary>How a policy does when it stops exploring.</summary>
/// <param name="Episodes">The episodes, those of the first environment first.</param>
public sealed record EvaluationResult(IReadOnlyList<Episode> Episodes)
{
    /// <summary>The mean return.</summary>
    public double Mean => Episodes.Average(episode => episode.Return);

    /// <summary>The returns' standard deviation (of the sample, n - 1); 0 for one episode.</summary>
    public double Deviation => Episodes.Count < 2 ? 0 : Math.Sqrt(Episodes.Sum(episode => Math.Pow(episode.Return - Mean, 2)) / (Episodes.Count - 1));

    /// <summary>The least return.</summary>
    public double Min => Episodes.Min(episode => episode.Return);

    /// <summary>The greatest return.</summary>
    public double Max => Episodes.Max(episode => episode.Return);
}

/// <summary>Runs policies without exploration.</summary>
public static class Evaluation
{
    /// <summary>Steps that an episode may take unless something else is said.</summary>
    public const int LongestEpisode = 1_000_000;

    /// <summary>Plays whole episodes with the most probable action in every state.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="envs">Where to play; it is reset first. Not owned.</param>
    /// <param name="episodes">How many episodes, at least 1. Each environment plays its share whatever their lengths, so that short ones are not favoured.</param>
    /// <param name="seed">The environments' seed: take another than in training.</param>
    /// <param name="longest">Steps that an episode may take, at least 1: a policy that does well in a task without a limit may never end one.</param>
    /// <exception cref="ArgumentException">The policy was made for other spaces.</exception>
    /// <exception cref="InvalidOperationException">An episode did not end.</exception>
    public static EvaluationResult Run(Policy policy, VectorEnv envs, int episodes, ulong seed, int longest = LongestEpisode)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(envs);
        ArgumentOutOfRangeException.ThrowIfLessThan(episodes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(longest, 1);
        RequireFit(policy, envs);

        var features = new Features(envs.ObservationSpace);
        var played = Enumerable.Range(0, envs.Count).Select(_ => new List<Episode>()).ToArray();
        var shares = Enumerable.Range(0, envs.Count).Select(i => (episodes / envs.Count) + (i < episodes % envs.Count ? 1 : 0)).ToArray();
        var running = new Episode[envs.Count];
        var left = episodes;
        var state = policy.NewState(envs.Count);

        envs.Reset(seed);
        while (left > 0)
        {
            if (envs.ActionSpace is Space<float>)
                policy.Act(features.Of(envs.Observations), state, envs.Actions.All<float>());
            else
                policy.Act(features.Of(envs.Observations), state, envs.Actions.All<int>());
            envs.Step();

            for (var i = 0; i < envs.Count; i++)
            {
                running[i] = new(running[i].Return + envs.Rewards[i], running[i].Length + 1);
                if (!(envs.Terminated[i] | envs.Truncated[i]))
                {
                    if (running[i].Length == longest)
                        throw new InvalidOperationException($"Expected each episode of an evaluation to end within {longest} steps, got one in environment {i} that goes on. Give the task a limit, by TimeLimit or where it is registered.");
                    continue;
                }

                if (played[i].Count < shares[i])
                {
                    played[i].Add(running[i]);
                    left--;
                }

                running[i] = default;
                state.Reset(i);
            }
        }

        return new([.. played.SelectMany(own => own)]);
    }

    private static void RequireFit(Policy policy, VectorEnv envs)
    {
        var wanted = envs.ActionSpace switch
        {
            Discrete discrete => Choices([discrete.N]),
            MultiDiscrete several => Choices(several.Choices),
            var space => $"{space.Size} continuous numbers",
        };
        var given = policy.Kind == ActionKind.Continuous ? $"{policy.ActionSize} continuous numbers" : Choices(policy.ActionCounts);
        if (policy.ObservationSize != envs.ObservationSpace.Size || wanted != given)
        {
            throw new ArgumentException(
                $"Expected a policy for observations of {envs.ObservationSpace.Size} numbers and actions of {wanted}, got one for {policy.ObservationSize} and {given}.",
                nameof(policy));
        }

        static string Choices(IEnumerable<int> counts) => $"{string.Join(" and ", counts)} choices";
    }
}
