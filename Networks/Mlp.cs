using RlWn.Inference;
using RlWn.Init;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Networks;

/// <summary>A multilayer perceptron: hidden layers, weight-normalized in most schemes, each with a ReLU, and an output layer.</summary>
/// <remarks>
/// Layers are named 0, 1, … in a saved file; the last is the output layer. Normalizations, where there are some, are 0_norm, 1_norm, …, and noise is
/// 0_noise, 1_noise, ….
/// </remarks>
public sealed class Mlp : AgentNetwork, IChain, IOnnxSource
{
    // Held: a Scalar made for one call may be collected during it. ε is that of TorchSharp's batch and layer normalization.
    private static readonly TorchSharp.Scalar Epsilon = RmsNorm.Epsilon, Unit = 1;

    private readonly Module<Tensor, Tensor>[] layers;
    private readonly Module<Tensor, Tensor>?[] norms;   // of each hidden layer; null where there is no partner
    private readonly FactorizedNoise[] noises;          // of each layer; empty without noise

    /// <summary>Makes the network.</summary>
    /// <param name="inputs">Features of an observation, at least 1.</param>
    /// <param name="hidden">The width of each hidden layer, each at least 1; may be empty.</param>
    /// <param name="outputs">Width of the output layer, at least 1.</param>
    /// <param name="output">How the output layer is built.</param>
    /// <param name="outputScale">The length of each output row at the start.</param>
    /// <param name="init">Where the first values come from.</param>
    /// <param name="scheme">How hidden layers are built and start; by default as proposed, with the initializer's directions: γ = 2 in each.</param>
    /// <param name="scale">Whether g of the hidden layers learns, stays, or is not there at all.</param>
    /// <param name="partner">What normalizes the pre-activations of hidden layers; a scheme with batch normalization has it without being told.</param>
    /// <param name="noise">σ₀ of the noise on every layer; 0 is none. See <see cref="FactorizedNoise"/>.</param>
    public Mlp(
        long inputs, ReadOnlySpan<int> hidden, long outputs, OutputLayer output, double outputScale, Initializer init, Scheme? scheme = null,
        ScaleMode scale = ScaleMode.Learnable, NormPartner partner = NormPartner.None, double noise = 0) : base(nameof(Mlp))
    {
        ArgumentNullException.ThrowIfNull(init);
        var make = new LayerFactory(scheme ?? new(init.Direction, ScaleRule.Proposed), init) { Scale = scale, Partner = partner };
        Partner = make.Partner;
        layers = new Module<Tensor, Tensor>[hidden.Length + 1];
        norms = new Module<Tensor, Tensor>?[hidden.Length];
        var width = inputs;
        for (var i = 0; i < hidden.Length; i++)
        {
            layers[i] = make.Linear(width, hidden[i], Place.Hidden);
            norms[i] = make.Norm1d(hidden[i]);
            width = hidden[i];
        }

        layers[^1] = make.Output(output, width, outputs, outputScale);
        Widths = [(int)inputs, .. hidden, (int)outputs];
        noises = noise == 0 ? [] : [.. Widths.Zip(Widths.Skip(1), (from, to) => new FactorizedNoise(from, to, noise, init.Dtype, init.Device))];

        for (var i = 0; i < layers.Length; i++)
            register_module($"{i}", layers[i]);
        for (var i = 0; i < norms.Length; i++)
        {
            if (norms[i] is { } norm)
                register_module($"{i}_norm", norm);
        }

        for (var i = 0; i < noises.Length; i++)
            register_module($"{i}_noise", noises[i]);
    }

    /// <inheritdoc/>
    public override int InputSize => Widths[0];

    /// <inheritdoc/>
    public override ImageTorso? Torso => null;

    /// <inheritdoc/>
    public override Mlp Head => this;

    /// <summary>The widths from input to output, one more than there are layers.</summary>
    public IReadOnlyList<int> Widths { get; }

    /// <summary>What normalizes the pre-activations of hidden layers.</summary>
    public NormPartner Partner { get; }

    /// <summary>The layers from input to output, which are the whole network but for its ReLUs and its partner's normalizations.</summary>
    internal IReadOnlyList<Module<Tensor, Tensor>> Layers => layers;

    /// <summary>What acting normalizes rows by. Batch normalization is none: by running statistics it is part of the weights.</summary>
    public RowNorm RowNorm => Partner switch
    {
        NormPartner.LayerNorm => RowNorm.LayerNorm,
        NormPartner.RmsNorm => RowNorm.RmsNorm,
        _ => RowNorm.None,
    };

