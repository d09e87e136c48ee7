using Xunit;

namespace RlWn.Init.Tests;

public class FansTests
{
    [Theory]
    [InlineData(new long[] { 7, 3 }, 3, 7)]
    [InlineData(new long[] { 1, 1 }, 1, 1)]
    [InlineData(new long[] { 16, 8, 3, 3 }, 72, 144)]      // 8·9 and 16·9
    [InlineData(new long[] { 16, 8, 5, 2 }, 80, 160)]      // a kernel need not be square
    [InlineData(new long[] { 4, 6, 1, 1 }, 6, 4)]
    public void Of_Weight_CountsChannelsTimesPositions(long[] shape, long fanIn, long fanOut) =>
        Assert.Equal(new Fans(fanIn, fanOut), Fans.Of(shape));

    [Theory]
    [InlineData(new long[0])]
    [InlineData(new long[] { 5 })]
    [InlineData(new long[] { 0, 3 })]
    [InlineData(new long[] { 3, 0 })]
    [InlineData(new long[] { 3, -1 })]
    [InlineData(new long[] { 3, 2, 0, 3 })]
    [InlineData(new long[] { 3, 2, -3, -3 })]              // two negatives must not cancel
    public void Of_ShapeThatIsNoWeight_IsRefusedWithTheShape(long[] shape)
    {
        var error = Assert.Throws<ArgumentException>(() => Fans.Of(shape));

        Assert.Contains($"[{string.Join(", ", shape)}]", error.Message, StringComparison.Ordinal);
    }
}
