using System.Runtime.InteropServices;

namespace RlWn.Inference;

/// <summary>The type of a tensor's numbers, under its number in ONNX files.</summary>
internal enum OnnxType
{
    /// <summary>Single precision.</summary>
    Float = 1,

    /// <summary>Bytes from 0 to 255.</summary>
    UInt8 = 2,

    /// <summary>Signed, 8 bytes.</summary>
    Int64 = 7,
}

/// <summary>
/// A network as an ONNX file holds it: nodes, each reading values by their names and making one of its own name, and the weights that they read.
/// Every method that adds something gives the name of the value that it makes.
/// </summary>
/// <remarks>
/// The format is ModelProto of github.com/onnx/onnx, whose numbers of fields stand here. Operator set 17 and version 8 of the format, of 2022: the first
/// with LayerNormalization, and read by ONNX Runtime from 1.12 on. The first dimension of inputs and outputs is free and called batch.
/// </remarks>
internal sealed class OnnxGraph(string name)
{
    private const int FormatVersion = 8, OperatorSet = 17;
    private const string Batch = "batch";

    private readonly List<ProtoMessage> nodes = [], weights = [], inputs = [], outputs = [];

    /// <summary>An input of a batch of tensors.</summary>
    /// <param name="name">What callers name it.</param>
    /// <param name="type">The type of its numbers.</param>
    /// <param name="shape">Length of each dimension of one of them.</param>
    public string Input(string name, OnnxType type, ReadOnlySpan<int> shape)
    {
        inputs.Add(Described(name, type, Batch, shape));
        return name;
    }

    /// <summary>Gives a value out, a batch of tensors.</summary>
    /// <param name="name">What callers name it.</param>
    /// <param name="value">The value.</param>
    /// <param name="type">The type of its numbers.</param>
    /// <param name="shape">Length of each dimension of one of them.</param>
    public void Output(string name, string value, OnnxType type, params ReadOnlySpan<int> shape)
    {
        Node("Identity", [value], name);
        outputs.Add(Described(name, type, Batch, shape));
    }

    /// <summary>Gives out numbers that do not depend on the input.</summary>
    /// <param name="name">What callers name it.</param>
    /// <param name="numbers">The numbers.</param>
    public void OutputConstant(string name, ReadOnlySpan<float> numbers)
    {
        Node("Identity", [Weight($"{name}.values", [numbers.Length], numbers)], name);
        outputs.Add(Described(name, OnnxType.Float, batch: null, [numbers.Length]));
    }

    /// <summary>A constant of numbers.</summary>
    /// <param name="name">Its name, which nothing else has.</param>
    /// <param name="shape">Length of each dimension; empty for a single number.</param>
    /// <param name="numbers">The numbers, row-major; copied.</param>
    public string Weight(string name, ReadOnlySpan<int> shape, ReadOnlySpan<float> numbers) =>
        Weight(name, OnnxType.Float, shape, MemoryMarshal.AsBytes(numbers).ToArray());

    /// <summary>Bytes as numbers, each times a scale.</summary>
    public string Scaled(string bytes, float scale) =>
        Node("Mul", [Node("Cast", [bytes], attributes: Attribute("to", (long)OnnxType.Float)), Weight($"{bytes}.scale", [], [scale])]);

    /// <summary>(x - mean) / deviation, number by number, cut off at ± clip.</summary>
    /// <param name="value">x, [N, …].</param>
    /// <param name="shape">Length of each dimension of one x.</param>
    /// <param name="mean">As many numbers as the shape has.</param>
    /// <param name="deviation">As many, above 0.</param>
    /// <param name="clip">Above 0.</param>
    /// <remarks>The mean goes in two parts, rounded and what that leaves: far from 0 no digits are lost, and no one needs double precision.</remarks>
    public string Standardized(string value, ReadOnlySpan<int> shape, IReadOnlyList<double> mean, IReadOnlyList<double> deviation, double clip)
    {
        var near = Node("Sub", [value, Weight($"{value}.mean", shape, [.. mean.Select(number => (float)number)])]);
        var rest = Node("Sub", [near, Weight($"{value}.mean_rest", shape, [.. mean.Select(number => (float)(number - (float)number))])]);
        var scaled = Node("Div", [rest, Weight($"{value}.deviation", shape, [.. deviation.Select(number => (float)number)])]);
        return Node("Min", [Node("Max", [scaled, Weight($"{value}.least", [], [(float)-clip])]), Weight($"{value}.greatest", [], [(float)clip])]);
    }

    /// <summary>Rows of numbers, [N, …] to [N, D].</summary>
    public string Flatten(string value) => Node("Flatten", [value], attributes: Attribute("axis", 1));

    /// <summary>Rows of numbers as images, [N, C H W] to [N, C, H, W].</summary>
    public string AsImages(string value, MapShape shape) => Reshaped(value, -1, shape.Channels, shape.Height, shape.Width);

