using System.Numerics;
using System.Runtime.InteropServices;

namespace RlWn.Envs;

/// <summary>A pixel task seen at a smaller size: each pixel is the mean of the area that it covers, [C, H, W] becomes [C, height, width].</summary>
/// <remarks>
/// The same mean as OpenCV's INTER_AREA when shrinking, in whole numbers and so without error: halves are rounded up. A thing smaller than a pixel
/// of the result grows fainter, by the share of the pixel that it covers, and is never lost between pixels.
/// </remarks>
public sealed class AreaResize : Wrapper<byte, int>
{
    private readonly byte[] large;
    private readonly int[] row;   // one row of the result, summed downwards but not yet across
    private readonly int channels, fromHeight, fromWidth, toHeight, toWidth;
    private readonly Cover[] down, across;
    private readonly int area;    // of one pixel of the result, in the parts that the covers count

    /// <summary>Makes the wrapper.</summary>
    /// <param name="env">The task, observed as [C, H, W]; disposed together with this one.</param>
    /// <param name="height">The height to see it at, 1 to H.</param>
    /// <param name="width">The width to see it at, 1 to W.</param>
    /// <exception cref="ArgumentException">The observations have another shape, or are smaller.</exception>
    public AreaResize(IEnv<byte, int> env, int height, int width) : base(env)
    {
        var space = env.ObservationSpace;
        if (space is not ByteBox box || space.Shape is not [var c, var h, var w])
            throw new ArgumentException($"Expected observations of shape [channels, height, width], got {space}.", nameof(env));
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        if (height > h || width > w)
            throw new ArgumentException($"Expected a size of at most {h} x {w}, which is the task's, got {height} x {width}. An area can only shrink.");

        (channels, fromHeight, fromWidth, toHeight, toWidth) = (c, h, w, height, width);
        ObservationSpace = new ByteBox([c, height, width], box.High);
        (large, row) = (new byte[space.Size], new int[w]);
        (down, across) = (Covers(h, height), Covers(w, width));
        area = checked(down[0].Sum * across[0].Sum);
    }

    /// <inheritdoc/>
    public override Space<byte> ObservationSpace { get; }

    /// <inheritdoc/>
    public override void Reset(Random random, Span<byte> observation)
    {
        Env.Reset(random, large);
        Shrink(observation);
    }

    /// <inheritdoc/>
    public override StepResult Step(ReadOnlySpan<int> action, Span<byte> observation)
    {
        var result = Env.Step(action, large);
        Shrink(observation);
        return result;
    }

    private void Shrink(Span<byte> small)
    {
        // Division by a constant as a multiplication: exact for every sum below 2^40 / area, which no image's pixel comes near.
        var reciprocal = ((1UL << 40) / (ulong)area) + 1;
        var half = area / 2;

        for (var y = 0; y < channels * toHeight; y++)
        {
            var channel = large.AsSpan(y / toHeight * fromHeight * fromWidth, fromHeight * fromWidth);
            SumDown(channel, down[y % toHeight]);

            var target = small.Slice(y * toWidth, toWidth);
            for (var x = 0; x < target.Length; x++)
            {
                var sum = (ulong)(across[x].Of(row) + half);
                target[x] = (byte)((sum * reciprocal) >> 40);
            }
        }
    }

    private void SumDown(ReadOnlySpan<byte> channel, in Cover cover)
    {
        Array.Clear(row);
        for (var i = 0; i < cover.Count; i++)
            Add(channel.Slice((cover.First + i) * fromWidth, fromWidth), cover.Weight(i));
    }

    private void Add(ReadOnlySpan<byte> pixels, int weight)
    {
        var bytes = MemoryMarshal.Cast<byte, Vector<byte>>(pixels);
        var sums = MemoryMarshal.Cast<int, Vector<int>>(row.AsSpan());
        for (var i = 0; i < bytes.Length; i++)
        {
            Vector.Widen(bytes[i], out var low, out var high);
            Vector.Widen(low, out var first, out var second);
            Vector.Widen(high, out var third, out var fourth);
            var four = sums.Slice(4 * i, 4);
            four[0] += Vector.AsVectorInt32(first) * weight;
            four[1] += Vector.AsVectorInt32(second) * weight;
            four[2] += Vector.AsVectorInt32(third) * weight;
            four[3] += Vector.AsVectorInt32(fourth) * weight;
        }

        for (var x = bytes.Length * Vector<byte>.Count; x < pixels.Length; x++)
            row[x] += pixels[x] * weight;
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
