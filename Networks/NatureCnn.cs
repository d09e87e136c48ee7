using RlWn.Init;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Networks;

/// <summary>The network of DQN in Nature: convolutions 32 of 8x8 stride 4, 64 of 4x4 stride 2, 64 of 3x3, a linear layer of 512, an output layer.</summary>
/// <remarks>Mnih et al. 2015, doi:10.1038/nature14236, methods. A ReLU follows every layer but the last.</remarks>
public sealed class NatureCnn : Module<Tensor, Tensor>, IOnnxSource
{
    private readonly ImageShape images;
    private readonly Module<Tensor, Tensor>[] convolutions;
    private readonly Module<Tensor, Tensor>?[] norms;
    private readonly Module<Tensor, Tensor> linear;
    private readonly Module<Tensor, Tensor>? linearNorm;
    private readonly Module<Tensor, Tensor> output;

    /// <summary>Makes the network.</summary>
    /// <param name="images">Shape of an observation, at least 36 by 36; [4, 84, 84] in the paper.</param>
    /// <param name="outputs">Width of the output layer, at least 1.</param>
    /// <param name="outputKind">How the output layer is built.</param>
    /// <param name="outputScale">The length of each output row at the start.</param>
    /// <param name="scheme">How layers are built and start.</param>
    /// <param name="init">Where the first values come from.</param>
    public NatureCnn(ImageShape images, long outputs, OutputLayer outputKind, double outputScale, Scheme scheme, Initializer init) : base(nameof(NatureCnn))
    {
        if (Positions(images.Height) < 1 || Positions(images.Width) < 1)
            throw new ArgumentException($"Expected images of at least 36 by 36 pixels, got {images}.", nameof(images));

        this.images = images;
        var make = new LayerFactory(scheme, init);
        convolutions =
        [
            make.Convolution(images.Channels, 32, 8, Place.Hidden, stride: 4),
            make.Convolution(32, 64, 4, Place.Hidden, stride: 2),
            make.Convolution(64, 64, 3, Place.Hidden),
        ];
        linear = make.Linear(64 * Positions(images.Height) * Positions(images.Width), FeatureSize, Place.Hidden);
        output = make.Output(outputKind, FeatureSize, outputs, outputScale);
        norms = [make.Norm2d(32), make.Norm2d(64), make.Norm2d(64)];
        linearNorm = make.Norm1d(FeatureSize);

        for (var i = 0; i < convolutions.Length; i++)
        {
            register_module($"conv{i + 1}", convolutions[i]);
            if (norms[i] is { } norm)
                register_module($"norm{i + 1}", norm);
        }

        register_module(nameof(linear), linear);
        if (linearNorm is not null)
            register_module("linear_norm", linearNorm);
        register_module(nameof(output), output);
    }

    /// <summary>512: how many features <see cref="Features"/> gives.</summary>
    public const int FeatureSize = 512;

    /// <inheritdoc/>
    /// <param name="input">Images, shape [N, C, H, W]: numbers, or bytes, which are divided by 255.</param>
    /// <returns>Outputs, shape [N, K].</returns>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return output.call(Features(input)).MoveToOuterDisposeScope();
    }

    /// <summary>What the output layer sees.</summary>
    /// <param name="input">Images as <see cref="forward"/> takes them.</param>
    /// <returns>Shape [N, 512], none below 0.</returns>
    public Tensor Features(Tensor input)
    {
        Images.RequireShape(input, images);
        using var scope = NewDisposeScope();
        var features = Images.Scaled(input, new PlacedLayer("", convolutions[0], null).Weight);
        for (var i = 0; i < convolutions.Length; i++)
            features = Hidden.Forward(convolutions[i], norms[i], features);
        return Hidden.Forward(linear, linearNorm, features.flatten(1)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    string IOnnxSource.Export(OnnxExport to, string input)
    {
        var features = input;
        for (var i = 0; i < convolutions.Length; i++)
            features = to.Hidden(convolutions[i], norms[i], features);
        return to.Call(output, to.Hidden(linear, linearNorm, to.Graph.Flatten(features)));
    }

    /// <inheritdoc/>
    protected override void RegisterComponents() { }

    // What 8 at stride 4, 4 at stride 2 and 3 at stride 1 leave of a side; 0 or less where it is too short.
    private static long Positions(long side)
    {
        var first = side < 8 ? 0 : ((side - 8) / 4) + 1;
        var second = first < 4 ? 0 : ((first - 4) / 2) + 1;
        return second - 2;
    }
}
