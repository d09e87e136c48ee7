using RlWn.Agents.Data;
using RlWn.Envs;

namespace RlWn.Agents.Tests.Data;

public class SumTreeTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.99, 0)]
    [InlineData(1, 2)]      // 0 and 3 lie there with no length
    [InlineData(2.99, 2)]
    [InlineData(3, 4)]
    [InlineData(8, 4)]      // the very end, where rounding may put a point
    public void Find_PointOnTheLine_IsTheNumberUnderIt(double point, int index)
    {
        var tree = new SumTree(5) { [0] = 1, [2] = 2, [4] = 5 };
        Assert.Equal(8, tree.Total);
        Assert.Equal(index, tree.Find(point));
    }

    [Fact]
    public void Total_AfterManyChanges_HasNoRoundingPiledUp()
    {
        var (tree, random) = (new SumTree(100), new Rng(1));
        for (var i = 0; i < 200_000; i++)
            tree[random.Next(100)] = random.NextDouble() * 1e6;
        for (var i = 0; i < 100; i++)
            tree[i] = 0.5;

        Assert.Equal(50, tree.Total);
    }

    [Fact]
    public void Find_Frequencies_PassAChiSquareTest()
    {
        var (tree, random, counts) = (new SumTree(8), new Rng(11), new int[8]);
        for (var i = 0; i < 8; i++)
            tree[i] = i + 1;
        for (var draw = 0; draw < 72_000; draw++)
            counts[tree.Find(random.NextDouble() * tree.Total)]++;

        // Of 36 parts i + 1 are number i's: 2,000 (i + 1) expected. χ² with 7 degrees of freedom stays below 24.3 with probability 0.999.
        Assert.True(counts.Select((count, i) => Math.Pow(count - (2000 * (i + 1)), 2) / (2000 * (i + 1))).Sum() < 24.3, string.Join(" ", counts));
    }

    [Theory]
    [InlineData(-1.0)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Set_NotAFiniteSize_IsRefused(double value) => Assert.Throws<ArgumentOutOfRangeException>(() => new SumTree(2) { [0] = value });
}
