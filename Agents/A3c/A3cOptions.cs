using System.ComponentModel.DataAnnotations;
using RlWn.Agents.Data;
using RlWn.Agents.Formulas;
using RlWn.Networks;

namespace RlWn.Agents.A3c;

/// <summary>Settings of <see cref="A3cAgent"/>.</summary>
public sealed record A3cOptions
{
    /// <summary>K: how many threads learn at once, each with environments and a copy of the network of its own. More than the processor's cores are possible: they take turns.</summary>
    [Range(1, 1024)] public int Workers { get; init; } = 6;

    /// <summary>N: how many environments each worker steps together; 1 in the paper.</summary>
    [Range(1, 65_536)] public int Environments { get; init; } = 1;

    /// <summary>T: steps of each environment between a worker's updates; each update learns from T N transitions.</summary>
    [Range(1, 1_000_000)] public int RolloutSteps { get; init; } = 20;

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

    /// <summary>The weight of the entropy bonus; 0 leaves it out.</summary>
    [Range(0.0, 10.0)] public double EntropyWeight { get; init; } = 0.01;

    /// <summary>The weight of the value loss, which is half the mean squared error.</summary>
    [Range(0.0, 100.0)] public double ValueWeight { get; init; } = 0.5;

    /// <summary>The largest norm of a gradient; a larger one is scaled down to it.</summary>
    [Range(1e-6, 1e6)] public double MaxGradientNorm { get; init; } = 0.5;

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
