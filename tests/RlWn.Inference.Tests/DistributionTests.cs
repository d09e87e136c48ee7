using RlWn.Testing;
using Xunit;

namespace RlWn.Inference.Tests;

public sealed class CategoricalTests
{
    [Fact]
    public void LogProbability_ByHand()
    {
        float[] logits = [0, MathF.Log(2), MathF.Log(5)];   // probabilities 1/8, 2/8, 5/8
        Assert.Equal(Math.Log(1 / 8.0), Categorical.LogProbability(logits, 0), 1e-6);
        Assert.Equal(Math.Log(2 / 8.0), Categorical.LogProbability(logits, 1), 1e-6);
        Assert.Equal(Math.Log(5 / 8.0), Categorical.LogProbability(logits, 2), 1e-6);
    }

    [Fact]
    public void LogProbability_HugeLogits_StaysFinite()
    {
        Assert.Equal(Math.Log(0.5), Categorical.LogProbability([1e30f, 1e30f], 1), 1e-6);
        Assert.Equal(-2000, Categorical.LogProbability([1000, -1000], 1), 1e-3);
        Assert.Equal(0, Categorical.LogProbability([-1e30f], 0));
        Assert.Equal(float.NegativeInfinity, Categorical.LogProbability([0, float.NegativeInfinity], 1));
    }

    [Fact]
    public void Sample_Frequencies_PassChiSquare()
    {
        double[] probabilities = [0.05, 0.5, 0.15, 0.3];
        float[] logits = [.. probabilities.Select(p => (float)Math.Log(p) + 3)];
        const int Draws = 100_000;
        var counts = new int[4];
        var random = new Random(7);
        for (var i = 0; i < Draws; i++)
            counts[Categorical.Sample(logits, random, out _)]++;

        var chiSquare = counts.Zip(probabilities, (count, p) => Math.Pow(count - (Draws * p), 2) / (Draws * p)).Sum();
        Assert.InRange(chiSquare, 0, 16.27);   // 99.9 % of χ² with 3 degrees of freedom
    }

    [Fact]
    public void Sample_ReturnsTheLogProbabilityOfItsAction()
    {
        float[] logits = [0.3f, -1.2f, 2];
        var random = new Random(1);
        for (var i = 0; i < 100; i++)
        {
            var action = Categorical.Sample(logits, random, out var logProbability);
            Assert.Equal(Categorical.LogProbability(logits, action), logProbability);
        }
    }

    [Theory]
    [InlineData(0.0, 1)]                    // the first action that is possible at all
    [InlineData(0.4999, 1)]
    [InlineData(0.5, 2)]
    [InlineData(0.99999999999999989, 2)]    // the largest that NextDouble gives
    public void Sample_EndsOfTheUniform_ChooseAPossibleAction(double uniform, int expected)
    {
        float[] logits = [float.NegativeInfinity, 1, 1, float.NegativeInfinity];
        Assert.Equal(expected, Categorical.Sample(logits, new FixedRandom(uniform), out _));
    }

    [Fact]
    public void Greedy_IsTheFirstOfTheHighest()
    {
        Assert.Equal(1, Categorical.Greedy([-3, 2, 1, 2]));
        Assert.Equal(0, Categorical.Greedy([float.MinValue]));
        Assert.Equal(1, Categorical.Greedy([float.NegativeInfinity, -5]));
    }

    [Theory]
    [InlineData(float.NaN, 0f)]
    [InlineData(0f, float.NaN)]
    [InlineData(float.NegativeInfinity, float.NaN)]
    [InlineData(float.NegativeInfinity, float.NegativeInfinity)]
    public void All_NaNOrNothingPossible_ThrowsInsteadOfChoosing(float first, float second)
    {
        float[] logits = [first, second];
        Assert.Throws<ArgumentException>(() => Categorical.Greedy(logits));
        Assert.Throws<ArgumentException>(() => Categorical.Sample(logits, new Random(1), out _));
        Assert.Throws<ArgumentException>(() => Categorical.LogProbability(logits, 0));
    }

    [Fact]
    public void All_NoLogits_Throws()
    {
        Assert.Throws<ArgumentException>(() => Categorical.Greedy([]));
        Assert.Throws<ArgumentException>(() => Categorical.Sample([], new Random(1), out _));
    }

    [Fact]
    public void All_AllocateNothing()
    {
        float[] logits = [1, 2, 3];
        var random = new Random(1);
        Allocations.AssertNone(() => Categorical.LogProbability(logits, Categorical.Sample(logits, random, out _) ^ Categorical.Greedy(logits) ^ 2));
    }

    private sealed class FixedRandom(double uniform) : Random
    {
        public override double NextDouble() => uniform;
    }
}

public sealed class DiagonalGaussianTests
{
    [Fact]
    public void LogProbability_ByHand()
    {
        // Standard normal at 0: -½ log 2π = -0.918939. N(1, 2²) at 3: z = 1, so -½ - log 2 - 0.918939 = -2.112086.
        Assert.Equal(-0.918939, DiagonalGaussian.LogProbability([0], [0], [0]), 1e-6);
        Assert.Equal(-2.112086, DiagonalGaussian.LogProbability([1], [MathF.Log(2)], [3]), 1e-6);
        Assert.Equal(-3.031024, DiagonalGaussian.LogProbability([0, 1], [0, MathF.Log(2)], [0, 3]), 2e-6);
    }

    [Fact]
    public void Sample_Moments_AreThoseAskedFor()
    {
        float[] mean = [-1, 5], logStd = [MathF.Log(0.5f), MathF.Log(3)];
        const int Draws = 100_000;
        var (sum, squares, product) = (new double[2], new double[2], 0.0);
        var action = new float[2];
        var random = new Random(3);
        for (var i = 0; i < Draws; i++)
        {
            DiagonalGaussian.Sample(mean, logStd, random, action, out var logProbability);
            Assert.Equal(DiagonalGaussian.LogProbability(mean, logStd, action), logProbability);
            double z0 = (action[0] + 1) / 0.5, z1 = (action[1] - 5) / 3.0;
            sum[0] += z0;
            sum[1] += z1;
            squares[0] += z0 * z0;
            squares[1] += z1 * z1;
            product += z0 * z1;
        }

        // Standard errors over 100,000 draws: 0.0032 of a mean or product, 0.0045 of a variance; four of each.
        Assert.All(sum, value => Assert.InRange(value / Draws, -0.013, 0.013));
        Assert.All(squares, value => Assert.InRange(value / Draws, 1 - 0.018, 1 + 0.018));
        Assert.InRange(product / Draws, -0.013, 0.013);
    }

    [Fact]
    public void Sample_NaNOrLengthsThatDiffer_Throws()
    {
        Assert.Throws<ArgumentException>(() => DiagonalGaussian.Sample([float.NaN], [0], new Random(1), new float[1], out _));
        Assert.Throws<ArgumentException>(() => DiagonalGaussian.Sample([0], [float.PositiveInfinity], new Random(1), new float[1], out _));
        Assert.Throws<ArgumentException>(() => DiagonalGaussian.Sample([0, 0], [0], new Random(1), new float[2], out _));
    }

    [Fact]
    public void Sample_AllocatesNothing()
    {
        float[] mean = [1, 2], logStd = [0, 0], action = new float[2];
        var random = new Random(1);
        Allocations.AssertNone(() => DiagonalGaussian.Sample(mean, logStd, random, action, out _));
    }
}
