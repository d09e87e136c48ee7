using System.ComponentModel.DataAnnotations;
using RlWn.Init;

namespace RlWn.Networks;

/// <summary>How an agent's networks are built and where they start.</summary>
public sealed record NetworkOptions
{
    /// <summary>The width of each hidden layer, of the policy and of the value network alike.</summary>
    public IReadOnlyList<int> Hidden { get; init; } = [64, 64];

    /// <summary>How directions are drawn: Orthogonal is what the paper proposes.</summary>
    public Direction Direction { get; init; } = Direction.Orthogonal;

    /// <summary>How the policy's output layer is built: Plain as in the paper, or WeightNorm. See <see cref="OutputLayers"/>.</summary>
    public OutputLayer PolicyOutput { get; init; } = OutputLayer.Plain;

    /// <summary>The length of the policy's output rows at the start. Small is a policy near uniform; 1 decides by chance at once.</summary>
    [Range(1e-6, 100.0)] public double PolicyScale { get; init; } = 0.01;

    /// <summary>How the value's output layer is built: Plain as in the paper, or WeightNorm.</summary>
    public OutputLayer ValueOutput { get; init; } = OutputLayer.Plain;

    /// <summary>The length of the value's output row at the start.</summary>
    [Range(1e-6, 100.0)] public double ValueScale { get; init; } = 1;

    /// <summary>log σ of a continuous policy at the start, in units of the action: 0 is a deviation of 1.</summary>
    [Range(-10.0, 5.0)] public double LogStd { get; init; }

    /// <summary>Checks the ranges of single settings, and what they cannot say.</summary>
    /// <exception cref="ValidationException">A setting is out of its range, or a hidden width is not positive.</exception>
    public void Validate()
    {
        SettingRanges.Check(this, "network");
        if (Hidden.FirstOrDefault(width => width < 1, 1) is var bad and < 1)
            throw new ValidationException($"Expected every width in network.hidden to be at least 1, got {bad}.");
    }
}
