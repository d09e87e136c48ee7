using RlWn.Init;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Networks;

/// <summary>What a residual block computes beside its shortcut.</summary>
public enum BlockKind
{
    /// <summary>3x3 convolution, ReLU, 3x3 convolution: the paper's.</summary>
    Basic,

    /// <summary>1x1, ReLU, 3x3, ReLU, 1x1 convolution, the inner two a quarter as wide (He et al. 2016, arXiv:1603.05027).</summary>
    Bottleneck,

    /// <summary>ReLU, 3x3 convolution, ReLU, 3x3 convolution: IMPALA's (Espeholt et al. 2018, arXiv:1802.01561, figure 3).</summary>
    ReluFirst,
}

/// <summary>A residual block: shortcut(x) + F(x), with no ReLU after the sum.</summary>
/// <remarks>
/// <para>
/// Its gains are those of theorem 3 (Arpit, Campos and Bengio 2019, arXiv:1906.02341): γ = 2 in F's first layer, 2 inside it, 1/B in its last,
/// 1 in the shortcut, which is a 1x1 convolution where the shape changes and nothing elsewhere. A branch then adds a B-th of the squared
/// norm of its input: (1 + 1/B)^B after a stage, from 2 to e, so the norm grows by √2 to √e. With a ReLU first it adds half as much.
/// </para>
/// <para>With batch normalization the block is pre-activation: BN, ReLU, convolution, twice or thrice; the shortcut's convolution sees the normalized x.</para>
/// </remarks>
public sealed class ResidualBlock : Module<Tensor, Tensor>, IOnnxSource
{
    private readonly Module<Tensor, Tensor>[] layers;
    private readonly Module<Tensor, Tensor>?[] norms;   // before each layer; null where the scheme has none
    private readonly Module<Tensor, Tensor>? shortcut;
    private readonly bool reluFirst;

    /// <summary>Makes a block.</summary>
    /// <param name="make">Makes its layers.</param>
    /// <param name="kind">What F is.</param>
    /// <param name="inputs">Channels of x, at least 1.</param>
    /// <param name="outputs">Channels of the sum, at least 1; a multiple of 4 for a bottleneck.</param>
    /// <param name="block">b: which block of its stage, from 1.</param>
    /// <param name="blocks">B: how many blocks the stage has.</param>
    /// <param name="stride">Of F's first layer and of the shortcut, at least 1.</param>
    public ResidualBlock(LayerFactory make, BlockKind kind, long inputs, long outputs, int block, int blocks, long stride = 1) : base(nameof(ResidualBlock))
    {
        ArgumentNullException.ThrowIfNull(make);
        if (kind == BlockKind.Bottleneck && outputs % 4 != 0)
            throw new ArgumentException($"Expected a multiple of 4 as the width of a bottleneck block, got {outputs}.", nameof(outputs));

        reluFirst = kind == BlockKind.ReluFirst;
        var last = Place.LastOfBlock(block, blocks);
        var inner = outputs / 4;
        layers = kind switch
        {
            BlockKind.Bottleneck =>
            [
                make.Convolution(inputs, inner, 1, Place.FirstOfBlock, stride),
                make.Convolution(inner, inner, 3, Place.Hidden, padding: 1),
                make.Convolution(inner, outputs, 1, last),
            ],
            BlockKind.Basic or BlockKind.ReluFirst =>
            [
                make.Convolution(inputs, outputs, 3, Place.FirstOfBlock, stride, padding: 1),
                make.Convolution(outputs, outputs, 3, last, padding: 1),
            ],
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Expected Basic, Bottleneck or ReluFirst."),
        };
        norms = kind == BlockKind.Bottleneck ? [make.Norm2d(inputs), make.Norm2d(inner), make.Norm2d(inner)] : [make.Norm2d(inputs), make.Norm2d(outputs)];
        shortcut = inputs != outputs || stride != 1 ? make.Convolution(inputs, outputs, 1, Place.Shortcut, stride) : null;

        for (var i = 0; i < layers.Length; i++)
        {
            register_module($"conv{i + 1}", layers[i]);
            if (norms[i] is { } norm)
                register_module($"norm{i + 1}", norm);
        }

        if (shortcut is not null)
            register_module(nameof(shortcut), shortcut);
    }

    /// <inheritdoc/>
    /// <param name="input">x, shape [N, C, H, W].</param>
    /// <returns>shortcut(x) + F(x), shape [N, C', H', W'], H' and W' divided by the stride and rounded up.</returns>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = norms[0]?.call(input) ?? input;
        var identity = shortcut is null ? input : shortcut.call(x);

        var features = layers[0].call(norms[0] is null && !reluFirst ? x : functional.relu(x));
        for (var i = 1; i < layers.Length; i++)
            features = layers[i].call(functional.relu(norms[i]?.call(features) ?? features));

        return (identity + features).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    string IOnnxSource.Export(OnnxExport to, string input)
    {
        var x = to.Call(norms[0], input);
        var identity = shortcut is null ? input : to.Call(shortcut, x);

        var features = to.Call(layers[0], norms[0] is null && !reluFirst ? x : to.Graph.Relu(x));
        for (var i = 1; i < layers.Length; i++)
            features = to.Call(layers[i], to.Graph.Relu(to.Call(norms[i], features)));

        return to.Graph.Sum(identity, features);
    }

    /// <inheritdoc/>
    protected override void RegisterComponents() { }
}

/// <summary>A stage: B residual blocks of one width, which theorem 3 bounds together, whatever B.</summary>
public sealed class ResidualStage : Module<Tensor, Tensor>, IOnnxSource
{
    private readonly ResidualBlock[] blocks;

    /// <summary>Makes a stage.</summary>
    /// <param name="make">Makes its layers.</param>
    /// <param name="kind">What its blocks are.</param>
    /// <param name="inputs">Channels of x, at least 1.</param>
    /// <param name="outputs">Channels of each block's sum, at least 1.</param>
    /// <param name="blocks">B, at least 1.</param>
    /// <param name="stride">Of the first block, at least 1.</param>
    public ResidualStage(LayerFactory make, BlockKind kind, long inputs, long outputs, int blocks, long stride = 1) : base(nameof(ResidualStage))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(blocks, 1);
        this.blocks = new ResidualBlock[blocks];
        for (var i = 0; i < blocks; i++)
        {
            this.blocks[i] = new ResidualBlock(make, kind, i == 0 ? inputs : outputs, outputs, i + 1, blocks, i == 0 ? stride : 1);
            register_module($"{i}", this.blocks[i]);
        }
    }

    /// <summary>The blocks, from the first to the last.</summary>
    public IReadOnlyList<ResidualBlock> Blocks => blocks;

    /// <summary>The blocks as links of a chain.</summary>
    internal IEnumerable<Func<Tensor, Tensor>> Links => blocks.Select(block => (Func<Tensor, Tensor>)block.call);

    /// <inheritdoc/>
    /// <param name="input">x, shape [N, C, H, W].</param>
    /// <returns>Shape [N, C', H', W'].</returns>
    public override Tensor forward(Tensor input)
    {
        var features = input;
        foreach (var block in blocks)
        {
            var next = block.call(features);
            if (!ReferenceEquals(features, input))
                features.Dispose();   // the graph keeps what it needs; in evaluation a thousand blocks take the memory of one
            features = next;
        }

        return features;
    }

    /// <inheritdoc/>
    string IOnnxSource.Export(OnnxExport to, string input) => blocks.Aggregate(input, (features, block) => to.Call(block, features));

    /// <inheritdoc/>
    protected override void RegisterComponents() { }
}
