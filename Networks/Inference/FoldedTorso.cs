using System.Runtime.InteropServices;

namespace RlWn.Inference;

/// <summary>A convolutional torso that only acts, weight norm already multiplied out, in plain C#: patches of the image times the filters, tile by tile.</summary>
/// <remarks><see cref="Forward"/> may be called by many threads at once. <see cref="SetLayer"/> and <see cref="Dispose"/> must not run beside it.</remarks>
internal sealed unsafe class FoldedTorso : IDisposable
{
    private const int TileColumns = 256;   // positions whose patches are laid out together: they stay in the second-level cache

    private readonly (nint Weight, nint Bias)[] places;
    private readonly nint map;             // floats of the largest map
    private readonly nint scratchFloats;
    private float* memory;
    private nint spare;                    // scratch memory that nobody uses just now

    /// <summary>Makes the torso with all weights and biases zero.</summary>
    public FoldedTorso(TorsoPlan plan)
    {
        Plan = plan;
        places = new (nint, nint)[plan.Layers.Count];
        var (floats, patches, products) = ((nint)0, (nint)0, (nint)0);
        map = plan.Input.Size;
        for (var i = 0; i < places.Length; i++)
        {
            var layer = plan.Layers[i];
            places[i] = (floats, floats + ((nint)layer.Output.Channels * layer.FilterSize));
            floats = places[i].Bias + layer.Output.Channels;
            map = Math.Max(map, layer.Output.Size);
            var padded = (nint)Gemm.Padded(RowsTogether(layer) * layer.Output.Width);
            patches = Math.Max(patches, padded * layer.FilterSize);
            products = Math.Max(products, padded * layer.Output.Channels);
        }

        map = (map + Gemm.Lanes - 1) / Gemm.Lanes * Gemm.Lanes;
        scratchFloats = (4 * map) + patches + products;
        memory = (float*)NativeMemory.AlignedAlloc((nuint)floats * sizeof(float), 64);
        NativeMemory.Clear(memory, (nuint)floats * sizeof(float));
    }

    /// <summary>Frees a torso that nobody disposed.</summary>
    ~FoldedTorso() => Free();

    public TorsoPlan Plan { get; }

    /// <summary>Sets the weights of one convolution, in place.</summary>
    /// <param name="layer">Which, as the plan numbers them.</param>
    /// <param name="weight">w, [out, in, k, k].</param>
    /// <param name="bias">b, [out].</param>
    public void SetLayer(int layer, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias)
    {
        ObjectDisposedException.ThrowIf(memory is null, this);
        var of = Plan.Layers[layer];
        if (weight.Length != of.Output.Channels * of.FilterSize || bias.Length != of.Output.Channels)
        {
            throw new ArgumentException(
                $"Expected a weight of [{of.Output.Channels}, {of.Input.Channels}, {of.Kernel}, {of.Kernel}] and a bias of [{of.Output.Channels}] for {of.Name}, got {weight.Length} and {bias.Length} numbers.",
                nameof(weight));
        }

        weight.CopyTo(new(memory + places[layer].Weight, weight.Length));
        bias.CopyTo(new(memory + places[layer].Bias, bias.Length));
    }

    /// <summary>w of a convolution, [out, in, k, k], and b, [out]: what <see cref="SetLayer"/> was given.</summary>
    public (float[] Weight, float[] Bias) LayerOf(int layer)
    {
        ObjectDisposedException.ThrowIf(memory is null, this);
        var of = Plan.Layers[layer];
        return (
            new ReadOnlySpan<float>(memory + places[layer].Weight, of.Output.Channels * of.FilterSize).ToArray(),
            new ReadOnlySpan<float>(memory + places[layer].Bias, of.Output.Channels).ToArray());
    }

    /// <summary>Turns observations into features.</summary>
    /// <param name="input">[N, C, H, W].</param>
    /// <param name="batch">N.</param>
    /// <param name="output">Receives [N, F], none below 0.</param>
    public void Forward(ReadOnlySpan<float> input, int batch, Span<float> output)
    {
        ObjectDisposedException.ThrowIf(memory is null, this);
        var (inputs, features) = (Plan.Input.Size, Plan.Features);
        if (input.Length != (long)batch * inputs || output.Length != (long)batch * features)
            throw new ArgumentException($"Expected {batch} observations of {inputs} numbers and room for {features} features of each, got {input.Length} and {output.Length}.");

        fixed (float* x = input, y = output)
        {
            if (Plan.Layers is [var only] && GridConvolution.Fits(only))
            {
                for (var row = 0; row < batch; row++)
                    GridConvolution.Forward(only, x + ((nint)row * inputs), memory + places[0].Weight, only.FilterSize, memory + places[0].Bias, y + ((nint)row * features));
            }
            else
            {
                Run(x, batch, y);
            }
        }

        GC.KeepAlive(this);   // the finalizer must not free the weights of a running call
    }

    /// <summary>Frees the weights.</summary>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private static int RowsTogether(TorsoLayer layer) => Math.Clamp(TileColumns / layer.Output.Width, 1, layer.Output.Height);

    private void Run(float* input, int batch, float* output)
    {
        var scratch = Interlocked.Exchange(ref spare, 0);
        if (scratch == 0)
            scratch = (nint)NativeMemory.AlignedAlloc((nuint)scratchFloats * sizeof(float), 64);
        try
        {
            for (var row = 0; row < batch; row++)
                One(input + ((nint)row * Plan.Input.Size), output + ((nint)row * Plan.Features), (float*)scratch);
        }
        finally
        {
            if (Interlocked.CompareExchange(ref spare, scratch, 0) != 0)
                NativeMemory.AlignedFree((void*)scratch);
        }
    }

