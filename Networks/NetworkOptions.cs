using System.ComponentModel.DataAnnotations;
using System.Globalization;
using RlWn.Inference;
using RlWn.Init;

namespace RlWn.Networks;

/// <summary>How an agent's networks are built and where they start.</summary>
public sealed record NetworkOptions
{
    /// <summary>What turns observations into features before the hidden layers: mlp is nothing; the others want images, [channels, height, width].</summary>
    public Torso Torso { get; init; } = Torso.Mlp;

    /// <summary>The depth of the torso impala: 6n + 3 convolutions, or 6n + 4 with the linear layer counted; 15 as published. Others do not look at it.</summary>
    [Range(9, 10_000)] public int TorsoDepth { get; init; } = 15;

    /// <summary>Multiplies the channels of the torso; mlp does not look at it.</summary>
    [Range(1, 64)] public int TorsoWidth { get; init; } = 1;

    /// <summary>
    /// The width of each hidden layer after the torso, of the policy and of the value network alike. By default what the torso's authors have:
    /// [64, 64] for mlp, [128] for minAtar, [512] for nature, [256] for impala. Empty is none.
    /// </summary>
    public IReadOnlyList<int> Hidden
    {
        get => field ?? Torso switch
        {
            Torso.MinAtar => [128],
            Torso.Nature => [512],
            Torso.Impala => [256],
            _ => [64, 64],
        };
        init;
    }

    /// <summary>
    /// Units of an LSTM between the torso, or the observation, and the hidden layers: the agent then remembers what it saw in the episode. 0 is none. ppo
    /// alone learns with one.
    /// </summary>
    [Range(0, 65_536)] public int Lstm { get; init; }

    /// <summary>Whether policy and value are one network with an output more, or, by default, two networks that share nothing.</summary>
    public bool Shared { get; init; }

    /// <summary>
    /// 2 runs the policy's and the value's network side by side where both run in plain C#. Of a Q-learner in plain C#, on the CPU, it runs the target network beside
    /// the online one, Adam in halves, and, behind a convolutional torso alone, the widest layer's two gradients side by side.
    /// The results are the same to the bit; worth it from about 0.1 ms a pass, on a machine with a processor to spare. Shared networks, and those with an
    /// LSTM, do not look at it.
    /// </summary>
    [Range(1, 2)] public int Threads { get; init; } = 1;

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

    /// <summary>log σ of a continuous policy at the start, in units of the action, or with tanh of what is squashed: 0 is a deviation of 1.</summary>
    [Range(-10.0, 5.0)] public double LogStd { get; init; }

    /// <summary>How continuous actions are brought within their bounds: clipped, or squashed by a tanh, whose bounds must be finite. See <see cref="Networks.ActionBounds"/>.</summary>
    public ActionBounds ActionBounds { get; init; } = ActionBounds.Clip;

    /// <summary>Checks the ranges of single settings, and what they cannot say.</summary>
    /// <exception cref="ValidationException">A setting is out of its range, a hidden width is not positive, or settings contradict each other.</exception>
    public void Validate()
    {
        SettingRanges.Check(this, "network");
        if (Hidden.FirstOrDefault(width => width < 1, 1) is var bad and < 1)
            throw new ValidationException($"Expected every width in network.hidden to be at least 1, got {bad}.");

        RequireTorso();
        RequireLstm();
        RequireSchemeForPlainNetworks();
        RequireScaleToSet();
    }

    private void RequireTorso()
    {
        if (Torso != Torso.Mlp && (NormPartner != NormPartner.None || Scheme.HasBatchNorm))
        {
            throw new ValidationException(
                $"Expected network.normPartner none and a scheme without batch normalization with network.torso {Torso}, got {NormPartner} and {Scheme}. Normalize with weight norm alone, as {Scheme.Proposed}.");
        }

        if (Torso == Torso.Impala && TorsoDepth % 6 is not (3 or 4))
            throw new ValidationException($"Expected network.torsoDepth of 6n + 3 or 6n + 4, as 9, 15 or 100, got {TorsoDepth}.");
        if (Shared && PolicyOutput != ValueOutput)
            throw new ValidationException($"Expected network.policyOutput and network.valueOutput to be alike with network.shared, got {PolicyOutput} and {ValueOutput}: it is one layer.");
    }

    private void RequireLstm()
    {
        if (Lstm > 0 && (NormPartner != NormPartner.None || Scheme.HasBatchNorm || Scheme.NeedsBatch))
        {
            throw new ValidationException(
                $"Expected network.normPartner none and a scheme without batch normalization that looks at no batch with network.lstm {Lstm}, got {NormPartner} and {Scheme}. "
                + $"Normalize with weight norm alone, as {Scheme.Proposed}.");
        }
    }

    private void RequireSchemeForPlainNetworks()
    {
        if (Scheme.Rule == ScaleRule.Hanin && Torso != Torso.Impala)
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
