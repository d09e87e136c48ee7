using RlWn.Init;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Networks;

/// <summary>
/// IMPALA's residual network: 3 sections of a 3x3 convolution, 3x3 max-pooling of stride 2 and n residual blocks, with 16k, 32k and 32k channels;
/// then ReLU, a linear layer of 256, ReLU, an output layer.
/// </summary>
/// <remarks>
/// <para>
/// Espeholt et al. 2018, arXiv:1802.01561, figure 3, without its LSTM. Blocks start with a ReLU (<see cref="BlockKind.ReluFirst"/>); the
/// convolutions before the pooling have none after them, so γ = 1. Batch normalization, where the scheme has it, stands within blocks alone.
/// </para>
/// <para>
/// Each block has 2 convolutions, so n blocks a section make 6n + 3: 15 for the published n = 2, by which it is named. With the linear layer
/// counted it is 6n + 4: n = 16 is the 100-layer network. <see cref="OfDepth"/> takes either count.
/// </para>
/// </remarks>
public sealed class Impala : Module<Tensor, Tensor>, IChain, IOnnxSource
{
    private static readonly long[] Channels = [16, 32, 32];

    private readonly ImageShape images;
    private readonly Module<Tensor, Tensor>[] convolutions = new Module<Tensor, Tensor>[Channels.Length];
    private readonly ResidualStage[] stages = new ResidualStage[Channels.Length];
    private readonly Module<Tensor, Tensor> linear;
    private readonly Module<Tensor, Tensor> output;

    /// <summary>Makes the network.</summary>
    /// <param name="images">Shape of an observation; [4, 84, 84] for Atari games.</param>
    /// <param name="blocks">n: residual blocks in each section, at least 1; 2 as published.</param>
    /// <param name="outputs">Width of the output layer, at least 1.</param>
    /// <param name="outputKind">How the output layer is built.</param>
    /// <param name="outputScale">The length of each output row at the start.</param>
    /// <param name="scheme">How layers are built and start.</param>
    /// <param name="init">Where the first values come from.</param>
    /// <param name="widening">k: multiplies the channels, at least 1.</param>
    public Impala(
        ImageShape images, int blocks, long outputs, OutputLayer outputKind, double outputScale, Scheme scheme, Initializer init, int widening = 1)
        : base(nameof(Impala))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(images.Channels, 1, nameof(images));
        ArgumentOutOfRangeException.ThrowIfLessThan(images.Height, 1, nameof(images));
        ArgumentOutOfRangeException.ThrowIfLessThan(images.Width, 1, nameof(images));
        ArgumentOutOfRangeException.ThrowIfLessThan(blocks, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(widening, 1);
        this.images = images;
        Depth = (6 * blocks) + 3;
        var make = new LayerFactory(scheme, init);
        var (channels, height, width) = images;
        for (var i = 0; i < Channels.Length; i++)
        {
            var widened = Channels[i] * widening;
            convolutions[i] = make.Convolution(channels, widened, 3, Place.Stem, padding: 1);
            stages[i] = new ResidualStage(make, BlockKind.ReluFirst, widened, widened, blocks);
            (channels, height, width) = (widened, (height + 1) / 2, (width + 1) / 2);
            register_module($"conv{i + 1}", convolutions[i]);
            register_module($"stage{i + 1}", stages[i]);
        }

        linear = make.Linear(channels * height * width, FeatureSize, Place.Hidden);
        output = make.Output(outputKind, FeatureSize, outputs, outputScale);
        register_module(nameof(linear), linear);
        register_module(nameof(output), output);
    }

    /// <summary>256: how many features <see cref="Features"/> gives.</summary>
    public const int FeatureSize = 256;

    /// <summary>6n + 3: convolutions in a row.</summary>
    public int Depth { get; }

    /// <summary>The residual blocks of the three sections.</summary>
    public IReadOnlyList<ResidualStage> Stages => stages;

    /// <inheritdoc/>
    public IReadOnlyList<Func<Tensor, Tensor>> Links =>
    [
        input => Section(0, Scaled(input)), .. stages[0].Links,
        features => Section(1, features), .. stages[1].Links,
        features => Section(2, features), .. stages[2].Links,
        features => output.call(Head(features)),
    ];

    /// <summary>Makes the network of a depth, as 15 or 100: 6n + 3, which counts convolutions, or 6n + 4, which counts the linear layer too.</summary>
    /// <inheritdoc cref="Impala(ImageShape, int, long, OutputLayer, double, Scheme, Initializer, int)" path="/param[@name != 'blocks']"/>
    public static Impala OfDepth(
        int depth, ImageShape images, long outputs, OutputLayer outputKind, double outputScale, Scheme scheme, Initializer init, int widening = 1) =>
        new(images, Depths.Blocks(depth, 6, depth % 6 == 4 ? 4 : 3), outputs, outputKind, outputScale, scheme, init, widening);

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
    /// <returns>Shape [N, 256], none below 0.</returns>
    public Tensor Features(Tensor input)
    {
        using var scope = NewDisposeScope();
        var features = Scaled(input);
        for (var i = 0; i < stages.Length; i++)
            features = stages[i].call(Section(i, features));
        return Head(features).MoveToOuterDisposeScope();
    }

    private Tensor Scaled(Tensor input)
    {
        Images.RequireShape(input, images);
        return Images.Scaled(input, new PlacedLayer("", convolutions[0], null).Weight);
    }

    // What comes before the blocks of section i.
    private Tensor Section(int i, Tensor features) => functional.max_pool2d(convolutions[i].call(features), 3, stride: 2, padding: 1);

    private Tensor Head(Tensor features) => Hidden.Forward(linear, null, functional.relu(features).flatten(1));

    /// <inheritdoc/>
    string IOnnxSource.Export(OnnxExport to, string input)
    {
        var features = input;
        for (var i = 0; i < stages.Length; i++)
            features = to.Call(stages[i], to.Graph.Pool(to.Call(convolutions[i], features)));
        return to.Call(output, to.Hidden(linear, null, to.Graph.Flatten(to.Graph.Relu(features))));
    }

    /// <inheritdoc/>
    protected override void RegisterComponents() { }
}
