using RlWn.Agents.Dqn;
using RlWn.Envs;
using RlWn.Inference;
using RlWn.Init;
using RlWn.Networks;
using static TorchSharp.torch;

namespace RlWn.Agents;

/// <summary>Takes a policy out of training: its weights as they are, under their PyTorch names.</summary>
internal static class PolicySnapshot
{
    /// <summary>The policy of an actor.</summary>
    public static Policy Of(ActorCritic network, VectorEnv envs, IReadOnlyDictionary<string, string>? metadata)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();

        var tensors = network.Actor.ActingTensors().Select(entry => Copy($"actor.{entry.Name}", Acts(network, entry.Name, entry.Value))).ToList();
        if (network.log_std is { } logStd)
            tensors.Add(Copy("actor.log_std", logStd));

        return Make(tensors, envs, network.Actor, network.ActionBounds, metadata);
    }

    /// <summary>
    /// The policy that takes the action of the highest value: logits are the values, and an argmax does not mind; or, where returns are categorical,
    /// logits are those of each action's return.
    /// </summary>
    public static Policy OfValues(AgentNetwork network, DqnLoss loss, VectorEnv envs, IReadOnlyDictionary<string, string>? metadata)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();

        var last = $"{network.HeadPrefix}{network.Head.Widths.Count - 2}.";
        var tensors = network.ActingTensors().ToDictionary(entry => entry.Name, entry => entry.Value);
        var weight = tensors.TryGetValue($"{last}weight", out var plain) ? plain : Aten.WeightNorm(tensors[$"{last}weight_v"], tensors[$"{last}weight_g"]);
        return Make(
            [
                .. from entry in tensors where !entry.Key.StartsWith(last, StringComparison.Ordinal) select Copy($"actor.{entry.Key}", entry.Value),
                Copy($"actor.{last}weight", loss.ActingRows(weight)),
                Copy($"actor.{last}bias", loss.ActingRows(tensors[$"{last}bias"])),
            ],
            envs, network, ActionBounds.Clip, metadata, loss.Support);
    }

    private static Policy Make(
        List<TensorData> tensors, VectorEnv envs, AgentNetwork network, ActionBounds bounds, IReadOnlyDictionary<string, string>? metadata,
        (int Atoms, double Low, double High)? returns = null)
    {
        var shape = envs.ObservationSpace.Shape.AsSpan();
        var texts = envs.ActionSpace switch
        {
            Box box => Policy.BoxMetadata(shape, box.Low.AsSpan(), box.High.AsSpan(), network.Head.RowNorm),
            MultiDiscrete several => Policy.MultiDiscreteMetadata(shape, several.Choices.AsSpan(), network.Head.RowNorm),
            _ => Policy.DiscreteMetadata(shape, network.Head.RowNorm),
        };
        if (envs.ActionSpace is Box && bounds == ActionBounds.Tanh)
            Policy.AddTanh(texts);
        if (returns is var (atoms, low, high))
            Policy.AddReturnDistribution(texts, atoms, low, high);
        if (envs.ObservationSpace is ByteBox bytes)
            Policy.AddBytes(texts, bytes.High);
        if (envs is NormalizedVectorEnv { Options.Observations: true } normalized)
            AddScale(normalized, tensors, texts);
        if (network.Torso is { } torso)
            Policy.AddTorso(texts, torso.Kind, torso.Depth, torso.Widening);
        if (network is RecurrentNetwork { Lstm: var lstm })
            Policy.AddLstm(texts, (int)lstm.Units);
        foreach (var (key, text) in metadata ?? new Dictionary<string, string>())
            texts[key] = text;
        return Policy.FromTensors(tensors, texts);
    }

    // So that the policy takes what the tasks give.
    private static void AddScale(NormalizedVectorEnv envs, List<TensorData> tensors, Dictionary<string, string> texts)
    {
        var statistics = envs.ObservationStatistics;
        double[] variance = [.. statistics.Variance.ToArray().Select(number => number + envs.Options.Epsilon)];
        tensors.Add(TensorData.Of("actor.obs_mean", [variance.Length], statistics.Mean));
        tensors.Add(TensorData.Of("actor.obs_var", [variance.Length], variance));
        Policy.AddObservationScale(texts, envs.Options.Clip);
    }

    // Of a shared network's output layer all rows but the last, which is the value's.
    private static Tensor Acts(ActorCritic network, string name, Tensor value)
    {
        var last = network.Actor.Head.Widths.Count - 2;
        var isOutput = name.StartsWith($"{network.Actor.HeadPrefix}{last}.", StringComparison.Ordinal);
        return network.IsShared && isOutput ? value.narrow(0, 0, network.PolicyOutputs) : value;
    }

    private static TensorData Copy(string name, Tensor tensor) => TensorData.Of(
        name, [.. tensor.shape.Select(length => (int)length)], (ReadOnlySpan<float>)Aten.Memory<float>(tensor.to(ScalarType.Float32).cpu().contiguous()));
}
