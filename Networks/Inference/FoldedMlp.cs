using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace RlWn.Inference;

/// <summary>
/// A multilayer perceptron that only acts: linear layers with ReLU between them and none after the last, weight norm already
/// multiplied out. Hidden layers may be normalized before their ReLU.
/// </summary>
/// <remarks>
/// <para>
/// <see cref="Forward"/> may be called by many threads at once, allocates nothing, and gives a row the same bits whatever batch it
/// is in. <see cref="SetLayer"/>, <see cref="SetNorm"/> and <see cref="Dispose"/> must not run beside it.
/// </para>
/// <para>
/// The last bits depend on the machine's vector width and on whether it has fused multiply-add; about 1e-6 relative.
/// </para>
/// </remarks>
public sealed unsafe class FoldedMlp : IDisposable
{
    private const int Alignment = 64;         // bytes: a cache line, and the widest vector
    private const int StackFloats = 8192;     // 32 KiB, little beside the smallest usual stack (1 MiB)
    internal const float Epsilon = 1e-5f;     // of the normalizations, under the root
    private const int MostRowsInBlock = 32;   // beyond it the layers' activations would leave the first-level cache

    private readonly int lanes;
    private readonly Layer[] layers;
    private readonly RowNorm[] norms;         // of each layer; the last has none
    private readonly int scratchWidth;        // floats a row needs between two layers
    private readonly int blockRows;
    private float* memory;

    /// <summary>Makes the network with all weights and biases zero.</summary>
    /// <param name="widths">Numbers in, width of each hidden layer, numbers out, as [4, 64, 64, 2]: at least 2, each at least 1.</param>
    /// <exception cref="ArgumentException">Fewer than 2 widths, or one below 1.</exception>
    public FoldedMlp(params ReadOnlySpan<int> widths) : this(widths, WidestLanes) { }

    /// <summary>Makes the network for one vector width, so that a test can run them all.</summary>
    internal FoldedMlp(ReadOnlySpan<int> widths, int lanes)
    {
        if (widths.Length < 2 || widths.ContainsAnyExceptInRange(1, int.MaxValue))
        {
            throw new ArgumentException(
                $"Expected at least two widths of at least 1, as [4, 64, 64, 2], got [{string.Join(", ", widths.ToArray())}].",
                nameof(widths));
        }

        Widths = [.. widths];
        this.lanes = lanes;
        layers = new Layer[widths.Length - 1];
        norms = new RowNorm[layers.Length];

        var floats = (nuint)0;
        for (var i = 0; i < layers.Length; i++)
        {
            layers[i] = new Layer(widths[i], widths[i + 1], lanes, floats, isLast: i == layers.Length - 1);
            floats = checked(floats + layers[i].Floats);
            scratchWidth = Math.Max(scratchWidth, layers[i].PaddedOutputs);
        }

        blockRows = Math.Clamp(StackFloats / 2 / scratchWidth, 2, MostRowsInBlock) / 2 * 2;
        memory = (float*)NativeMemory.AlignedAlloc(checked(floats * sizeof(float)), Alignment);
        NativeMemory.Clear(memory, floats * sizeof(float));
    }

    /// <summary>Frees a network that nobody disposed.</summary>
    ~FoldedMlp() => Free();

    /// <summary>Numbers in, width of each hidden layer, numbers out.</summary>
    public ImmutableArray<int> Widths { get; }

    /// <summary>How many linear layers there are.</summary>
    public int LayerCount => layers.Length;

    /// <summary>D: how many numbers a row of the input has.</summary>
    public int InputSize => Widths[0];

    /// <summary>K: how many numbers a row of the output has.</summary>
    public int OutputSize => Widths[^1];

    private static int WidestLanes => Vector512.IsHardwareAccelerated ? 16 : Vector256.IsHardwareAccelerated ? 8 : 4;

