namespace RlWn.Inference;

/// <summary>The tensors of a policy's file: each is taken once, by its name and shape, and none may be left over.</summary>
internal sealed class PolicyTensors
{
    private const string Prefix = "actor.", TorsoPrefix = "actor.torso.", LstmPrefix = "actor.lstm.", HeadPrefix = "actor.head.";

    private readonly Dictionary<string, TensorData> remaining = [];

    /// <summary>Keeps those that act.</summary>
    /// <param name="all">Any tensors.</param>
    /// <exception cref="ArgumentException">Two have one name.</exception>
    public PolicyTensors(IReadOnlyList<TensorData> all)
    {
        All = [.. all.Where(tensor => tensor.Name.StartsWith(Prefix, StringComparison.Ordinal))];
        foreach (var tensor in All)
        {
            if (!remaining.TryAdd(tensor.Name, tensor))
                throw new ArgumentException($"Expected every tensor's name once, got '{tensor.Name}' again.");
        }
    }

    /// <summary>All that act, as they came.</summary>
    public IReadOnlyList<TensorData> All { get; }

    /// <summary>Takes a tensor.</summary>
    /// <param name="name">Its name after "actor.".</param>
    /// <param name="shape">The shape it must have.</param>
    /// <exception cref="ArgumentException">It is not there, is of another shape or type, or holds numbers that are not finite.</exception>
    public ReadOnlySpan<float> Take(string name, params ReadOnlySpan<int> shape) => TakeFull($"{Prefix}{name}", shape).Floats;

    /// <summary>Takes a tensor of F64.</summary>
    /// <inheritdoc cref="Take"/>
    public ReadOnlySpan<double> TakeDoubles(string name, params ReadOnlySpan<int> shape)
    {
        var numbers = TakeOf(DType.F64, $"{Prefix}{name}", shape).Doubles;
        foreach (var value in numbers)
        {
            if (!double.IsFinite(value))
                throw NotFinite($"{Prefix}{name}", value);
        }

        return numbers;
    }

    /// <summary>Takes the convolutions of a torso.</summary>
    /// <exception cref="ArgumentException">One is missing or does not fit.</exception>
    public FoldedTorso TakeTorso(TorsoPlan plan)
    {
        var torso = new FoldedTorso(plan);
        try
        {
            for (var i = 0; i < plan.Layers.Count; i++)
            {
                var layer = plan.Layers[i];
                var path = TorsoPrefix + layer.Name;
                int[] shape = [layer.Output.Channels, layer.Input.Channels, layer.Kernel, layer.Kernel];
                var weight = TakeWeight(WeightName(path), path, shape);
                torso.SetLayer(i, weight, TakeFull($"{path}.bias", shape[0]).Floats);
            }
        }
        catch
        {
            torso.Dispose();
            throw;
        }

        return torso;
    }

    /// <summary>Takes an LSTM.</summary>
    /// <param name="units">H.</param>
    /// <exception cref="ArgumentException">A tensor is missing or does not fit.</exception>
    public FoldedLstm TakeLstm(int units)
    {
        const string OfInput = $"{LstmPrefix}ih", OfHidden = $"{LstmPrefix}hh";
        var rows = 4 * units;
        var inputName = WeightName(OfInput);
        if (remaining.GetValueOrDefault(inputName)?.Shape is not [_, > 0 and var inputs])
            throw new ArgumentException($"Expected tensor {inputName} of F32 [{rows}, in], got {remaining.GetValueOrDefault(inputName)?.ShapeText ?? "none"}.");

        var (ofInput, ofHidden) = (TakeWeight(inputName, OfInput, rows, inputs), TakeWeight(WeightName(OfHidden), OfHidden, rows, units));
        var (biasOfInput, biasOfHidden) = (TakeFull($"{OfInput}.bias", rows), TakeFull($"{OfHidden}.bias", rows));
        var lstm = new FoldedLstm(inputs, units);
        lstm.SetWeights(ofInput, ofHidden, biasOfInput.Floats, biasOfHidden.Floats);
        return lstm;
    }

