using RlWn.Init;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>
/// Adam on flat parameters: one fused kernel a step, whatever the number of tensors, and no native memory left to the collector. A second one where
/// the scales g of weight norm learn at a rate of their own.
/// </summary>
/// <remarks>Kingma and Ba 2015, arXiv:1412.6980, algorithm 1.</remarks>
public sealed class FlatAdam : IFlatOptimizer
{
    private const long WholeVectors = 64;          // numbers

    private readonly double beta1, beta2, epsilon, weightDecay;
    private readonly Tensor firstMoment, secondMoment, steps, one;
    private readonly Slice[] slices;
    private readonly SecondThread? second;
    private readonly Action oddSlices, evenSlices;
    private double rate;                           // α of the step under way
    private readonly TorchSharp.Scalar unit = 1;   // held: a Scalar made for one call may be collected during it

    /// <summary>Makes an optimizer at step 0.</summary>
    /// <param name="parameters">What to optimize.</param>
    /// <param name="beta1">β₁, decay of the first moment, in [0, 1).</param>
    /// <param name="beta2">β₂, decay of the second moment, in [0, 1).</param>
    /// <param name="epsilon">ε, above 0: 1e-8 in the paper, 1e-5 in PPO's implementations.</param>
    /// <param name="weightDecay">Decoupled decay (AdamW), at least 0.</param>
    /// <param name="scaleLearningRate">What α is multiplied by for g, at least 0; other than 1 it wants parameters with scales last.</param>
    /// <param name="second">Takes half of the numbers; not owned. Null leaves them to the caller's thread. The results are the same to the bit.</param>
    /// <exception cref="ArgumentException">The parameters' scales stand among the others, and are to learn at a rate of their own.</exception>
    public FlatAdam(
        FlatParameters parameters, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8, double weightDecay = 0, double scaleLearningRate = 1,
        SecondThread? second = null)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentOutOfRangeException.ThrowIfNegative(scaleLearningRate);
        if (scaleLearningRate != 1 && parameters.Scales is null)
            throw new ArgumentException("Expected flat parameters with scales last for a learning rate of their own, got some that stand among the others.", nameof(parameters));

        (this.beta1, this.beta2, this.epsilon, this.weightDecay, this.second) = (beta1, beta2, epsilon, weightDecay, second);
        (evenSlices, oddSlices) = (() => StepEverySecond(0), () => StepEverySecond(1));
        firstMoment = zeros_like(parameters.Values).DetachFromDisposeScope();
        secondMoment = zeros_like(parameters.Values).DetachFromDisposeScope();
        steps = zeros(1, ScalarType.Float32, parameters.Values.device).DetachFromDisposeScope();
        one = ones(1, ScalarType.Float32, parameters.Values.device).DetachFromDisposeScope();
        slices = [.. Slices(parameters, scaleLearningRate)];
    }

    /// <inheritdoc/>
    public void Step(double learningRate)
    {
        steps.add_(one, unit);
        rate = learningRate;
        if (second is not null)
        {
            second.Run(oddSlices, evenSlices);
            return;
        }

        foreach (var slice in slices)
            Step(slice, slice.Gradients, learningRate);
    }

    /// <inheritdoc/>
    public void Step(double learningRate, Tensor gradients)
    {
        ArgumentNullException.ThrowIfNull(gradients);
        steps.add_(one, unit);
        foreach (var slice in slices)
        {
            using var part = gradients.narrow(0, slice.Start, slice.Values.NumberOfElements);
            Step(slice, part, learningRate);
        }
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
        foreach (var slice in slices)
            slice.Dispose();
        firstMoment.Dispose();
        secondMoment.Dispose();
        steps.Dispose();
        one.Dispose();
        unit.Dispose();
    }

    private void StepEverySecond(int first)
    {
        for (var i = first; i < slices.Length; i += 2)
            Step(slices[i], slices[i].Gradients, rate);
    }

    private void Step(Slice slice, Tensor gradients, double learningRate) => Aten.FusedAdam(
        slice.Values, gradients, slice.FirstMoment, slice.SecondMoment, steps,
        learningRate * slice.Multiplier, beta1, beta2, weightDecay, epsilon, decoupled: weightDecay > 0);

    // What learns at one rate: everything, or all but the scales and then the scales; with a second thread, each in halves that whole vectors fill.
    private IEnumerable<Slice> Slices(FlatParameters parameters, double scaleLearningRate)
    {
        var (all, scales) = (parameters.Values.NumberOfElements, scaleLearningRate == 1 ? 0 : parameters.Scales ?? 0);
        return Halves(0, all - scales, multiplier: 1).Concat(Halves(all - scales, scales, scaleLearningRate));

        IEnumerable<Slice> Halves(long start, long length, double multiplier)
        {
            var half = second is null ? 0 : length / 2 / WholeVectors * WholeVectors;
            if (half > 0)
                yield return Of(start, half, multiplier);
            if (length > half)
                yield return Of(start + half, length - half, multiplier);
        }

        Slice Of(long start, long length, double multiplier)
        {
            return new(start, Part(parameters.Values), Part(parameters.Gradients), Part(firstMoment), Part(secondMoment), multiplier);

            Tensor Part(Tensor whole) => whole.narrow(0, start, length).DetachFromDisposeScope();
        }
    }

    private sealed record Slice(long Start, Tensor Values, Tensor Gradients, Tensor FirstMoment, Tensor SecondMoment, double Multiplier) : IDisposable
    {
        public void Dispose()
        {
            Values.Dispose();
            Gradients.Dispose();
            FirstMoment.Dispose();
            SecondMoment.Dispose();
        }
    }
}
