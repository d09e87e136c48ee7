using System.Diagnostics;
using RlWn.Experiments.Supervised.Data;
using RlWn.Networks;

namespace RlWn.Experiments.Tests.Supervised;

public sealed class BatchesTests
{
    private static readonly ImageShape Tiny = new(1, 2, 3);
    private static readonly Normalization Bytes = new([0], [1.0 / 255]);   // x = the byte itself
    private static readonly byte[] Image = [1, 2, 3, 4, 5, 6];

    [Fact]
    public void Write_Unchanged_IsTheNormalizedImage()   // (51/255 - 0.2) / 0.5 = 0 and (255/255 - 0.2) / 0.5 = 1.6
    {
        var result = new float[6];

        new ImageWriter(Tiny, new([0.2], [0.5])).Write([51, 255, 51, 255, 51, 255], default, result);

        Assert.All(result.Chunk(2), pair =>
        {
            Assert.Equal(0, pair[0], 6);
            Assert.Equal(1.6f, pair[1], 6);
        });
    }

    [Theory]
    [InlineData(1, 0, false, new float[] { 2, 3, 0, 5, 6, 0 })]
    [InlineData(-1, 0, false, new float[] { 0, 1, 2, 0, 4, 5 })]
    [InlineData(0, 1, false, new float[] { 4, 5, 6, 0, 0, 0 })]
    [InlineData(0, -1, false, new float[] { 0, 0, 0, 1, 2, 3 })]
    [InlineData(0, 0, true, new float[] { 3, 2, 1, 6, 5, 4 })]
    [InlineData(1, 0, true, new float[] { 0, 3, 2, 0, 6, 5 })]
    [InlineData(4, 4, false, new float[] { 0, 0, 0, 0, 0, 0 })]
    [InlineData(-4, 0, true, new float[] { 0, 0, 0, 0, 0, 0 })]
    public void Write_ShiftAndMirror_MatchHandDrawing(int x, int y, bool mirrored, float[] expected) =>
        Assert.Equal(expected, Written(Tiny, new(x, y, mirrored, 0, 0, 0)));

    [Theory]
    [InlineData(1, 0, 2, new float[] { 1, 0, 0, 4, 0, 0 })]
    [InlineData(-1, -1, 2, new float[] { 0, 2, 3, 4, 5, 6 })]
    [InlineData(2, 1, 9, new float[] { 1, 2, 3, 4, 5, 0 })]
    public void Write_Hole_IsZeroAndMayReachOutside(int x, int y, int side, float[] expected) =>
        Assert.Equal(expected, Written(Tiny, new(0, 0, false, x, y, side)));

    [Fact]
    public void Write_WideRow_VectorsAndRestAgreeWithTheFormula()
    {
        var set = TinyData.Noise(1, new(3, 5, 37));
        var result = new float[set.Pixels.Length];

        new ImageWriter(set.Shape, Normalization.Cifar).Write(set.Pixels, default, result);

        for (var i = 0; i < result.Length; i++)
        {
            var channel = i / (5 * 37);
            Assert.Equal(((set.Pixels[i] / 255.0) - Normalization.Cifar.Mean[channel]) / Normalization.Cifar.Deviation[channel], result[i], tolerance: 1e-5);
        }
    }

    [Fact]
    public void Draw_ManyChanges_CoverEveryPlaceEvenly()
    {
        var random = new Envs.Rng(1);
        var shape = new ImageShape(3, 32, 32);
        var changes = Enumerable.Range(0, 90_000).Select(_ => Augmentation.CifarCutout.Draw(random, shape)).ToArray();

        // 9 shifts, 10,000 times each; the deviation of such a count is about 94.
        Assert.Equal([-4, -3, -2, -1, 0, 1, 2, 3, 4], changes.Select(change => change.ShiftX).Distinct().Order());
        Assert.All(changes.CountBy(change => change.ShiftY), count => Assert.InRange(count.Value, 9_500, 10_500));
        Assert.InRange(changes.Count(change => change.IsMirrored), 44_000, 46_000);
        Assert.Equal((-8, 23), (changes.Min(change => change.HoleX), changes.Max(change => change.HoleY)));   // centres 0 to 31, 16 wide
    }

    [Fact]
    public void Epoch_EveryImage_ComesOnceAndWithItsLabel()
    {
        var shape = new ImageShape(1, 1, 2);
        var set = new ImageSet([.. Enumerable.Range(0, 10).SelectMany(i => (byte[])[(byte)i, (byte)(10 * i)])], [.. Enumerable.Range(0, 10).Select(i => (byte)i)], shape, 10);
        using var batches = new Batches(set, set.All(), 4, Bytes, Augmentation.None, seed: 3);

        var seen = Numbers(batches.Epoch(0));

        Assert.Equal(3, batches.Count);
        Assert.Equal([4, 4, 2], seen.Select(batch => batch.Labels.Length));
        Assert.Equal(Enumerable.Range(0, 10).Select(i => (long)i), seen.SelectMany(batch => batch.Labels).Order());
        foreach (var (images, labels) in seen)
            Assert.Equal(labels.SelectMany(label => (float[])[label, 10 * label]), images, (a, b) => Math.Abs(a - b) < 1e-4);
    }

