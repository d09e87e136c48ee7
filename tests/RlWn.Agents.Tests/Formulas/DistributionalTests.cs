using RlWn.Agents.Formulas;
using RlWn.Envs;

namespace RlWn.Agents.Tests.Formulas;

public class DistributionalTests
{
    [Fact]
    public void Project_ByHand()
    {
        // Atoms 0, 1, 2 move to ½, 1, 1½: halves of 0.2 to 0 and 1, all of 0.5 to 1, halves of 0.3 to 1 and 2.
        var projected = new float[3];
        Distributional.Project([0.2f, 0.5f, 0.3f], reward: 0.5, discount: 0.5, low: 0, high: 2, projected);
        AssertClose([0.1, 0.75, 0.15], projected);
    }

    [Theory]
    [InlineData(0.25, 0, 0.75, 0.25, 0)]   // terminated: all at r, between 0 and 1
    [InlineData(10, 0.9, 0, 0, 1)]         // beyond the atoms: at the highest
    [InlineData(-10, 0.9, 1, 0, 0)]
    [InlineData(0, 1, 0.2, 0.5, 0.3)]      // nothing moves
    public void Project_Edges(double reward, double discount, double first, double second, double third)
    {
        var projected = new float[3];
        Distributional.Project([0.2f, 0.5f, 0.3f], reward, discount, 0, 2, projected);
        AssertClose([first, second, third], projected);
    }

    [Fact]
    public void Project_InsideTheSupport_KeepsMassAndMean()
    {
        const double Low = -200, High = 200;
        var random = new Rng(7);
        for (var trial = 0; trial < 200; trial++)
        {
            var weights = Enumerable.Range(0, random.Next(2, 60)).Select(_ => random.NextDouble() + 0.01).ToArray();
            var probability = weights.Select(weight => (float)(weight / weights.Sum())).ToArray();
            var projected = new float[probability.Length];
            var (reward, discount) = (random.NextUniform(-1, 1), random.NextUniform(0, 0.99));   // no atom moves beyond the support
            Distributional.Project(probability, reward, discount, Low, High, projected);

            Assert.Equal(1, projected.Sum(mass => (double)mass), 1e-5);
            Assert.Equal(reward + (discount * Mean(probability)), Mean(projected), 1e-3);

            double Mean(float[] p) => p.Select((mass, m) => mass * (Low + (m * (High - Low) / (p.Length - 1)))).Sum();
        }
    }

    [Theory]
    [InlineData(2, 0.75, -0.25, -0.75)]    // errors 2 and 1: ¼ · 1.5 + ¾ · 0.5; slopes -¼ · 1 and -¾ · 1
    [InlineData(-1, 0.75, 0.75, 0.25)]     // errors -1 and -2: ¾ · 0.5 + ¼ · 1.5
    [InlineData(0.5, 0.0625, -0.125, 0.125)]   // errors ½ and -½: ¼ · ⅛ + ¼ · ⅛; slopes -¼ · ½ and ¼ · ½
    public void QuantileLoss_ByHand(float target, double loss, double first, double second)
    {
        var slope = new float[2];
        Assert.Equal(loss, Distributional.QuantileLoss([0, 1], [target], threshold: 1, slope), 1e-6);
        AssertClose([first, second], slope);
    }

    [Fact]
    public void QuantileLoss_Slope_IsTheDifferenceQuotient()
    {
        float[] quantiles = [-1.3f, 0.2f, 0.9f, 3], targets = [0.1f, -2, 1.7f];
        var (slope, nothing) = (new float[4], new float[4]);
        Distributional.QuantileLoss(quantiles, targets, 1, slope);
        for (var i = 0; i < 4; i++)
        {
            const float H = 1e-2f;   // the loss is quadratic between kinks, so the central quotient is exact there
            float[] up = [.. quantiles], down = [.. quantiles];
            up[i] += H;
            down[i] -= H;
            var quotient = (Distributional.QuantileLoss(up, targets, 1, nothing) - Distributional.QuantileLoss(down, targets, 1, nothing)) / (up[i] - down[i]);
            Assert.Equal(quotient, slope[i], 1e-4);
        }
    }

    [Theory]
    [InlineData(0.5, 1, 0.125, 0.5)]
    [InlineData(-3, 1, 2.5, -1)]
    [InlineData(3, 2, 2, 1)]
    [InlineData(1, 2, 0.25, 0.5)]
    [InlineData(-3, 0, 3, -1)]
    [InlineData(-3, double.PositiveInfinity, 4.5, -3)]
    public void Huber_ByHand(double error, double threshold, double loss, double slope)
    {
        Assert.Equal(loss, Errors.Huber(error, threshold), 12);
        Assert.Equal(slope, Errors.HuberSlope(error, threshold), 12);
    }

    private static void AssertClose(double[] expected, float[] actual) =>
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-6));
}
