namespace RlWn.Init;

/// <summary>How many inputs an output unit sums, and how many output units an input feeds.</summary>
/// <param name="In">fan_in: input features, or input channels times kernel positions.</param>
/// <param name="Out">fan_out: output features, or output channels times kernel positions.</param>
public readonly record struct Fans(long In, long Out)
{
    /// <summary>The fans of a weight.</summary>
    /// <param name="shape">[out, in] of a linear layer, or [out, in, k_h, k_w] of a convolution; every length at least 1.</param>
    /// <exception cref="ArgumentException">The shape has fewer than two dimensions, or one that is not positive.</exception>
    /// <remarks>Arpit et al. 2019, section 4: fan_in = c_in k_h k_w and fan_out = c_out k_h k_w.</remarks>
    public static Fans Of(params ReadOnlySpan<long> shape)
    {
        if (shape.Length < 2)
            throw new ArgumentException($"Expected a weight of at least two dimensions [out, in, …], got [{Join(shape)}].", nameof(shape));

        var positions = 1L;
        foreach (var length in shape)
        {
            if (length < 1)
                throw new ArgumentException($"Expected every dimension of a weight to be at least 1, got [{Join(shape)}].", nameof(shape));
        }

        foreach (var length in shape[2..])
            positions = checked(positions * length);
        return new(checked(shape[1] * positions), checked(shape[0] * positions));
    }

    private static string Join(ReadOnlySpan<long> shape) => string.Join(", ", shape.ToArray());
}
