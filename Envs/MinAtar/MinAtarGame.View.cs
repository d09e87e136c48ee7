using System.Text;

namespace RlWn.Envs;

/// <summary>A channel of a MinAtar game, and how it is shown.</summary>
/// <param name="Name">What is in it.</param>
/// <param name="Glyph">Its character in a text.</param>
/// <param name="Color">Its colour in a frame.</param>
internal readonly record struct MinAtarChannel(string Name, char Glyph, Rgb Color);

public abstract partial class MinAtarGame
{
    private const int CellPixels = 16;
    private const int FrameSide = Side * CellPixels;

    /// <inheritdoc/>
    public (int Height, int Width) FrameSize => (FrameSide, FrameSide);

    /// <summary>20: a step has no duration in these games; the reference shows each for 50 ms.</summary>
    public double FramesPerSecond => 20;

    /// <inheritdoc/>
    /// <remarks>Each cell is a block of 16 by 16 pixels in the colour of the last channel that has a flag there, or black.</remarks>
    public void DrawFrame(Span<byte> rgb)
    {
        Span<byte> cells = stackalloc byte[Cells];
        FindTops(cells);
        new Canvas(rgb, FrameSide, FrameSide).Grid(cells, Side, palette);
    }

    /// <summary>Draws the grid in a frame, a character a cell, with the meaning of the characters beside it: 12 lines.</summary>
    /// <remarks>Where several channels have a flag, the last is shown.</remarks>
    public string DrawText()
    {
        Span<byte> tops = stackalloc byte[Cells];
        FindTops(tops);

        const string Edge = "+----------+";
        var text = new StringBuilder(Edge);
        for (var row = 0; row < Side; row++)
        {
            text.Append("\n|");
            foreach (var top in tops.Slice(row * Side, Side))
                text.Append(top == 0 ? ' ' : channels[top - 1].Glyph);
            text.Append('|');
            if (row < channels.Length)
                text.Append("   ").Append(channels[row].Glyph).Append(' ').Append(channels[row].Name);
        }

        return text.Append('\n').Append(Edge).ToString();
    }

    // For each cell one more than the last channel with a flag there, or 0.
    private void FindTops(Span<byte> tops)
    {
        Span<byte> observation = stackalloc byte[observed.Size];
        observation.Clear();
        Write(observation);

        tops.Clear();
        for (var i = 0; i < observation.Length; i++)
        {
            if (observation[i] != 0)
                tops[i % Cells] = (byte)(1 + (i / Cells));
        }
    }
}
