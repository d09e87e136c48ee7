using System.Text;

namespace RlWn.Envs;

/// <summary>A channel of a MinAtar game, and how it is shown.</summary>
/// <param name="Name">What is in it.</param>
/// <param name="Glyph">Its character in a text.</param>
/// <param name="Red">Its colour in a frame, 0 to 255; likewise the other two.</param>
/// <param name="Green">0 to 255.</param>
/// <param name="Blue">0 to 255.</param>
internal readonly record struct MinAtarChannel(string Name, char Glyph, byte Red, byte Green, byte Blue);

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
        if (rgb.Length != FrameSide * FrameSide * 3)
        {
            throw new ArgumentException(
                $"Expected {FrameSide * FrameSide * 3} bytes for a frame of [{FrameSide}, {FrameSide}, 3], got {rgb.Length}.", nameof(rgb));
        }

        Span<sbyte> tops = stackalloc sbyte[Cells];
        FindTops(tops);
        for (var row = 0; row < FrameSide; row++)
        {
            var line = rgb.Slice(row * FrameSide * 3, FrameSide * 3);
            for (var column = 0; column < FrameSide; column++)
            {
                var top = tops[(row / CellPixels * Side) + (column / CellPixels)];
                var color = top < 0 ? default : channels[top];
                (line[column * 3], line[(column * 3) + 1], line[(column * 3) + 2]) = (color.Red, color.Green, color.Blue);
            }
        }
    }

    /// <summary>Draws the grid in a frame, a character a cell, with the meaning of the characters beside it: 12 lines.</summary>
    /// <remarks>Where several channels have a flag, the last is shown.</remarks>
    public string DrawText()
    {
        Span<sbyte> tops = stackalloc sbyte[Cells];
        FindTops(tops);

        const string Edge = "+----------+";
        var text = new StringBuilder(Edge);
        for (var row = 0; row < Side; row++)
        {
            text.Append("\n|");
            foreach (var top in tops.Slice(row * Side, Side))
                text.Append(top < 0 ? ' ' : channels[top].Glyph);
            text.Append('|');
            if (row < channels.Length)
                text.Append("   ").Append(channels[row].Glyph).Append(' ').Append(channels[row].Name);
        }

        return text.Append('\n').Append(Edge).ToString();
    }

    // For each cell the last channel with a flag there, or -1.
    private void FindTops(Span<sbyte> tops)
    {
        Span<byte> observation = stackalloc byte[observed.Size];
        observation.Clear();
        Write(observation);

        tops.Fill(-1);
        for (var i = 0; i < observation.Length; i++)
        {
            if (observation[i] != 0)
                tops[i % Cells] = (sbyte)(i / Cells);
        }
    }
}
