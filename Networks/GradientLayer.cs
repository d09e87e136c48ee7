using System.Numerics;
using System.Runtime.InteropServices;
using RlWn.Inference;
using RlWn.Init;
using TorchSharp.Modules;

namespace RlWn.Networks;

/// <summary>One linear layer, or a convolution with its filters as rows: where its parameters and their gradients are, and room for what passes through it.</summary>
internal sealed unsafe class GradientLayer
{
    private readonly float* g, v, bias;            // v is the plain weight where there is no g
    private readonly float* byG, byV, byBias;      // no byG where g does not learn
    private readonly float* sigma, sigmaOfBias;    // σ of the noise on weight and bias; null where there is none
    private readonly float* bySigma, bySigmaOfBias;
    private readonly float* noiseByInput, noiseByOutput;   // f(ε), [in] and [out]
    private float* norms;                          // ||v|| of each row
    private float* direct;                         // v, or W where there is noise, of a direct layer
    private float* scales;                         // g / ||v|| of each row, or 1 where there is noise, of a direct layer
    private float* scaledByOutput;                 // ∂L/∂y g / ||v||, [B, padded out], of a direct layer

    /// <summary>Finds a layer's parameters and gradients.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="inputs">Numbers that a row of its weight has.</param>
    /// <param name="outputs">Rows of its weight.</param>
    /// <param name="isDirect">Whether passes read v as it lies, which for a large weight costs less than making w and its transpose. Inputs are then a multiple of the lanes.</param>
    /// <param name="noise">The noise on the layer; null where there is none.</param>
    public GradientLayer(PlacedLayer layer, int inputs, int outputs, bool isDirect = false, FactorizedNoise? noise = null)
    {
        (Inputs, Outputs, PaddedInputs, PaddedOutputs, IsDirect) = (inputs, outputs, Gemm.Padded(inputs), Gemm.Padded(outputs), isDirect);
        Locate(layer.Weight, out v, out byV);
        Locate(layer.Bias!, out bias, out byBias);
        if (layer.Layer is WeightNormLayer normalized)
        {
            if (normalized.weight_g is { requires_grad: true } learned)
                Locate(learned, out g, out byG);
            else
                g = (float*)Aten.Address(normalized.RowLengths);
        }

        if (noise is null)
            return;
        Locate(noise.weight_sigma, out sigma, out bySigma);
        Locate(noise.bias_sigma, out sigmaOfBias, out bySigmaOfBias);
        noiseByInput = (float*)Aten.Address(noise.ByInput);
        noiseByOutput = (float*)Aten.Address(noise.ByOutput);
    }

    public int Inputs { get; }

    public int Outputs { get; }

    public int PaddedInputs { get; }

    public int PaddedOutputs { get; }

    public bool IsDirect { get; }

    /// <summary>∂L/∂b, [out].</summary>
    public Span<float> ByBias => new(byBias, Outputs);

    private bool HasNoise => sigma is not null;

    /// <summary>W, [out, padded in]; of a direct layer only where there is noise.</summary>
    public float* Weight { get; private set; }

    /// <summary>Wᵀ, [in, padded out]; not of a direct layer.</summary>
    public float* Transposed { get; private set; }

    public float* PaddedBias { get; private set; }

    /// <summary>y, after the ReLU if there is one, [B, padded out].</summary>
    public float* Output { get; private set; }

    /// <summary>∂L/∂y, [B, padded out].</summary>
    public float* ByOutput { get; private set; }

    /// <summary>∂L/∂W, [out, padded in].</summary>
    public float* ByWeight { get; private set; }

    public nuint Floats(int batch) => (nuint)(
        ((long)Outputs * PaddedInputs) + (2L * batch * PaddedOutputs) + (2L * PaddedOutputs)
        + (IsDirect ? ((long)batch + 1) * PaddedOutputs : (long)Inputs * PaddedOutputs)
        + (IsDirect && !HasNoise ? 0 : (long)Outputs * PaddedInputs));

    /// <summary>Takes its room from free memory and returns what is left.</summary>
    public float* Place(float* free, int batch)
    {
        ByWeight = free;
        Output = ByWeight + ((nint)Outputs * PaddedInputs);
        ByOutput = Output + ((nint)batch * PaddedOutputs);
        PaddedBias = ByOutput + ((nint)batch * PaddedOutputs);
        norms = PaddedBias + PaddedOutputs;
        free = norms + PaddedOutputs;
        if (!IsDirect || HasNoise)
        {
            Weight = free;
            free += (nint)Outputs * PaddedInputs;
        }

        if (IsDirect)
        {
            direct = HasNoise ? Weight : v;
            scales = free;
            scaledByOutput = scales + PaddedOutputs;
            return scaledByOutput + ((nint)batch * PaddedOutputs);
        }

        Transposed = free;
        return Transposed + ((nint)Inputs * PaddedOutputs);
    }

