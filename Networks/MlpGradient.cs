using System.Numerics;
using System.Runtime.InteropServices;
using RlWn.Init;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>
/// Forward and backward passes of a small <see cref="Mlp"/> in plain C#, on the parameters and gradients that libtorch holds: the same
/// numbers as autograd's to rounding, in a fraction of the time, since nothing is recorded, dispatched or allocated.
/// </summary>
/// <remarks>The network's parameters are float32 on the CPU and stand on <see cref="FlatParameters"/>. One thread at a time.</remarks>
internal sealed unsafe class MlpGradient : IDisposable
{
    private readonly Layer[] layers;
    private readonly float* input;     // x, [B, padded D]
    private readonly float* memory;
    private readonly int capacity;
    private int evaluated;             // B of the last forward pass

    /// <summary>Makes room for batches.</summary>
    /// <param name="network">The network; not owned, its parameters stay where they are.</param>
    /// <param name="capacity">The largest batch.</param>
    public MlpGradient(Mlp network, int capacity)
    {
        if (network.Partner != NormPartner.None)
            throw new ArgumentException($"Expected a network without normalizations beside weight norm, got {network.Partner}. Take autograd.", nameof(network));

        this.capacity = capacity;
        layers = [.. network.Layers.Zip(network.Widths.Zip(network.Widths.Skip(1)), (layer, widths) => new Layer(layer, widths.First, widths.Second))];

        var floats = (nuint)capacity * (nuint)Gemm.Padded(network.Widths[0]);
        foreach (var layer in layers)
            floats += layer.Floats(capacity);

        memory = (float*)NativeMemory.AlignedAlloc(floats * sizeof(float), 64);
        NativeMemory.Clear(memory, floats * sizeof(float));   // the padding stays zero from here on
        input = memory;
        var free = memory + ((nint)capacity * Gemm.Padded(network.Widths[0]));
        foreach (var layer in layers)
            free = layer.Place(free, capacity);
    }

    /// <summary>Evaluates the network with its present weights, and keeps what the backward pass needs.</summary>
    /// <param name="observations">x, [B, D].</param>
    /// <param name="output">Receives [B, K].</param>
    public void Forward(ReadOnlySpan<float> observations, Span<float> output)
    {
        var (first, last) = (layers[0], layers[^1]);
        var batch = observations.Length / first.Inputs;
        evaluated = 0;
        if (batch > capacity || observations.Length != batch * first.Inputs || output.Length != batch * last.Outputs)
            throw new ArgumentException($"Expected up to {capacity} rows of {first.Inputs} numbers in and as many of {last.Outputs} out, got {observations.Length} and {output.Length}.");

        for (var row = 0; row < batch; row++)
            observations.Slice(row * first.Inputs, first.Inputs).CopyTo(new(input + ((nint)row * first.PaddedInputs), first.Inputs));

        var x = input;
        foreach (var layer in layers)
        {
            layer.Fold();
            Gemm.Multiply(x, layer.PaddedInputs, 1, layer.Transposed, layer.PaddedBias, layer.Output, batch, layer.Inputs, layer.PaddedOutputs);
            if (layer != last)
                Relu(new(layer.Output, batch * layer.PaddedOutputs));
            x = layer.Output;
        }

        for (var row = 0; row < batch; row++)
            new ReadOnlySpan<float>(x + ((nint)row * last.PaddedOutputs), last.Outputs).CopyTo(output[(row * last.Outputs)..]);
        evaluated = batch;
    }

