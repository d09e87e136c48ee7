using RlWn.Envs;
using RlWn.Experiments.Comparing;

namespace RlWn.Experiments.Tests.Comparing;

public sealed class RobustTests
{
    [Theory]
    [InlineData(new[] { 7.0 }, 7)]
    [InlineData(new[] { 3.0, 1, 8 }, 4)]                                  // below four none are dropped: 12 / 3
    [InlineData(new[] { 100.0, 2, 4, -50 }, 3)]                           // one from each end: (2 + 4) / 2
    [InlineData(new[] { 9.0, 1, 2, 3, 4, 5, 6, 7, 8, 1000 }, 5.5)]        // ⌊10 / 4⌋ = 2 from each end: 3 … 8
    public void InterquartileMean_OfAFew_MatchesHandCalculation(double[] scores, double expected) =>
        Assert.Equal(expected, Robust.InterquartileMean(scores), 12);

    [Fact]
    public void Median_WithASeedThatNeverGotThere_IsOfTheOthersOrNever()
    {
        Assert.Equal(20, Robust.Median([double.PositiveInfinity, 10, 20]));
        Assert.Equal(double.PositiveInfinity, Robust.Median([10, double.PositiveInfinity]));
    }

    [Theory]
    [InlineData(new[] { 1.0, 2, 3 }, new[] { 1.0, 2, 3 }, 0.5)]
    [InlineData(new[] { 4.0, 5 }, new[] { 1.0, 2, 3 }, 1)]
    [InlineData(new[] { 1.0, 2, 3 }, new[] { 4.0, 5 }, 0)]
    [InlineData(new[] { 1.0, 3 }, new[] { 2.0, 3 }, 0.375)]               // pairs: 0, 0, 1, ½ of 4
    public void ProbabilityOfImprovement_CountsPairs(double[] scores, double[] others, double expected) =>
        Assert.Equal(expected, Robust.ProbabilityOfImprovement(scores, others));

    [Fact]
    public void Statistics_OfNothing_Refuse()
    {
        Assert.Throws<ArgumentException>(() => Robust.InterquartileMean([]));
        Assert.Throws<ArgumentException>(() => Robust.Median([]));
        Assert.Throws<ArgumentException>(() => Robust.ProbabilityOfImprovement([], [1]));
    }

    [Fact]
    public void Bootstrap_ConstantScores_HasNoWidth() =>
        Assert.Equal(new Interval(5, 5), Bootstrap.Of([5, 5, 5, 5], Robust.InterquartileMeanInPlace, new Rng(1)));

    [Fact]
    public void Bootstrap_OneScore_SaysNothing() => Assert.Null(Bootstrap.Of([5], Robust.InterquartileMeanInPlace, new Rng(1)));

    [Fact]
    public void Bootstrap_MeanOfCoins_IsTheBinomialInterval()
    {
        // Drawn from 50 zeros and 50 ones, the sum is binomial(100, ½): its 2.5% and 97.5% quantiles are 40 and 60.
        double[] coins = [.. Enumerable.Repeat(0.0, 50), .. Enumerable.Repeat(1.0, 50)];

        var interval = Bootstrap.Of(coins, drawn => drawn.Average(), new Rng(1))!.Value;

        Assert.Equal(0.40, interval.Low, 0.0101);
        Assert.Equal(0.60, interval.High, 0.0101);
    }

    [Fact]
    public void Bootstrap_Strata_AreDrawnApart() =>
        Assert.Equal(new Interval(1, 1), Bootstrap.Of([[3, 4, 5], [1, 2]], drawn => Robust.ProbabilityOfImprovement(drawn[0], drawn[1]), new Rng(1)));
}
