using RlWn.Agents.Formulas;

namespace RlWn.Agents.Tests.Formulas;

public class ReturnsTests
{
    [Fact]
    public void Gae_ThreeStepsThenTermination_MatchesHandCalculation()   // δ = 0.95, 0.95, 0.5; γλ = 0.45 → 1.47875, 1.175, 0.5
    {
        var advantage = Gae([1, 1, 1], value: [0.5f, 0.5f, 0.5f], nextValue: [0.5f, 0.5f, 0], ended: [false, false, true], 1, 0.9, 0.5);

        Near([1.47875, 1.175, 0.5], advantage);
    }

    [Fact]
    public void Gae_CutOff_IsBootstrappedFromTheFinalValue()   // 1 + 0.9 · 10 - 4 = 6, where a termination gives 1 - 4 = -3
    {
        Near([6], Gae([1], value: [4], nextValue: [10], ended: [true], 1, 0.9, 0.95));
        Near([-3], Gae([1], value: [4], nextValue: [0], ended: [true], 1, 0.9, 0.95));
    }

    [Fact]
    public void Gae_LastStepOfTheRollout_IsBootstrappedThoughNothingEnded()   // 1 + 0.5 · 2 - 3 = -1, and 1 + 0.5 · 3 - 1 + 0.25 · -1 = 1.25
    {
        Near([1.25, -1], Gae([1, 1], value: [1, 3], nextValue: [3, 2], ended: [false, false], 1, 0.5, 0.5));
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.9)]
    [InlineData(1.0)]
    public void Gae_LambdaZero_IsTheOneStepError(double gamma)
    {
        var path = new Path(seed: 1, steps: 50, environments: 1);
        var advantage = path.Gae(gamma, lambda: 0);

        Near(Enumerable.Range(0, 50).Select(t => path.Reward[t] + (gamma * path.NextValue[t]) - path.Value[t]), advantage);
    }

    [Fact]
    public void Gae_LambdaOne_IsTheMonteCarloReturnMinusTheValue()
    {
        var path = new Path(seed: 2, steps: 50, environments: 1);
        var advantage = path.Gae(0.9, lambda: 1);

        Near(Enumerable.Range(0, 50).Select(t => Return(t) - path.Value[t]), advantage);

        // r + γ r + … up to the end of the episode or of the rollout, and from there on what the last state is worth.
        double Return(int t)
        {
            var last = t;
            while (last < 49 && !path.Ended[last])
                last++;
            return Enumerable.Range(t, last - t + 1).Sum(k => Math.Pow(0.9, k - t) * path.Reward[k])
                + (Math.Pow(0.9, last - t + 1) * path.NextValue[last]);
        }
    }

    [Fact]
    public void Gae_WhatComesAfterAnEnd_DoesNotReachBack()
    {
        float[] value = [1, 2, 3, 4], nextValue = [2, 7, 4, 5];
        bool[] ended = [false, true, false, false];
        var before = Gae([1, 1, 1, 1], value, nextValue, ended, 1, 0.9, 0.9);
        var after = Gae([1, 1, 100, -100], value, nextValue, ended, 1, 0.9, 0.9);

        Assert.Equal(before[..2], after[..2]);
        Assert.NotEqual(before[2..], after[2..]);
    }

    [Fact]
    public void Gae_SeveralEnvironments_AreEachAsAlone()
    {
        const int Steps = 20, Environments = 3;
        var path = new Path(seed: 3, Steps, Environments);
        var together = path.Gae(0.95, 0.9);

        for (var i = 0; i < Environments; i++)
        {
            var own = i;
            var alone = Gae(Own(path.Reward), Own(path.Value), Own(path.NextValue), Own(path.Ended), 1, 0.95, 0.9);
            Assert.Equal(alone, Own(together));

            T[] Own<T>(T[] all) => [.. all.Where((_, k) => k % Environments == own)];
        }
    }

    [Fact]
    public void Gae_LengthsThatDoNotFit_AreRefused()
    {
        var error = Assert.Throws<ArgumentException>(() => Gae([1, 1], [1], [1, 1], [false, false], 1, 1, 1));
        Assert.Contains("reward 2, value 1, nextValue 2, ended 2 and advantage 2", error.Message, StringComparison.Ordinal);

        Assert.Throws<ArgumentException>(() => Gae([1, 1], [1, 1], [1], [false, false], 1, 1, 1));
        Assert.Throws<ArgumentException>(() => Gae([1, 1], [1, 1], [1, 1], [false], 1, 1, 1));
        Assert.Throws<ArgumentException>(() => Returns.Gae([1], [1], [1], [false], 1, 1, 1, new float[2]));
        Assert.Throws<ArgumentException>(() => Gae([1, 1, 1], [1, 1, 1], [1, 1, 1], [false, false, false], 2, 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Gae([1], [1], [1], [false], 0, 1, 1));
    }

    [Fact]
    public void ExplainedVariance_OneErrorInFour_MatchesHandCalculation()   // Var(target) = 1.25, Var(0, 0, 0, 1) = 0.1875 → 1 - 0.15
    {
        Assert.Equal(0.85, Returns.ExplainedVariance([1, 2, 3, 3], [1, 2, 3, 4]), 12);
    }

    [Fact]
    public void ExplainedVariance_Limits_AreOneZeroAndBelow()
    {
        Assert.Equal(1, Returns.ExplainedVariance([1, 2, 3], [1, 2, 3]), 12);
        Assert.Equal(1, Returns.ExplainedVariance([6, 7, 8], [1, 2, 3]), 12);     // a constant error has no variance
        Assert.Equal(0, Returns.ExplainedVariance([2, 2, 2], [1, 2, 3]), 12);
        Assert.Equal(-3, Returns.ExplainedVariance([3, 2, 1], [1, 2, 3]), 12);    // errors -2, 0, 2: four times the variance
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(3f)]
    [InlineData(0.1f)]       // whose squares do not add up exactly
    [InlineData(1234.567f)]
    public void ExplainedVariance_ConstantTargets_IsNotANumber(float target)
    {
        foreach (var count in new[] { 1, 3, 37, 1000, 4099 })
            Assert.Equal(double.NaN, Returns.ExplainedVariance(new float[count], [.. Enumerable.Repeat(target, count)]));
    }

    [Fact]
    public void ExplainedVariance_OtherLength_IsRefused() => Assert.Throws<ArgumentException>(() => Returns.ExplainedVariance([1], [1, 2]));

    private static float[] Gae(
        float[] reward, float[] value, float[] nextValue, bool[] ended, int environments, double gamma, double lambda)
    {
        var advantage = new float[reward.Length];
        Returns.Gae(reward, value, nextValue, ended, environments, gamma, lambda, advantage);
        return advantage;
    }

    private static void Near(IEnumerable<double> expected, float[] actual)
    {
        var numbers = expected.ToArray();
        Assert.Equal(numbers.Length, actual.Length);
        for (var i = 0; i < numbers.Length; i++)
            Assert.Equal(numbers[i], actual[i], 1e-5);
    }

    /// <summary>Random numbers in the shape of a rollout, with an end in about every fifth step.</summary>
    private sealed class Path
    {
        private readonly int environments;

        public Path(int seed, int steps, int environments)
        {
            this.environments = environments;
            var random = new Random(seed);
            Reward = Numbers();
            Value = Numbers();
            NextValue = Numbers();
            Ended = [.. Enumerable.Range(0, steps * environments).Select(_ => random.Next(5) == 0)];
            for (var k = 0; k + environments < steps * environments; k++)
            {
                if (!Ended[k])
                    NextValue[k] = Value[k + environments];
            }

            float[] Numbers() => [.. Enumerable.Range(0, steps * environments).Select(_ => (random.NextSingle() * 4) - 2)];
        }

        public float[] Reward { get; }

        public float[] Value { get; }

        public float[] NextValue { get; }

        public bool[] Ended { get; }

        public float[] Gae(double gamma, double lambda) => ReturnsTests.Gae(Reward, Value, NextValue, Ended, environments, gamma, lambda);
    }
}
