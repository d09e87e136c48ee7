using RlWn.Init;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Networks;

/// <summary>ResNet for small images: a 3x3 convolution, 3 stages of n blocks with c, 2c and 4c channels, global average pooling, a linear layer.</summary>
/// <remarks>
/// <para>
/// He et al. 2016, arXiv:1603.05027, in the form of Arpit, Campos and Bengio 2019: no ReLU after the first convolution, after a sum, or before
/// the pooling; stages 2 and 3 start with stride 2. Basic blocks give 6n + 2 layers, bottlenecks 9n + 2 with stages four times as wide;
/// shortcuts' convolutions are not counted. With batch normalization there is one after the first convolution and one before the pooling too.
/// </para>
/// <para>
/// "ResNet-164" is read as the authors' code has it, which knows the basic block alone: n = 27. He et al. use the name for 18 bottlenecks a
/// stage; <see cref="OfDepth"/> makes either. The first convolution has γ = 1, since no ReLU follows it, as their WideResNet has; their ResNet
/// leaves it at its default of 2, which makes all activations longer by √2.
/// </para>
/// </remarks>
public sealed class ResNet : Module<Tensor, Tensor>, IChain, IOnnxSource
{
    private readonly Module<Tensor, Tensor> conv1;
    private readonly Module<Tensor, Tensor>? norm1;
    private readonly ResidualStage[] stages;
    private readonly Module<Tensor, Tensor>? norm2;
    private readonly Module<Tensor, Tensor> output;
    private readonly long inputChannels;

    /// <summary>Makes a network.</summary>
    /// <param name="inputChannels">Channels of an image, at least 1.</param>
    /// <param name="blocks">n: blocks in each stage, at least 1.</param>
    /// <param name="classes">Width of the output layer, at least 1.</param>
    /// <param name="scheme">How layers are built and start.</param>
    /// <param name="init">Where the first values come from.</param>
    /// <param name="kind">What the blocks are.</param>
    /// <param name="width">c: channels of the first convolution, at least 1.</param>
    public ResNet(long inputChannels, int blocks, long classes, Scheme scheme, Initializer init, BlockKind kind = BlockKind.Basic, long width = 16)
        : base(nameof(ResNet))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(blocks, 1);
        this.inputChannels = inputChannels;
        var make = new LayerFactory(scheme, init);
        var first = kind == BlockKind.Bottleneck ? 4 * width : width;
        conv1 = make.Convolution(inputChannels, width, 3, Place.Stem, padding: 1);
        norm1 = make.Norm2d(width);
        stages =
        [
            new(make, kind, width, first, blocks),
            new(make, kind, first, 2 * first, blocks, stride: 2),
            new(make, kind, 2 * first, 4 * first, blocks, stride: 2),
        ];
        norm2 = make.Norm2d(4 * first);
        output = make.Output(OutputLayer.PyTorchDefault, 4 * first, classes);
        Depth = ((kind == BlockKind.Bottleneck ? 9 : 6) * blocks) + 2;

        register_module(nameof(conv1), conv1);
        if (norm1 is not null)
            register_module(nameof(norm1), norm1);
        for (var i = 0; i < stages.Length; i++)
            register_module($"stage{i + 1}", stages[i]);
        if (norm2 is not null)
            register_module(nameof(norm2), norm2);
        register_module(nameof(output), output);
    }

    /// <summary>6n + 2 with basic blocks, 9n + 2 with bottlenecks: convolutions in a row, and the output layer.</summary>
    public int Depth { get; }

    /// <summary>The three stages.</summary>
    public IReadOnlyList<ResidualStage> Stages => stages;

    /// <inheritdoc/>
    public IReadOnlyList<Func<Tensor, Tensor>> Links => [Stem, .. stages.SelectMany(stage => stage.Links), Head];

    /// <summary>Makes the network of a depth, as 56, 110 or 164: 6n + 2 with basic blocks, 9n + 2 with bottlenecks.</summary>
    /// <inheritdoc cref="ResNet(long, int, long, Scheme, Initializer, BlockKind, long)" path="/param[@name != 'blocks']"/>
    public static ResNet OfDepth(
        int depth, long inputChannels, long classes, Scheme scheme, Initializer init, BlockKind kind = BlockKind.Basic, long width = 16) =>
        new(inputChannels, Depths.Blocks(depth, kind == BlockKind.Bottleneck ? 9 : 6, 2), classes, scheme, init, kind, width);

    /// <inheritdoc/>
    /// <param name="input">Images, shape [N, C, H, W].</param>
    /// <returns>Logits, shape [N, K].</returns>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var features = Stem(input);
        foreach (var stage in stages)
            features = stage.call(features);
        return Head(features).MoveToOuterDisposeScope();
    }

    private Tensor Stem(Tensor input)
    {
        Images.RequireChannels(input, inputChannels);
        var features = conv1.call(input);
        return norm1?.call(features) ?? features;
    }

    private Tensor Head(Tensor features) => output.call(Images.Pooled(norm2?.call(features) ?? features));

    /// <inheritdoc/>
    string IOnnxSource.Export(OnnxExport to, string input)
    {
        var features = stages.Aggregate(to.Call(norm1, to.Call(conv1, input)), (features, stage) => to.Call(stage, features));
        return to.Call(output, to.Graph.MeanOfChannels(to.Call(norm2, features)));
    }

    /// <inheritdoc/>
    protected override void RegisterComponents() { }
}

/// <summary>How many blocks a stage has in a network that is named for its depth.</summary>
internal static class Depths
{
    /// <summary>n of depth = layersPerBlock n + rest.</summary>
    public static int Blocks(int depth, int perBlock, int rest)
    {
        var blocks = (depth - rest) / perBlock;
        if (blocks >= 1 && (blocks * perBlock) + rest == depth)
            return blocks;

        var lower = (Math.Max(blocks, 1) * perBlock) + rest;
        throw new ArgumentException($"Expected a depth of {perBlock}n + {rest} with n at least 1, as {lower} or {lower + perBlock}, got {depth}.", nameof(depth));
    }
}
