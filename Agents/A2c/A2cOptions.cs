using System.ComponentModel.DataAnnotations;
using RlWn.Agents.Data;
using RlWn.Networks;

namespace RlWn.Agents.A2c;

/// <summary>Settings of <see cref="A2cAgent"/>.</summary>
public sealed record A2cOptions : ActorCriticOptions
{
    /// <summary>N: how many environments are stepped together.</summary>
    [Range(1, 65_536)] public int Environments { get; init; } = 8;

    /// <summary>T: steps of each environment between updates; each update learns from T N transitions.</summary>
    [Range(1, 1_000_000)] public int RolloutSteps { get; init; } = 5;

    /// <summary>Whether advantages are shifted and scaled to mean 0 and deviation 1 within each rollout.</summary>
    public bool NormalizeAdvantages { get; init; }

    /// <summary>How many updates a report closes: training can be saved and stopped between reports.</summary>
    [Range(1, 1_000_000)] public int ReportEvery { get; init; } = 20;

    /// <summary>Checks every setting's range, and what ranges cannot say.</summary>
    /// <exception cref="ValidationException">A setting is out of range, or a rollout is too large, or too small to normalize.</exception>
    public void Validate()
    {
        SettingRanges.Check(this, "a2c");

        if ((long)RolloutSteps * Environments > int.MaxValue)
            throw new ValidationException($"Expected a rollout of less than 2^31 transitions, got a2c.rolloutSteps {RolloutSteps} times a2c.environments {Environments}.");
        if (NormalizeAdvantages && RolloutSteps * Environments < 2)
            throw new ValidationException("Expected rollouts of at least 2 transitions to normalize advantages in, got 1. Raise a2c.rolloutSteps, or set a2c.normalizeAdvantages=false.");
    }
}
