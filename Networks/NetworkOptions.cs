using System.ComponentModel.DataAnnotations;
using System.Globalization;
using RlWn.Init;

namespace RlWn.Networks;

/// <summary>How an agent's networks are built and where they start.</summary>
public sealed record NetworkOptions
{
    /// <summary>The width of each hidden layer, of the policy and of the value network alike.</summary>
    public IReadOnlyList<int> Hidden { get; init; } = [64, 64];

    /// <summary>How hidden layers are built and start: orthogonal-proposed is what the paper proposes, he-pytorch-default and he-no-wn what it compares with.</summary>
    public Scheme Scheme { get; init; } = Scheme.Proposed;

    /// <summary>Whether g of the hidden layers is learnable, fixed as it started, or absent: one constant length for a layer.</summary>
    public ScaleMode Scale { get; init; } = ScaleMode.Learnable;

    /// <summary>g learns at this many times the learning rate; 0 leaves it as it is, but it still counts in the gradient's norm.</summary>
    [Range(0.0, 1000.0)] public double ScaleLearningRate { get; init; } = 1;

    /// <summary>After every this many optimizer steps the rows of v are scaled back to length 1, which fixes the effective learning rate; 0 never.</summary>
    [Range(0, 1_000_000_000)] public int ProjectEvery { get; init; }

    /// <summary>What normalizes pre-activations beside weight norm, before the ReLU. The schemes bn and wn-bn have batch normalization by themselves.</summary>
    public NormPartner NormPartner { get; init; } = NormPartner.None;

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
    /// <exception cref="ValidationException">A setting is out of its range, a hidden width is not positive, or settings contradict each other.</exception>
    public void Validate()
    {
        SettingRanges.Check(this, "network");
        if (Hidden.FirstOrDefault(width => width < 1, 1) is var bad and < 1)
            throw new ValidationException($"Expected every width in network.hidden to be at least 1, got {bad}.");

        RequireSchemeForPlainNetworks();
        RequireScaleToSet();
    }

    private void RequireSchemeForPlainNetworks()
    {
        if (Scheme.Rule == ScaleRule.Hanin)
        {
            throw new ValidationException(
                $"Expected a scheme for networks without residual blocks in network.scheme, got {Scheme}. Take {new Scheme(Scheme.Direction, ScaleRule.Proposed)}, which differs in such blocks only.");
        }

        if (Scheme.HasBatchNorm && NormPartner is not (NormPartner.None or NormPartner.BatchNorm))
        {
            throw new ValidationException(
                $"Expected network.normPartner to be none or batchNorm with network.scheme {Scheme}, which has batch normalization, got {NormPartner}. Choose one of the two.");
        }

        if (Scheme.NeedsBatch && NormPartner == NormPartner.BatchNorm)
        {
            throw new ValidationException(
                $"Expected no batch normalization with network.scheme {Scheme}, got network.normPartner {NormPartner}: it would undo the scales that the scheme sets.");
        }
    }

    private void RequireScaleToSet()
    {
        if (Scale != ScaleMode.Learnable && !Scheme.HasWeightNorm)
            throw new ValidationException($"Expected a scheme with weight norm for network.scale {Scale}, got {Scheme}, which has no g. Leave network.scale out.");
        if (Scale == ScaleMode.Absent && !Scheme.HasOneLength)
        {
            throw new ValidationException(
                $"Expected a scheme that gives all rows of a layer one length for network.scale {Scale}, as {Scheme.Proposed}, got {Scheme}. Take network.scale=fixed.");
        }

        var normalizesOutputs = PolicyOutput == OutputLayer.WeightNorm || ValueOutput == OutputLayer.WeightNorm;
        if (ProjectEvery > 0 && !Scheme.HasWeightNorm && !normalizesOutputs)
            throw new ValidationException($"Expected a weight-normalized layer to project for network.projectEvery {ProjectEvery}, got network.scheme {Scheme}. Leave network.projectEvery out.");
        if (ScaleLearningRate != 1 && (Scale != ScaleMode.Learnable || !Scheme.HasWeightNorm) && !normalizesOutputs)
        {
            throw new ValidationException(string.Create(
                CultureInfo.InvariantCulture,
                $"Expected a g that learns for network.scaleLearningRate {ScaleLearningRate}, got network.scheme {Scheme} with network.scale {Scale}. Leave network.scaleLearningRate out."));
        }
    }
}