    /// <summary>Multiplies weight norm out: w = g v / ‖v‖, row by row.</summary>
    /// <param name="g">The rows' norms, shape [out] or [out, 1].</param>
    /// <param name="v">The rows' directions, shape [out, in], row-major.</param>
    /// <param name="weight">Receives w, shape [out, in], row-major; may be <paramref name="v"/> itself.</param>
    /// <exception cref="ArgumentException">The lengths do not fit together, or a row of v is zero or not finite.</exception>
    /// <remarks>Salimans and Kingma 2016, arXiv:1602.07868, eq. 2. The norm is accumulated in double.</remarks>
    public static void Fold(ReadOnlySpan<float> g, ReadOnlySpan<float> v, Span<float> weight)
    {
        if (g.IsEmpty || v.IsEmpty || v.Length % g.Length != 0 || weight.Length != v.Length)
        {
            throw new ArgumentException(
                $"Expected g of [out] and v and weight of [out, in] numbers, got {g.Length}, {v.Length} and {weight.Length}.", nameof(v));
        }

        var inputs = v.Length / g.Length;
        for (var row = 0; row < g.Length; row++)
        {
            var from = v.Slice(row * inputs, inputs);
            var squares = 0.0;
            foreach (var value in from)
                squares += (double)value * value;

            if (!(squares > 0 && double.IsFinite(squares)))
            {
                throw new ArgumentException(
                    $"Expected every row of v to have a direction, got norm {Math.Sqrt(squares)} in row {row}. " +
                    "Initialize v with non-zero rows; if it came from training, the run has diverged.", nameof(v));
            }

            var scale = g[row] / Math.Sqrt(squares);
            var to = weight.Slice(row * inputs, inputs);
            for (var i = 0; i < inputs; i++)
                to[i] = (float)(scale * from[i]);
        }
    }

    /// <summary>Sets the weights of one layer, in place.</summary>
    /// <param name="layer">Which layer, from 0 to <see cref="LayerCount"/> - 1.</param>
    /// <param name="weight">w, shape [out, in], row-major, as PyTorch lays a linear layer out.</param>
    /// <param name="bias">b, shape [out].</param>
    /// <exception cref="ArgumentException">A length does not fit the layer.</exception>
    public void SetLayer(int layer, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias)
    {
        ObjectDisposedException.ThrowIf(memory is null, this);
        ArgumentOutOfRangeException.ThrowIfNegative(layer);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(layer, layers.Length);
        ref readonly var into = ref layers[layer];

        if (weight.Length != into.Inputs * into.Outputs || bias.Length != into.Outputs)
        {
            throw new ArgumentException(
                $"Expected a weight of [{into.Outputs}, {into.Inputs}] and a bias of [{into.Outputs}] for layer {layer}, " +
                $"got {weight.Length} and {bias.Length} numbers.", nameof(weight));
        }

        bias.CopyTo(new Span<float>(memory + into.Bias, into.Outputs));
        for (var output = 0; output < into.Outputs; output++)
        {
            var (panel, column) = Math.DivRem(output, into.PanelWidth);
            var to = memory + into.Weight + ((nint)panel * into.Inputs * into.PanelWidth) + column;
            foreach (var value in weight.Slice(output * into.Inputs, into.Inputs))
            {
                *to = value;
                to += into.PanelWidth;
            }
        }
    }

