using static TorchSharp.torch;

namespace RlWn.Init;

/// <summary>Where the first values of a network's layers come from: handed to every layer that is made, in order.</summary>
/// <param name="Generator">The source of randomness. A CPU generator gives the same weights whatever the device.</param>
/// <param name="Direction">How directions are drawn.</param>
/// <param name="Device">Where parameters live; the CPU by default.</param>
/// <param name="Dtype">float32 by default; float64 for checks.</param>
public sealed record Initializer(
    Generator Generator, Direction Direction = Direction.Orthogonal, Device? Device = null, ScalarType Dtype = ScalarType.Float32)
{
    /// <summary>Directions v of one layer, in unit rows where <see cref="Direction"/> is orthogonal and there are no more rows than columns.</summary>
    /// <param name="shape">[out, in] or [out, in, k_h, k_w].</param>
    public Tensor Directions(params ReadOnlySpan<long> shape) => Init.Directions.Draw(Direction, shape, Generator, Dtype, Device ?? CPU);

    /// <summary>One length for every row: a tensor of shape [out, 1, …, 1] filled with g.</summary>
    /// <param name="g">The value, as <see cref="WeightNormScale.Forward"/> gives it.</param>
    /// <param name="shape">The shape of the layer's v.</param>
    public Tensor Scales(double g, params ReadOnlySpan<long> shape)
    {
        var lengths = new long[shape.Length];
        Array.Fill(lengths, 1);
        lengths[0] = shape[0];
        return full(lengths, g, Dtype, Device ?? CPU);
    }

    /// <summary>A bias of zeros.</summary>
    /// <param name="outputs">How many output units.</param>
    public Tensor Zeros(long outputs) => zeros(outputs, Dtype, Device ?? CPU);
}
