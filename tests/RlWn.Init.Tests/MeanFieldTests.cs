using MathNet.Numerics.Integration;
using Xunit;

namespace RlWn.Init.Tests;

public class MeanFieldTests
{
    private static readonly Func<Fans, double> ForwardGain = fans => WeightNormScale.Forward(Gain.BeforeRelu, fans);
    private static readonly Func<Fans, double> BackwardGain = _ => WeightNormScale.Backward(Gain.BeforeRelu);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(17)]
    [InlineData(255)]
    [InlineData(256)]         // the first by the asymptotic series
    [InlineData(4096)]
    [InlineData(100_000_000)]
    [InlineData(long.MaxValue)]
    public void Kn_AnyDimension_IsOne(long n) => Assert.Equal(1, MeanField.Kn(n), 1e-12);

    [Theory]
    [InlineData(1, 1, 1 / 2.0)]                 // u is 1 or -1
    [InlineData(1, 2, 1 / 2.0)]
    [InlineData(2, 1, 1 / Math.PI)]             // ∫ cos θ dθ / 2π over the half circle
    [InlineData(2, 2, 1 / 4.0)]
    [InlineData(3, 1, 1 / 4.0)]                 // u·ĥ is uniform on [-1, 1] (Archimedes): ∫₀¹ xᵖ dx / 2
    [InlineData(3, 2, 1 / 6.0)]
    [InlineData(3, 4, 1 / 10.0)]
    [InlineData(10, 4, 3 / 240.0)]              // 3 / (2n(n+2))
    public void UnitMoment_SmallDimensions_MatchHandCalculation(long n, int power, double expected) =>
        Assert.Equal(expected, MeanField.UnitMoment(n, power), 1e-13);

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(64)]
    [InlineData(300)]
    public void UnitMoment_MatchesIntegralOverTheSphere(long n)
    {
        // The share of the sphere between angles θ and θ + dθ from ĥ is proportional to sinⁿ⁻²θ.
        var surface = 2 * GaussLegendreRule.Integrate(theta => Math.Pow(Math.Sin(theta), n - 2), 0, Math.PI / 2, 128);
        for (var power = 1; power <= 4; power++)
        {
            var integral = GaussLegendreRule.Integrate(theta => Math.Pow(Math.Cos(theta), power) * Math.Pow(Math.Sin(theta), n - 2), 0, Math.PI / 2, 128);
            Assert.Equal(1, MeanField.UnitMoment(n, power) / (integral / surface), 1e-11);
        }
    }

    [Theory]
    [InlineData(Direction.Orthogonal)]
    [InlineData(Direction.He)]
    public void Layer_OneByOne_IsACoin(Direction direction)   // √2 ReLU(±1): 0 or √2, half of the time each
    {
        var (forward, backward) = MeanField.Layer(new(1, 1), direction, Math.Sqrt(2));

        foreach (var ratio in (NormRatio[])[forward, backward])
        {
            Assert.Equal(1, ratio.MeanSquare, 1e-14);
            Assert.Equal(2, ratio.MeanFourth, 1e-14);
            Assert.Equal(1, ratio.SquareDeviation, 1e-14);
            Assert.Equal(Math.Sqrt(0.5), ratio.Mean, 1e-14);
            Assert.Equal(Math.Sqrt(0.5), ratio.Deviation, 1e-14);
            Assert.Equal(Math.Log(2) / 2, ratio.MeanLog, 1e-14);
            Assert.Equal(0, ratio.LogVariance, 1e-14);
            Assert.Equal(0.5, ratio.DeadShare);
        }
    }

    [Fact]
    public void Layer_TwoOrthogonalRows_MatchesHandCalculation()
    {
        // Ŵĥ = (cos θ, sin θ). Both pass a quarter of the time: ratio √2. One passes half of the time: ratio √2 |cos θ|, whose mean is √2 · 2/π,
        // whose squared mean is 1 and fourth-power mean 4 · 3/8, and whose logarithm has the mean ln √2 - ln 2 and the variance π²/12.
        var ratio = MeanField.Layer(new(2, 2), Direction.Orthogonal, Math.Sqrt(2)).Forward;
        var (lnBoth, lnOne) = (Math.Log(2) / 2, -Math.Log(2) / 2);

        Assert.Equal((2 * 0.25) + (1 * 0.5), ratio.MeanSquare, 1e-14);
        Assert.Equal((4 * 0.25) + (1.5 * 0.5), ratio.MeanFourth, 1e-14);
        Assert.Equal(Math.Sqrt(2) * (0.25 + (1 / Math.PI)), ratio.Mean, 1e-13);
        Assert.Equal((lnBoth + (2 * lnOne)) / 3, ratio.MeanLog, 1e-13);
        Assert.Equal((2 / 9.0 * Math.Pow(lnBoth - lnOne, 2)) + (2 / 3.0 * Math.PI * Math.PI / 12), ratio.LogVariance, 1e-12);
        Assert.Equal(0.25, ratio.DeadShare);
    }

    [Theory]
    [InlineData(64, 64, Direction.Orthogonal, 3 / 66.0)]                              // 3/(n+2)
    [InlineData(64, 16, Direction.Orthogonal, (320 - 32) / (16 * 66.0))]              // (5n-2m)/(m(n+2))
    [InlineData(64, 64, Direction.He, 318 / (64 * 66.0))]                             // (5n-2)/(m(n+2))
    [InlineData(64, 256, Direction.He, 318 / (256 * 66.0))]
    [InlineData(1_000_000, 1_000_000, Direction.Orthogonal, 3 / 1_000_002.0)]
    public void Layer_VarianceOfTheSquare_MatchesClosedForm(long fanIn, long fanOut, Direction direction, double expected)
    {
        var ratio = MeanField.Layer(new(fanIn, fanOut), direction, ForwardGain(new(fanIn, fanOut))).Forward;

        Assert.Equal(Math.Sqrt(expected), ratio.SquareDeviation, 1e-7);
    }

    [Theory]
    [InlineData(2, 3, 0.30685281944005471)]    // 1 - ln 2
    [InlineData(3, 4, 0.14159265358979323)]    // π - 3
    [InlineData(1, 7, 1)]                      // all on one line
    [InlineData(8, 8, 0)]
    public void RowCosSquared_OrthogonalColumns_MatchesHandCalculation(long fanIn, long fanOut, double expected)
    {
        // m = n + 1: with the missing column u, cos² = u₁²u₂² / ((1-u₁²)(1-u₂²)), integrated over the sphere.
        Assert.Equal(expected, MeanField.RowCosSquared(new(fanIn, fanOut), Direction.Orthogonal), 1e-7);
    }

    [Fact]
    public void RowCosSquared_ManyMoreRowsThanColumns_TendsToThatOfIndependentRows() =>
        Assert.Equal(1 / 16.0, MeanField.RowCosSquared(new(16, 100_000), Direction.Orthogonal), 1e-4);

    [Theory]
    [InlineData(Direction.Orthogonal)]
    [InlineData(Direction.He)]
    public void Layer_TheoremsOneAndTwo_HoldExactlyAtEveryWidth(Direction direction)
    {
        foreach (var (fanIn, fanOut) in ((long, long)[])[(1, 1), (1, 5), (3, 2), (4, 64), (64, 4), (512, 512), (100_000_000, 30)])
        {
            var fans = new Fans(fanIn, fanOut);
            var (theorem1, theorem2) = (MeanField.Layer(fans, direction, ForwardGain(fans)), MeanField.Layer(fans, direction, BackwardGain(fans)));

            Assert.Equal(1, theorem1.Forward.MeanSquare, 1e-12);
            Assert.Equal((double)fanIn / fanOut, theorem1.Backward.MeanSquare, 1e-12 * fanIn);
            Assert.Equal((double)fanOut / fanIn, theorem2.Forward.MeanSquare, 1e-12 * fanOut);
            Assert.Equal(1, theorem2.Backward.MeanSquare, 1e-12);
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(64)]
    [InlineData(1000)]
    public void Layer_OrthogonalAndSquare_ForwardAndBackwardHaveOneLaw(long width)
    {
        var (forward, backward) = MeanField.Layer(new(width, width), Direction.Orthogonal, Math.Sqrt(2));

        Assert.Equal(forward, backward);
    }

    [Theory]
    [InlineData(Direction.Orthogonal, 3)]
    [InlineData(Direction.He, 5)]
    public void Layer_Wide_DriftIsAQuarterOfTheVariance(Direction direction, double variance)   // ln x ≈ (x² - 1)/2 - (x² - 1)²/4
    {
        const long Width = 100_000_000;
        var (forward, backward) = MeanField.Layer(new(Width, Width), direction, Math.Sqrt(2));

        foreach (var ratio in (NormRatio[])[forward, backward])
        {
            Assert.Equal(-variance / 4, ratio.MeanLog * Width, 0.02);
            Assert.Equal(variance / 4, ratio.LogVariance * Width, 0.02);
            Assert.Equal(1, ratio.Typical, 1e-6);
        }
    }

    [Theory]
    [InlineData(Direction.Orthogonal)]
    [InlineData(Direction.He)]
    public void Layer_Means_StandInJensensOrder(Direction direction)
    {
        foreach (var (fanIn, fanOut) in ((long, long)[])[(8, 8), (8, 40), (40, 8), (33, 34)])
        {
            var (forward, backward) = MeanField.Layer(new(fanIn, fanOut), direction, 1);
            foreach (var ratio in (NormRatio[])[forward, backward])
            {
                Assert.True(ratio.Mean < Math.Sqrt(ratio.MeanSquare));
                Assert.True(ratio.Typical * (1 - ratio.DeadShare) < ratio.Mean);
                Assert.True(ratio.Deviation > 0 && ratio.LogVariance > 0);
            }
        }
    }

    [Fact]
    public void Plain_VaryingWidths_SquaresMultiplyToTheWidthsAtTheEnds()
    {
        int[] widths = [500, 80, 320, 40, 160];
        var theorem1 = MeanField.Plain(widths, Direction.Orthogonal, ForwardGain);
        var theorem2 = MeanField.Plain(widths, Direction.Orthogonal, BackwardGain);
        var unscaled = MeanField.Plain(widths, Direction.He, _ => 1);

        Assert.Equal(1, theorem1.Forward.MeanSquare, 1e-12);
        Assert.Equal(80 / 160.0, theorem1.Backward.MeanSquare, 1e-12);
        Assert.Equal(160 / 500.0, theorem2.Forward.MeanSquare, 1e-12);
        Assert.Equal(1, theorem2.Backward.MeanSquare, 1e-12);
        Assert.Equal(160 / 500.0 / 16, unscaled.Forward.MeanSquare, 1e-12);    // half of it lost in each of four layers
        Assert.Equal(1 / 8.0, unscaled.Backward.MeanSquare, 1e-12);
    }

    [Fact]
    public void Plain_ManyEqualLayers_AreThePowerOfOne()
    {
        var layer = MeanField.Layer(new(32, 32), Direction.He, Math.Sqrt(2)).Forward;
        var plain = MeanField.Plain(Enumerable.Repeat(32, 1001).ToArray(), Direction.He, ForwardGain).Forward;

        Assert.Equal(1, plain.MeanSquare, 1e-10);
        Assert.Equal(1, plain.MeanFourth / Math.Pow(layer.MeanFourth, 1000), 1e-10);
        Assert.Equal(1, plain.Mean / Math.Pow(layer.Mean, 1000), 1e-10);
        Assert.Equal(1000 * layer.MeanLog, plain.MeanLog, 1e-9);
        Assert.Equal(1000 * layer.LogVariance, plain.LogVariance, 1e-9);
        Assert.Equal(1000 * Math.Pow(0.5, 32), plain.DeadShare, 1e-12);
    }

    [Theory]
    [InlineData(1, 1, 2)]
    [InlineData(2, 1, 1.5)]
    [InlineData(2, 2, 2.25)]
    [InlineData(5, 0, 1)]
    public void StageSquare_FewBlocks_MatchesHandCalculation(int blocks, int after, double expected) =>
        Assert.Equal(expected, MeanField.StageSquare(blocks, after), 1e-14);

    [Fact]
    public void StageSquare_AnyNumberOfBlocks_StaysWithinTheBoundsOfTheoremThree()
    {
        var (least, greatest) = MeanField.StageBounds;
        Assert.Equal(1.41421356, least, 1e-8);
        Assert.Equal(1.64872127, greatest, 1e-8);

        var last = 0.0;
        for (var blocks = 1; blocks <= 1_000_000; blocks *= 10)
        {
            var factor = Math.Sqrt(MeanField.StageSquare(blocks, blocks));
            Assert.InRange(factor, least, greatest);
            Assert.True(factor > last);
            last = factor;
        }

        Assert.Equal(greatest, last, 1e-6);
    }

    [Fact]
    public void HaninStageSquare_MatchesHandCalculationAndItsLimit()
    {
        Assert.Equal(1, MeanField.HaninStageSquare(0));
        Assert.Equal(1.81 * 1.6561, MeanField.HaninStageSquare(2), 1e-14);

        // Beyond 100 blocks at most e^(Σ 0.81ᵇ) = e^(0.81¹⁰¹ / 0.19) is added, less than 1e-8.
        Assert.Equal(MeanField.HaninStageSquare(100), MeanField.HaninStageSquare(10_000), 1e-6);
        Assert.InRange(MeanField.HaninStageSquare(10_000), 35.3, 35.4);
    }

    [Fact]
    public void ResidualStage_Squares_AreThoseOfTheStage()
    {
        var proposed = MeanField.ResidualStage(Enumerable.Repeat(1 / 40.0, 40).ToArray(), 7, Direction.Orthogonal);
        var hanin = MeanField.ResidualStage([0.81, 0.6561], 7, Direction.He);

        Assert.Equal(MeanField.StageSquare(40, 40), proposed.MeanSquare, 1e-12);
        Assert.Equal(MeanField.HaninStageSquare(2), hanin.MeanSquare, 1e-12);
        Assert.Equal(NormRatio.One, MeanField.ResidualStage([], 7, Direction.He));
    }

    [Fact]
    public void ResidualStage_OneUnit_MatchesHandCalculation()
    {
        // h + √γ (±1) √2 ReLU(±h): ratio 1 half of the time, else 1 ± √(2γ). γ = 1/2: 1, 1, 2, 0.
        var ratio = MeanField.ResidualStage([0.5], 1, Direction.Orthogonal);

        Assert.Equal((1 + 1 + 4 + 0) / 4.0, ratio.MeanSquare, 1e-14);
        Assert.Equal((1 + 1 + 16 + 0) / 4.0, ratio.MeanFourth, 1e-14);
    }

    [Fact]
    public void Arguments_OutOfRange_AreRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => MeanField.Kn(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => MeanField.UnitMoment(3, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => MeanField.Layer(new(0, 3), Direction.He, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => MeanField.Layer(new(3, -1), Direction.He, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => MeanField.Layer(new(3, 3), (Direction)9, 1));
        foreach (var g in (double[])[0, -1, double.NaN, double.PositiveInfinity])
            Assert.Throws<ArgumentOutOfRangeException>(() => MeanField.Layer(new(3, 3), Direction.He, g));

        Assert.Throws<ArgumentException>(() => MeanField.Plain([5], Direction.He, ForwardGain));
        Assert.Throws<ArgumentOutOfRangeException>(() => MeanField.Plain([5, 0, 5], Direction.He, BackwardGain));
        Assert.Throws<ArgumentNullException>(() => MeanField.Plain([5, 5], Direction.He, null!));

        Assert.Throws<ArgumentOutOfRangeException>(() => MeanField.StageSquare(0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => MeanField.StageSquare(3, 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => MeanField.StageSquare(3, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => MeanField.HaninStageSquare(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => MeanField.ResidualStage([0.5, 0], 8, Direction.He));
        Assert.Throws<ArgumentOutOfRangeException>(() => MeanField.ResidualStage([double.NaN], 8, Direction.He));
        Assert.Throws<ArgumentOutOfRangeException>(() => MeanField.ResidualStage([1], 0, Direction.He));
    }
}