    /// <summary>Sets the normalization of one hidden layer's pre-activations, in place.</summary>
    /// <param name="layer">Which layer, from 0 to <see cref="LayerCount"/> - 2.</param>
    /// <param name="norm">Which normalization; None takes it away.</param>
    /// <param name="weight">w, shape [out]; empty for None.</param>
    /// <param name="bias">b, shape [out]; empty for RmsNorm, which has none, and for None.</param>
    /// <exception cref="ArgumentException">A length does not fit the layer.</exception>
    public void SetNorm(int layer, RowNorm norm, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias)
    {
        ObjectDisposedException.ThrowIf(memory is null, this);
        ArgumentOutOfRangeException.ThrowIfNegative(layer);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(layer, layers.Length - 1);
        ref readonly var into = ref layers[layer];

        var (weights, biases) = (norm == RowNorm.None ? 0 : into.Outputs, norm == RowNorm.LayerNorm ? into.Outputs : 0);
        if (weight.Length != weights || bias.Length != biases)
        {
            throw new ArgumentException(
                $"Expected a weight of [{weights}] and a bias of [{biases}] for {norm} of layer {layer}, got {weight.Length} and {bias.Length} numbers.", nameof(weight));
        }

        var room = new Span<float>(memory + into.Norm, 2 * into.PaddedOutputs);
        room.Clear();
        weight.CopyTo(room);
        bias.CopyTo(room[into.PaddedOutputs..]);
        norms[layer] = norm;
    }

    /// <summary>w of a layer, [out, in], row-major, and b, [out]: what <see cref="SetLayer"/> was given.</summary>
    internal (float[] Weight, float[] Bias) LayerOf(int layer)
    {
        ObjectDisposedException.ThrowIf(memory is null, this);
        ref readonly var of = ref layers[layer];
        var weight = new float[of.Outputs * of.Inputs];
        for (var output = 0; output < of.Outputs; output++)
        {
            var (panel, column) = Math.DivRem(output, of.PanelWidth);
            var from = memory + of.Weight + ((nint)panel * of.Inputs * of.PanelWidth) + column;
            for (var i = 0; i < of.Inputs; i++, from += of.PanelWidth)
                weight[(output * of.Inputs) + i] = *from;
        }

        return (weight, new Span<float>(memory + of.Bias, of.Outputs).ToArray());
    }

    /// <summary>What <see cref="SetNorm"/> was given; the last layer has none.</summary>
    internal (RowNorm Norm, float[] Weight, float[] Bias) NormOf(int layer)
    {
        ObjectDisposedException.ThrowIf(memory is null, this);
        if (norms[layer] == RowNorm.None)
            return (RowNorm.None, [], []);

        ref readonly var of = ref layers[layer];
        var room = new Span<float>(memory + of.Norm, 2 * of.PaddedOutputs);
        return (norms[layer], room[..of.Outputs].ToArray(), norms[layer] == RowNorm.LayerNorm ? room.Slice(of.PaddedOutputs, of.Outputs).ToArray() : []);
    }