    /// <summary>Writes the gradient of every parameter; what was there before is overwritten.</summary>
    /// <param name="byOutput">∂L/∂output of the batch that was last evaluated, [B, K].</param>
    public void Backward(ReadOnlySpan<float> byOutput)
    {
        var last = layers[^1];
        var batch = evaluated;
        if (byOutput.Length != batch * last.Outputs)
            throw new ArgumentException($"Expected the gradient of the {batch} rows of {last.Outputs} numbers that were last evaluated, got {byOutput.Length}.", nameof(byOutput));

        for (var row = 0; row < batch; row++)
            byOutput.Slice(row * last.Outputs, last.Outputs).CopyTo(new(last.ByOutput + ((nint)row * last.PaddedOutputs), last.Outputs));

        for (var i = layers.Length - 1; i >= 0; i--)
        {
            var layer = layers[i];
            var x = i > 0 ? layers[i - 1].Output : input;

            // ∂L/∂W = (∂L/∂y)ᵀ x, ∂L/∂b = Σ ∂L/∂y, ∂L/∂x = ∂L/∂y W, zero where the ReLU before was.
            Gemm.Multiply(layer.ByOutput, 1, layer.PaddedOutputs, x, null, layer.ByWeight, layer.Outputs, batch, layer.PaddedInputs);
            layer.WriteGradients(batch);
            if (i > 0)
            {
                var before = layers[i - 1];
                Gemm.Multiply(layer.ByOutput, layer.PaddedOutputs, 1, layer.Weight, null, before.ByOutput, batch, layer.Outputs, layer.PaddedInputs);
                ZeroWhereZero(new(before.ByOutput, batch * before.PaddedOutputs), new(before.Output, batch * before.PaddedOutputs));
            }
        }
    }

    public void Dispose() => NativeMemory.AlignedFree(memory);

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

    /// <summary>One linear layer: where its parameters and their gradients are, and room for what passes through it.</summary>
    private sealed class Layer
    {
        private readonly float* g, v, bias;            // v is the plain weight where there is no g
        private readonly float* byG, byV, byBias;      // no byG where g does not learn
        private float* norms;                          // ||v|| of each row

        public Layer(nn.Module<Tensor, Tensor> layer, int inputs, int outputs)
        {
            (Inputs, Outputs, PaddedInputs, PaddedOutputs) = (inputs, outputs, Gemm.Padded(inputs), Gemm.Padded(outputs));
            if (layer is WeightNormLayer normalized)
            {
                if (normalized.weight_g is { requires_grad: true } learned)
                    Locate(learned, out g, out byG);
                else
                    g = (float*)Aten.Address(normalized.RowLengths);
                Locate(normalized.weight_v, out v, out byV);
                Locate(normalized.bias!, out bias, out byBias);
            }
            else
            {
                var plain = (Linear)layer;
                Locate(plain.weight, out v, out byV);
                Locate(plain.bias!, out bias, out byBias);
            }
        }

        public int Inputs { get; }

        public int Outputs { get; }

        public int PaddedInputs { get; }

        public int PaddedOutputs { get; }

        /// <summary>W, [out, padded in].</summary>
        public float* Weight { get; private set; }

        /// <summary>Wᵀ, [in, padded out].</summary>
        public float* Transposed { get; private set; }

        public float* PaddedBias { get; private set; }

        /// <summary>y, after the ReLU if there is one, [B, padded out].</summary>
        public float* Output { get; private set; }

        /// <summary>∂L/∂y, [B, padded out].</summary>
        public float* ByOutput { get; private set; }

        /// <summary>∂L/∂W, [out, padded in].</summary>
        public float* ByWeight { get; private set; }

        public nuint Floats(int batch) =>
            (nuint)((2L * Outputs * PaddedInputs) + ((long)Inputs * PaddedOutputs) + (2L * batch * PaddedOutputs) + (2L * PaddedOutputs));

        /// <summary>Takes its room from free memory and returns what is left.</summary>
        public float* Place(float* free, int batch)
        {
            Weight = free;
            ByWeight = Weight + ((nint)Outputs * PaddedInputs);
            Transposed = ByWeight + ((nint)Outputs * PaddedInputs);
            Output = Transposed + ((nint)Inputs * PaddedOutputs);
            ByOutput = Output + ((nint)batch * PaddedOutputs);
            PaddedBias = ByOutput + ((nint)batch * PaddedOutputs);
            norms = PaddedBias + PaddedOutputs;
            return norms + PaddedOutputs;
        }

