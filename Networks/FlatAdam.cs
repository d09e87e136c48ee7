using RlWn.Init;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>Adam on flat parameters: one fused kernel a step, whatever the number of tensors, and no native memory left to the collector.</summary>
/// <remarks>Kingma and Ba 2015, arXiv:1412.6980, algorithm 1.</remarks>
public sealed class FlatAdam : IDisposable
{
    private readonly FlatParameters parameters;
    private readonly double beta1, beta2, epsilon, weightDecay;
    private readonly Tensor firstMoment, secondMoment, steps, one;
    private readonly TorchSharp.Scalar unit = 1;   // held: a Scalar made for one call may be collected during it

    /// <summary>Makes an optimizer at step 0.</summary>
    /// <param name="parameters">What to optimize.</param>
    /// <param name="beta1">β₁, decay of the first moment, in [0, 1).</param>
    /// <param name="beta2">β₂, decay of the second moment, in [0, 1).</param>
    /// <param name="epsilon">ε, above 0: 1e-8 in the paper, 1e-5 in PPO's implementations.</param>
    /// <param name="weightDecay">Decoupled decay (AdamW), at least 0.</param>
    public FlatAdam(FlatParameters parameters, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8, double weightDecay = 0)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        (this.parameters, this.beta1, this.beta2, this.epsilon, this.weightDecay) = (parameters, beta1, beta2, epsilon, weightDecay);
        firstMoment = zeros_like(parameters.Values).DetachFromDisposeScope();
        secondMoment = zeros_like(parameters.Values).DetachFromDisposeScope();
        steps = zeros(1, ScalarType.Float32, parameters.Values.device).DetachFromDisposeScope();
        one = ones(1, ScalarType.Float32, parameters.Values.device).DetachFromDisposeScope();
    }

    /// <summary>Makes one step against the gradient.</summary>
    /// <param name="learningRate">α of this step, at least 0.</param>
    public void Step(double learningRate)
    {
        steps.add_(one, unit);
        Aten.FusedAdam(
            parameters.Values, parameters.Gradients, firstMoment, secondMoment, steps,
            learningRate, beta1, beta2, weightDecay, epsilon, decoupled: weightDecay > 0);
    }

    /// <summary>Writes the moments and the number of steps.</summary>
    /// <param name="writer">Where to.</param>
    public void Save(BinaryWriter writer)
    {
        writer.Write(firstMoment);
        writer.Write(secondMoment);
        writer.Write(steps);
    }

    /// <summary>Takes up what an optimizer of the same parameters has saved.</summary>
    /// <param name="reader">Reads just what <see cref="Save"/> wrote.</param>
    /// <exception cref="InvalidDataException">It was of other parameters.</exception>
    public void Load(BinaryReader reader)
    {
        reader.Read(firstMoment, "Adam's first moment");
        reader.Read(secondMoment, "Adam's second moment");
        reader.Read(steps, "Adam's steps");
    }

    /// <summary>Frees the moments.</summary>
    public void Dispose()
    {
        firstMoment.Dispose();
        secondMoment.Dispose();
        steps.Dispose();
        one.Dispose();
        unit.Dispose();
    }
}
