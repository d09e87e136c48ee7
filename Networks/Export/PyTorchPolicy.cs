using RlWn.Inference;
using RlWn.Init;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>Makes a policy of weights that PyTorch saved, for a task that another policy, trained or not, was made for.</summary>
/// <remarks>
/// The tensors go by the names of a policy's file: actor.{i}.weight and actor.{i}.bias, or behind a torso actor.torso.{name}.… and actor.head.{i}.…,
/// actor.log_std of continuous actions, actor.obs_mean and actor.obs_var where observations are normalized; of a memory actor.lstm.ih.weight and .bias, which
/// torch.nn.LSTM names weight_ih_l0 and bias_ih_l0, and actor.lstm.hh.weight and .bias, there weight_hh_l0 and bias_hh_l0, in the same order of gates.
/// <see cref="PyTorchWeights"/> says in which forms and types they may come. A critic's, critic.… here, are left out, as a policy has none.
/// </remarks>
public static class PyTorchPolicy
{
    private const string Actor = "actor", Critic = "critic.", LogStd = "log_std", Mean = "obs_mean", Variance = "obs_var";

    /// <summary>Makes the policy.</summary>
    /// <param name="tensors">What <see cref="Safetensors.Read"/> gives.</param>
    /// <param name="like">What says the shapes and what the outputs stand for, as an agent's SnapshotPolicy; its weights count for nothing. Not owned.</param>
    /// <param name="network">How the network of <paramref name="like"/> is built.</param>
    /// <param name="names">Names among the tensors and what they are here. See <see cref="PyTorchWeights.Load(nn.Module, string, IReadOnlyDictionary{string, string}?)"/>.</param>
    /// <returns>The policy, with the metadata of <paramref name="like"/>.</returns>
    /// <exception cref="ArgumentException">Tensors are missing, superfluous, of another shape or not finite; the message names all of them.</exception>
    public static Policy Make(IReadOnlyList<TensorData> tensors, Policy like, NetworkOptions network, IReadOnlyDictionary<string, string>? names = null)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        ArgumentNullException.ThrowIfNull(like);
        ArgumentNullException.ThrowIfNull(network);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator(0);   // what it draws is written over
        using var actor = AgentNetwork.Make(
            [.. like.ObservationShape], like.Layers.OutputSize, network with { Scale = ScaleMode.Learnable }, OutputLayer.Plain, outputScale: 1, new Initializer(generator));
        Dictionary<string, Tensor> others = [];   // beside the layers
        if (like.Kind == ActionKind.Continuous)
            others[LogStd] = zeros(like.ActionSize, ScalarType.Float32);
        if (like.Scale is not null)
            (others[Mean], others[Variance]) = (zeros(like.ObservationSize, ScalarType.Float64), ones(like.ObservationSize, ScalarType.Float64));

        using var whole = new Whole(actor, others);
        PyTorchWeights.Load(whole, tensors, names, leftOut: Critic);
        return Policy.FromTensors(
            [.. actor.ActingTensors().Concat(others.Select(entry => (entry.Key, entry.Value))).Select(entry => Data($"{Actor}.{entry.Item1}", entry.Item2))],
            like.Metadata);
    }

    private static TensorData Data(string name, Tensor tensor)
    {
        int[] shape = [.. tensor.shape.Select(length => (int)length)];
        var numbers = tensor.contiguous();
        return numbers.dtype == ScalarType.Float64
            ? TensorData.Of(name, shape, (ReadOnlySpan<double>)Aten.Memory<double>(numbers))
            : TensorData.Of(name, shape, (ReadOnlySpan<float>)Aten.Memory<float>(numbers));
    }

    /// <summary>All that a policy's file holds, under its names.</summary>
    private sealed class Whole : nn.Module
    {
        public Whole(AgentNetwork actor, IReadOnlyDictionary<string, Tensor> others) : base(nameof(Policy))
        {
            foreach (var (name, value) in others)
                actor.register_buffer(name, value);
            register_module(Actor, actor);
        }

        /// <inheritdoc/>
        protected override void RegisterComponents() { }
    }
}
