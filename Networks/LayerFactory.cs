using RlWn.Init;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Networks;

/// <summary>
/// Makes the layers of a network as a scheme has them: weight-normalized or plain, with or without a normalization beside it, each told its
/// place and given its first values. So an architecture is written once, whatever the scheme.
/// </summary>
/// <remarks>
/// Every layer has a bias, before batch normalization too, as in the authors' code. Under a data-dependent scheme g starts at 1, until
/// <see cref="Initialization.Apply"/> has seen a batch.
/// </remarks>
public sealed class LayerFactory
{
    private readonly Initializer init;

    /// <summary>Makes a factory.</summary>
    /// <param name="scheme">Which layers to make, and how they start. Its direction counts, not the initializer's.</param>
    /// <param name="init">Where the first values come from; layers draw from its generator in the order they are made.</param>
    public LayerFactory(Scheme scheme, Initializer init)
    {
        ArgumentNullException.ThrowIfNull(scheme);
        ArgumentNullException.ThrowIfNull(init);
        Scheme = scheme;
        this.init = init with { Direction = scheme.Direction };
    }

    /// <summary>Which layers are made, and how they start.</summary>
    public Scheme Scheme { get; }

    /// <summary>Whether g of the layers learns, stays, or is not there at all; output layers learn it always. Learnable by default.</summary>
    public ScaleMode Scale { get; init; }

    /// <summary>What normalizes pre-activations; a scheme with batch normalization has it without being told.</summary>
    public NormPartner Partner { get => Scheme.HasBatchNorm ? NormPartner.BatchNorm : field; init; }

    /// <summary>y = W x + b.</summary>
    /// <param name="inputs">Features of x, at least 1.</param>
    /// <param name="outputs">Features of y, at least 1.</param>
    /// <param name="place">Where the layer stands; for an output layer take <see cref="Output"/>.</param>
    public Module<Tensor, Tensor> Linear(long inputs, long outputs, Place place)
    {
        Fans.Of(outputs, inputs);   // refuses sizes that are none
        return Started(Scheme.HasWeightNorm ? new WeightNormLinear(inputs, outputs, init, Scale) : PlainLinear(inputs, outputs, init), place);
    }

    /// <summary>A 2d convolution with square filters.</summary>
    /// <param name="inputs">c_in, at least 1.</param>
    /// <param name="outputs">c_out, at least 1.</param>
    /// <param name="kernel">k: filters are k by k, at least 1.</param>
    /// <param name="place">Where the layer stands.</param>
    /// <param name="stride">Positions from one window to the next, at least 1.</param>
    /// <param name="padding">Zeros added on each side, at least 0.</param>
    public Module<Tensor, Tensor> Convolution(long inputs, long outputs, long kernel, Place place, long stride = 1, long padding = 0)
    {
        Fans.Of(outputs, inputs, kernel, kernel);
        return Started(
            Scheme.HasWeightNorm
                ? new WeightNormConv2d(inputs, outputs, kernel, init, stride, padding, Scale)
                : PlainConvolution(inputs, outputs, kernel, stride, padding),
            place);
    }

    /// <summary>The partner's normalization of [N, D]; null without a partner.</summary>
    /// <param name="features">D, at least 1.</param>
    public Module<Tensor, Tensor>? Norm1d(long features) => Partner switch
    {
        NormPartner.None => null,
        NormPartner.LayerNorm => LayerNorm(features, device: init.Device ?? CPU, dtype: init.Dtype),
        NormPartner.RmsNorm => new RmsNorm(features, init.Dtype, init.Device),
        _ => BatchNorm1d(features, device: init.Device ?? CPU, dtype: init.Dtype),
    };

    /// <summary>Batch normalization of [N, C, H, W]; null without a partner.</summary>
    /// <param name="channels">C, at least 1.</param>
    /// <exception cref="NotSupportedException">The partner is LayerNorm or RmsNorm, which normalize vectors only.</exception>
    public Module<Tensor, Tensor>? Norm2d(long channels) => Partner switch
    {
        NormPartner.None => null,
        NormPartner.BatchNorm => BatchNorm2d(channels, device: init.Device ?? CPU, dtype: init.Dtype),
        var other => throw new NotSupportedException($"Expected BatchNorm or none as the partner of convolutions, got {other}."),
    };

    /// <summary>An output layer, which the scheme leaves alone but for its directions.</summary>
    /// <param name="kind">How it is built.</param>
    /// <param name="inputs">Features, at least 1.</param>
    /// <param name="outputs">Logits, means or values, at least 1.</param>
    /// <param name="scale">The length of each row at the start, above 0; without effect for PyTorchDefault.</param>
    public Module<Tensor, Tensor> Output(OutputLayer kind, long inputs, long outputs, double scale = 1) =>
        OutputLayers.Make(kind, inputs, outputs, scale, init);

    /// <summary>A plain linear layer whose values are yet to be given.</summary>
    internal static Linear PlainLinear(long inputs, long outputs, Initializer init)
    {
        using var scope = NewDisposeScope();
        // On no device at first: TorchSharp's own first values would be drawn from the global generator.
        var layer = nn.Linear(inputs, outputs, hasBias: true, device: META);
        layer.weight = new Parameter(empty([outputs, inputs], init.Dtype, init.Device ?? CPU));
        layer.bias = new Parameter(init.Zeros(outputs));
        return layer;
    }

    private Conv2d PlainConvolution(long inputs, long outputs, long kernel, long stride, long padding)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(padding);
        using var scope = NewDisposeScope();
        var layer = Conv2d(inputs, outputs, kernel, stride, padding, device: META);
        layer.weight = new Parameter(empty([outputs, inputs, kernel, kernel], init.Dtype, init.Device ?? CPU));
        layer.bias = new Parameter(init.Zeros(outputs));
        return layer;
    }

    private Module<Tensor, Tensor> Started(Module<Tensor, Tensor> layer, Place place)
    {
        ArgumentNullException.ThrowIfNull(place);
        if (place.Kind == PlaceKind.Output)
            throw new ArgumentException($"Expected the place of a hidden layer, got an output layer. Make it by {nameof(Output)}.", nameof(place));

        Initialization.Start(new("", layer.At(place), place), Scheme, init.Generator);
        return layer;
    }
}

/// <summary>What plain networks do after each hidden layer.</summary>
internal static class Hidden
{
    /// <summary>ReLU(layer(x)), normalized before the ReLU where there is a normalization.</summary>
    public static Tensor Forward(Module<Tensor, Tensor> layer, Module<Tensor, Tensor>? norm, Tensor input)
    {
        using var scope = NewDisposeScope();
        return Activate(layer.call(input), norm).MoveToOuterDisposeScope();
    }

    /// <summary>ReLU(y), normalized before the ReLU where there is a normalization.</summary>
    public static Tensor Activate(Tensor preactivation, Module<Tensor, Tensor>? norm)
    {
        using var scope = NewDisposeScope();
        return functional.relu(norm is null ? preactivation : norm.call(preactivation)).MoveToOuterDisposeScope();
    }
}
