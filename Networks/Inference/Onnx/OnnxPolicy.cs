namespace RlWn.Inference;

/// <summary>Writes policies as ONNX files, which ONNX Runtime and others run, in Python, browsers and elsewhere.</summary>
/// <remarks>
/// <para>
/// The input is "observation", a batch of any size with the shape of the task's observations: of numbers, or of bytes where the task gives bytes,
/// which are scaled inside. What normalized observations in training is part of the network. Weight norm is multiplied into plain weights.
/// </para>
/// <para>
/// A discrete policy gives "logits" [batch, N], which are values where the agent is value-based, the mean returns where it has their
/// distributions, and "action" [batch], the most probable one; one of several choices at once "logits" [batch, N₁ + N₂ + …] and "action" [batch, A]. A continuous policy
/// gives "mean" [batch, A], "log_std" [A], and "action" [batch, A], the mean within the bounds: clipped, or squashed by a tanh.
/// </para>
/// <para>
/// A recurrent policy has the inputs "hidden" and "cell" besides, both [batch, H] and zero at the start of each episode, and the outputs "next_hidden" and
/// "next_cell", which the next step takes.
/// </para>
/// <para>The policy's metadata is the file's; producer is RlWn. Version 8 of the format, operator set 17.</para>
/// </remarks>
public static class OnnxPolicy
{
    /// <summary>Writes a policy to a file, in one step: an existing file is replaced by a whole new one or not at all.</summary>
    /// <param name="path">The file.</param>
    /// <param name="policy">The policy, which stays as it is.</param>
    /// <exception cref="IOException">The file could not be written.</exception>
    /// <exception cref="NotSupportedException">The policy is beyond 2 GiB.</exception>
    public static void Write(string path, Policy policy)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var model = Model(policy);
        WholeFile.Write(path, model.WriteTo);
    }

    /// <summary>What <see cref="Write"/> writes.</summary>
    /// <inheritdoc cref="Write" path="/param[@name='policy']"/>
    public static byte[] ToBytes(Policy policy)
    {
        using var stream = new MemoryStream();
        Model(policy).WriteTo(stream);
        return stream.ToArray();
    }

    private static ProtoMessage Model(Policy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        var graph = new OnnxGraph("policy");
        var features = Observation(graph, policy);
        if (policy.Convolutions is { } torso)
            features = Through(graph, torso, features);
        if (policy.ObservationShape.Count != 1)
            features = graph.Flatten(features);

        var nextCell = "";
        if (policy.Memory is not null)
            (features, nextCell) = Through(graph, policy.Memory, features);
        var nextHidden = features;
        var outputs = Through(graph, policy.Layers, features, policy.Convolutions is null && policy.Memory is null ? "actor." : "actor.head.");
        switch (policy.Head)
        {
            case CategoricalHead:
                Choice(graph, outputs, policy.ActionCount);
                break;
            case ReturnDistributionHead head:
                Choice(graph, graph.Means(outputs, head.Choices, head.Atoms()), head.Choices);
                break;
            case MultiCategoricalHead head:
                graph.Output("logits", outputs, OnnxType.Float, head.Counts.Sum());
                graph.Output("action", graph.GreatestOfParts(outputs, head.Counts), OnnxType.Int64, head.ActionSize);
                break;
            case ContinuousHead head:
                graph.Output("mean", outputs, OnnxType.Float, head.ActionSize);
                graph.OutputConstant("log_std", head.LogStd);
                graph.Output("action", Bounded(graph, outputs, head), OnnxType.Float, head.ActionSize);
                break;
            default:
                throw new NotSupportedException($"Expected a policy of logits, distributions of returns or continuous numbers, which have an ONNX form, got {policy.Head.Description}.");
        }

        if (policy.Memory is { Units: var units })
        {
            graph.Output("next_hidden", nextHidden, OnnxType.Float, units);
            graph.Output("next_cell", nextCell, OnnxType.Float, units);
        }

        return graph.ToModel(policy.Metadata);
    }

    private static void Choice(OnnxGraph graph, string logits, int choices)
    {
        graph.Output("logits", logits, OnnxType.Float, choices);
        graph.Output("action", graph.Greatest(logits), OnnxType.Int64);
    }

    private static string Bounded(OnnxGraph graph, string mean, ContinuousHead head)
    {
        float[] low = [.. head.Low], high = [.. head.High];
        return graph.Clip(head is TanhGaussianHead ? graph.Squash(mean, low, high) : mean, low, high);
    }

    private static string Observation(OnnxGraph graph, Policy policy)
    {
        var observation = graph.Input("observation", policy.ByteScale is null ? OnnxType.Float : OnnxType.UInt8, [.. policy.ObservationShape]);
        var numbers = policy.ByteScale is { } factor ? graph.Scaled(observation, factor) : observation;
        return policy.Scale is { } scale ? graph.Standardized(numbers, [.. policy.ObservationShape], scale.Mean, scale.Deviation, scale.Clip) : numbers;
    }

    private static string Through(OnnxGraph graph, FoldedTorso torso, string features)
    {
        var shortcut = features;
        for (var i = 0; i < torso.Plan.Layers.Count; i++)
        {
            var layer = torso.Plan.Layers[i];
            var (weight, bias) = torso.LayerOf(i);
            if (layer.OpensShortcut)
                shortcut = features;
            if (layer.ReluBefore)
                features = graph.Relu(features);
            features = graph.Convolution(
                $"actor.torso.{layer.Name}", features, [layer.Output.Channels, layer.Input.Channels, layer.Kernel, layer.Kernel], weight, bias, layer.Stride, layer.Padding);
            if (layer.ClosesShortcut)
                features = graph.Sum(features, shortcut);
            if (layer.ReluAfter)
                features = graph.Relu(features);
            if (layer.PoolAfter)
                features = graph.Pool(features);
        }

        return features;
    }

    private static (string NextHidden, string NextCell) Through(OnnxGraph graph, FoldedLstm memory, string features)
    {
        var (hidden, cell) = (graph.Input("hidden", OnnxType.Float, [memory.Units]), graph.Input("cell", OnnxType.Float, [memory.Units]));
        var seen = graph.Joined(features, hidden);
        var kept = graph.Product(graph.Sigmoid(Gate(1, "forget")), cell);
        var added = graph.Product(graph.Sigmoid(Gate(0, "input")), graph.Tanh(Gate(2, "candidate")));
        var nextCell = graph.Sum(kept, added);
        var nextHidden = graph.Product(graph.Sigmoid(Gate(3, "output")), graph.Tanh(nextCell));
        return (nextHidden, nextCell);

        string Gate(int gate, string name)
        {
            var (weight, bias) = memory.GateOf(gate);
            return graph.Linear($"actor.lstm.{name}", seen, weight, bias);
        }
    }

    private static string Through(OnnxGraph graph, FoldedMlp network, string features, string prefix)
    {
        for (var i = 0; i < network.LayerCount; i++)
        {
            var (weight, bias) = network.LayerOf(i);
            features = graph.Linear($"{prefix}{i}", features, weight, bias);
            if (i == network.LayerCount - 1)
                break;

            var (norm, gain, shift) = network.NormOf(i);
            features = graph.Relu(graph.Normalized($"{prefix}{i}_norm", features, norm, gain, shift));
        }

        return features;
    }
}
