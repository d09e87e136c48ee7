using RlWn.Agents.Data;
using RlWn.Envs;
using RlWn.Inference;
using RlWn.Networks;
using RlWn.Testing;

namespace RlWn.Agents.Tests.Data;

public class ActionDistributionTests
{
    // softmax(ln 3, 0) = (¾, ¼) and softmax(0, ln 2, ln 5) = (⅛, ¼, ⅝): of the choices 1 and 2, log π = log ¼ + log ⅝.
    [Fact]
    public void Evaluate_TwoChoices_AreTheSumsOfTheirParts()
    {
        var distribution = ActionDistribution.Of(new MultiDiscrete(2, 3), ActionBounds.Clip);
        var (logProbability, entropy) = distribution.Evaluate([MathF.Log(3), 0, 0, MathF.Log(2), MathF.Log(5)], [], new([1, 2], []));

        Assert.Equal((5, 2), (distribution.Outputs, distribution.Size));
        Assert.Equal(Math.Log(0.25) + Math.Log(0.625), logProbability, 1e-7);
        Assert.Equal(Entropy(0.75, 0.25) + Entropy(0.125, 0.25, 0.625), entropy, 1e-7);

        static double Entropy(params double[] probabilities) => -probabilities.Sum(p => p * Math.Log(p));
    }

    // A number u = 0.5 from N(0.25, e⁻²), squashed between -2 and 6: log N = -½ (0.25 e)² + 1 - ½ log 2π, and ∂a/∂u = 4 / cosh²(0.5).
    [Fact]
    public void Evaluate_SquashedNumber_MatchesHandCalculation()
    {
        var distribution = ActionDistribution.Of(new Box([1], -2, 6), ActionBounds.Tanh);
        var (logProbability, _) = distribution.Evaluate([0.25f], [-1], new([], [0.5f]));

        var gaussian = (-0.5 * Math.Pow(0.25 * Math.E, 2)) + 1 - (0.5 * Math.Log(2 * Math.PI));
        Assert.Equal(gaussian - Math.Log(4 / Math.Pow(Math.Cosh(0.5), 2)), logProbability, 1e-9);
    }