    /// <summary>Takes the fully connected layers, as many as there are.</summary>
    /// <param name="isHead">Whether they stand behind a torso or an LSTM, under names of their own.</param>
    /// <param name="norm">What normalizes hidden layers.</param>
    /// <exception cref="ArgumentException">There is none, or one does not fit the one before.</exception>
    public FoldedMlp TakeLayers(bool isHead, RowNorm norm)
    {
        var prefix = isHead ? HeadPrefix : Prefix;
        var layers = new List<(float[] Weight, float[] Bias)>();
        var widths = new List<int>();
        while (true)
        {
            var path = $"{prefix}{layers.Count}";
            var weightName = WeightName(path);
            if (!remaining.TryGetValue(weightName, out var tensor))
                break;

            if (tensor.Shape is not [> 0 and var outputs, > 0 and var inputs] || (widths.Count > 0 && inputs != widths[^1]))
            {
                throw new ArgumentException(
                    $"Expected tensor {weightName} of [out, {(widths.Count > 0 ? widths[^1] : "in")}], got {tensor.ShapeText}.");
            }

            if (widths.Count == 0)
                widths.Add(inputs);
            widths.Add(outputs);
            layers.Add((TakeWeight(weightName, path, outputs, inputs), TakeFull($"{path}.bias", outputs).Floats.ToArray()));
        }

        if (layers.Count == 0)
        {
            throw new ArgumentException(
                $"Expected a tensor {prefix}0.weight_v or {prefix}0.weight, got none. The file holds no policy, " +
                "or one that was not saved for acting.");
        }

        var norms = norm == RowNorm.None ? [] : widths.Skip(1).SkipLast(1).Select((width, i) => (
            Weight: TakeFull($"{prefix}{i}_norm.weight", width).Floats.ToArray(),
            Bias: norm == RowNorm.RmsNorm ? [] : TakeFull($"{prefix}{i}_norm.bias", width).Floats.ToArray())).ToArray();

        var network = new FoldedMlp([.. widths]);
        for (var i = 0; i < layers.Count; i++)
            network.SetLayer(i, layers[i].Weight, layers[i].Bias);
        for (var i = 0; i < norms.Length; i++)
            network.SetNorm(i, norm, norms[i].Weight, norms[i].Bias);
        return network;
    }

    /// <summary>Refuses what nobody took.</summary>
    /// <exception cref="ArgumentException">A tensor is left over.</exception>
    public void RequireAllTaken()
    {
        if (remaining.Count > 0)
        {
            throw new ArgumentException(
                $"Expected no tensor that the policy has no use for, got {string.Join(", ", remaining.Keys.Order())}. " +
                "A layer's number, bias or weight may be missing.");
        }
    }

    private string WeightName(string path) => remaining.ContainsKey($"{path}.weight") ? $"{path}.weight" : $"{path}.weight_v";

    /// <summary>A plain weight as it is, a normalized one multiplied out.</summary>
    private float[] TakeWeight(string name, string path, params ReadOnlySpan<int> shape)
    {
        var weight = TakeFull(name, shape).Floats.ToArray();
        if (name == $"{path}.weight")
            return weight;

        Span<int> ofScale = stackalloc int[shape.Length];
        ofScale.Fill(1);
        ofScale[0] = shape[0];
        var g = TakeFull($"{path}.weight_g", ofScale).Floats;
        try
        {
            FoldedMlp.Fold(g, weight, weight);
        }
        catch (ArgumentException exception)
        {
            throw new ArgumentException($"Tensor {name}: {exception.Message}", exception);
        }

        return weight;
    }

    private TensorData TakeFull(string name, params ReadOnlySpan<int> shape)
    {
        var tensor = TakeOf(DType.F32, name, shape);
        foreach (var value in tensor.Floats)
        {
            if (!float.IsFinite(value))
                throw NotFinite(name, value);
        }

        return tensor;
    }

    private TensorData TakeOf(DType type, string name, ReadOnlySpan<int> shape)
    {
        var expected = $"Expected tensor {name} of {type} [{string.Join(", ", shape.ToArray())}]";
        if (!remaining.Remove(name, out var tensor))
            throw new ArgumentException($"{expected}, got none.");
        return tensor.Type == type && tensor.Shape.AsSpan().SequenceEqual(shape)
            ? tensor
            : throw new ArgumentException($"{expected}, got {tensor.Type} {tensor.ShapeText}.");
    }

    private static ArgumentException NotFinite(string name, double value) =>
        new($"Expected tensor {name} with finite numbers, got {value}. The training has diverged; take an earlier checkpoint.");
}
