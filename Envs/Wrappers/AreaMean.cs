using System.Numerics;
using System.Runtime.InteropServices;

namespace RlWn.Envs;

/// <summary>A part of an image, in whole pixels from its upper left corner; empty where it has no width or no height.</summary>
internal readonly record struct Patch(int Left, int Top, int Width, int Height)
{
    public bool IsEmpty => Width == 0 || Height == 0;

    /// <summary>The least patch that holds both.</summary>
    public Patch And(Patch other)
    {
        if (IsEmpty || other.IsEmpty)
            return IsEmpty ? other : this;

        var (left, top) = (Math.Min(Left, other.Left), Math.Min(Top, other.Top));
        return new Patch(left, top, Math.Max(Left + Width, other.Left + other.Width) - left, Math.Max(Top + Height, other.Top + other.Height) - top);
    }
}

/// <summary>Shrinks images of one size to another: each pixel becomes the mean of the area that it covers, in whole numbers, halves rounded up.</summary>
internal sealed class AreaMean
{
    private readonly int fromHeight, fromWidth, toHeight, toWidth;
    private readonly Cover[] down, across;
    private readonly int[] row;           // one row of the result, summed downwards but not yet across
    private readonly int half;            // of the area of one pixel of the result, in the parts that the covers count
    private readonly ulong reciprocal;    // of that area, times 2^40: exact for every sum below 2^40 / area, which no image's pixel comes near

    /// <summary>Prepares for one size of image.</summary>
    /// <param name="from">Height and width of the image.</param>
    /// <param name="to">Height and width of the result, at most as large.</param>
    public AreaMean((int Height, int Width) from, (int Height, int Width) to)
    {
        (fromHeight, fromWidth, toHeight, toWidth) = (from.Height, from.Width, to.Height, to.Width);
        (down, across) = (Covers(fromHeight, toHeight), Covers(fromWidth, toWidth));
        row = new int[fromWidth];
        var area = checked(down[0].Sum * across[0].Sum);
        (half, reciprocal) = (area / 2, ((1UL << 40) / (ulong)area) + 1);
    }

    /// <summary>Shrinks an image.</summary>
    /// <param name="large">The image, [height, width].</param>
    /// <param name="small">Receives the result, [height, width].</param>
    public void Shrink(ReadOnlySpan<byte> large, Span<byte> small) => Shrink(large, small, new Patch(0, 0, fromWidth, fromHeight));

    /// <summary>Shrinks a part of an image, and leaves alone what has no share of it.</summary>
    /// <param name="large">The whole image, [height, width].</param>
    /// <param name="small">Receives those pixels of the result that cover anything of the part.</param>
    /// <param name="part">Which part of the image.</param>
    public void Shrink(ReadOnlySpan<byte> large, Span<byte> small, Patch part)
    {
        if (part.IsEmpty)
            return;

        var (top, bottom) = Under(part.Top, part.Height, fromHeight, toHeight);
        var (left, right) = Under(part.Left, part.Width, fromWidth, toWidth);
        var (first, end) = (across[left].First, across[right - 1].End);
        for (var y = top; y < bottom; y++)
        {
            SumDown(large, down[y], first, end);
            var target = small.Slice(y * toWidth, toWidth);
            for (var x = left; x < right; x++)
                target[x] = (byte)(((ulong)(across[x].Of(row) + half) * reciprocal) >> 40);
        }
    }

    private static (int First, int End) Under(int start, int length, int from, int to) => (start * to / from, (((start + length) * to) + from - 1) / from);

    private void SumDown(ReadOnlySpan<byte> large, in Cover cover, int first, int end)
    {
        var sums = row.AsSpan(first, end - first);
        sums.Clear();
        for (var i = 0; i < cover.Count; i++)
            Add(large.Slice(((cover.First + i) * fromWidth) + first, sums.Length), cover.Weight(i), sums);
    }

    private static void Add(ReadOnlySpan<byte> pixels, int weight, Span<int> sums)
    {
        var bytes = MemoryMarshal.Cast<byte, Vector<byte>>(pixels);
        var vectors = MemoryMarshal.Cast<int, Vector<int>>(sums);
        for (var i = 0; i < bytes.Length; i++)
        {
            Vector.Widen(bytes[i], out var low, out var high);
            Vector.Widen(low, out var first, out var second);
            Vector.Widen(high, out var third, out var fourth);
            var four = vectors.Slice(4 * i, 4);
            four[0] += Vector.AsVectorInt32(first) * weight;
            four[1] += Vector.AsVectorInt32(second) * weight;
            four[2] += Vector.AsVectorInt32(third) * weight;
            four[3] += Vector.AsVectorInt32(fourth) * weight;
        }

        for (var x = bytes.Length * Vector<byte>.Count; x < pixels.Length; x++)
            sums[x] += pixels[x] * weight;
    }

    // With g the greatest common divisor, a large pixel is cut into to/g parts, and a small one covers from/g of them.
    private static Cover[] Covers(int from, int to)
    {
        var divisor = (int)BigInteger.GreatestCommonDivisor(from, to);
        var (parts, covered) = (to / divisor, from / divisor);
        var covers = new Cover[to];
        for (var i = 0; i < to; i++)
        {
            var (start, end) = (i * covered, (i + 1) * covered);
            var (first, last) = (start / parts, (end - 1) / parts);
            covers[i] = first == last
                ? new Cover(first, 1, covered, 0, 0)
                : new Cover(first, last - first + 1, ((first + 1) * parts) - start, parts, end - (last * parts));
        }

        return covers;
    }

    /// <summary>The large pixels under a small one, along one direction: the first and the last in part, those between in whole.</summary>
    private readonly record struct Cover(int First, int Count, int FirstWeight, int BetweenWeight, int LastWeight)
    {
        public int End => First + Count;

        public int Sum => FirstWeight + (BetweenWeight * Math.Max(0, Count - 2)) + LastWeight;

        public int Weight(int i) => i == 0 ? FirstWeight : i == Count - 1 ? LastWeight : BetweenWeight;

        public int Of(int[] values)
        {
            var sum = 0;
            for (var i = First + 1; i < First + Count - 1; i++)
                sum += values[i];
            return (values[First] * FirstWeight) + (sum * BetweenWeight) + (values[First + Count - 1] * LastWeight);
        }
    }
}
