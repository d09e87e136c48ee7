using System.Numerics;
using System.Runtime.InteropServices;

namespace RlWn.Envs;

/// <summary>A pixel task seen without colours: [3, height, width] becomes [1, height, width].</summary>
/// <remarks>Brightness is that of ITU-R BT.601, 0.299 red + 0.587 green + 0.114 blue, with the weights in 256ths: 77, 150, 29.</remarks>
public sealed class GreyScale : Wrapper<byte, int>
{
    private const ushort RedWeight = 77, GreenWeight = 150, BlueWeight = 29, Half = 128;
    private readonly byte[] colours;

    /// <summary>Makes the wrapper.</summary>
    /// <param name="env">The task, observed as [3, height, width] of red, green and blue; disposed together with this one.</param>
    /// <exception cref="ArgumentException">The observations have another shape.</exception>
    public GreyScale(IEnv<byte, int> env) : base(env)
    {
        var space = env.ObservationSpace;
        if (space.Shape is not [3, var height, var width])
            throw new ArgumentException($"Expected observations of shape [3, height, width], got {space}. Put it before anything that stacks or scales.", nameof(env));

        ObservationSpace = new ByteBox([1, height, width]);
        colours = new byte[space.Size];
    }

    /// <inheritdoc/>
    public override Space<byte> ObservationSpace { get; }

    /// <inheritdoc/>
    public override void Reset(Random random, Span<byte> observation)
    {
        Env.Reset(random, colours);
        Convert(colours, observation);
    }

    /// <inheritdoc/>
    public override StepResult Step(ReadOnlySpan<int> action, Span<byte> observation)
    {
        var result = Env.Step(action, colours);
        Convert(colours, observation);
        return result;
    }

    /// <summary>The brightness of a colour.</summary>
    internal static byte Luminance(byte red, byte green, byte blue) => (byte)(((RedWeight * red) + (GreenWeight * green) + (BlueWeight * blue) + Half) >> 8);

    private static void Convert(ReadOnlySpan<byte> colours, Span<byte> grey)
    {
        var size = grey.Length;
        var red = colours[..size];
        var green = colours.Slice(size, size);
        var blue = colours.Slice(2 * size, size);

        var reds = MemoryMarshal.Cast<byte, Vector<byte>>(red);
        var greens = MemoryMarshal.Cast<byte, Vector<byte>>(green);
        var blues = MemoryMarshal.Cast<byte, Vector<byte>>(blue);
        var greys = MemoryMarshal.Cast<byte, Vector<byte>>(grey);
        for (var i = 0; i < greys.Length; i++)
        {
            Vector.Widen(reds[i], out var red0, out var red1);
            Vector.Widen(greens[i], out var green0, out var green1);
            Vector.Widen(blues[i], out var blue0, out var blue1);
            greys[i] = Vector.Narrow(Luminance(red0, green0, blue0), Luminance(red1, green1, blue1));
        }

        for (var i = greys.Length * Vector<byte>.Count; i < size; i++)
            grey[i] = Luminance(red[i], green[i], blue[i]);
    }

    // At most 256 · 255 + 128, which 16 bits just hold.
    private static Vector<ushort> Luminance(Vector<ushort> red, Vector<ushort> green, Vector<ushort> blue) =>
        ((red * RedWeight) + (green * GreenWeight) + (blue * BlueWeight) + new Vector<ushort>(Half)) >>> 8;
}
