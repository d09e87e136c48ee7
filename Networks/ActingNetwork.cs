using RlWn.Inference;
using RlWn.Init;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>
/// One network as acting sees it: outputs from observations in the main memory. Small networks, and MinAtar's torso, run folded in plain C#; wide
/// ones and the other torsos through libtorch, whichever is faster. Both agree to 1e-5.
/// </summary>
/// <remarks>Call <see cref="Refresh"/> after the network was trained; until then the weights of the last refresh act. One thread at a time.</remarks>
public sealed class ActingNetwork : IDisposable
{
    // The multiplications for one observation, and the batch, from which libtorch's threads and blocking are worth its overhead. Up to two
    // hidden layers of 2,048 and a batch of 64 plain C# is faster on one core (benchmarks/results, ActingByWidth).
    internal const long WideFrom = 2048 * 2048;
    internal const int WideBatch = 128;

    private const int RowsTogether = 32;   // whose features stay in the cache

    private readonly int wideBatch;
    private readonly AgentNetwork network;
    private readonly FoldedMlp folded;
    private readonly FoldedTorso? torso;
    private readonly WideNetwork? wide;
    private float[] numbers = [];          // of observations that came as bytes
    private readonly float[] features;     // of the torso

    /// <summary>Makes the acting side of a network, refreshed.</summary>
    /// <param name="network">The network; not owned.</param>
    public ActingNetwork(AgentNetwork network) : this(network, WideFrom, WideBatch) { }

    internal ActingNetwork(AgentNetwork network, long wideFrom, int wideBatch)
    {
        ArgumentNullException.ThrowIfNull(network);
        network.RequireNoMemory();
        (this.network, this.wideBatch) = (network, wideBatch);
        var widths = network.Head.Widths;
        folded = new FoldedMlp([.. widths]);
        if (network.Torso is { } images && IsPlain(images))
            torso = new(images.Plan);
        if (torso is null && (network.Torso is not null || widths.Zip(widths.Skip(1), (inputs, outputs) => (long)inputs * outputs).Sum() >= wideFrom))
            wide = new(network);
        if (network.Torso is not null)
            this.wideBatch = 1;
        features = new float[torso is null ? 0 : RowsTogether * network.Torso!.Features];
        Refresh();
    }

    /// <summary>Whether a torso runs in plain C# while training: one convolution over a grid, whose empty rows cost nothing.</summary>
    internal static bool IsPlain(ImageTorso torso) => torso.Plan.Layers is [var only] && GridConvolution.Fits(only);

    /// <summary>Whether nothing here goes through libtorch.</summary>
    public bool IsPlainCSharp => wide is null;

    /// <summary>D: numbers in an observation.</summary>
    public int ObservationSize => network.InputSize;

    /// <summary>K: numbers that come out.</summary>
    public int Outputs => folded.OutputSize;

    /// <summary>Takes over the network's present weights, with its noise as last drawn. Allocates nothing that stays.</summary>
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
    public void Forward(Observations observations, int batch, Span<float> output)
    {
        if (wide is not null && batch >= wideBatch)
            wide.Forward(observations, batch, output);
        else if (torso is not null)
            ThroughTorso(torso, Numbers(observations), batch, output);
        else
            folded.Forward(Numbers(observations), batch, output);
    }

    /// <summary>Frees the folded copy; the network stays.</summary>
    public void Dispose()
    {
        folded.Dispose();
        torso?.Dispose();
        wide?.Dispose();
    }

    private void ThroughTorso(FoldedTorso torso, ReadOnlySpan<float> observations, int batch, Span<float> output)
    {
        if (observations.Length != (long)batch * ObservationSize || output.Length != (long)batch * Outputs)
            throw new ArgumentException($"Expected {batch} rows of {ObservationSize} numbers in and as many of {Outputs} out, got {observations.Length} and {output.Length}.");

        for (var done = 0; done < batch; done += RowsTogether)
        {
            var rows = Math.Min(batch - done, RowsTogether);
            var ofRows = features.AsSpan(0, rows * folded.InputSize);
            torso.Forward(observations.Slice(done * ObservationSize, rows * ObservationSize), rows, ofRows);
            folded.Forward(ofRows, rows, output.Slice(done * Outputs, rows * Outputs));
        }
    }

    private ReadOnlySpan<float> Numbers(Observations observations)
    {
        if (!observations.AreBytes)
            return observations.Numbers;

        if (numbers.Length < observations.Length)
            numbers = new float[observations.Length];
        var all = numbers.AsSpan(0, observations.Length);
        observations.CopyTo(0, all);
        return all;
    }

