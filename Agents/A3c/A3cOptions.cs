using System.ComponentModel.DataAnnotations;
using RlWn.Agents.Data;
using RlWn.Networks;

namespace RlWn.Agents.A3c;

/// <summary>Settings of <see cref="A3cAgent"/>.</summary>
public sealed record A3cOptions : ActorCriticOptions
{
    /// <summary>K: how many threads learn at once, each with environments and a copy of the network of its own. More than the processor's cores are possible: they take turns.</summary>
    [Range(1, 1024)] public int Workers { get; init; } = 6;

    /// <summary>N: how many environments each worker steps together; 1 in the paper.</summary>
    [Range(1, 65_536)] public int Environments { get; init; } = 1;

    /// <summary>T: steps of each environment between a worker's updates; each update learns from T N transitions.</summary>
    [Range(1, 1_000_000)] public int RolloutSteps { get; init; } = 20;

    /// <summary>How many updates, over all workers, a report closes: training can be saved and stopped between reports.</summary>
    [Range(1, 1_000_000)] public int ReportEvery { get; init; } = 100;

    /// <summary>Checks every setting's range, and what ranges cannot say.</summary>
    /// <exception cref="ValidationException">A setting is out of range, or a rollout is too large.</exception>
    public void Validate()
    {
        SettingRanges.Check(this, "a3c");

        if ((long)RolloutSteps * Environments > int.MaxValue)
            throw new ValidationException($"Expected a rollout of less than 2^31 transitions, got a3c.rolloutSteps {RolloutSteps} times a3c.environments {Environments}.");
    }
}