    // ∫ π(a) da = 1 and -∫ π(a) log π(a) da = H, over a itself, between the bounds: u = artanh of where a stands in them.
    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.7f, -1)]
    [InlineData(-1.5f, 0.3f)]
    [InlineData(0.2f, 0.8f)]   // almost all is near the bounds
    public void Evaluate_SquashedNumber_IntegratesToOneAndToTheEntropy(float mean, float logStd)
    {
        const int Points = 50_000;
        var distribution = ActionDistribution.Of(new Box([1], -1, 3), ActionBounds.Tanh);
        var (mass, entropy, given) = (0.0, 0.0, 0.0);
        for (var i = 0; i < Points; i++)
        {
            // Points closer to the bounds where the density is steeper: place = sin² of an even angle.
            var angle = (i + 0.5) * Math.PI / 2 / Points;
            var place = Math.Pow(Math.Sin(angle), 2);
            var width = 4 * 2 * Math.Sin(angle) * Math.Cos(angle) * Math.PI / 2 / Points;
            var unbounded = (float)(Math.Log(Math.Tan(angle)));   // artanh(2 sin² - 1) = log tan
            var (logProbability, ofAll) = distribution.Evaluate([mean], [logStd], new([], [unbounded]));
            mass += Math.Exp(logProbability) * width;
            entropy -= Math.Exp(logProbability) * logProbability * width;
            given = ofAll;
            Assert.True(place is > 0 and < 1);
        }

        Assert.Equal(1, mass, 1e-4);
        Assert.Equal(entropy, given, 1e-3);
    }

    [Theory]
    [InlineData(100, -198.6137056388801)]   // 2 (log 2 - 100)
    [InlineData(-100, -198.6137056388801)]
    [InlineData(0, 0)]
    [InlineData(1e-9, 0)]
    [InlineData(0.5, -0.2402290139165549)]   // -2 log cosh ½
    public void LogSlope_FarOutOrNear_KeepsItsDigits(double unbounded, double expected) => Assert.Equal(expected, TanhGaussian.LogSlope(unbounded), 1e-9);

    [Theory]
    [InlineData(-2f, 6f)]
    [InlineData(0.1f, 0.3f)]
    public void Squash_AnyNumber_StaysWithinTheBounds(float low, float high)
    {
        float[] action = [-1e30f, -20, 0, 20, 1e30f];
        TanhGaussian.Squash(action, Enumerable.Repeat(low, 5).ToArray(), Enumerable.Repeat(high, 5).ToArray(), action);
        Assert.Equal([low, low, (low + high) / 2, high, high], action);
    }

    [Theory]
    [InlineData(ActionBounds.Clip)]
    [InlineData(ActionBounds.Tanh)]
    public void Draw_Numbers_GivesTheEnvironmentWhatLiesWithinAndKeepsLogProbabilities(ActionBounds bounds)
    {
        using var envs = new SyncVectorEnv<float, float>(() => new Upright(poles: 2), 500);
        var distribution = ActionDistribution.Of(envs.ActionSpace, bounds);
        float[] outputs = [.. Enumerable.Repeat((float[])[0.4f, -0.3f], 500).SelectMany(row => row)], logStd = [0.5f, -0.5f];
        var (numbers, logProbability) = (new float[1000], new float[500]);
        distribution.Draw(envs, outputs, logStd, new Rng(3), [], numbers, logProbability);

        for (var i = 0; i < 500; i++)
        {
            float[] drawn = [numbers[2 * i], numbers[(2 * i) + 1]];
            Assert.Equal(distribution.Evaluate([0.4f, -0.3f], logStd, new([], drawn)).LogProbability, logProbability[i], 1e-4);
            for (var k = 0; k < 2; k++)
                Assert.Equal(bounds == ActionBounds.Tanh ? MathF.Tanh(drawn[k]) : Math.Clamp(drawn[k], -1, 1), envs.Actions.Row<float>(i)[k], 1e-6f);
        }

        Assert.Equal(0.4, numbers.Where((_, i) => i % 2 == 0).Average(), 0.25);   // σ/√500 = 0.07
    }

    [Fact]
    public void Draw_TwoChoices_AreDrawnApartWithTheirProbabilities()
    {
        using var envs = new SyncVectorEnv<float, int>(() => new Levers(), 2000);
        var distribution = ActionDistribution.Of(envs.ActionSpace, ActionBounds.Clip);
        float[] outputs = [.. Enumerable.Repeat((float[])[0, MathF.Log(2), MathF.Log(5), MathF.Log(3), 0], 2000).SelectMany(row => row)];
        var (choices, logProbability) = (new int[4000], new float[2000]);
        distribution.Draw(envs, outputs, [], new Rng(3), choices, [], logProbability);

        Assert.Equal(choices, envs.Actions.All<int>().ToArray());
        var pairs = Enumerable.Range(0, 2000).Select(i => (choices[2 * i], choices[(2 * i) + 1])).ToArray();
        Assert.Equal(0.625 * 0.75, pairs.Count(pair => pair == (2, 0)) / 2000.0, 0.05);   // deviation 0.011
        Assert.Equal(0.125 * 0.25, pairs.Count(pair => pair == (0, 1)) / 2000.0, 0.02);
        Assert.Equal(Math.Log(0.625 * 0.75), logProbability[Array.IndexOf(pairs, (2, 0))], 1e-6);
    }

    public static TheoryData<Box> Unbounded => [new Box([2], float.NegativeInfinity, 1), new Box([0, 1], [1, 1])];

    [Theory]
    [MemberData(nameof(Unbounded))]
    public void Of_TanhWithoutBounds_SaysWhatToTake(Box box) => Assert.Contains(
        "Take network.actionBounds=clip.", Assert.Throws<ArgumentException>(() => ActionDistribution.Of(box, ActionBounds.Tanh)).Message, StringComparison.Ordinal);
}