    /// <summary>x Wᵀ + b.</summary>
    /// <param name="name">The layer's name.</param>
    /// <param name="value">x, [N, in].</param>
    /// <param name="weight">W, [out, in], row-major.</param>
    /// <param name="bias">b, [out].</param>
    public string Linear(string name, string value, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias) => Node(
        "Gemm", [value, Weight($"{name}.weight", [bias.Length, weight.Length / bias.Length], weight), Weight($"{name}.bias", [bias.Length], bias)],
        $"{name}.Gemm", Attribute("transB", 1));

    /// <summary>A convolution with square filters.</summary>
    /// <param name="name">The layer's name.</param>
    /// <param name="value">Images, [N, in, H, W].</param>
    /// <param name="shape">[out, in, k, k].</param>
    /// <param name="weight">The filters, row-major.</param>
    /// <param name="bias">b, [out].</param>
    /// <param name="stride">Positions from one window to the next.</param>
    /// <param name="padding">Zeros added on each side.</param>
    public string Convolution(string name, string value, ReadOnlySpan<int> shape, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, int stride, int padding) => Node(
        "Conv", [value, Weight($"{name}.weight", shape, weight), Weight($"{name}.bias", [bias.Length], bias)], $"{name}.Conv",
        Attribute("strides", stride, stride), Attribute("pads", padding, padding, padding, padding));

    /// <summary>max(x, 0).</summary>
    public string Relu(string value) => Node("Relu", [value]);

    /// <summary>1 / (1 + e⁻ˣ).</summary>
    public string Sigmoid(string value) => Node("Sigmoid", [value]);

    /// <summary>tanh x.</summary>
    public string Tanh(string value) => Node("Tanh", [value]);

    /// <summary>x y, number by number.</summary>
    public string Product(string value, string other) => Node("Mul", [value, other]);

    /// <summary>Rows side by side, [N, D] and [N, H] to [N, D + H].</summary>
    public string Joined(string value, string other) => Node("Concat", [value, other], null, Attribute("axis", 1));

    /// <summary>x + y.</summary>
    public string Sum(string value, string other) => Node("Add", [value, other]);

    /// <summary>The greatest of 3x3 around every second position; beyond the border there is nothing.</summary>
    public string Pool(string value) => Node(
        "MaxPool", [value], null, Attribute("kernel_shape", 3, 3), Attribute("strides", 2, 2), Attribute("pads", 1, 1, 1, 1));

    /// <summary>The mean of each channel, [N, C, H, W] to [N, C].</summary>
    public string MeanOfChannels(string value) => Flatten(Node("GlobalAveragePool", [value]));

    /// <summary>w (x - mean(x)) / √(variance(x) + ε) + b, or w x / √(mean(x²) + ε), row by row.</summary>
    /// <param name="name">The normalization's name.</param>
    /// <param name="value">x, [N, D].</param>
    /// <param name="norm">Which; None leaves x as it is.</param>
    /// <param name="weight">w, [D].</param>
    /// <param name="bias">b, [D]; nothing for RmsNorm.</param>
    public string Normalized(string name, string value, RowNorm norm, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias)
    {
        if (norm == RowNorm.None)
            return value;

        var gain = Weight($"{name}.weight", [weight.Length], weight);
        if (norm == RowNorm.LayerNorm)
            return Node("LayerNormalization", [value, gain, Weight($"{name}.bias", [bias.Length], bias)], null, Attribute("axis", -1), Epsilon);

        // An operator of its own has RmsNorm from set 23 on only.
        var squares = Node("ReduceMean", [Node("Mul", [value, value])], null, Attribute("axes", [-1L]), Attribute("keepdims", 1));
        var root = Node("Sqrt", [Sum(squares, Weight($"{name}.epsilon", [], [FoldedMlp.Epsilon]))]);
        return Node("Mul", [Node("Div", [value, root]), gain]);
    }

    /// <summary>γ (x - μ) / √(σ² + ε) + β, channel by channel.</summary>
    /// <param name="name">The normalization's name.</param>
    /// <param name="value">x, [N, C] or [N, C, H, W].</param>
    /// <param name="parameters">γ, β, μ and σ² with their names, each [C].</param>
    public string Normalized(string name, string value, params ReadOnlySpan<(string Name, float[] Numbers)> parameters)
    {
        List<string> read = [value];
        foreach (var (parameter, numbers) in parameters)
            read.Add(Weight($"{name}.{parameter}", [numbers.Length], numbers));
        return Node("BatchNormalization", read, null, Epsilon);
    }

    /// <summary>The means of distributions over the same atoms, [N, K M] to [N, K].</summary>
    /// <param name="logits">K distributions in each row, of M logits each.</param>
    /// <param name="choices">K.</param>
    /// <param name="atoms">What the logits stand for, [M].</param>
    public string Means(string logits, int choices, ReadOnlySpan<float> atoms)
    {
        var probabilities = Node("Softmax", [Reshaped(logits, -1, choices, atoms.Length)], null, Attribute("axis", -1));
        return Node("MatMul", [probabilities, Weight("atoms", [atoms.Length], atoms)]);
    }

    /// <summary>The number of the greatest of each row, the first where several are, [N, K] to [N].</summary>
    public string Greatest(string value) => Node("ArgMax", [value], null, Attribute("axis", 1), Attribute("keepdims", 0));