        /// <summary>Takes over the present parameters: w = g v / ||v||, as it is and transposed.</summary>
        public void Fold()
        {
            new ReadOnlySpan<float>(bias, Outputs).CopyTo(new(PaddedBias, Outputs));
            for (var row = 0; row < Outputs; row++)
            {
                var direction = new ReadOnlySpan<float>(v + ((nint)row * Inputs), Inputs);
                var scale = 1f;
                if (g is not null)
                {
                    norms[row] = MathF.Sqrt(Dot(direction, direction));
                    scale = g[row] / norms[row];
                }

                var weight = Weight + ((nint)row * PaddedInputs);
                var transposed = Transposed + row;
                for (var i = 0; i < Inputs; i++, transposed += PaddedOutputs)
                    *transposed = weight[i] = direction[i] * scale;
            }
        }

        /// <summary>From ∂L/∂W and ∂L/∂y to the gradients of the parameters.</summary>
        public void WriteGradients(int batch)
        {
            // In ByOutput's rows, padding included; the column sums go to the bias.
            var sums = new Span<float>(byBias, Outputs);
            sums.Clear();
            for (var row = 0; row < batch; row++)
                Add(sums, new(ByOutput + ((nint)row * PaddedOutputs), Outputs));

            for (var row = 0; row < Outputs; row++)
            {
                var byWeight = new ReadOnlySpan<float>(ByWeight + ((nint)row * PaddedInputs), Inputs);
                var gradient = new Span<float>(byV + ((nint)row * Inputs), Inputs);
                if (g is null)
                {
                    byWeight.CopyTo(gradient);
                    continue;
                }

                // ∂L/∂g = <∂L/∂w, v^>, ∂L/∂v = g/||v|| (∂L/∂w - <∂L/∂w, v^> v^), with v^ = v/||v|| (Salimans and Kingma 2016, eq. 3).
                var direction = new ReadOnlySpan<float>(v + ((nint)row * Inputs), Inputs);
                var along = Dot(byWeight, direction) / norms[row];
                if (byG is not null)
                    byG[row] = along;
                Project(byWeight, direction, g[row] / norms[row], along / norms[row], gradient);
            }
        }

        private static void Locate(Parameter parameter, out float* value, out float* byValue)
        {
            using var gradient = parameter.grad ?? throw new InvalidOperationException("Expected parameters on FlatParameters, got one without a gradient.");
            value = (float*)Aten.Address(parameter);
            byValue = (float*)Aten.Address(gradient);
        }

        private static float Dot(ReadOnlySpan<float> left, ReadOnlySpan<float> right)
        {
            var lefts = MemoryMarshal.Cast<float, Vector<float>>(left);
            var rights = MemoryMarshal.Cast<float, Vector<float>>(right);
            var sum = Vector<float>.Zero;
            for (var i = 0; i < lefts.Length; i++)
                sum = Vector.MultiplyAddEstimate(lefts[i], rights[i], sum);

            var total = Vector.Sum(sum);
            for (var i = lefts.Length * Vector<float>.Count; i < left.Length; i++)
                total += left[i] * right[i];
            return total;
        }

        private static void Add(Span<float> sums, ReadOnlySpan<float> values)
        {
            var totals = MemoryMarshal.Cast<float, Vector<float>>(sums);
            var vectors = MemoryMarshal.Cast<float, Vector<float>>(values);
            for (var i = 0; i < totals.Length; i++)
                totals[i] += vectors[i];
            for (var i = totals.Length * Vector<float>.Count; i < sums.Length; i++)
                sums[i] += values[i];
        }

        // scale (byWeight - share direction)
        private static void Project(ReadOnlySpan<float> byWeight, ReadOnlySpan<float> direction, float scale, float share, Span<float> gradient)
        {
            var weights = MemoryMarshal.Cast<float, Vector<float>>(byWeight);
            var directions = MemoryMarshal.Cast<float, Vector<float>>(direction);
            var gradients = MemoryMarshal.Cast<float, Vector<float>>(gradient);
            for (var i = 0; i < weights.Length; i++)
                gradients[i] = scale * (weights[i] - (share * directions[i]));
            for (var i = weights.Length * Vector<float>.Count; i < byWeight.Length; i++)
                gradient[i] = scale * (byWeight[i] - (share * direction[i]));
        }
    }
}
