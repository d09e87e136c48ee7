using System.Numerics;
using System.Runtime.InteropServices;
using RlWn.Init;
using TorchSharp;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>Where ε stands in RMSProp's divisor.</summary>
public enum EpsilonPlace
{
    /// <summary>√(s + ε), as in TensorFlow and in Mnih et al. 2016.</summary>
    Inside,

    /// <summary>√s + ε, as in PyTorch.</summary>
    Outside,
}

/// <summary>RMSProp on flat parameters, neither centered nor with momentum: s ← ρ s + (1 - ρ) g², θ ← θ - α g / √(s + ε).</summary>
/// <remarks>
/// Tieleman and Hinton 2012, lecture 6.5; Mnih et al. 2016, arXiv:1602.01783, eq. S2 and S3. s starts at 0. On the CPU one pass over the memory, elsewhere
/// four operations of libtorch, whatever the number of tensors.
/// </remarks>
public sealed class FlatRmsProp : IFlatOptimizer
{
    private readonly FlatParameters parameters;
    private readonly Tensor squares;
    private readonly double decay, epsilon;
    private readonly double scaleLearningRate;
    private readonly EpsilonPlace place;
    private readonly Scalar oldShare, newShare, added;   // held: a Scalar made for one call may be collected during it

    /// <summary>Makes an optimizer at step 0.</summary>
    /// <param name="parameters">What to optimize; not owned.</param>
    /// <param name="decay">ρ, decay of the squares' mean, in [0, 1): 0.99 in the paper.</param>
    /// <param name="epsilon">ε, above 0.</param>
    /// <param name="place">Whether ε is added to s or to its root.</param>
    /// <param name="scaleLearningRate">What α is multiplied by for g, at least 0; other than 1 it wants parameters with scales last.</param>
    /// <exception cref="ArgumentException">The parameters' scales stand among the others, and are to learn at a rate of their own.</exception>
    public FlatRmsProp(FlatParameters parameters, double decay = 0.99, double epsilon = 1e-5, EpsilonPlace place = EpsilonPlace.Inside, double scaleLearningRate = 1)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentOutOfRangeException.ThrowIfNegative(decay);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(decay, 1);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(epsilon);
        ArgumentOutOfRangeException.ThrowIfNegative(scaleLearningRate);
        if (scaleLearningRate != 1 && parameters.Scales is null)
            throw new ArgumentException("Expected flat parameters with scales last for a learning rate of their own, got some that stand among the others.", nameof(parameters));

        (this.parameters, this.decay, this.epsilon, this.place, this.scaleLearningRate) = (parameters, decay, epsilon, place, scaleLearningRate);
        squares = zeros_like(parameters.Values).DetachFromDisposeScope();
        (oldShare, newShare, added) = (decay, 1 - decay, epsilon);
    }

    /// <inheritdoc/>
    public void Step(double learningRate) => Step(learningRate, parameters.Gradients);

    /// <inheritdoc/>
    public void Step(double learningRate, Tensor gradients)
    {
        ArgumentNullException.ThrowIfNull(gradients);
        var all = parameters.Values.NumberOfElements;
        if (gradients.NumberOfElements != all)
            throw new ArgumentException($"Expected a gradient of {all} numbers, got {gradients.NumberOfElements}.", nameof(gradients));

        var scales = scaleLearningRate == 1 ? 0 : parameters.Scales!.Value;
        Step(gradients, 0, all - scales, learningRate);
        if (scales > 0)
            Step(gradients, all - scales, scales, learningRate * scaleLearningRate);
    }

    /// <inheritdoc/>
    public void Save(BinaryWriter writer) => writer.Write(squares);

    /// <inheritdoc/>
    public void Load(BinaryReader reader) => reader.Read(squares, "RMSProp's mean of squares");

    /// <summary>Frees the statistics.</summary>
    public void Dispose()
    {
        squares.Dispose();
        oldShare.Dispose();
        newShare.Dispose();
        added.Dispose();
    }

    private void Step(Tensor gradients, long start, long length, double learningRate)
    {
        var values = parameters.Values;
        if (values.device_type == DeviceType.CPU && values.dtype == ScalarType.Float32)
        {
            var part = new Range((int)start, (int)(start + length));
            Step(Aten.Memory<float>(values)[part], Aten.Memory<float>(gradients)[part], Aten.Memory<float>(squares)[part], (float)learningRate);
            Aten.MarkChanged(values);
            return;
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using Scalar rate = -learningRate;
        var (value, gradient, square) = (values.narrow(0, start, length), gradients.narrow(0, start, length), squares.narrow(0, start, length));
        square.mul_(oldShare).addcmul_(gradient, gradient, newShare);
        var divisor = place == EpsilonPlace.Inside ? square.add(added).sqrt_() : square.sqrt().add_(added);
        value.addcdiv_(gradient, divisor, rate);
    }

    private void Step(Span<float> values, ReadOnlySpan<float> gradients, Span<float> meanSquares, float learningRate)
    {
        var (old, fresh, small) = ((float)decay, (float)(1 - decay), (float)epsilon);
        var v = MemoryMarshal.Cast<float, Vector<float>>(values);
        var g = MemoryMarshal.Cast<float, Vector<float>>(gradients);
        var s = MemoryMarshal.Cast<float, Vector<float>>(meanSquares);
        var (inside, outside) = place == EpsilonPlace.Inside ? (new Vector<float>(small), Vector<float>.Zero) : (Vector<float>.Zero, new Vector<float>(small));
        for (var i = 0; i < v.Length; i++)
        {
            var mean = s[i] = (old * s[i]) + (fresh * g[i] * g[i]);
            v[i] -= learningRate * g[i] / (Vector.SquareRoot(mean + inside) + outside);
        }

        for (var i = v.Length * Vector<float>.Count; i < values.Length; i++)
        {
            var mean = meanSquares[i] = (old * meanSquares[i]) + (fresh * gradients[i] * gradients[i]);
            values[i] -= learningRate * gradients[i] / (MathF.Sqrt(mean + inside[0]) + outside[0]);
        }
    }
}