    private void Fold()
    {
        for (var i = 0; i < (network.Torso?.Layers.Count ?? 0); i++)
        {
            var layer = network.Torso!.Layers[i];
            var weight = ImageTorso.Folded(layer);
            torso?.SetLayer(i, Numbers(weight), Numbers(layer.Bias!));
            wide?.SetConvolution(i, weight, layer.Bias!);
        }

        var head = network.Head;
        for (var i = 0; i < head.Layers.Count; i++)
        {
            var (weight, bias) = head.Folded(i, withNoise: true);
            folded.SetLayer(i, Numbers(weight), Numbers(bias));
            wide?.SetLayer(i, weight, bias);

            if (head.RowNorm == RowNorm.None || head.NormOf(i) is not { } norm)
                continue;

            var parameters = norm.named_parameters().ToDictionary(entry => entry.name, entry => entry.parameter);
            var shift = parameters.GetValueOrDefault("bias");
            folded.SetNorm(i, head.RowNorm, Numbers(parameters["weight"]), shift is null ? [] : Numbers(shift));
            wide?.SetNorm(i, parameters["weight"], shift);
        }

        static ReadOnlySpan<float> Numbers(Tensor tensor) => Aten.Memory<float>(tensor.to(ScalarType.Float32).cpu().contiguous());
    }

    /// <summary>The weights of the last refresh for libtorch: a copy, since training goes on changing the network's own.</summary>
    private sealed class WideNetwork : IDisposable
    {
        private static readonly TorchSharp.Scalar Unit = 1;   // held: a Scalar made for one call may be collected during it

        private readonly TorsoPlan? plan;
        private readonly (Tensor Weight, Tensor Bias)[] convolutions;
        private readonly (Tensor Weight, Tensor Bias)[] layers;
        private readonly (Tensor Weight, Tensor Bias)[] norms;   // of the hidden layers
        private readonly RowNorm norm;
        private readonly Device device;
        private readonly int inputs;
        private readonly int outputs;

        public WideNetwork(AgentNetwork network)
        {
            var head = network.Head;
            (inputs, outputs, device) = (network.InputSize, network.OutputSize, network.parameters().First().device);
            plan = network.Torso?.Plan;
            convolutions = plan is null ? [] : [.. plan.Layers.Select(layer => (Room(layer.Output.Channels, layer.Input.Channels, layer.Kernel, layer.Kernel), Room(layer.Output.Channels)))];
            layers = [.. head.Widths.Zip(head.Widths.Skip(1), (from, to) => (Room(to, from), Room(to)))];

            norm = head.RowNorm;
            norms = norm == RowNorm.None ? [] : [.. head.Widths.Skip(1).SkipLast(1).Select(width => (Room(width), Room(width)))];

            Tensor Room(params long[] shape) => empty(shape, ScalarType.Float32, device).DetachFromDisposeScope();
        }

        public void SetConvolution(int layer, Tensor weight, Tensor bias)
        {
            convolutions[layer].Weight.copy_(weight);
            convolutions[layer].Bias.copy_(bias);
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

        public void Forward(Observations observations, int batch, Span<float> output)
        {
            if (observations.Length != batch * inputs || output.Length != batch * outputs)
                throw new ArgumentException($"Expected {batch} rows of {inputs} numbers in and as many of {outputs} out, got {observations.Length} and {output.Length}.");

            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            var features = Convolve(observations.ToTensor(batch, inputs, ScalarType.Float32, device));
            for (var i = 0; i < layers.Length - 1; i++)
                features = nn.functional.relu(Normalize(i, nn.functional.linear(features, layers[i].Weight, layers[i].Bias)));
            Aten.Memory<float>(nn.functional.linear(features, layers[^1].Weight, layers[^1].Bias).cpu()).CopyTo(output);
        }

        public void Dispose()
        {
            foreach (var (weight, bias) in convolutions.Concat(layers).Concat(norms))
            {
                weight.Dispose();
                bias.Dispose();
            }
        }

        private Tensor Convolve(Tensor input)
        {
            if (plan is null)
                return input;

            var x = input.view(-1, plan.Input.Channels, plan.Input.Height, plan.Input.Width);
            var shortcut = x;
            foreach (var (layer, (weight, bias)) in plan.Layers.Zip(convolutions))
            {
                if (layer.OpensShortcut)
                    shortcut = x;
                x = nn.functional.conv2d(layer.ReluBefore ? nn.functional.relu(x) : x, weight, bias, [layer.Stride, layer.Stride], [layer.Padding, layer.Padding]);
                if (layer.ClosesShortcut)
                    x = x.add(shortcut, Unit);
                if (layer.ReluAfter)
                    x = nn.functional.relu(x);
                if (layer.PoolAfter)
                    x = nn.functional.max_pool2d(x, 3, stride: 2, padding: 1);
            }

            return x.flatten(1);
        }

        private Tensor Normalize(int layer, Tensor preactivation) => norm switch
        {
            RowNorm.LayerNorm => nn.functional.layer_norm(preactivation, [preactivation.size(-1)], norms[layer].Weight, norms[layer].Bias, RmsNorm.Epsilon),
            RowNorm.RmsNorm => RmsNorm.Normalize(preactivation, norms[layer].Weight),
            _ => preactivation,
        };
    }
}
