using Xunit;

namespace RlWn.Init.Tests;

public class GainTests
{
    [Fact]
    public void Presets_AreThePapersGammas()
    {
        Assert.Equal(2, Gain.BeforeRelu.Gamma);
        Assert.Equal(1, Gain.Linear.Gamma);
        Assert.Equal(1, Gain.LastOfBlock(1).Gamma);
        Assert.Equal(0.25, Gain.LastOfBlock(4).Gamma);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void LastOfBlock_NoBlocks_IsRefused(int blocks) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Gain.LastOfBlock(blocks));

    [Theory]
    [InlineData(2, 50, 100, 1)]        // √(2 · 50/100)
    [InlineData(2, 100, 50, 2)]        // √(2 · 100/50)
    [InlineData(1, 9, 4, 1.5)]
    [InlineData(0.25, 64, 64, 0.5)]
    public void Forward_Fans_MatchesHandCalculation(double gamma, long fanIn, long fanOut, double expected) =>
        Assert.Equal(expected, WeightNormScale.Forward(new Gain(gamma), new Fans(fanIn, fanOut)), 15);

    [Theory]
    [InlineData(4, 2)]
    [InlineData(0.25, 0.5)]
    public void Backward_IsTheRootOfGamma(double gamma, double expected)
    {
        Assert.Equal(expected, WeightNormScale.Backward(new Gain(gamma)), 15);
        Assert.Equal(expected, WeightNormScale.Forward(new Gain(gamma), new Fans(17, 17)), 15);   // the same where the fans are
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-2)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void ForwardAndBackward_GammaThatIsNoGain_IsRefused(double gamma)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => WeightNormScale.Forward(new Gain(gamma), new Fans(3, 3)));
        Assert.Throws<ArgumentOutOfRangeException>(() => WeightNormScale.Backward(new Gain(gamma)));
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(3, 0)]
    [InlineData(-3, 3)]
    [InlineData(3, -3)]
    public void Forward_FanThatIsNotPositive_IsRefused(long fanIn, long fanOut) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => WeightNormScale.Forward(Gain.BeforeRelu, new Fans(fanIn, fanOut)));
}
