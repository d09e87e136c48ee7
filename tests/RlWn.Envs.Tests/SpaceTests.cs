namespace RlWn.Envs.Tests;

public class SpaceTests
{
    [Fact]
    public void Contains_Discrete_IsZeroToNMinusOne()
    {
        var space = new Discrete(3);
        Assert.Equal([false, true, true, false], new[] { -1, 0, 2, 3 }.Select(value => space.Contains([value])));
        Assert.False(space.Contains([0, 0]));
        Assert.False(space.Contains([]));
    }

    [Fact]
    public void Contains_MultiDiscrete_IsEachWithinItsOwnChoices()
    {
        var space = new MultiDiscrete(2, 5);
        Assert.True(space.Contains([1, 4]));
        Assert.False(space.Contains([2, 0]));
        Assert.False(space.Contains([0, 5]));
        Assert.False(space.Contains([-1, 0]));
        Assert.False(space.Contains([0]));
        Assert.Equal([2], space.Shape);
    }

    // 1,000 draws of the rarest choice, 1 in 5: 200 ± 13 of deviation, five of it.
    [Fact]
    public void Sample_MultiDiscrete_DrawsEveryChoiceOfEachNumber()
    {
        var (space, random, value) = (new MultiDiscrete(2, 5), new Rng(0), new int[2]);
        var counts = new int[5];
        for (var i = 0; i < 1_000; i++)
        {
            space.Sample(random, value);
            counts[value[1]]++;
        }

        Assert.All(counts, count => Assert.InRange(count, 137, 263));
    }

    [Fact]
    public void Contains_Box_IncludesItsBoundsAndExcludesNaN()
    {
        var space = new Box(low: [-1, float.NegativeInfinity], high: [1, 0]);
        Assert.True(space.Contains([-1, float.NegativeInfinity]));
        Assert.True(space.Contains([1, 0]));
        Assert.False(space.Contains([1.0000001f, 0]));
        Assert.False(space.Contains([0, float.NaN]));
        Assert.False(space.Contains([0]));
        Assert.False(space.IsBounded);
    }

    [Fact]
    public void Contains_ByteBox_IsUpToHigh()
    {
        var space = new ByteBox([2, 2], high: 1);
        Assert.True(space.Contains([0, 1, 1, 0]));
        Assert.False(space.Contains([0, 1, 2, 0]));
        Assert.Equal(4, space.Size);
        Assert.Equal([2, 2], space.Shape);
    }

    [Fact]
    public void Sample_EverySpace_LiesWithin()
    {
        var random = new Rng(0);
        Check(new Discrete(5));
        Check(new MultiDiscrete(3, 1, 7));
        Check(new Box(low: [-2, 0, float.NegativeInfinity, float.NegativeInfinity], high: [3, float.PositiveInfinity, 1, float.PositiveInfinity]));
        Check(new Box([2], float.MinValue, float.MaxValue));
        Check(new ByteBox([3, 3]));
        Check(new ByteBox([3], high: 0));

        void Check<T>(Space<T> space) where T : unmanaged
        {
            var value = new T[space.Size];
            for (var i = 0; i < 1_000; i++)
            {
                space.Sample(random, value);
                Assert.True(space.Contains(value));
            }
        }
    }

    [Fact]
    public void Sample_WrongLength_IsRefused() => Assert.Throws<ArgumentException>(() => new Discrete(2).Sample(new Rng(0), new int[2]));

    [Fact]
    public void Construct_Nonsense_IsRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new Discrete(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new MultiDiscrete(2, 0));
        Assert.Throws<ArgumentException>(() => new MultiDiscrete());
        Assert.Throws<ArgumentException>(() => new Box([1], 2, 1));
        Assert.Throws<ArgumentException>(() => new Box([1], float.NaN, 1));
        Assert.Throws<ArgumentException>(() => new Box(low: [0, 0], high: [1]));
        Assert.Throws<ArgumentException>(() => new ByteBox([0, 3]));
    }

    [Fact]
    public void ToString_Spaces_ReadAsWritten()
    {
        Assert.Equal("Discrete(2)", new Discrete(2).ToString());
        Assert.Equal("MultiDiscrete([2, 5])", new MultiDiscrete(2, 5).ToString());
        Assert.Equal("Box([3], -1..1)", new Box([3], -1, 1).ToString());
        Assert.Equal("Box([-1..1, 0..2])", new Box(low: [-1, 0], high: [1, 2]).ToString());
        Assert.Equal("ByteBox([4, 84, 84], 0..255)", new ByteBox([4, 84, 84]).ToString());
    }
}
