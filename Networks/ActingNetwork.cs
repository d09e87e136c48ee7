using RlWn.Inference;
using RlWn.Init;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>
/// One network as acting sees it: outputs from observations in the main memory. Small networks run folded in plain C# and wide ones through
/// libtorch, whichever is faster; both agree to 1e-5.
/// </summary>
/// <remarks>Call <see cref="Refresh"/> after the network was trained; until then the weights of the last refresh act. One thread at a time.</remarks>
public sealed class ActingNetwork : IDisposable
{
    // The multiplications for one observation, and the batch, from which libtorch's threads and blocking are worth its overhead. Up to two
    // hidden layers of 2,048 and a batch of 64 plain C# is faster on one core (benchmarks/results, ActingByWidth).
    internal const long WideFrom = 2048 * 2048;
    internal const int WideBatch = 128;

    private readonly int wideBatch;
    private readonly Mlp network;
    private readonly FoldedMlp folded;
    private readonly WideMlp? wide;

    /// <summary>Makes the acting side of a network, refreshed.</summary>
    /// <param name="network">The network; not owned.</param>
    public ActingNetwork(Mlp network) : this(network, WideFrom, WideBatch) { }

    internal ActingNetwork(Mlp network, long wideFrom, int wideBatch)
    {
        ArgumentNullException.ThrowIfNull(network);
        (this.network, this.wideBatch) = (network, wideBatch);
        folded = new FoldedMlp([.. network.Widths]);
        if (network.Widths.Zip(network.Widths.Skip(1), (inputs, outputs) => (long)inputs * outputs).Sum() >= wideFrom)
            wide = new(network);
        Refresh();
    }

    /// <summary>D: numbers in an observation.</summary>
    public int ObservationSize => folded.InputSize;

    /// <summary>K: numbers that come out.</summary>
    public int Outputs => folded.OutputSize;

    /// <summary>Takes over the network's present weights. Allocates nothing that stays.</summary>
    public void Refresh()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Fold();
    }

    /// <summary>Evaluates a batch.</summary>
    /// <param name="observations">[N, D], row after row.</param>
    /// <param name="batch">N, at least 1.</param>
    /// <param name="output">Receives [N, K].</param>
    public void Forward(ReadOnlySpan<float> observations, int batch, Span<float> output)
    {
        if (wide is not null && batch >= wideBatch)
            wide.Forward(observations, batch, output);
        else
            folded.Forward(observations, batch, output);
    }

    /// <summary>Frees the folded copy; the network stays.</summary>
    public void Dispose()
    {
        folded.Dispose();
        wide?.Dispose();
    }

    private void Fold()
    {
        for (var i = 0; i < network.Layers.Count; i++)
        {
            var (weight, bias) = network.Folded(i);
            folded.SetLayer(i, Numbers(weight), Numbers(bias));
            wide?.SetLayer(i, weight, bias);

            if (network.RowNorm == RowNorm.None || network.NormOf(i) is not { } norm)
                continue;

            var parameters = norm.named_parameters().ToDictionary(entry => entry.name, entry => entry.parameter);
            var shift = parameters.GetValueOrDefault("bias");
            folded.SetNorm(i, network.RowNorm, Numbers(parameters["weight"]), shift is null ? [] : Numbers(shift));
            wide?.SetNorm(i, parameters["weight"], shift);
        }

        static ReadOnlySpan<float> Numbers(Tensor tensor) => Aten.Memory<float>(tensor.to(ScalarType.Float32).cpu().contiguous());
    }

    /// <summary>The weights of the last refresh for libtorch: a copy, since training goes on changing the network's own.</summary>
    private sealed class WideMlp : IDisposable
    {
        private readonly (Tensor Weight, Tensor Bias)[] layers;
        private readonly (Tensor Weight, Tensor Bias)[] norms;   // of the hidden layers
        private readonly RowNorm norm;
        private readonly Device device;
        private readonly int inputs;
        private readonly int outputs;

        public WideMlp(Mlp network)
        {
            (inputs, outputs, device) = (network.Widths[0], network.Widths[^1], network.parameters().First().device);
            layers = [.. network.Widths.Zip(network.Widths.Skip(1), (from, to) => (Room(to, from), Room(to)))];

            norm = network.RowNorm;
            norms = norm == RowNorm.None ? [] : [.. network.Widths.Skip(1).SkipLast(1).Select(width => (Room(width), Room(width)))];

            Tensor Room(params long[] shape) => empty(shape, ScalarType.Float32, device).DetachFromDisposeScope();
        }

        public void SetLayer(int layer, Tensor weight, Tensor bias)
        {
            layers[layer].Weight.copy_(weight);
            layers[layer].Bias.copy_(bias);
        }

        public void SetNorm(int layer, Tensor weight, Tensor? bias)
        {
            norms[layer].Weight.copy_(weight);
            if (bias is not null)
                norms[layer].Bias.copy_(bias);
        }

        public void Forward(ReadOnlySpan<float> observations, int batch, Span<float> output)
        {
            if (observations.Length != batch * inputs || output.Length != batch * outputs)
                throw new ArgumentException($"Expected {batch} rows of {inputs} numbers in and as many of {outputs} out, got {observations.Length} and {output.Length}.");

            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            var input = empty([batch, inputs], ScalarType.Float32);
            observations.CopyTo(Aten.Memory<float>(input));

            var features = input.to(device);
            for (var i = 0; i < layers.Length - 1; i++)
                features = nn.functional.relu(Normalize(i, nn.functional.linear(features, layers[i].Weight, layers[i].Bias)));
            Aten.Memory<float>(nn.functional.linear(features, layers[^1].Weight, layers[^1].Bias).cpu()).CopyTo(output);
        }

        public void Dispose()
        {
            foreach (var (weight, bias) in layers.Concat(norms))
            {
                weight.Dispose();
                bias.Dispose();
            }
        }

        private Tensor Normalize(int layer, Tensor preactivation) => norm switch
        {
            RowNorm.LayerNorm => nn.functional.layer_norm(preactivation, [preactivation.size(-1)], norms[layer].Weight, norms[layer].Bias, RmsNorm.Epsilon),
            RowNorm.RmsNorm => RmsNorm.Normalize(preactivation, norms[layer].Weight),
            _ => preactivation,
        };
    }
}
