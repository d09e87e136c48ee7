using System.ComponentModel.DataAnnotations;
using RlWn.Agents.Data;
using RlWn.Agents.Formulas;
using RlWn.Networks;

namespace RlWn.Agents.A2c;

/// <summary>Settings of <see cref="A2cAgent"/>.</summary>
public sealed record A2cOptions
{
    /// <summary>N: how many environments are stepped together.</summary>
    [Range(1, 65_536)] public int Environments { get; init; } = 8;

    /// <summary>T: steps of each environment between updates; each update learns from T N transitions.</summary>
    [Range(1, 1_000_000)] public int RolloutSteps { get; init; } = 5;

    /// <summary>Discount γ per step. Nearer 1 looks further ahead: 0.99 looks about 100 steps.</summary>
    [Range(0.0, 1.0)] public double Gamma { get; init; } = 0.99;

    /// <summary>λ of the advantage estimates: 1 takes n-step returns as the paper does, 0 one-step errors, between them GAE.</summary>
    [Range(0.0, 1.0)] public double Lambda { get; init; } = 1;

    /// <summary>α: the learning rate at the start.</summary>
    [Range(0.0, 1.0)] public double LearningRate { get; init; } = 7e-4;

    /// <summary>How the learning rate changes over the run.</summary>
    public Schedule LearningRateSchedule { get; init; } = Schedule.Linear;

    /// <summary>What turns gradients into steps: RMSProp as in the paper, or Adam.</summary>
    public OptimizerKind Optimizer { get; init; } = OptimizerKind.RmsProp;

    /// <summary>ε of the optimizer: inside RMSProp's root, added to Adam's.</summary>
    [Range(1e-12, 1.0)] public double OptimizerEpsilon { get; init; } = 1e-5;

    /// <summary>ρ of RMSProp: how much of the mean of squares each step keeps.</summary>
    [Range(0.0, 0.999999)] public double RmsPropDecay { get; init; } = 0.99;

    /// <summary>Whether advantages are shifted and scaled to mean 0 and deviation 1 within each rollout.</summary>
    public bool NormalizeAdvantages { get; init; }

    /// <summary>The weight of the entropy bonus; 0 leaves it out.</summary>
    [Range(0.0, 10.0)] public double EntropyWeight { get; init; } = 0.01;

    /// <summary>The weight of the value loss, which is half the mean squared error.</summary>
    [Range(0.0, 100.0)] public double ValueWeight { get; init; } = 0.5;

    /// <summary>The largest norm of a gradient; a larger one is scaled down to it.</summary>
    [Range(1e-6, 1e6)] public double MaxGradientNorm { get; init; } = 0.5;

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
