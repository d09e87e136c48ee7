using RlWn.Init;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Networks;

/// <summary>WideResNet-(6n+4)-k: a 3x3 convolution of 16 channels, 3 stages of n blocks with 16k, 32k and 64k, global average pooling, a linear layer.</summary>
/// <remarks>
/// Zagoruyko and Komodakis 2016, arXiv:1605.07146, in the form of Arpit, Campos and Bengio 2019: no ReLU after the first convolution, after a
/// sum, or before the pooling; stages 2 and 3 start with stride 2; batch normalization, where there is one, within blocks alone. The depth
/// counts convolutions, those of the three shortcuts among them, also where k = 1 and the first stage needs none.
/// </remarks>
public sealed class WideResNet : Module<Tensor, Tensor>, IChain, IOnnxSource
{
    private const long Narrowest = 16;

    private readonly Module<Tensor, Tensor> conv1;
    private readonly ResidualStage[] stages;
    private readonly Module<Tensor, Tensor> output;
    private readonly long inputChannels;

    /// <summary>Makes a network.</summary>
    /// <param name="inputChannels">Channels of an image, at least 1.</param>
    /// <param name="blocks">n: blocks in each stage, at least 1.</param>
    /// <param name="widening">k, at least 1.</param>
    /// <param name="classes">Width of the output layer, at least 1.</param>
    /// <param name="scheme">How layers are built and start.</param>
    /// <param name="init">Where the first values come from.</param>
    /// <param name="reducedMemory">Whether the first convolution has stride 2, which quarters the memory of all that follows: for the deepest networks.</param>
    public WideResNet(long inputChannels, int blocks, int widening, long classes, Scheme scheme, Initializer init, bool reducedMemory = false)
        : base(nameof(WideResNet))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(blocks, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(widening, 1);
        this.inputChannels = inputChannels;
        var make = new LayerFactory(scheme, init);
        var width = Narrowest * widening;
        conv1 = make.Convolution(inputChannels, Narrowest, 3, Place.Stem, stride: reducedMemory ? 2 : 1, padding: 1);
        stages =
        [
            new(make, BlockKind.Basic, Narrowest, width, blocks),
            new(make, BlockKind.Basic, width, 2 * width, blocks, stride: 2),
            new(make, BlockKind.Basic, 2 * width, 4 * width, blocks, stride: 2),
        ];
        output = make.Output(OutputLayer.PyTorchDefault, 4 * width, classes);
        Depth = (6 * blocks) + 4;

        register_module(nameof(conv1), conv1);
        for (var i = 0; i < stages.Length; i++)
            register_module($"stage{i + 1}", stages[i]);
        register_module(nameof(output), output);
    }

    /// <summary>6n + 4.</summary>
    public int Depth { get; }

    /// <summary>The three stages.</summary>
    public IReadOnlyList<ResidualStage> Stages => stages;

    /// <inheritdoc/>
    public IReadOnlyList<Func<Tensor, Tensor>> Links => [Stem, .. stages.SelectMany(stage => stage.Links), Head];

    /// <summary>Makes the network of a depth 6n + 4, as 16, 40 or 10,000.</summary>
    /// <inheritdoc cref="WideResNet(long, int, int, long, Scheme, Initializer, bool)" path="/param[@name != 'blocks']"/>
    public static WideResNet OfDepth(
        int depth, int widening, long inputChannels, long classes, Scheme scheme, Initializer init, bool reducedMemory = false) =>
        new(inputChannels, Depths.Blocks(depth, 6, 4), widening, classes, scheme, init, reducedMemory);

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
        return conv1.call(input);
    }

    private Tensor Head(Tensor features) => output.call(Images.Pooled(features));

    /// <inheritdoc/>
    string IOnnxSource.Export(OnnxExport to, string input)
    {
        var features = stages.Aggregate(to.Call(conv1, input), (features, stage) => to.Call(stage, features));
        return to.Call(output, to.Graph.MeanOfChannels(features));
    }

    /// <inheritdoc/>
    protected override void RegisterComponents() { }
}