    /// <summary>Runs the network on a batch of rows.</summary>
    /// <param name="input">x, shape [N, D], row-major. NaN in a row makes all its outputs NaN; ReLU does not hide it.</param>
    /// <param name="batch">N: how many rows; 0 does nothing.</param>
    /// <param name="output">Receives y, shape [N, K], row-major. Must not overlap <paramref name="input"/>.</param>
    /// <exception cref="ArgumentException">A length is not that of N rows.</exception>
    /// <exception cref="ObjectDisposedException">The network was disposed.</exception>
    [SkipLocalsInit]
    public void Forward(ReadOnlySpan<float> input, int batch, Span<float> output)
    {
        ObjectDisposedException.ThrowIf(memory is null, this);
        ArgumentOutOfRangeException.ThrowIfNegative(batch);
        if (input.Length != (long)batch * InputSize || output.Length != (long)batch * OutputSize)
            ThrowLengths(input.Length, batch, output.Length);

        const int Slack = Alignment / sizeof(float);   // room to align what the stack gives
        var floats = (2 * Math.Min(batch, blockRows) * scratchWidth) + Slack;
        fixed (float* x = input, y = output)
        {
            if (floats <= StackFloats + Slack)
            {
                var scratch = stackalloc float[floats];
                Run(x, batch, y, (float*)(((nuint)scratch + Alignment - 1) & ~(nuint)(Alignment - 1)));
            }
            else
            {
                var scratch = (float*)NativeMemory.AlignedAlloc((nuint)floats * sizeof(float), Alignment);
                try
                {
                    Run(x, batch, y, scratch);
                }
                finally
                {
                    NativeMemory.AlignedFree(scratch);
                }
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

    private void Run(float* input, int batch, float* output, float* scratch)
    {
        switch (lanes)
        {
            case 16: Run<Vector512<float>, Simd512>(input, batch, output, scratch); break;
            case 8: Run<Vector256<float>, Simd256>(input, batch, output, scratch); break;
            default: Run<Vector128<float>, Simd128>(input, batch, output, scratch); break;
        }
    }

    /// <summary>Takes blocks of rows through all layers, back and forth between the two halves of the scratch memory.</summary>
    private void Run<TVector, TSimd>(float* input, int batch, float* output, float* scratch)
        where TVector : struct
        where TSimd : ISimd<TVector>
    {
        var half = Math.Min(batch, blockRows) * scratchWidth;
        for (var done = 0; done < batch; done += blockRows)
        {
            var rows = Math.Min(batch - done, blockRows);
            var x = input + ((nint)done * InputSize);
            var stride = InputSize;
            var y = scratch;

            for (var i = 0; i < layers.Length; i++)
            {
                Apply<TVector, TSimd>(in layers[i], x, stride, rows, y, relu: i < layers.Length - 1 && norms[i] == RowNorm.None);
                if (norms[i] != RowNorm.None)
                    Normalize<TVector, TSimd>(in layers[i], norms[i], rows, y);
                x = y;
                stride = layers[i].PaddedOutputs;
                y = y == scratch ? scratch + half : scratch;
            }

            for (var row = 0; row < rows; row++)
            {
                var to = output + ((nint)(done + row) * OutputSize);
                for (var k = 0; k < OutputSize; k++)
                    to[k] = x[(row * stride) + k];
            }
        }
    }

    /// <summary>One layer on a block of rows: panel by panel of outputs, whose weights stay in the cache for all rows.</summary>
    private void Apply<TVector, TSimd>(in Layer layer, float* x, int stride, int rows, float* y, bool relu)
        where TVector : struct
        where TSimd : ISimd<TVector>
    {
        var (inputs, panelWidth, padded) = (layer.Inputs, layer.PanelWidth, layer.PaddedOutputs);
        float* weight = memory + layer.Weight, bias = memory + layer.Bias;

        for (var panel = 0; panel < padded; panel += panelWidth)
        {
            var w = weight + ((nint)panel * inputs);
            var row = 0;
            if (panelWidth == TSimd.Lanes)
            {
                for (; row + 2 <= rows; row += 2)
                    TwoRowsNarrow<TVector, TSimd>(x + (row * stride), stride, inputs, w, bias, y + (row * padded), padded, relu);
                for (; row < rows; row++)
                    OneRowNarrow<TVector, TSimd>(x + (row * stride), inputs, w, bias, y + (row * padded), relu);
            }
            else
            {
                for (; row + 2 <= rows; row += 2)
                    TwoRows<TVector, TSimd>(x + (row * stride), stride, inputs, w, bias + panel, y + (row * padded) + panel, padded, relu);
                for (; row < rows; row++)
                    OneRow<TVector, TSimd>(x + (row * stride), inputs, w, bias + panel, y + (row * padded) + panel, relu);
            }
        }
    }

    /// <summary>Normalizes a block of rows, each by itself, and applies the ReLU.</summary>
    private void Normalize<TVector, TSimd>(in Layer layer, RowNorm norm, int rows, float* y)
        where TVector : struct
        where TSimd : ISimd<TVector>
    {
        var (outputs, padded) = (layer.Outputs, layer.PaddedOutputs);
        float* weight = memory + layer.Norm, bias = weight + padded;
        for (var row = 0; row < rows; row++, y += padded)
        {
            var mean = norm == RowNorm.LayerNorm ? Sum<TVector, TSimd>(y, outputs) / outputs : 0;
            var scale = 1 / MathF.Sqrt((SumOfSquares<TVector, TSimd>(y, outputs, mean) / outputs) + Epsilon);
            var (away, factor) = (TSimd.Broadcast(-mean), TSimd.Broadcast(scale));
            for (var i = 0; i < padded; i += TSimd.Lanes)
            {
                var normalized = TSimd.Multiply(TSimd.Add(TSimd.Load(y + i), away), factor);
                TSimd.Store(TSimd.Relu(TSimd.MultiplyAdd(normalized, TSimd.Load(weight + i), TSimd.Load(bias + i))), y + i);
            }
        }
    }

    private static float Sum<TVector, TSimd>(float* y, int count)
        where TVector : struct
        where TSimd : ISimd<TVector>
    {
        var (sums, i) = (TSimd.Zero, 0);
        for (; i + TSimd.Lanes <= count; i += TSimd.Lanes)
            sums = TSimd.Add(sums, TSimd.Load(y + i));

        var sum = TSimd.Sum(sums);
        for (; i < count; i++)
            sum += y[i];
        return sum;
    }

    /// <summary>Σ (y - mean)².</summary>
    private static float SumOfSquares<TVector, TSimd>(float* y, int count, float mean)
        where TVector : struct
        where TSimd : ISimd<TVector>
    {
        var (sums, away, i) = (TSimd.Zero, TSimd.Broadcast(-mean), 0);
        for (; i + TSimd.Lanes <= count; i += TSimd.Lanes)
        {
            var distance = TSimd.Add(TSimd.Load(y + i), away);
            sums = TSimd.MultiplyAdd(distance, distance, sums);
        }

        var sum = TSimd.Sum(sums);
        for (; i < count; i++)
            sum += (y[i] - mean) * (y[i] - mean);
        return sum;
    }

    // The kernels. Every output is a sum of fixed partial sums, which hide the latency of multiply-add when there is one row only;
    // the rows computed together share the loads of w. One row and two rows add the same numbers in the same order. Two rows of two vectors
    // need 8 sums, which is what keeps two multiply-add units of latency 4 busy, and fit the 16 registers of AVX2.

    /// <summary>Two vectors of outputs, each the sum over the even inputs (a, with the bias) plus the sum over the odd ones (b).</summary>
    private static void OneRow<TVector, TSimd>(float* x, int inputs, float* w, float* bias, float* y, bool relu)
        where TVector : struct
        where TSimd : ISimd<TVector>
    {
        var n = TSimd.Lanes;
        var (a0, a1) = (TSimd.Load(bias), TSimd.Load(bias + n));
        var (b0, b1) = (TSimd.Zero, TSimd.Zero);

        var i = 0;
        for (; i + 2 <= inputs; i += 2, w += 4 * n)
        {
            var x0 = TSimd.Broadcast(x[i]);
            a0 = TSimd.MultiplyAdd(x0, TSimd.Load(w), a0);
            a1 = TSimd.MultiplyAdd(x0, TSimd.Load(w + n), a1);
            x0 = TSimd.Broadcast(x[i + 1]);
            b0 = TSimd.MultiplyAdd(x0, TSimd.Load(w + (2 * n)), b0);
            b1 = TSimd.MultiplyAdd(x0, TSimd.Load(w + (3 * n)), b1);
        }

        if (i < inputs)
        {
            var x0 = TSimd.Broadcast(x[i]);
            a0 = TSimd.MultiplyAdd(x0, TSimd.Load(w), a0);
            a1 = TSimd.MultiplyAdd(x0, TSimd.Load(w + n), a1);
        }

        Finish<TVector, TSimd>(a0, b0, y, relu);
        Finish<TVector, TSimd>(a1, b1, y + n, relu);
    }

    /// <summary><see cref="OneRow"/> for two rows; the first digit is the row, the second the vector of outputs.</summary>
    private static void TwoRows<TVector, TSimd>(float* x, int stride, int inputs, float* w, float* bias, float* y, int padded, bool relu)
        where TVector : struct
        where TSimd : ISimd<TVector>
    {
        var n = TSimd.Lanes;
        float* x0 = x, x1 = x + stride;
        TVector a00 = TSimd.Load(bias), a10 = a00;
        TVector a01 = TSimd.Load(bias + n), a11 = a01;
        TVector b00 = TSimd.Zero, b10 = b00, b01 = b00, b11 = b00;

        var i = 0;
        for (; i + 2 <= inputs; i += 2, w += 4 * n)
        {
            var (w0, w1) = (TSimd.Load(w), TSimd.Load(w + n));
            Accumulate<TVector, TSimd>(x0[i], w0, w1, ref a00, ref a01);
            Accumulate<TVector, TSimd>(x1[i], w0, w1, ref a10, ref a11);
            (w0, w1) = (TSimd.Load(w + (2 * n)), TSimd.Load(w + (3 * n)));
            Accumulate<TVector, TSimd>(x0[i + 1], w0, w1, ref b00, ref b01);
            Accumulate<TVector, TSimd>(x1[i + 1], w0, w1, ref b10, ref b11);
        }

        if (i < inputs)
        {
            var (w0, w1) = (TSimd.Load(w), TSimd.Load(w + n));
            Accumulate<TVector, TSimd>(x0[i], w0, w1, ref a00, ref a01);
            Accumulate<TVector, TSimd>(x1[i], w0, w1, ref a10, ref a11);
        }

        Finish<TVector, TSimd>(a00, b00, y, relu);
        Finish<TVector, TSimd>(a01, b01, y + n, relu);
        y += padded;
        Finish<TVector, TSimd>(a10, b10, y, relu);
        Finish<TVector, TSimd>(a11, b11, y + n, relu);
    }

    /// <summary>One vector of outputs, as the last layer mostly has: the sums over every fourth input, a (with the bias) to d.</summary>
    private static void OneRowNarrow<TVector, TSimd>(float* x, int inputs, float* w, float* bias, float* y, bool relu)
        where TVector : struct
        where TSimd : ISimd<TVector>
    {
        var n = TSimd.Lanes;
        TVector a = TSimd.Load(bias), b = TSimd.Zero, c = b, d = b;

        var i = 0;
        for (; i + 4 <= inputs; i += 4, w += 4 * n)
        {
            a = TSimd.MultiplyAdd(TSimd.Broadcast(x[i]), TSimd.Load(w), a);
            b = TSimd.MultiplyAdd(TSimd.Broadcast(x[i + 1]), TSimd.Load(w + n), b);
            c = TSimd.MultiplyAdd(TSimd.Broadcast(x[i + 2]), TSimd.Load(w + (2 * n)), c);
            d = TSimd.MultiplyAdd(TSimd.Broadcast(x[i + 3]), TSimd.Load(w + (3 * n)), d);
        }

        for (; i < inputs; i++, w += n)
            a = TSimd.MultiplyAdd(TSimd.Broadcast(x[i]), TSimd.Load(w), a);

        Finish<TVector, TSimd>(TSimd.Add(a, b), TSimd.Add(c, d), y, relu);
    }

    /// <summary><see cref="OneRowNarrow"/> for two rows.</summary>
    private static void TwoRowsNarrow<TVector, TSimd>(
        float* x, int stride, int inputs, float* w, float* bias, float* y, int padded, bool relu)
        where TVector : struct
        where TSimd : ISimd<TVector>
    {
        var n = TSimd.Lanes;
        float* x0 = x, x1 = x + stride;
        TVector a0 = TSimd.Load(bias), a1 = a0;
        TVector b0 = TSimd.Zero, b1 = b0, c0 = b0, c1 = b0, d0 = b0, d1 = b0;

        var i = 0;
        for (; i + 4 <= inputs; i += 4, w += 4 * n)
        {
            Accumulate<TVector, TSimd>(TSimd.Load(w), x0[i], x1[i], ref a0, ref a1);
            Accumulate<TVector, TSimd>(TSimd.Load(w + n), x0[i + 1], x1[i + 1], ref b0, ref b1);
            Accumulate<TVector, TSimd>(TSimd.Load(w + (2 * n)), x0[i + 2], x1[i + 2], ref c0, ref c1);
            Accumulate<TVector, TSimd>(TSimd.Load(w + (3 * n)), x0[i + 3], x1[i + 3], ref d0, ref d1);
        }

        for (; i < inputs; i++, w += n)
            Accumulate<TVector, TSimd>(TSimd.Load(w), x0[i], x1[i], ref a0, ref a1);

        Finish<TVector, TSimd>(TSimd.Add(a0, b0), TSimd.Add(c0, d0), y, relu);
        Finish<TVector, TSimd>(TSimd.Add(a1, b1), TSimd.Add(c1, d1), y + padded, relu);
    }

    /// <summary>One input of one row, into two vectors of outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Accumulate<TVector, TSimd>(float x, TVector w0, TVector w1, ref TVector y0, ref TVector y1)
        where TVector : struct
        where TSimd : ISimd<TVector>
    {
        var broadcast = TSimd.Broadcast(x);
        y0 = TSimd.MultiplyAdd(broadcast, w0, y0);
        y1 = TSimd.MultiplyAdd(broadcast, w1, y1);
    }

    /// <summary>One input of two rows, into one vector of outputs each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Accumulate<TVector, TSimd>(TVector w, float x0, float x1, ref TVector y0, ref TVector y1)
        where TVector : struct
        where TSimd : ISimd<TVector>
    {
        y0 = TSimd.MultiplyAdd(TSimd.Broadcast(x0), w, y0);
        y1 = TSimd.MultiplyAdd(TSimd.Broadcast(x1), w, y1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish<TVector, TSimd>(TVector a, TVector b, float* y, bool relu)
        where TVector : struct
        where TSimd : ISimd<TVector>
    {
        var sum = TSimd.Add(a, b);
        TSimd.Store(relu ? TSimd.Relu(sum) : sum, y);
    }

    private void ThrowLengths(int input, int batch, int output) =>
        throw new ArgumentException(
            $"Expected input of [{batch}, {InputSize}] and output of [{batch}, {OutputSize}] numbers, got {input} and {output}. " +
            "Cut the spans to the rows of the batch.");

    private void Free()
    {
        NativeMemory.AlignedFree(memory);
        memory = null;
    }

    /// <summary>
    /// Where a layer lies in <see cref="memory"/>: its bias, padded with zeros, then its weight in panels of two vectors of outputs
    /// (one, if that holds them all), each panel [in, panel width], then, but in the last layer, weight and bias of a normalization, padded likewise.
    /// The padding computes zeros that nobody reads.
    /// </summary>
    private readonly struct Layer
    {
        public Layer(int inputs, int outputs, int lanes, nuint offset, bool isLast)
        {
            (Inputs, Outputs) = (inputs, outputs);
            PanelWidth = outputs <= lanes ? lanes : 2 * lanes;
            PaddedOutputs = checked((outputs + PanelWidth - 1) / PanelWidth * PanelWidth);
            Bias = offset;
            Weight = offset + (nuint)PaddedOutputs;
            Norm = checked(Weight + ((nuint)PaddedOutputs * (nuint)inputs));
            Floats = checked((nuint)PaddedOutputs * ((nuint)inputs + (isLast ? 1u : 3u)));
            _ = checked(inputs * outputs);   // a row-major weight must fit a span
        }

        public int Inputs { get; }

        public int Outputs { get; }

        public int PanelWidth { get; }

        public int PaddedOutputs { get; }

        public nuint Bias { get; }

        public nuint Weight { get; }

        public nuint Norm { get; }

        public nuint Floats { get; }
    }
}
