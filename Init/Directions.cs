using static TorchSharp.torch;

namespace RlWn.Init;

/// <summary>How the directions v of a weight-normalized layer are drawn.</summary>
public enum Direction
{
    /// <summary>Rows of unit length at right angles; where there are more rows than columns, columns at right angles.</summary>
    Orthogonal,

    /// <summary>Independent entries from N(0, 1/fan_in), so that rows have a length near 1 and are nearly at right angles when wide.</summary>
    He,
}

/// <summary>Draws the directions v of a layer.</summary>
/// <remarks>Both kinds are used by Arpit, Campos and Bengio 2019, arXiv:1906.02341; the orthogonal one is what they propose.</remarks>
public static class Directions
{
    /// <summary>Draws directions of one kind.</summary>
    /// <param name="direction">Which kind.</param>
    /// <param name="shape">[out, in] or [out, in, k_h, k_w]; a row is everything one output unit sums.</param>
    /// <param name="generator">The source of randomness. A CPU generator gives the same directions for every device.</param>
    /// <param name="dtype">float32 by default, or float64.</param>
    /// <param name="device">Where the result is wanted; the generator's device by default.</param>
    /// <returns>v, of the given shape, contiguous, outside any graph.</returns>
    public static Tensor Draw(Direction direction, ReadOnlySpan<long> shape, Generator generator, ScalarType dtype = ScalarType.Float32, Device? device = null) =>
        direction switch
        {
            Direction.Orthogonal => Orthogonal(shape, generator, dtype, device),
            Direction.He => He(shape, generator, dtype, device),
            _ => throw new ArgumentOutOfRangeException(nameof(direction), direction, "Expected Orthogonal or He."),
        };

    /// <summary>
    /// Orthogonal directions, uniform among all such: with as many columns as rows or more, the rows are orthonormal (v vᵀ = I);
    /// with fewer, the columns are (vᵀ v = I: semi-orthogonal), and rows have an expected squared length of columns / rows.
    /// </summary>
    /// <inheritdoc cref="Draw" path="/param[@name != 'direction']|/returns"/>
    /// <remarks>The Q of a Gaussian matrix's QR decomposition, its signs fixed by R's diagonal (Mezzadri 2007, arXiv:math-ph/0609050).</remarks>
    public static Tensor Orthogonal(ReadOnlySpan<long> shape, Generator generator, ScalarType dtype = ScalarType.Float32, Device? device = null)
    {
        ArgumentNullException.ThrowIfNull(generator);
        var fans = Fans.Of(shape);
        var (rows, columns) = (shape[0], fans.In);

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        // In float64: the decomposition's error then lies below float32's resolution.
        var gaussian = randn([Math.Max(rows, columns), Math.Min(rows, columns)], ScalarType.Float64, generator.device, generator: generator);
        var (q, r) = linalg.qr(gaussian);
        q.mul_(r.diagonal().sign());

        var directions = rows > columns ? q : q.t();
        return Finish(directions, shape, dtype, device);
    }

    /// <summary>Gaussian directions: every entry from N(0, 1/fan_in).</summary>
    /// <inheritdoc cref="Draw" path="/param[@name != 'direction']|/returns"/>
    /// <remarks>He et al. 2015, arXiv:1502.01852, without its gain, which a weight-normalized layer carries in g.</remarks>
    public static Tensor He(ReadOnlySpan<long> shape, Generator generator, ScalarType dtype = ScalarType.Float32, Device? device = null)
    {
        ArgumentNullException.ThrowIfNull(generator);
        var fans = Fans.Of(shape);

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var deviation = tensor(1 / Math.Sqrt(fans.In), ScalarType.Float64, generator.device);
        var directions = randn(shape.ToArray(), ScalarType.Float64, generator.device, generator: generator) * deviation;
        return Finish(directions, shape, dtype, device);
    }

    private static Tensor Finish(Tensor directions, ReadOnlySpan<long> shape, ScalarType dtype, Device? device) =>
        directions.reshape(shape.ToArray()).to(dtype, device ?? directions.device).contiguous().clone().MoveToOuterDisposeScope();
}