    // One observation, through four maps in turn: what a layer sees, what it makes, the shortcut, and what a ReLU before it leaves.
    private void One(float* input, float* output, float* scratch)
    {
        float* x = scratch, y = x + map, shortcut = y + map, rectified = shortcut + map, patches = rectified + map;
        new ReadOnlySpan<float>(input, Plan.Input.Size).CopyTo(new(x, Plan.Input.Size));
        for (var i = 0; i < places.Length; i++)
        {
            var layer = Plan.Layers[i];
            var seen = x;
            if (layer.OpensShortcut)
                new ReadOnlySpan<float>(x, layer.Input.Size).CopyTo(new(shortcut, layer.Input.Size));
            if (layer.ReluBefore)
            {
                new ReadOnlySpan<float>(x, layer.Input.Size).CopyTo(new(rectified, layer.Input.Size));
                Relu(new(rectified, layer.Input.Size));
                seen = rectified;
            }

            Convolve(layer, memory + places[i].Weight, memory + places[i].Bias, seen, y, patches);
            var made = new Span<float>(y, layer.Output.Size);
            if (layer.ClosesShortcut)
                Add(made, new(shortcut, made.Length));
            if (layer.ReluAfter)
                Relu(made);
            if (layer.PoolAfter)
                Pool(layer, y, x);
            else
                Swap(ref x, ref y);
        }

        new ReadOnlySpan<float>(x, Plan.Features).CopyTo(new(output, Plan.Features));
    }

    // [out, filter size] times the patches of a tile, [filter size, positions].
    private static void Convolve(TorsoLayer layer, float* weight, float* bias, float* x, float* y, float* scratch)
    {
        var (filters, height, width) = layer.Output;
        var together = RowsTogether(layer);
        for (var top = 0; top < height; top += together)
        {
            var rows = Math.Min(together, height - top);
            var padded = Gemm.Padded(rows * width);
            var products = scratch + ((nint)padded * layer.FilterSize);
            LayOut(layer, x, top, rows, scratch, padded);
            Gemm.Multiply(weight, layer.FilterSize, 1, scratch, null, products, filters, layer.FilterSize, padded);
            for (var filter = 0; filter < filters; filter++)
            {
                var from = new ReadOnlySpan<float>(products + ((nint)filter * padded), rows * width);
                var to = new Span<float>(y + (((nint)filter * height) + top) * width, from.Length);
                for (var i = 0; i < from.Length; i++)
                    to[i] = from[i] + bias[filter];
            }
        }
    }

    // A row for each number of a filter: what it meets at each position of the tile.
    private static void LayOut(TorsoLayer layer, float* x, int top, int rows, float* patches, int padded)
    {
        var (channels, height, width) = layer.Input;
        var (stride, columns) = (layer.Stride, layer.Output.Width);
        for (var channel = 0; channel < channels; channel++)
        {
            for (var ky = 0; ky < layer.Kernel; ky++)
            {
                for (var kx = 0; kx < layer.Kernel; kx++, patches += padded)
                {
                    // The columns that lie within the image; the others meet its padding.
                    var left = kx - layer.Padding;
                    var from = left < 0 ? (-left + stride - 1) / stride : 0;
                    var to = Math.Clamp(((width - 1 - left) / stride) + 1, from, columns);
                    for (var row = 0; row < rows; row++)
                    {
                        var line = new Span<float>(patches + (row * columns), columns);
                        var at = ((top + row) * stride) + ky - layer.Padding;
                        if ((uint)at >= (uint)height || width <= left)
                        {
                            line.Clear();
                            continue;
                        }

                        var source = x + ((((nint)channel * height) + at) * width) + left;
                        line[..from].Clear();
                        line[to..].Clear();
                        if (stride == 1)
                        {
                            new ReadOnlySpan<float>(source + from, to - from).CopyTo(line[from..]);
                            continue;
                        }

                        for (var i = from; i < to; i++)
                            line[i] = source[(nint)i * stride];
                    }

                    new Span<float>(patches + (rows * columns), padded - (rows * columns)).Clear();
                }
            }
        }
    }

    // The greatest of 3x3 around every second position; beyond the border there is nothing. NaN wins.
    private static void Pool(TorsoLayer layer, float* y, float* pooled)
    {
        var (channels, height, width) = layer.Output;
        for (var channel = 0; channel < channels; channel++, y += (nint)height * width)
        {
            for (var row = 0; row < height; row += 2)
            {
                for (var column = 0; column < width; column += 2)
                {
                    var greatest = float.NegativeInfinity;
                    for (var i = Math.Max(row - 1, 0); i <= Math.Min(row + 1, height - 1); i++)
                    {
                        for (var j = Math.Max(column - 1, 0); j <= Math.Min(column + 1, width - 1); j++)
                            greatest = MathF.Max(greatest, y[((nint)i * width) + j]);
                    }

                    *pooled++ = greatest;
                }
            }
        }
    }

    // NaN stays NaN.
    private static void Relu(Span<float> values)
    {
        foreach (ref var value in values)
            value = value < 0 ? 0 : value;
    }

    private static void Swap(ref float* x, ref float* y)
    {
        var kept = x;
        x = y;
        y = kept;
    }

    private static void Add(Span<float> sums, ReadOnlySpan<float> values)
    {
        for (var i = 0; i < sums.Length; i++)
            sums[i] += values[i];
    }

    private void Free()
    {
        NativeMemory.AlignedFree(memory);
        NativeMemory.AlignedFree((void*)spare);
        memory = null;
        spare = 0;
    }
}
