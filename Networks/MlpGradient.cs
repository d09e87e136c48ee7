using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using RlWn.Inference;

namespace RlWn.Networks;

/// <summary>
/// Forward and backward passes of a small network in plain C#, on the parameters and gradients that libtorch holds: the same numbers as
/// autograd's to rounding, in a fraction of the time, since nothing is recorded, dispatched or allocated. Of observations that come as bytes
/// the zeros are skipped; of a grid before MinAtar's convolution, the empty rows.
/// </summary>
/// <remarks>The network's parameters are float32 on the CPU and stand on <see cref="FlatParameters"/>. One thread at a time.</remarks>
internal sealed unsafe class MlpGradient : IDisposable
{
    private const int WideFrom = 256;      // inputs of a layer from which its weight is read as it lies

    private readonly GradientLayer[] layers;
    private readonly int observationSize;  // D
    private readonly float* input;         // x of the first layer, [B, padded D or F]
    private float* memory;                 // null once freed
    private readonly int capacity;
    private readonly SparseRows sparse = new();
    private bool isSparse;                 // whether the rows of the last forward pass are
    private int evaluated;                 // B of the last forward pass
    private bool isFolded;                 // whether the layers hold weights of a forward pass, whole
    private readonly SecondThread? second;
    private readonly Action firstToWeight, firstToInput;

    private readonly float* byInput;       // ∂L/∂x of the first layer, [B, padded D or F]; null where nobody asks

    // Of a network with a convolution before its layers.
    private readonly GradientLayer? convolution;
    private readonly TorsoLayer? grid;
    private readonly float* images;        // [B, D]
    private readonly float* sums;          // ∂L/∂W of the convolution, [filters, C, 3, 3, 8 partial sums]

    /// <summary>Makes room for batches.</summary>
    /// <param name="network">The network; not owned, its parameters stay where they are.</param>
    /// <param name="capacity">The largest batch.</param>
    /// <param name="second">Takes its part of the backward pass where there is a convolution; not owned. Null leaves it to the caller's thread.</param>
    /// <param name="passesOn">Whether something before the layers learns too, and asks for <see cref="ByInput"/>.</param>
    public MlpGradient(AgentNetwork network, int capacity, SecondThread? second = null, bool passesOn = false)
    {
        var head = network.Head;
        if (head.Partner != NormPartner.None)
            throw new ArgumentException($"Expected a network without normalizations beside weight norm, got {head.Partner}. Take autograd.", nameof(network));

        (this.capacity, this.second, observationSize) = (capacity, second, network.InputSize);
        (firstToWeight, firstToInput) = (() => BackwardToWeight(0), BackwardToConvolution);
        layers = [.. head.Layers.Select((layer, i) => new GradientLayer(
            new("", layer, null), head.Widths[i], head.Widths[i + 1], isDirect: network.Torso is not null && i == 0 && head.Widths[i] >= WideFrom && head.Widths[i] % Gemm.Lanes == 0, head.NoiseOf(i)))];

        nint inputs = Gemm.Padded(head.Widths[0]), gridFloats = 0, sumFloats = 0;
        if (network.Torso is { } torso)
        {
            grid = torso.Plan.Layers[0];
            convolution = new(torso.Layers[0], grid.FilterSize, grid.Output.Channels);
            gridFloats = (nint)capacity * observationSize;
            sumFloats = (nint)8 * grid.Output.Channels * grid.FilterSize;
        }

        var floats = (nuint)((capacity * inputs * (grid is null && !passesOn ? 1 : 2)) + gridFloats + sumFloats) + (convolution?.Floats(0) ?? 0);
        foreach (var layer in layers)
            floats += layer.Floats(capacity);

        memory = (float*)NativeMemory.AlignedAlloc(floats * sizeof(float), 64);
        NativeMemory.Clear(memory, floats * sizeof(float));   // the padding stays zero from here on
        input = memory;
        var free = memory + (capacity * inputs);
        foreach (var layer in layers)
            free = layer.Place(free, capacity);
        if (convolution is not null)
            free = convolution.Place(free, batch: 0);
        if (convolution is not null || passesOn)
            byInput = free;
        if (convolution is null)
            return;

        sums = byInput + (capacity * inputs);
        images = sums + sumFloats;
    }

