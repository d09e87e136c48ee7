using System.Globalization;

namespace RlWn.Init;

/// <summary>The kinds of places that the theory tells apart.</summary>
public enum PlaceKind
{
    /// <summary>A ReLU follows.</summary>
    Hidden,

    /// <summary>Before the first stage of a residual network, with no ReLU after it.</summary>
    Stem,

    /// <summary>The first layer of a residual block.</summary>
    FirstOfBlock,

    /// <summary>The last layer of a residual block, whose output is added to the shortcut.</summary>
    LastOfBlock,

    /// <summary>The 1x1 convolution that takes a block's input to the shape of its output.</summary>
    Shortcut,

    /// <summary>The gates of a recurrent cell: sigmoids and a tanh follow.</summary>
    Gates,

    /// <summary>The logits or the value; outside every scheme.</summary>
    Output,
}

/// <summary>Where a layer stands in its network: all that a scheme needs to know of it besides its shape.</summary>
public sealed record Place
{
    private Place(PlaceKind kind) => Kind = kind;

    /// <summary>A ReLU follows: hidden layers of plain networks, and those inside a block that are neither its first nor its last.</summary>
    public static Place Hidden { get; } = new(PlaceKind.Hidden);

    /// <summary>Before the first stage, with no ReLU after it.</summary>
    public static Place Stem { get; } = new(PlaceKind.Stem);

    /// <summary>The first layer of a residual block.</summary>
    public static Place FirstOfBlock { get; } = new(PlaceKind.FirstOfBlock);

    /// <summary>The shortcut's convolution, where a block changes the shape.</summary>
    public static Place Shortcut { get; } = new(PlaceKind.Shortcut);

    /// <summary>The four gates of an LSTM, input, forget, candidate and output, their blocks of rows one below the other. Each block is drawn and scaled as a layer of its own.</summary>
    public static Place LstmGates { get; } = new(PlaceKind.Gates) { Parts = 4 };

    /// <summary>What kind of place it is.</summary>
    public PlaceKind Kind { get; }

    /// <summary>b: which block of its stage the layer ends, counted from 1; 0 elsewhere.</summary>
    public int Block { get; private init; }

    /// <summary>B: how many blocks that stage has; 0 elsewhere.</summary>
    public int Blocks { get; private init; }

    /// <summary>How many blocks of rows are layers of their own: 4 for the gates of an LSTM, 1 elsewhere.</summary>
    public int Parts { get; private init; } = 1;

    /// <summary>The length of an output layer's rows at the start; null for PyTorch's own first values, and elsewhere.</summary>
    public double? RowLength { get; private init; }

    /// <summary>The last layer of a residual block.</summary>
    /// <param name="block">b: which block of its stage, from 1.</param>
    /// <param name="blocks">B: how many blocks the stage has, at least b.</param>
    public static Place LastOfBlock(int block, int blocks)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(block, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(blocks, block);
        return new(PlaceKind.LastOfBlock) { Block = block, Blocks = blocks };
    }

    /// <summary>The last layer of a network.</summary>
    /// <param name="rowLength">The length of each row at the start, above 0; null for PyTorch's own first values.</param>
    public static Place Output(double? rowLength)
    {
        if (rowLength is { } length && (!(length > 0) || !double.IsFinite(length)))
            throw new ArgumentOutOfRangeException(nameof(rowLength), length, "Expected a finite output scale above 0, as 0.01 for a policy and 1 for a value.");
        return new(PlaceKind.Output) { RowLength = rowLength };
    }

    /// <summary>The place in words, as "last of block 2 of 9".</summary>
    public override string ToString() => Kind switch
    {
        PlaceKind.Hidden => "hidden",
        PlaceKind.Stem => "stem",
        PlaceKind.FirstOfBlock => "first of block",
        PlaceKind.LastOfBlock => string.Create(CultureInfo.InvariantCulture, $"last of block {Block} of {Blocks}"),
        PlaceKind.Shortcut => "shortcut",
        PlaceKind.Gates => "gates",
        _ => "output",
    };
}
