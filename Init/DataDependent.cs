using static TorchSharp.torch;

namespace RlWn.Init;

/// <summary>g and b from one batch, so that each unit starts with pre-activations of mean 0 and deviation 1 on it.</summary>
/// <remarks>
/// Salimans and Kingma 2016, arXiv:1602.07868, eq. 5 and 6: with g = 1 and b = 0, y = v x / ||v||; then g = 1/σ and b = -μ/σ. The deviation
/// is the batch's own, not an estimate from a sample: it divides by the count.
/// </remarks>
public static class DataDependent
{
    /// <summary>The scale and bias that normalize a layer's pre-activations.</summary>
    /// <param name="preactivation">y under g = 1 and b = 0, shape [S, out]: a row for each sample, and for each position of a convolution.</param>
    /// <returns>g and b, each of shape [out], in y's type and on its device.</returns>
    /// <exception cref="ArgumentException">y is no matrix, is not finite, or has a unit that is the same in every row.</exception>
    public static (Tensor G, Tensor B) Scale(Tensor preactivation)
    {
        ArgumentNullException.ThrowIfNull(preactivation);
        if (preactivation.dim() != 2 || preactivation.size(0) < 1)
            throw new ArgumentException($"Expected pre-activations of shape [S, out], got {Aten.ShapeOf(preactivation)}.", nameof(preactivation));

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var y = preactivation.detach().to(ScalarType.Float64);
        var mean = y.mean([0L], keepdim: true);
        var deviation = (y - mean).square().mean([0L]).sqrt();
        var g = deviation.reciprocal().to(preactivation.dtype);
        var b = (-mean.squeeze(0) / deviation).to(preactivation.dtype);

        var deviations = deviation.cpu().data<double>().ToArray();
        var bad = Array.FindIndex(deviations, value => !(value > 0) || !double.IsFinite(value));
        if (bad >= 0)
        {
            throw new ArgumentException(
                $"Expected pre-activations with a finite deviation above 0, got {deviations[bad]} in unit {bad} of {deviations.Length}. "
                + "Take a larger batch of different samples, without NaN.", nameof(preactivation));
        }

        // A deviation near zero has no reciprocal in float32.
        if (!(g.isfinite().all() & b.isfinite().all()).item<bool>())
            throw new ArgumentException($"Expected scales that {preactivation.dtype} can hold, got a deviation of {deviations.Min()}.", nameof(preactivation));

        return (g.MoveToOuterDisposeScope(), b.MoveToOuterDisposeScope());
    }
}