    /// <summary>Frees the memory of passes that nobody disposed.</summary>
    ~MlpGradient() => Free();

    /// <summary>Evaluates the network with its present weights, and keeps what the backward pass needs.</summary>
    /// <param name="observations">x, [B, D].</param>
    /// <param name="output">Receives [B, K].</param>
    /// <param name="sameWeights">
    /// Whether weights and noise are those of the last forward pass, which spares folding them: unless there was none, or a backward pass on sparse rows has
    /// used up what it folded.
    /// </param>
    /// <exception cref="ArgumentException">A length does not fit.</exception>
    /// <exception cref="ObjectDisposedException">The memory was freed.</exception>
    public void Forward(Observations observations, Span<float> output, bool sameWeights = false)
    {
        ObjectDisposedException.ThrowIf(memory is null, this);
        var (first, last) = (layers[0], layers[^1]);
        var batch = observations.Length / observationSize;
        evaluated = 0;
        if (batch > capacity || observations.Length != batch * observationSize || output.Length != batch * last.Outputs)
            throw new ArgumentException($"Expected up to {capacity} rows of {observationSize} numbers in and as many of {last.Outputs} out, got {observations.Length} and {output.Length}.");

        isSparse = convolution is null && observations.AreBytes && sparse.TryTake(observations, observationSize);
        if (!sameWeights || !isFolded)
            Fold();
        if (convolution is not null)
            Convolve(convolution, observations, batch);
        else if (!isSparse)
        {
            for (var row = 0; row < batch; row++)
                observations.CopyTo(row * observationSize, new(input + ((nint)row * first.PaddedInputs), observationSize));
        }

        var x = input;
        foreach (var layer in layers)
        {
            if (isSparse && layer == first)
                sparse.Multiply(layer.Transposed, layer.PaddedBias, layer.Output, layer.PaddedOutputs);
            else
                layer.Forward(x, batch);
            if (layer != last)
                Relu(new(layer.Output, batch * layer.PaddedOutputs));
            x = layer.Output;
        }

        for (var row = 0; row < batch; row++)
            new ReadOnlySpan<float>(x + ((nint)row * last.PaddedOutputs), last.Outputs).CopyTo(output[(row * last.Outputs)..]);
        evaluated = batch;
        GC.KeepAlive(this);   // the finalizer must not free the memory of a running pass
    }

    /// <summary>Writes the gradient of every parameter; what was there before is overwritten.</summary>
    /// <param name="byOutput">∂L/∂output of the batch that was last evaluated, [B, K].</param>
    /// <exception cref="ArgumentException">The length does not fit.</exception>
    /// <exception cref="ObjectDisposedException">The memory was freed.</exception>
    public void Backward(ReadOnlySpan<float> byOutput)
    {
        ObjectDisposedException.ThrowIf(memory is null, this);
        var last = layers[^1];
        var batch = evaluated;
        if (byOutput.Length != batch * last.Outputs)
            throw new ArgumentException($"Expected the gradient of the {batch} rows of {last.Outputs} numbers that were last evaluated, got {byOutput.Length}.", nameof(byOutput));

        isFolded &= !isSparse;   // its sums go where the first layer's Wᵀ is
        for (var row = 0; row < batch; row++)
            byOutput.Slice(row * last.Outputs, last.Outputs).CopyTo(new(last.ByOutput + ((nint)row * last.PaddedOutputs), last.Outputs));

        for (var i = layers.Length - 1; i >= 0; i--)
        {
            if (i == 0 && convolution is not null && second is not null)
            {
                second.Run(firstToWeight, firstToInput);   // half of the pass each
                continue;
            }

            BackwardToWeight(i);
            if (i > 0)
            {
                var before = layers[i - 1];
                layers[i].BackwardToInput(before.ByOutput, batch);   // ∂L/∂x = ∂L/∂y W, zero where the ReLU before was
                ZeroWhereZero(new(before.ByOutput, batch * before.PaddedOutputs), new(before.Output, batch * before.PaddedOutputs));
            }
            else if (convolution is not null)
            {
                BackwardToConvolution();
            }
            else if (byInput is not null)
            {
                layers[0].BackwardToInput(byInput, batch);
            }
        }

        GC.KeepAlive(this);   // as in Forward
    }

