using RlWn.Init;
using RlWn.Networks;
using static TorchSharp.torch;

namespace RlWn.Experiments.Supervised;

/// <summary>The paper's networks by their settings.</summary>
internal static class Models
{
    /// <summary>Makes a network; under a data-dependent scheme it waits for its first batch.</summary>
    /// <exception cref="ArgumentException">There is no such network of this depth.</exception>
    public static nn.Module<Tensor, Tensor> Make(SupervisedSettings settings, ImageShape shape, int classes, Initializer init) => settings.Model switch
    {
        Architecture.Mlp => new Mlp(
            shape.Channels * shape.Height * shape.Width, [.. Enumerable.Repeat(settings.Width, settings.Depth)], classes, OutputLayer.PyTorchDefault, 1, init, settings.Scheme),
        Architecture.Cnn => new PlainCnn(shape.Channels, settings.Width, settings.Depth, classes, settings.Scheme, init),
        Architecture.Resnet => ResNet.OfDepth(settings.Depth, shape.Channels, classes, settings.Scheme, init, width: settings.Width),
        Architecture.Wrn => WideResNet.OfDepth(settings.Depth, settings.Widening, shape.Channels, classes, settings.Scheme, init, settings.ReducedMemory),
        var other => throw new ArgumentOutOfRangeException(nameof(settings), other, "Expected mlp, cnn, resnet or wrn."),
    };

    /// <summary>Images as the network takes them: rows for an MLP, channels last in memory for convolutions, in the type that these are to compute in.</summary>
    /// <param name="settings">The network's.</param>
    /// <param name="images">Shape [N, C, H, W], float32.</param>
    public static Tensor Present(SupervisedSettings settings, Tensor images) =>
        settings.Model == Architecture.Mlp ? images.flatten(1)
        : settings.Precision == Precision.Bfloat16 ? Aten.ChannelsLast(images.to(ScalarType.BFloat16))
        : Aten.ChannelsLast(images);
}
