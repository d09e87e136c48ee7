using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>The shape of one image.</summary>
/// <param name="Channels">C, at least 1.</param>
/// <param name="Height">H in pixels, at least 1.</param>
/// <param name="Width">W in pixels, at least 1.</param>
public readonly record struct ImageShape(long Channels, long Height, long Width)
{
    /// <summary>The shape as [C, H, W].</summary>
    public override string ToString() => $"[{Channels}, {Height}, {Width}]";
}

/// <summary>Checks images before they reach native code, and scales bytes.</summary>
internal static class Images
{
    /// <summary>Refuses all but [N, C, H, W] with this many channels.</summary>
    public static void RequireChannels(Tensor input, long channels)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.dim() != 4 || input.size(1) != channels || input.NumberOfElements == 0)
            throw new ArgumentException($"Expected images of shape [N, {channels}, H, W], none of them 0, got [{string.Join(", ", input.shape)}].", nameof(input));
    }

    /// <summary>Refuses all but [N, C, H, W] of exactly this shape.</summary>
    public static void RequireShape(Tensor input, ImageShape shape)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.dim() != 4 || input.size(0) == 0 || new ImageShape(input.size(1), input.size(2), input.size(3)) != shape)
        {
            throw new ArgumentException(
                $"Expected images of shape [N, {shape.Channels}, {shape.Height}, {shape.Width}], got [{string.Join(", ", input.shape)}].", nameof(input));
        }
    }

    /// <summary>The mean of each channel, shape [N, C]: in float32 where the features are of half that precision, so that the output layer and the loss are.</summary>
    public static Tensor Pooled(Tensor features) =>
        features.mean([2, 3], type: features.dtype is ScalarType.BFloat16 or ScalarType.Float16 ? ScalarType.Float32 : features.dtype);

    /// <summary>Bytes as numbers from 0 to 1 of the type that a parameter has; other images as they are.</summary>
    public static Tensor Scaled(Tensor input, Tensor like)
    {
        if (input.dtype != ScalarType.Byte)
            return input;

        using var scope = NewDisposeScope();
        var white = tensor(255.0, like.dtype, like.device);   // a tensor: an implicit Scalar may be collected during the call
        return (input.to(like.dtype, like.device) / white).MoveToOuterDisposeScope();
    }
}