    /// <summary>∂L/∂x of one row of the batch that the last backward pass was for, [D].</summary>
    /// <param name="row">Which, from 0.</param>
    public ReadOnlySpan<float> ByInput(int row) => new(byInput + ((nint)row * layers[0].PaddedInputs), layers[0].Inputs);

    /// <summary>Frees what passes need; the network stays.</summary>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.AlignedFree(memory);
        memory = null;
    }

    private void Fold()
    {
        convolution?.Fold();
        foreach (var layer in layers)
            layer.Fold();
        isFolded = true;
    }

    private void Convolve(GradientLayer filters, Observations observations, int batch)
    {
        observations.CopyTo(0, new(images, batch * observationSize));
        for (var row = 0; row < batch; row++)
        {
            GridConvolution.Forward(
                grid!, images + ((nint)row * observationSize), filters.Weight, filters.PaddedInputs, filters.PaddedBias, input + ((nint)row * layers[0].PaddedInputs));
        }
    }

    private void BackwardToWeight(int index)
    {
        var layer = layers[index];
        if (index == 0 && isSparse)
            layer.BackwardToWeight(sparse);
        else
            layer.BackwardToWeight(index > 0 ? layers[index - 1].Output : input, evaluated);
        layer.WriteBias(evaluated);
        layer.WriteWeight();
    }

    private void BackwardToConvolution()
    {
        var first = layers[0];
        first.BackwardToInput(byInput, evaluated);
        ZeroWhereZero(new(byInput, evaluated * first.PaddedInputs), new(input, evaluated * first.PaddedInputs));
        BackwardToFilters(convolution!, evaluated);
    }

    private void BackwardToFilters(GradientLayer filters, int batch)
    {
        var partial = new Span<float>(sums, 8 * filters.Outputs * filters.Inputs);
        var map = grid!.Output.Height * grid.Output.Width;
        partial.Clear();
        filters.ByBias.Clear();
        for (var row = 0; row < batch; row++)
        {
            var by = byInput + ((nint)row * layers[0].PaddedInputs);
            GridConvolution.Backward(grid, images + ((nint)row * observationSize), by, sums);
            for (var filter = 0; filter < filters.Outputs; filter++)
                filters.ByBias[filter] += Sum(new(by + (filter * map), map));
        }

        for (var filter = 0; filter < filters.Outputs; filter++)
        {
            for (var i = 0; i < filters.Inputs; i++)
                filters.ByWeight[(filter * filters.PaddedInputs) + i] = Sum(partial.Slice(8 * ((filter * filters.Inputs) + i), 8));
        }

        filters.WriteWeight();

        static float Sum(ReadOnlySpan<float> eights)
        {
            var total = Vector256<float>.Zero;
            foreach (var eight in MemoryMarshal.Cast<float, Vector256<float>>(eights))
                total += eight;
            return Vector256.Sum(total);
        }
    }

    // NaN stays NaN, so that a diverged network is noticed.
    private static void Relu(Span<float> values)
    {
        foreach (ref var vector in MemoryMarshal.Cast<float, Vector<float>>(values))
            vector = Vector.ConditionalSelect(Vector.LessThan(vector, Vector<float>.Zero), Vector<float>.Zero, vector);
    }

    private static void ZeroWhereZero(Span<float> values, ReadOnlySpan<float> activations)
    {
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(values);
        var masks = MemoryMarshal.Cast<float, Vector<float>>(activations);
        for (var i = 0; i < vectors.Length; i++)
            vectors[i] = Vector.ConditionalSelect(Vector.Equals(masks[i], Vector<float>.Zero), Vector<float>.Zero, vectors[i]);
    }
}
