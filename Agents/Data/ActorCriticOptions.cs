using System.ComponentModel.DataAnnotations;
using RlWn.Agents.Formulas;

namespace RlWn.Agents.Data;

/// <summary>The settings that A2C, A3C and IMPALA share.</summary>
public abstract record ActorCriticOptions
{
    private protected ActorCriticOptions() { }

    /// <summary>Discount γ per step. Nearer 1 looks further ahead: 0.99 looks about 100 steps.</summary>
    [Range(0.0, 1.0)] public double Gamma { get; init; } = 0.99;

    /// <summary>λ of what is learned from a rollout: 1 takes n-step returns as the papers do, 0 one-step errors, between them a mixture of both (GAE; in V-trace a factor of c).</summary>
    [Range(0.0, 1.0)] public double Lambda { get; init; } = 1;

    /// <summary>α: the learning rate at the start.</summary>
    [Range(0.0, 1.0)] public double LearningRate { get; init; } = 7e-4;

    /// <summary>How the learning rate changes over the run.</summary>
    public Schedule LearningRateSchedule { get; init; } = Schedule.Linear;

    /// <summary>What turns gradients into steps: RMSProp as in the papers, or Adam.</summary>
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
}