    /// <summary>
    /// What acts, under the names that <see cref="Policy"/> reads, without its prefix: layers as they are, but plain ones where g is absent or a
    /// batch normalization, by its running statistics, is multiplied into them.
    /// </summary>
    /// <returns>The parameters themselves where they act as they are; do not change or dispose them.</returns>
    public override IReadOnlyList<(string Name, Tensor Value)> ActingTensors()
    {
        var tensors = new List<(string, Tensor)>();
        for (var i = 0; i < layers.Length; i++)
        {
            if (layers[i] is WeightNormLayer { weight_g: { } g } layer && NormOf(i) is not NormBase)
            {
                tensors.AddRange([($"{i}.weight_g", g), ($"{i}.weight_v", layer.weight_v), ($"{i}.bias", layer.bias!)]);
            }
            else
            {
                var (weight, bias) = Folded(i);
                tensors.AddRange([($"{i}.weight", weight), ($"{i}.bias", bias)]);
            }

            if (RowNorm != RowNorm.None && NormOf(i) is { } norm)
                tensors.AddRange(norm.named_parameters().Select(entry => ($"{i}_norm.{entry.name}", (Tensor)entry.parameter)));
        }

        return tensors;
    }

    /// <summary>W and b of a layer as it acts: g multiplied in, and batch normalization by its running statistics.</summary>
    /// <param name="layer">Which layer.</param>
    /// <param name="withNoise">Whether with the present sample of its noise, or the mean.</param>
    internal (Tensor Weight, Tensor Bias) Folded(int layer, bool withNoise = false)
    {
        var (weight, bias) = layers[layer] switch
        {
            WeightNormLayer normalized => (normalized.Weight(), (Tensor)normalized.bias!),
            Linear plain => ((Tensor)plain.weight, (Tensor)plain.bias!),
            var other => throw new InvalidOperationException($"Expected weight-normalized or plain linear layers, got {other.GetName()}."),
        };
        var noise = withNoise && NoiseOf(layer) is { IsDrawn: true } drawn ? drawn : null;
        var norm = NormOf(layer) as NormBase;
        if (noise is null && norm is null)
            return (weight, bias);

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (noise is not null)
        {
            var sample = noise.Sample();
            (weight, bias) = (sample.Weight.add_(weight, Unit), sample.Bias.add_(bias, Unit));
        }

        if (norm is null)
            return (weight.MoveToOuterDisposeScope(), bias.MoveToOuterDisposeScope());

        // γ (W x + b - μ) / √(σ² + ε) + β
        var factor = norm.running_var!.add(Epsilon, Unit).rsqrt().mul(norm.weight);
        return (
            weight.mul(factor.unsqueeze(1)).MoveToOuterDisposeScope(),
            bias.sub(norm.running_mean!).mul(factor).add(norm.bias!, Unit).MoveToOuterDisposeScope());
    }

    /// <summary>The normalization after a layer; null where there is none.</summary>
    internal Module<Tensor, Tensor>? NormOf(int layer) => layer < norms.Length ? norms[layer] : null;

    /// <summary>The noise on a layer; null where there is none.</summary>
    internal FactorizedNoise? NoiseOf(int layer) => layer < noises.Length ? noises[layer] : null;

    /// <summary>The noise on each layer; empty where there is none.</summary>
    public IReadOnlyList<FactorizedNoise> Noises => noises;

    /// <inheritdoc/>
    public IReadOnlyList<Func<Tensor, Tensor>> Links =>
    [
        .. norms.Select((_, i) => (Func<Tensor, Tensor>)(features => Activation(i, features))),
        features => Preactivation(norms.Length, features),
    ];

    /// <inheritdoc/>
    /// <param name="input">Features, shape [N, D].</param>
    /// <returns>Outputs, shape [N, K].</returns>
    public override Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.dim() == 0 || input.size(-1) != Widths[0])
            throw new ArgumentException($"Expected an input of shape […, {Widths[0]}], got [{string.Join(", ", input.shape)}].", nameof(input));

        using var scope = NewDisposeScope();
        var features = input;
        for (var i = 0; i < norms.Length; i++)
            features = Activation(i, features);
        return Preactivation(norms.Length, features).MoveToOuterDisposeScope();
    }

    private Tensor Activation(int layer, Tensor features)
    {
        using var scope = NewDisposeScope();
        return Hidden.Activate(Preactivation(layer, features), norms[layer]).MoveToOuterDisposeScope();
    }

    private Tensor Preactivation(int layer, Tensor features)
    {
        var mean = layers[layer].call(features);
        if (NoiseOf(layer) is not { IsDrawn: true } noise)
            return mean;

        using var scope = NewDisposeScope();
        return mean.add(noise.call(features), Unit).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    string IOnnxSource.Export(OnnxExport to, string input)
    {
        var features = input;
        for (var i = 0; i < norms.Length; i++)
            features = to.Hidden(layers[i], norms[i], features);
        return to.Call(layers[^1], features);
    }

    /// <inheritdoc/>
    protected override void RegisterComponents() { }
}