    [Fact]
    public void Epoch_SameSeed_IsTheSameWithoutThoseBefore_AndDiffersFromOthers()
    {
        var set = TinyData.Noise(50, new(3, 8, 8));
        using var first = new Batches(set, set.All(), 16, Normalization.Cifar, Augmentation.CifarCutout with { Cutout = 4 }, seed: 3);
        using var second = new Batches(set, set.All(), 16, Normalization.Cifar, Augmentation.CifarCutout with { Cutout = 4 }, seed: 3);
        using var other = new Batches(set, set.All(), 16, Normalization.Cifar, Augmentation.CifarCutout with { Cutout = 4 }, seed: 4);

        var (zero, one) = (Numbers(first.Epoch(0)), Numbers(first.Epoch(1)));

        AssertSame(one, Numbers(second.Epoch(1)));
        Assert.NotEqual(zero[0].Labels, one[0].Labels);
        Assert.NotEqual(zero[0].Images, Numbers(other.Epoch(0))[0].Images);
    }

    [Fact]
    public void InOrder_ASplit_IsItsImagesAsTheyAre()
    {
        var set = TinyData.Noise(20, new(1, 2, 2));
        using var batches = new Batches(set, [3, 5, 8], 2, Bytes, Augmentation.CifarCutout, seed: 3);

        var seen = Numbers(batches.InOrder());

        Assert.Equal([3, 5, 8], seen.SelectMany(batch => batch.Labels));
        Assert.Equal(set.Pixels[12..16].Select(pixel => (float)pixel), seen[0].Images[..4], (a, b) => Math.Abs(a - b) < 1e-4);
    }

    [Fact]
    public void Epoch_LeftEarly_CanBeBegunAgain_AndTwoAtOnceCannot()
    {
        var set = TinyData.Noise(50, new(3, 8, 8));
        using var batches = new Batches(set, set.All(), 16, Normalization.Cifar, Augmentation.Cifar, seed: 3);
        var whole = Numbers(batches.Epoch(0));

        foreach (var _ in batches.Epoch(0))
        {
            Assert.Throws<InvalidOperationException>(() => batches.Epoch(1).First());
            break;
        }

        AssertSame(whole, Numbers(batches.Epoch(0)));
    }

    [Fact]
    public void Preparing_SlowTraining_CountsBatchesThatNobodyWaitedFor()
    {
        var set = TinyData.Noise(64, new(3, 128, 128));
        using var batches = new Batches(set, set.All(), 8, Normalization.Cifar, Augmentation.CifarCutout, seed: 3);
        Assert.Equal(TimeSpan.Zero, batches.Preparing);

        var from = Stopwatch.GetTimestamp();
        Use(batches.Epoch(0));
        var (first, took) = (batches.Preparing, Stopwatch.GetElapsedTime(from));
        Use(batches.Epoch(1));

        // Eight batches are made in turn, all within the epoch's time; the second epoch makes eight more.
        Assert.InRange(first, TimeSpan.FromTicks(1), took);
        Assert.True(batches.Preparing > first, $"{batches.Preparing} after two epochs, {first} after one");

        static void Use(IEnumerable<ImageBatch> epoch)
        {
            foreach (var _ in epoch)
                Thread.Sleep(5);
        }
    }

    [Fact]
    public void Preparing_EpochLeftEarly_CountsTheBatchMadeAhead()
    {
        var set = TinyData.Noise(2, new(3, 256, 256));
        using var batches = new Batches(set, set.All(), 1, Normalization.Cifar, Augmentation.CifarCutout, seed: 3);
        TimeSpan first;
        using (var epoch = batches.Epoch(0).GetEnumerator())
        {
            Assert.True(epoch.MoveNext());
            first = batches.Preparing;
        }

        Assert.InRange(batches.Preparing, first + TimeSpan.FromTicks(1), TimeSpan.MaxValue);
    }

    private static float[] Written(ImageShape shape, Augmentation.Change change)
    {
        var result = new float[6];
        new ImageWriter(shape, Bytes).Write(Image, change, result);
        return [.. result.Select(number => MathF.Round(number))];
    }

    private static List<(float[] Images, long[] Labels)> Numbers(IEnumerable<ImageBatch> batches) =>
        [.. batches.Select(batch => (batch.Images.data<float>().ToArray(), batch.Labels.data<long>().ToArray()))];

    private static void AssertSame(List<(float[] Images, long[] Labels)> expected, List<(float[] Images, long[] Labels)> actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        foreach (var (left, right) in expected.Zip(actual))
        {
            Assert.Equal(left.Labels, right.Labels);
            Assert.Equal(left.Images, right.Images);
        }
    }
}
