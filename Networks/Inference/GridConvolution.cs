using System.Runtime.Intrinsics;

namespace RlWn.Inference;

/// <summary>
/// A convolution of 3x3, stride 1 and no padding over grids 10 wide, as MinAtar's are. A row of its output is one vector of 8, and rows of the grid
/// that are empty, as most are, cost nothing.
/// </summary>
internal static unsafe class GridConvolution
{
    private const int Width = 10, OutputWidth = 8, Kernel = 3;

    /// <summary>Whether a layer is such a convolution.</summary>
    public static bool Fits(TorsoLayer layer) =>
        layer is { Kernel: Kernel, Stride: 1, Padding: 0, Input.Width: Width, ReluBefore: false, OpensShortcut: false, ClosesShortcut: false, PoolAfter: false };

    /// <summary>y = W * x + b of one observation.</summary>
    /// <param name="layer">The shapes.</param>
    /// <param name="x">[C, H, 10].</param>
    /// <param name="weight">[F, C, 3, 3], filters <paramref name="stride"/> apart.</param>
    /// <param name="stride">Distance from a filter to the next.</param>
    /// <param name="bias">[F].</param>
    /// <param name="y">Receives [F, H - 2, 8], after a ReLU where the layer has one.</param>
    public static void Forward(TorsoLayer layer, float* x, float* weight, int stride, float* bias, float* y)
    {
        var (filters, height, _) = layer.Output;
        var map = height * OutputWidth;
        for (var filter = 0; filter < filters; filter++)
            new Span<float>(y + (filter * map), map).Fill(bias[filter]);

        for (var channel = 0; channel < layer.Input.Channels; channel++)
        {
            for (var row = 0; row < layer.Input.Height; row++, x += Width)
            {
                var (x0, x1, x2) = (Vector256.Load(x), Vector256.Load(x + 1), Vector256.Load(x + 2));
                if (IsEmpty(x0, x2))
                    continue;

                var (from, to) = (Math.Max(0, row - height + 1), Math.Min(Kernel - 1, row));
                for (var above = from; above <= to; above++)
                {
                    var w = weight + (((channel * Kernel) + above) * Kernel);
                    var into = y + ((row - above) * OutputWidth);
                    for (var filter = 0; filter < filters; filter++, w += stride, into += map)
                    {
                        var sum = Vector256.MultiplyAddEstimate(Vector256.Create(w[0]), x0, Vector256.Load(into));
                        sum = Vector256.MultiplyAddEstimate(Vector256.Create(w[1]), x1, sum);
                        Vector256.MultiplyAddEstimate(Vector256.Create(w[2]), x2, sum).Store(into);
                    }
                }
            }
        }

        if (!layer.ReluAfter)
            return;

        for (var i = 0; i < filters * map; i += OutputWidth)
            Simd256.Relu(Vector256.Load(y + i)).Store(y + i);   // a NaN stays one
    }

    /// <summary>Adds one observation's part of ∂L/∂W, eight partial sums for each weight.</summary>
    /// <param name="layer">The shapes.</param>
    /// <param name="x">[C, H, 10].</param>
    /// <param name="byOutput">∂L/∂y, [F, H - 2, 8].</param>
    /// <param name="sums">[F, C, 3, 3, 8], to be added to.</param>
    public static void Backward(TorsoLayer layer, float* x, float* byOutput, float* sums)
    {
        var (filters, height, _) = layer.Output;
        var (map, ofFilter) = (height * OutputWidth, layer.FilterSize * OutputWidth);
        for (var channel = 0; channel < layer.Input.Channels; channel++)
        {
            for (var row = 0; row < layer.Input.Height; row++, x += Width)
            {
                var (x0, x1, x2) = (Vector256.Load(x), Vector256.Load(x + 1), Vector256.Load(x + 2));
                if (IsEmpty(x0, x2))
                    continue;

                var (from, to) = (Math.Max(0, row - height + 1), Math.Min(Kernel - 1, row));
                for (var above = from; above <= to; above++)
                {
                    var sum = sums + (((channel * Kernel) + above) * Kernel * OutputWidth);
                    var by = byOutput + ((row - above) * OutputWidth);
                    for (var filter = 0; filter < filters; filter++, sum += ofFilter, by += map)
                    {
                        var gradient = Vector256.Load(by);
                        Vector256.MultiplyAddEstimate(gradient, x0, Vector256.Load(sum)).Store(sum);
                        Vector256.MultiplyAddEstimate(gradient, x1, Vector256.Load(sum + 8)).Store(sum + 8);
                        Vector256.MultiplyAddEstimate(gradient, x2, Vector256.Load(sum + 16)).Store(sum + 16);
                    }
                }
            }
        }
    }

    // Cells 0 to 7 and 2 to 9 are all of a row.
    private static bool IsEmpty(Vector256<float> first, Vector256<float> last) =>
        Vector256.EqualsAll(first, Vector256<float>.Zero) && Vector256.EqualsAll(last, Vector256<float>.Zero);
}
