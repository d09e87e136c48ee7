using System.ComponentModel.DataAnnotations;
using RlWn.Agents.Formulas;
using RlWn.Networks;

namespace RlWn.Agents.Ppo;

/// <summary>Settings of <see cref="PpoAgent"/> and <see cref="RecurrentPpoAgent"/>. The defaults are the field's (CleanRL's, for classic control).</summary>
public sealed record PpoOptions
{
    /// <summary>N: how many environments are stepped together.</summary>
    [Range(1, 65_536)] public int Environments { get; init; } = 4;

    /// <summary>T: steps of each environment between updates. A rollout has T N transitions.</summary>
    [Range(1, 1_000_000)] public int RolloutSteps { get; init; } = 128;

    /// <summary>K: how often each rollout is gone through.</summary>
    [Range(1, 1_000)] public int Epochs { get; init; } = 4;

    /// <summary>M: parts that a rollout is cut into in each epoch; each is one optimizer step. Divides T N, and N where the agent has a memory.</summary>
    [Range(1, 1_000_000)] public int Minibatches { get; init; } = 4;

    /// <summary>Discount γ per step. Nearer 1 looks further ahead: 0.99 looks about 100 steps.</summary>
    [Range(0.0, 1.0)] public double Gamma { get; init; } = 0.99;

    /// <summary>λ of the advantage estimates: 0 trusts the value network, 1 only rewards.</summary>
    [Range(0.0, 1.0)] public double Lambda { get; init; } = 0.95;

    /// <summary>α: Adam's learning rate at the start.</summary>
    [Range(0.0, 1.0)] public double LearningRate { get; init; } = 2.5e-4;

    /// <summary>How the learning rate changes over the run.</summary>
    public Schedule LearningRateSchedule { get; init; } = Schedule.Linear;

    /// <summary>ε of Adam.</summary>
    [Range(1e-12, 1.0)] public double AdamEpsilon { get; init; } = 1e-5;

    /// <summary>ε of the clipped objective at the start: how far the probability ratio is worth moving from 1.</summary>
    [Range(1e-6, 10.0)] public double Clip { get; init; } = 0.2;

    /// <summary>How the clip range changes over the run.</summary>
    public Schedule ClipSchedule { get; init; } = Schedule.Constant;

    /// <summary>How far a value may move from the one before the update, in units of the return; null does not clip values.</summary>
    [Range(1e-6, 1e6)] public double? ValueClip { get; init; }

    /// <summary>Whether advantages are shifted and scaled to mean 0 and deviation 1 within each minibatch.</summary>
    public bool NormalizeAdvantages { get; init; } = true;

    /// <summary>The weight of the entropy bonus; 0 leaves it out.</summary>
    [Range(0.0, 10.0)] public double EntropyWeight { get; init; } = 0.01;

    /// <summary>The weight of the value loss, which is half the mean squared error.</summary>
    [Range(0.0, 100.0)] public double ValueWeight { get; init; } = 0.5;

    /// <summary>The largest norm of a gradient; a larger one is scaled down to it.</summary>
    [Range(1e-6, 1e6)] public double MaxGradientNorm { get; init; } = 0.5;

    /// <summary>No further epoch once the approximate KL divergence from the policy that acted exceeds this; null never stops.</summary>
    [Range(1e-6, 100.0)] public double? TargetKl { get; init; }

    /// <summary>Checks every setting's range, and what ranges cannot say.</summary>
    /// <exception cref="ValidationException">A setting is out of range, T N is not a multiple of M, or a minibatch is too small to normalize.</exception>
    public void Validate()
    {
        SettingRanges.Check(this, "ppo");

        var count = (long)RolloutSteps * Environments;
        if (count > int.MaxValue)
            throw new ValidationException($"Expected a rollout of less than 2^31 transitions, got ppo.rolloutSteps {RolloutSteps} times ppo.environments {Environments}.");
        if (count % Minibatches != 0)
        {
            throw new ValidationException(
                $"Expected ppo.minibatches to divide a rollout's {count} transitions ({RolloutSteps} steps of {Environments} environments), got {Minibatches}.");
        }

        if (NormalizeAdvantages && count / Minibatches < 2)
        {
            throw new ValidationException(
                $"Expected minibatches of at least 2 transitions to normalize advantages in, got {count / Minibatches}. "
                + "Lower ppo.minibatches, or set ppo.normalizeAdvantages=false.");
        }
    }

    /// <summary>Checks what an agent with a memory asks for besides: its minibatches are whole environments.</summary>
    /// <exception cref="ValidationException">N is not a multiple of M.</exception>
    public void ValidateRecurrent()
    {
        if (Environments % Minibatches != 0)
        {
            throw new ValidationException(
                $"Expected ppo.minibatches to divide ppo.environments with network.lstm, since a minibatch is the whole sequences of some environments, got {Minibatches} and {Environments}.");
        }
    }
}