    /// <summary>The number of the greatest of each part of each row, [N, Σ counts] to [N, A].</summary>
    /// <param name="value">The rows.</param>
    /// <param name="counts">How many numbers each part has, [A].</param>
    public string GreatestOfParts(string value, IReadOnlyList<int> counts)
    {
        var parts = new List<string>();
        var start = 0;
        for (var i = 0; i < counts.Count; i++)
        {
            long[] columns = [.. Enumerable.Range(start, counts[i])];
            var indices = Weight($"{value}.part{i}", OnnxType.Int64, [columns.Length], MemoryMarshal.AsBytes<long>(columns).ToArray());
            var part = Node("Gather", [value, indices], null, Attribute("axis", 1));
            parts.Add(Node("ArgMax", [part], null, Attribute("axis", 1), Attribute("keepdims", 1)));
            start += counts[i];
        }

        return Node("Concat", parts, null, Attribute("axis", 1));
    }

    /// <summary>low + ½ (high - low) (1 + tanh x), number by number.</summary>
    public string Squash(string value, ReadOnlySpan<float> low, ReadOnlySpan<float> high)
    {
        var (middle, half) = (new float[low.Length], new float[low.Length]);
        for (var i = 0; i < low.Length; i++)
            (middle[i], half[i]) = ((float)(0.5 * ((double)low[i] + high[i])), (float)(0.5 * ((double)high[i] - low[i])));
        var scaled = Node("Mul", [Tanh(value), Weight($"{value}.half_range", [half.Length], half)]);
        return Sum(scaled, Weight($"{value}.middle", [middle.Length], middle));
    }

    /// <summary>Rows whose numbers are kept within bounds, which may be infinite.</summary>
    public string Clip(string value, ReadOnlySpan<float> low, ReadOnlySpan<float> high) =>
        Node("Min", [Node("Max", [value, Weight($"{value}.low", [low.Length], low)]), Weight($"{value}.high", [high.Length], high)]);

    /// <summary>The whole file.</summary>
    /// <param name="metadata">Texts that go with it.</param>
    /// <exception cref="NotSupportedException">It is beyond the 2 GiB of a message of Protocol Buffers.</exception>
    public ProtoMessage ToModel(IReadOnlyDictionary<string, string> metadata)
    {
        ProtoMessage graph = new() { { 1, nodes }, { 2, name }, { 5, weights }, { 11, inputs }, { 12, outputs } };
        ProtoMessage model = new()
        {
            { 1, FormatVersion },
            { 2, "RlWn" },
            { 3, typeof(OnnxGraph).Assembly.GetName().Version!.ToString(fieldCount: 3) },
            { 7, graph },
            { 8, new ProtoMessage { { 2, OperatorSet } } },
            { 14, metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => new ProtoMessage { { 1, entry.Key }, { 2, entry.Value } }) },
        };
        return model.Length <= int.MaxValue
            ? model
            : throw new NotSupportedException($"Expected a network of at most {int.MaxValue} bytes, which is all that an ONNX file holds, got {model.Length}. Export it as safetensors.");
    }

    private static ProtoMessage Epsilon => new() { { 1, "epsilon" }, { 2, FoldedMlp.Epsilon }, { 20, 1 } };

    private static ProtoMessage Attribute(string name, long number) => new() { { 1, name }, { 3, number }, { 20, 2 } };

    private static ProtoMessage Attribute(string name, params long[] numbers) => new() { { 1, name }, { 8, numbers }, { 20, 7 } };

    // A ValueInfoProto: name, and under type its tensor_type of elem_type and shape, whose dimensions have a number or a name.
    private static ProtoMessage Described(string name, OnnxType type, string? batch, ReadOnlySpan<int> shape)
    {
        ProtoMessage dimensions = new();
        if (batch is not null)
            dimensions.Add(1, new ProtoMessage { { 2, batch } });
        foreach (var length in shape)
            dimensions.Add(1, new ProtoMessage { { 1, length } });
        return new() { { 1, name }, { 2, new ProtoMessage { { 1, new ProtoMessage { { 1, (long)type }, { 2, dimensions } } } } } };
    }

    // A length of -1 is as many as there are.
    private string Reshaped(string value, params ReadOnlySpan<long> lengths) =>
        Node("Reshape", [value, Weight($"{value}.shape", OnnxType.Int64, [lengths.Length], MemoryMarshal.AsBytes(lengths).ToArray())]);

    private string Weight(string name, OnnxType type, ReadOnlySpan<int> shape, ReadOnlyMemory<byte> bytes)
    {
        weights.Add(new() { { 1, shape.ToArray().Select(length => (long)length) }, { 2, (long)type }, { 8, name }, { 9, bytes } });
        return name;
    }

    private string Node(string kind, IEnumerable<string> read, string? name = null, params ReadOnlySpan<ProtoMessage> attributes)
    {
        name ??= $"{kind}_{nodes.Count}";
        nodes.Add(new() { { 1, read }, { 2, name }, { 3, name }, { 4, kind }, { 5, attributes.ToArray() } });
        return name;
    }
}
