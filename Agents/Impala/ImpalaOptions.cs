using System.ComponentModel.DataAnnotations;
using RlWn.Agents.Data;
using RlWn.Networks;

namespace RlWn.Agents.Impala;

/// <summary>Settings of <see cref="ImpalaAgent"/>.</summary>
public sealed record ImpalaOptions : ActorCriticOptions
{
    /// <summary>K: how many threads act, each in environments of its own; one more learns. More than the processor's cores are possible: they take turns.</summary>
    [Range(1, 1024)] public int Actors { get; init; } = 2;

    /// <summary>N: how many environments each actor steps together; 1 in the paper.</summary>
    [Range(1, 65_536)] public int Environments { get; init; } = 4;

    /// <summary>T: steps of each environment in a trajectory.</summary>
    [Range(1, 1_000_000)] public int RolloutSteps { get; init; } = 20;

    /// <summary>B: how many trajectories, of N environments each, an update learns from: B T N transitions. The actors fill them in turn.</summary>
    [Range(1, 65_536)] public int Trajectories { get; init; } = 4;

    /// <summary>
    /// The largest policy lag: how many updates the learner may be ahead of the weights that a trajectory was acted with. An actor waits rather than
    /// exceed it. 0 has actors and learner take turns, and makes runs repeat; larger ones let them overlap.
    /// </summary>
    [Range(0, 1000)] public int MaxLag { get; init; } = 1;

    /// <summary>ρ̄ of V-trace: how much a ratio π/μ may weigh a temporal difference. It decides which policy's value is learned: with ∞ that of π, near 0 that of μ.</summary>
    [Range(1e-6, 1e6)] public double RhoBar { get; init; } = 1;

    /// <summary>c̄ of V-trace, at most ρ̄: how much a ratio may weigh what comes after. It decides how fast values are learned, not which.</summary>
    [Range(0.0, 1e6)] public double CBar { get; init; } = 1;

    /// <summary>How many updates a report closes: training can be saved and stopped between reports. The actors rest then, with nothing left to learn from.</summary>
    [Range(1, 1_000_000)] public int ReportEvery { get; init; } = 20;

    /// <summary>Checks every setting's range, and what ranges cannot say.</summary>
    /// <exception cref="ValidationException">A setting is out of range, a batch is too large, c̄ is above ρ̄, or some actors would only wait.</exception>
    public void Validate()
    {
        SettingRanges.Check(this, "impala");

        if ((double)RolloutSteps * Environments * Trajectories > int.MaxValue)
        {
            throw new ValidationException(
                $"Expected updates from less than 2^31 transitions, got impala.rolloutSteps {RolloutSteps} times impala.environments {Environments} times impala.trajectories {Trajectories}.");
        }

        if (CBar > RhoBar)
            throw new ValidationException(FormattableString.Invariant($"Expected impala.cBar to be at most impala.rhoBar, got {CBar} and {RhoBar}. Raise impala.rhoBar or lower impala.cBar."));
        if (Actors > (MaxLag + 1) * Trajectories)
        {
            throw new ValidationException(
                $"Expected at most impala.trajectories {Trajectories} times (impala.maxLag {MaxLag} + 1) actors, got impala.actors {Actors}: the others would only wait. Raise impala.maxLag.");
        }
    }
}
