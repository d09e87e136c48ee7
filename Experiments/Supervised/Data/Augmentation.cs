using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using RlWn.Networks;

namespace RlWn.Experiments.Supervised.Data;

/// <summary>How bytes become numbers that a network sees: x = (pixel / 255 - mean) / deviation, channel by channel.</summary>
/// <param name="Mean">For each channel, from 0 to 1.</param>
/// <param name="Deviation">For each channel, above 0.</param>
internal sealed record Normalization(IReadOnlyList<double> Mean, IReadOnlyList<double> Deviation)
{
    /// <summary>CIFAR's, as the paper's reference code has them.</summary>
    public static Normalization Cifar { get; } = new([0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010]);

    /// <summary>MNIST's, as the paper's reference code has it: x = pixel / 255 - 0.5.</summary>
    public static Normalization Mnist { get; } = new([0.5], [1]);

    /// <summary>That of images of a shape: CIFAR's for colours, MNIST's for grey.</summary>
    public static Normalization Of(ImageShape shape) => shape.Channels == 3 ? Cifar : Mnist;
}

/// <summary>How training images are altered by chance.</summary>
/// <param name="Padding">Black pixels added on each side before a window of the first size is cut out at a random place; 0 for none.</param>
/// <param name="Flip">Whether every other image is mirrored left to right.</param>
/// <param name="Cutout">The side of one square hole, centred on a random pixel and filled with the mean; 0 for none.</param>
/// <remarks>Cutout: DeVries and Taylor 2017, arXiv:1708.04552. Parts of the hole may lie outside of the image.</remarks>
internal sealed record Augmentation(int Padding, bool Flip, int Cutout)
{
    /// <summary>Images as they are.</summary>
    public static Augmentation None { get; } = new(0, false, 0);

    /// <summary>CIFAR's: padding 4 and mirroring, without cutout.</summary>
    public static Augmentation Cifar { get; } = new(4, true, 0);

    /// <summary>CIFAR's with a hole of 16 pixels.</summary>
    public static Augmentation CifarCutout { get; } = Cifar with { Cutout = 16 };

    /// <summary>Draws what happens to one image.</summary>
    public Change Draw(Random random, ImageShape shape)
    {
        var change = new Change { IsMirrored = Flip && random.Next(2) == 1 };
        if (Padding > 0)
            change = change with { ShiftX = random.Next((2 * Padding) + 1) - Padding, ShiftY = random.Next((2 * Padding) + 1) - Padding };
        if (Cutout > 0)
            change = change with { HoleX = random.Next((int)shape.Width) - (Cutout / 2), HoleY = random.Next((int)shape.Height) - (Cutout / 2), Hole = Cutout };
        return change;
    }

    /// <summary>What happens to one image.</summary>
    /// <param name="ShiftX">Where the window begins, in pixels from the image's left side; black where it reaches outside.</param>
    /// <param name="ShiftY">Likewise from the top.</param>
    /// <param name="IsMirrored">Whether the window is then mirrored left to right.</param>
    /// <param name="HoleX">The hole's left side in the result.</param>
    /// <param name="HoleY">Its top.</param>
    /// <param name="Hole">Its side; 0 for none.</param>
    public readonly record struct Change(int ShiftX, int ShiftY, bool IsMirrored, int HoleX, int HoleY, int Hole);
}

/// <summary>Alters and normalizes images in one pass from bytes to the network's numbers.</summary>
internal sealed class ImageWriter
{
    private readonly ImageShape shape;
    private readonly float[] scale;
    private readonly float[] shift;
    private readonly byte[] row;

    /// <summary>Makes a writer.</summary>
    /// <param name="shape">The shape of one image.</param>
    /// <param name="normalization">For the shape's channels.</param>
    public ImageWriter(ImageShape shape, Normalization normalization)
    {
        if (normalization.Mean.Count != shape.Channels || normalization.Deviation.Count != shape.Channels)
            throw new ArgumentException($"Expected a mean and a deviation for each of {shape.Channels} channels, got {normalization.Mean.Count} and {normalization.Deviation.Count}.", nameof(normalization));

        this.shape = shape;
        scale = [.. normalization.Deviation.Select(deviation => (float)(1 / (255 * deviation)))];
        shift = [.. normalization.Mean.Zip(normalization.Deviation, (mean, deviation) => (float)(-mean / deviation))];
        row = new byte[shape.Width];
    }

    /// <summary>Writes one image.</summary>
    /// <param name="image">Its bytes, shape [C, H, W].</param>
    /// <param name="change">What happens to it.</param>
    /// <param name="result">Where to, shape [C, H, W].</param>
    public void Write(ReadOnlySpan<byte> image, in Augmentation.Change change, Span<float> result)
    {
        var (height, width) = ((int)shape.Height, (int)shape.Width);
        for (var channel = 0; channel < shape.Channels; channel++)
        {
            for (var y = 0; y < height; y++)
            {
                var start = ((channel * height) + y) * width;
                var source = y + change.ShiftY;
                CutRow(source >= 0 && source < height ? image.Slice(((channel * height) + source) * width, width) : [], change);
                Scale(row, scale[channel], shift[channel], result.Slice(start, width));
                if (y >= change.HoleY && y < change.HoleY + change.Hole)
                {
                    var (from, to) = (Math.Max(change.HoleX, 0), Math.Min(change.HoleX + change.Hole, width));
                    result[(start + from)..(start + to)].Clear();   // 0 is the mean
                }
            }
        }
    }

    // One row of the window, as bytes.
    private void CutRow(ReadOnlySpan<byte> source, in Augmentation.Change change)
    {
        var width = row.Length;
        var (from, to) = (Math.Clamp(-change.ShiftX, 0, width), Math.Clamp(width - change.ShiftX, 0, width));
        if (source.IsEmpty || to - from < width)
            row.AsSpan().Clear();
        if (!source.IsEmpty && from < to)
            source[(from + change.ShiftX)..(to + change.ShiftX)].CopyTo(row.AsSpan(from));
        if (change.IsMirrored)
            row.AsSpan().Reverse();
    }

    private static void Scale(ReadOnlySpan<byte> bytes, float scale, float shift, Span<float> numbers)
    {
        ref var from = ref MemoryMarshal.GetReference(bytes);
        ref var to = ref MemoryMarshal.GetReference(numbers);
        var (scales, shifts) = (Vector256.Create(scale), Vector256.Create(shift));
        var i = 0;
        for (; i <= bytes.Length - Vector128<byte>.Count; i += Vector128<byte>.Count)
        {
            var words = Vector256.WidenLower(Vector128.LoadUnsafe(ref from, (nuint)i).ToVector256Unsafe());
            var (lower, upper) = Vector256.Widen(words);
            Vector256.StoreUnsafe(Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(lower.AsInt32()), scales, shifts), ref to, (nuint)i);
            Vector256.StoreUnsafe(Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(upper.AsInt32()), scales, shifts), ref to, (nuint)(i + Vector256<float>.Count));
        }

        for (; i < bytes.Length; i++)
            Unsafe.Add(ref to, i) = MathF.FusedMultiplyAdd(bytes[i], scale, shift);   // as the vectors do, to the last bit
    }
}
