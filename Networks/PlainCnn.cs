using RlWn.Init;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Networks;

/// <summary>A convolutional network without shortcuts: 3x3 convolutions of one width, each with a ReLU, global average pooling, a linear layer.</summary>
/// <remarks>The CNN of Arpit, Campos and Bengio 2019, figure 2. The first two convolutions have stride 2. Layers are named 0, 1, …, output.</remarks>
public sealed class PlainCnn : Module<Tensor, Tensor>, IChain, IOnnxSource
{
    private readonly Module<Tensor, Tensor>[] layers;
    private readonly Module<Tensor, Tensor>?[] norms;
    private readonly Module<Tensor, Tensor> output;
    private readonly long inputChannels;

    /// <summary>Makes the network.</summary>
    /// <param name="inputChannels">Channels of an image, at least 1.</param>
    /// <param name="width">Channels of each convolution, at least 1.</param>
    /// <param name="depth">How many convolutions, at least 1.</param>
    /// <param name="classes">Width of the output layer, at least 1.</param>
    /// <param name="scheme">How layers are built and start.</param>
    /// <param name="init">Where the first values come from.</param>
    public PlainCnn(long inputChannels, long width, int depth, long classes, Scheme scheme, Initializer init) : base(nameof(PlainCnn))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(depth, 1);
        this.inputChannels = inputChannels;
        var make = new LayerFactory(scheme, init);
        layers = new Module<Tensor, Tensor>[depth];
        norms = new Module<Tensor, Tensor>?[depth];
        for (var i = 0; i < depth; i++)
        {
            layers[i] = make.Convolution(i == 0 ? inputChannels : width, width, 3, Place.Hidden, stride: i < 2 ? 2 : 1, padding: 1);
            norms[i] = make.Norm2d(width);
            register_module($"{i}", layers[i]);
            if (norms[i] is { } norm)
                register_module($"{i}_norm", norm);
        }

        output = make.Output(OutputLayer.PyTorchDefault, width, classes);
        register_module(nameof(output), output);
    }

    /// <inheritdoc/>
    public IReadOnlyList<Func<Tensor, Tensor>> Links =>
    [
        .. Enumerable.Range(0, layers.Length).Select(i => (Func<Tensor, Tensor>)(features => Layer(i, features))),
        Head,
    ];

    /// <inheritdoc/>
    /// <param name="input">Images, shape [N, C, H, W].</param>
    /// <returns>Logits, shape [N, K].</returns>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var features = input;
        for (var i = 0; i < layers.Length; i++)
            features = Layer(i, features);
        return Head(features).MoveToOuterDisposeScope();
    }

    private Tensor Layer(int i, Tensor features)
    {
        if (i == 0)
            Images.RequireChannels(features, inputChannels);
        return Hidden.Forward(layers[i], norms[i], features);
    }

    private Tensor Head(Tensor features) => output.call(Images.Pooled(features));

    /// <inheritdoc/>
    string IOnnxSource.Export(OnnxExport to, string input)
    {
        var features = input;
        for (var i = 0; i < layers.Length; i++)
            features = to.Hidden(layers[i], norms[i], features);
        return to.Call(output, to.Graph.MeanOfChannels(features));
    }

    /// <inheritdoc/>
    protected override void RegisterComponents() { }
}
