using System.Runtime.InteropServices;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace RlWn.Init.Tests;

public class DirectionsTests
{
    [Theory]
    [InlineData(new long[] { 64, 64 })]
    [InlineData(new long[] { 64, 500 })]
    [InlineData(new long[] { 1, 9 })]
    [InlineData(new long[] { 1, 1 })]
    [InlineData(new long[] { 16, 8, 3, 3 })]
    [InlineData(new long[] { 50, 2, 5, 5 })]      // 50 filters of 50 numbers
    public void Orthogonal_NoMoreRowsThanColumns_RowsAreOrthonormal(long[] shape)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var v = Directions.Orthogonal(shape, generator);

        Assert.Equal(shape, v.shape);
        Assert.True(v.is_contiguous());
        var rows = v.view(shape[0], -1).to(ScalarType.Float64);
        Assert.True(FarthestFromIdentity(rows.mm(rows.t())) < 1e-5);
    }

    [Theory]
    [InlineData(new long[] { 500, 64 })]
    [InlineData(new long[] { 9, 1 })]
    [InlineData(new long[] { 40, 2, 3, 3 })]      // 40 filters of 18 numbers
    public void Orthogonal_MoreRowsThanColumns_ColumnsAreOrthonormal(long[] shape)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var v = Directions.Orthogonal(shape, generator);

        Assert.Equal(shape, v.shape);
        Assert.True(v.is_contiguous());
        var rows = v.view(shape[0], -1).to(ScalarType.Float64);
        Assert.True(FarthestFromIdentity(rows.t().mm(rows)) < 1e-5);
    }

    [Fact]
    public void Orthogonal_Float64_IsOrthonormalToItsOwnPrecision()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var v = Directions.Orthogonal([64, 100], generator, ScalarType.Float64);

        Assert.Equal(ScalarType.Float64, v.dtype);
        Assert.True(FarthestFromIdentity(v.mm(v.t())) < 1e-13);
    }

    [Fact]
    public void Orthogonal_ManyDraws_FavourNoSign()
    {
        // Uniform on O(8): each entry is symmetric about 0, and the trace has mean 0 and variance 1 (Diaconis and Shahshahani 1994).
        // Householder QR alone makes every first entry negative. 1,000 draws; the bounds are five standard deviations.
        const int Draws = 1000;
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var (positive, trace, sum) = (0, 0.0, 0.0);
        for (var i = 0; i < Draws; i++)
        {
            using var draw = NewDisposeScope();
            var v = Directions.Orthogonal([8, 8], generator, ScalarType.Float64);
            positive += v[0, 0].item<double>() > 0 ? 1 : 0;
            trace += v.trace().item<double>();
            sum += v.sum().item<double>();
        }

        Assert.InRange(positive, (Draws / 2) - (2.5 * Math.Sqrt(Draws)), (Draws / 2) + (2.5 * Math.Sqrt(Draws)));   // σ = √n / 2
        Assert.InRange(trace / Draws, -5 / Math.Sqrt(Draws), 5 / Math.Sqrt(Draws));
        Assert.InRange(sum / Draws, -5 * Math.Sqrt(8.0 / Draws), 5 * Math.Sqrt(8.0 / Draws));   // 1ᵀ v 1 = 8 uᵀ v u, of variance 64 / 8
    }

    [Theory]
    [InlineData(new long[] { 100, 400 }, 400)]
    [InlineData(new long[] { 400, 100 }, 100)]
    [InlineData(new long[] { 64, 16, 5, 5 }, 400)]
    public void He_Entries_HaveMeanZeroAndVarianceOneOverFanIn(long[] shape, double fanIn)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var entries = Directions.He(shape, generator, ScalarType.Float64).flatten();
        var count = entries.NumberOfElements;

        // The mean's deviation is σ/√n, the variance's relative one √(2/n); the bounds are five of each.
        Assert.InRange(entries.mean().item<double>(), -5 / Math.Sqrt(fanIn * count), 5 / Math.Sqrt(fanIn * count));
        Assert.InRange(entries.square().mean().item<double>() * fanIn, 1 - (5 * Math.Sqrt(2.0 / count)), 1 + (5 * Math.Sqrt(2.0 / count)));
    }

    [Theory]
    [InlineData(Direction.Orthogonal)]
    [InlineData(Direction.He)]
    public void Draw_Seed_DecidesEveryBit(Direction direction)
    {
        using var scope = NewDisposeScope();

        Assert.Equal(Bits(direction, 7), Bits(direction, 7));
        Assert.NotEqual(Bits(direction, 7), Bits(direction, 8));
    }

    [Theory]
    [InlineData(Direction.Orthogonal)]
    [InlineData(Direction.He)]
    public void Draw_TwiceFromOneGenerator_Differs(Direction direction)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);

        Assert.False(Directions.Draw(direction, [5, 7], generator).equal(Directions.Draw(direction, [5, 7], generator)).all().item<bool>());
    }

    [Theory]
    [InlineData(Direction.Orthogonal)]
    [InlineData(Direction.He)]
    public void Draw_GlobalGenerator_IsLeftAlone(Direction direction)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        manual_seed(5);
        var expected = rand(4);

        manual_seed(5);
        Directions.Draw(direction, [6, 6], generator);

        Assert.Equal(expected.data<float>().ToArray(), rand(4).data<float>().ToArray());
    }

    [Fact]
    public void Draw_LeavesNothingBehindButTheResult()
    {
        using var generator = new Generator(1);
        var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
        using var orthogonal = Directions.Orthogonal([5, 3], generator);
        using var he = Directions.He([5, 3], generator);

        Assert.Equal(before + 2, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
        Assert.False(orthogonal.requires_grad);
    }

    [Fact]
    public void Draw_UnknownDirection_IsRefused()
    {
        using var generator = new Generator(1);

        Assert.Throws<ArgumentOutOfRangeException>(() => Directions.Draw((Direction)9, [2, 2], generator));
    }

    [Theory]
    [InlineData(Direction.Orthogonal)]
    [InlineData(Direction.He)]
    public void Draw_ShapeThatIsNoWeight_IsRefused(Direction direction)
    {
        using var generator = new Generator(1);

        Assert.Throws<ArgumentException>(() => Directions.Draw(direction, [4], generator));
        Assert.Throws<ArgumentException>(() => Directions.Draw(direction, [4, 0], generator));
        Assert.Throws<ArgumentNullException>(() => Directions.Draw(direction, [4, 4], null!));
    }

    [Fact]
    public void Initializer_Scales_AreOneLengthARow()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var g = new Initializer(generator, Dtype: ScalarType.Float64).Scales(1.5, 3, 2, 5, 5);

        Assert.Equal([3, 1, 1, 1], g.shape);
        Assert.Equal([1.5, 1.5, 1.5], g.data<double>().ToArray());
    }

    private static double FarthestFromIdentity(Tensor square) =>
        (square - eye(square.size(0), dtype: ScalarType.Float64)).abs().max().item<double>();

    private static byte[] Bits(Direction direction, ulong seed)
    {
        using var generator = new Generator(seed);
        return MemoryMarshal.AsBytes(Aten.Memory<float>(Directions.Draw(direction, [33, 20], generator))).ToArray();
    }
}
