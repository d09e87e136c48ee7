using RlWn.Init;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Networks;

/// <summary>A 2d convolution whose filters are g v / ||v||, one g for each output channel.</summary>
public sealed class WeightNormConv2d : WeightNormLayer
{
    private readonly long[] strides;
    private readonly long[] paddings;

    /// <summary>Makes a layer with the proposed initialization, g = √(γ fan_in / fan_out) = √(γ c_in / c_out), b = 0.</summary>
    /// <param name="inputChannels">c_in, at least 1.</param>
    /// <param name="outputChannels">c_out, at least 1.</param>
    /// <param name="kernel">k: filters are k by k, at least 1.</param>
    /// <param name="gain">γ, by what follows the layer.</param>
    /// <param name="init">Where the first values come from.</param>
    /// <param name="stride">Positions from one window to the next, at least 1.</param>
    /// <param name="padding">Zeros added on each side, at least 0.</param>
    /// <param name="bias">Whether there is a b, one number for each output channel.</param>
    /// <param name="scale">Whether g learns, stays, or is not there at all.</param>
    public WeightNormConv2d(
        long inputChannels, long outputChannels, long kernel, Gain gain, Initializer init, long stride = 1, long padding = 0, bool bias = true,
        ScaleMode scale = ScaleMode.Learnable)
        : base(
            nameof(WeightNormConv2d), [outputChannels, inputChannels, kernel, kernel],
            WeightNormScale.Forward(gain, Fans.Of(outputChannels, inputChannels, kernel, kernel)), bias, init, scale)
    {
        RequireWindow(stride, padding);
        (InputChannels, Kernel, strides, paddings) = (inputChannels, kernel, [stride, stride], [padding, padding]);
    }

    /// <summary>Makes a layer whose values are yet to be given.</summary>
    internal WeightNormConv2d(long inputChannels, long outputChannels, long kernel, Initializer init, long stride, long padding, ScaleMode scale)
        : base(nameof(WeightNormConv2d), [outputChannels, inputChannels, kernel, kernel], init, scale)
    {
        RequireWindow(stride, padding);
        (InputChannels, Kernel, strides, paddings) = (inputChannels, kernel, [stride, stride], [padding, padding]);
    }

    /// <summary>c_in.</summary>
    public long InputChannels { get; }

    /// <summary>k: filters are k by k.</summary>
    public long Kernel { get; }

    /// <summary>Positions from one window to the next.</summary>
    internal long Stride => strides[0];

    /// <summary>Zeros added on each side.</summary>
    internal long Padding => paddings[0];

    /// <inheritdoc/>
    /// <param name="input">Images, shape [N, c_in, H, W], H and W at least k after padding.</param>
    /// <returns>Shape [N, c_out, H', W'] with H' = (H + 2 padding - k) / stride + 1 rounded down, W' likewise.</returns>
    public override Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        var smallest = Math.Max(Kernel - (2 * paddings[0]), 1);
        if (input.dim() != 4 || input.size(1) != InputChannels || input.size(2) < smallest || input.size(3) < smallest)
        {
            throw new ArgumentException(
                $"Expected images of shape [N, {InputChannels}, H, W] with H and W at least {smallest}, got [{string.Join(", ", input.shape)}].",
                nameof(input));
        }

        return functional.conv2d(input, WeightLike(input), BiasLike(input), strides, paddings);
    }

    private static void RequireWindow(long stride, long padding)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(padding);
    }
}
