using RlWn.Inference;
using RlWn.Init;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>
/// An actor-critic as acting sees it: logits or means, and values, from observations in the main memory. Small networks run folded in plain
/// C# and wide ones through libtorch, whichever is faster; both agree to 1e-5.
/// </summary>
/// <remarks>Call <see cref="Refresh"/> after the network was trained; until then the weights of the last refresh act. One thread at a time.</remarks>
public sealed class Acting : IDisposable
{
    /// <summary>The number of multiplications for one observation from which libtorch is faster, by the table in benchmarks/results.</summary>
    internal const long WideFrom = 512 * 512;

    /// <summary>The batch from which that holds; below it plain C# is faster at any width.</summary>
    internal const int WideBatch = 8;

    private readonly ActorCritic network;
    private readonly FoldedMlp actor;
    private readonly FoldedMlp critic;
    private readonly float[] logStd;
    private readonly bool wide;

    /// <summary>Makes the acting side of a network, refreshed.</summary>
    /// <param name="network">The network; not owned.</param>
    public Acting(ActorCritic network)
    {
        ArgumentNullException.ThrowIfNull(network);
        this.network = network;
        actor = new FoldedMlp([.. network.Actor.Widths]);
        critic = new FoldedMlp([.. network.Critic.Widths]);
        logStd = new float[network.log_std is null ? 0 : PolicyOutputs];
        wide = network.Actor.Widths.Zip(network.Actor.Widths.Skip(1), (inputs, outputs) => (long)inputs * outputs).Sum() >= WideFrom;
        Refresh();
    }

    /// <summary>D: numbers in an observation.</summary>
    public int ObservationSize => actor.InputSize;

    /// <summary>K: logits, or numbers of an action.</summary>
    public int PolicyOutputs => actor.OutputSize;

    /// <summary>log σ of each number of a continuous action, as of the last refresh; empty for discrete actions.</summary>
    public ReadOnlySpan<float> LogStd => logStd;

    /// <summary>Takes over the network's present weights. Allocates nothing that stays.</summary>
    public void Refresh()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Fold(network.Actor, actor);
        Fold(network.Critic, critic);
        if (network.log_std is { } parameter)
            Aten.Memory<float>(parameter.to(ScalarType.Float32).cpu()).CopyTo(logStd);
    }

    /// <summary>Evaluates policy and value of a batch.</summary>
    /// <param name="observations">[N, D], row after row.</param>
    /// <param name="batch">N, at least 1.</param>
    /// <param name="policy">Receives logits or means, [N, K].</param>
    /// <param name="values">Receives V(s), [N].</param>
    public void Evaluate(ReadOnlySpan<float> observations, int batch, Span<float> policy, Span<float> values)
    {
        if (wide && batch >= WideBatch)
        {
            Forward(network.Actor, observations, batch, policy);
            Forward(network.Critic, observations, batch, values);
        }
        else
        {
            actor.Forward(observations, batch, policy);
            critic.Forward(observations, batch, values);
        }
    }

    /// <summary>Evaluates the value alone.</summary>
    /// <inheritdoc cref="Evaluate" path="/param"/>
    public void Value(ReadOnlySpan<float> observations, int batch, Span<float> values)
    {
        if (wide && batch >= WideBatch)
            Forward(network.Critic, observations, batch, values);
        else
            critic.Forward(observations, batch, values);
    }

    /// <summary>Frees the folded copy; the network stays.</summary>
    public void Dispose()
    {
        actor.Dispose();
        critic.Dispose();
    }

    private static void Fold(Mlp from, FoldedMlp to)
    {
        for (var i = 0; i < from.Layers.Count; i++)
        {
            var (weight, bias) = from.Layers[i] switch
            {
                WeightNormLayer layer => (layer.Weight(), layer.bias),
                Linear layer => (layer.weight, layer.bias),
                var layer => throw new InvalidOperationException($"Expected weight-normalized or plain linear layers, got {layer.GetName()}."),
            };
            to.SetLayer(i, Numbers(weight), Numbers(bias!));
        }

        static ReadOnlySpan<float> Numbers(Tensor tensor) => Aten.Memory<float>(tensor.to(ScalarType.Float32).cpu().contiguous());
    }

    private static void Forward(Mlp network, ReadOnlySpan<float> observations, int batch, Span<float> outputs)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var parameter = network.parameters().First();
        var input = empty([batch, network.Widths[0]], ScalarType.Float32);
        observations[..(int)input.NumberOfElements].CopyTo(Aten.Memory<float>(input));
        var output = network.forward(input.to(parameter.dtype, parameter.device)).to(ScalarType.Float32).cpu();
        Aten.Memory<float>(output).CopyTo(outputs);
    }
}