    /// <summary>Takes over the present parameters and noise: w = g v / ||v||, as it is and transposed, or the scales alone.</summary>
    public void Fold()
    {
        new ReadOnlySpan<float>(bias, Outputs).CopyTo(new(PaddedBias, Outputs));
        for (var row = 0; HasNoise && row < Outputs; row++)
            PaddedBias[row] += sigmaOfBias[row] * noiseByOutput[row];

        for (var row = 0; row < Outputs; row++)
        {
            var direction = new ReadOnlySpan<float>(v + ((nint)row * Inputs), Inputs);
            var scale = 1f;
            if (g is not null)
            {
                norms[row] = MathF.Sqrt(Dot(direction, direction));
                scale = g[row] / norms[row];
            }

            if (IsDirect && !HasNoise)
            {
                scales[row] = scale;
                continue;
            }

            var weight = new Span<float>(Weight + ((nint)row * PaddedInputs), Inputs);
            Scale(direction, scale, weight);
            if (HasNoise)
                AddProduct(new(sigma + ((nint)row * Inputs), Inputs), new(noiseByInput, Inputs), noiseByOutput[row], weight);
            if (IsDirect)
            {
                scales[row] = 1;
                continue;
            }

            var transposed = Transposed + row;
            for (var i = 0; i < Inputs; i++, transposed += PaddedOutputs)
                *transposed = weight[i];
        }
    }

    /// <summary>y = W x + b, without the ReLU.</summary>
    public void Forward(float* x, int batch)
    {
        if (IsDirect)
            Gemm.MultiplyTransposed(x, direct, scales, PaddedBias, Output, batch, Inputs, Outputs);
        else
            Gemm.Multiply(x, PaddedInputs, 1, Transposed, PaddedBias, Output, batch, Inputs, PaddedOutputs);
    }

    /// <summary>∂L/∂x = ∂L/∂y W.</summary>
    public void BackwardToInput(float* byInput, int batch)
    {
        if (!IsDirect)
        {
            Gemm.Multiply(ByOutput, PaddedOutputs, 1, Weight, null, byInput, batch, Outputs, PaddedInputs);
            return;
        }

        for (var row = 0; row < batch; row++)
        {
            for (nint i = 0, at = (nint)row * PaddedOutputs; i < Outputs; i++)
                scaledByOutput[at + i] = ByOutput[at + i] * scales[i];
        }

        Gemm.Multiply(scaledByOutput, PaddedOutputs, 1, direct, null, byInput, batch, Outputs, PaddedInputs);
    }

    /// <summary>∂L/∂W = (∂L/∂y)ᵀ x.</summary>
    public void BackwardToWeight(float* x, int batch) => Gemm.Multiply(ByOutput, 1, PaddedOutputs, x, null, ByWeight, Outputs, batch, PaddedInputs);

    /// <summary>The same for sparse rows. Their sum lies where Wᵀ was: <see cref="Fold"/> comes before the next forward pass, weights changed or not.</summary>
    public void BackwardToWeight(SparseRows x)
    {
        x.MultiplyTransposed(ByOutput, Transposed, Inputs, PaddedOutputs);
        for (var i = 0; i < Inputs; i++)
        {
            var sums = Transposed + ((nint)i * PaddedOutputs);
            for (nint row = 0; row < Outputs; row++)
                ByWeight[(row * PaddedInputs) + i] = sums[row];
        }
    }

    /// <summary>From ∂L/∂y to the gradient of the bias: the column sums.</summary>
    public void WriteBias(int batch)
    {
        var sums = ByBias;
        sums.Clear();
        for (var row = 0; row < batch; row++)
            Add(sums, new(ByOutput + ((nint)row * PaddedOutputs), Outputs));
        for (var row = 0; HasNoise && row < Outputs; row++)
            bySigmaOfBias[row] = sums[row] * noiseByOutput[row];
    }

    /// <summary>From ∂L/∂W to the gradients of the parameters.</summary>
    public void WriteWeight()
    {
        for (var row = 0; row < Outputs; row++)
        {
            var byWeight = new ReadOnlySpan<float>(ByWeight + ((nint)row * PaddedInputs), Inputs);
            var gradient = new Span<float>(byV + ((nint)row * Inputs), Inputs);
            if (HasNoise)
                Product(byWeight, new(noiseByInput, Inputs), noiseByOutput[row], new(bySigma + ((nint)row * Inputs), Inputs));
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

    private static void Scale(ReadOnlySpan<float> numbers, float factor, Span<float> scaled)
    {
        var from = MemoryMarshal.Cast<float, Vector<float>>(numbers);
        var to = MemoryMarshal.Cast<float, Vector<float>>(scaled);
        for (var i = 0; i < from.Length; i++)
            to[i] = factor * from[i];
        for (var i = from.Length * Vector<float>.Count; i < numbers.Length; i++)
            scaled[i] = factor * numbers[i];
    }

    // product = factor left ∘ right
    private static void Product(ReadOnlySpan<float> left, ReadOnlySpan<float> right, float factor, Span<float> product)
    {
        var lefts = MemoryMarshal.Cast<float, Vector<float>>(left);
        var rights = MemoryMarshal.Cast<float, Vector<float>>(right);
        var products = MemoryMarshal.Cast<float, Vector<float>>(product);
        for (var i = 0; i < lefts.Length; i++)
            products[i] = factor * rights[i] * lefts[i];
        for (var i = lefts.Length * Vector<float>.Count; i < left.Length; i++)
            product[i] = factor * right[i] * left[i];
    }

    // sums += factor left ∘ right
    private static void AddProduct(ReadOnlySpan<float> left, ReadOnlySpan<float> right, float factor, Span<float> sums)
    {
        var lefts = MemoryMarshal.Cast<float, Vector<float>>(left);
        var rights = MemoryMarshal.Cast<float, Vector<float>>(right);
        var totals = MemoryMarshal.Cast<float, Vector<float>>(sums);
        for (var i = 0; i < lefts.Length; i++)
            totals[i] += factor * rights[i] * lefts[i];
        for (var i = lefts.Length * Vector<float>.Count; i < left.Length; i++)
            sums[i] += factor * right[i] * left[i];
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
