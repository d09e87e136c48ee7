using System.ComponentModel.DataAnnotations;
using RlWn.Envs;

namespace RlWn.Experiments.Runs;

/// <summary>What <see cref="NormalizedVectorEnv"/> does in a run of PPO or A2C.</summary>
internal sealed record NormalizationSettings
{
    /// <summary>Whether observations are shifted and scaled to mean 0 and variance 1, by what was seen so far. The policy file carries it. Of ppo and a2c.</summary>
    public bool Observations { get; init; }

    /// <summary>Whether rewards are divided by the deviation of the discounted return, by what was seen so far. Returns are reported as the task gives them. Of ppo and a2c.</summary>
    public bool Rewards { get; init; }

    /// <summary>Normalized observations beyond ± this are cut off, and rewards where rewardClip says nothing else.</summary>
    [Range(1e-3, 1e6)] public double Clip { get; init; } = 10;

    /// <summary>Normalized rewards beyond ± this are cut off; null is clip.</summary>
    [Range(1e-3, 1e6)] public double? RewardClip { get; init; }

    /// <summary>A vector with this done to it: itself where there is nothing to do.</summary>
    /// <param name="envs">The vector; disposed of where the settings do not fit it.</param>
    /// <param name="gamma">The agent's discount per step.</param>
    /// <exception cref="ArgumentException">Observations are not floats.</exception>
    public VectorEnv Apply(VectorEnv envs, double gamma)
    {
        if (!Observations && !Rewards)
            return envs;

        try
        {
            return new NormalizedVectorEnv(envs, new() { Observations = Observations, Rewards = Rewards, Gamma = gamma, Clip = (float)Clip, RewardClip = (float?)RewardClip });
        }
        catch
        {
            envs.Dispose();
            throw;
        }
    }
}
