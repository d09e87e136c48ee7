using RlWn.Agents.A2c;
using RlWn.Agents.Data;
using RlWn.Envs;
using RlWn.Networks;
using static TorchSharp.torch;

namespace RlWn.Agents.Tests.A2c;

/// <summary>The closed-form gradient against autograd's, in float64, of the same loss written from its definition; and by hand.</summary>
public class A2cLossTests
{
    private const int Size = 64, Outputs = 3;

    [Theory]
    [InlineData(false, 0.5, 0)]
    [InlineData(false, 0.7, 0.03)]
    [InlineData(true, 0.5, 0)]
    [InlineData(true, 0.7, 0.03)]
    public void Evaluate_RandomBatch_MatchesAutograd(bool continuous, double valueWeight, double entropyWeight)
    {
        for (var seed = 1; seed <= 5; seed++)
        {
            using var scope = NewDisposeScope();
            var random = new Rng((ulong)seed);
            var batch = new Minibatch(Size, new Box([1], 0, 1), continuous ? new Box([Outputs], -1, 1) : new Discrete(Outputs), ActionBounds.Clip);
            var (output, value, logStd) = (Normal(random, Size * Outputs), Normal(random, Size), continuous ? Normal(random, Outputs) : []);
            Normal(random, Size).CopyTo(batch.Advantage, 0);
            Normal(random, Size).CopyTo(batch.Target, 0);
            Normal(random, batch.Numbers.Length).CopyTo(batch.Numbers, 0);
            foreach (ref var choice in batch.Choices.AsSpan())
                choice = random.Next(Outputs);

            var loss = new A2cLoss(valueWeight, entropyWeight);
            var (byOutput, byValue, byLogStd) = (Stale(output), Stale(value), Stale(logStd));
            loss.Evaluate(output, value, logStd, batch, new() { Output = byOutput, Value = byValue, LogStd = byLogStd });

            var (z, v, s) = (Leaf(output, Outputs), Leaf(value), Leaf(logStd));
            var (logProbability, entropy) = continuous
                ? Reference.Numbers(z, s, Reference.Float64(batch.Numbers, Outputs))
                : Reference.Choices(z, batch.Choices);
            var policyLoss = -(logProbability * Reference.Float64(batch.Advantage)).mean();
            var valueLoss = 0.5 * (v - Reference.Float64(batch.Target)).square().mean();
            (policyLoss + (valueWeight * valueLoss) - (entropyWeight * entropy)).backward();

            Near(z, byOutput, 1e-6);
            Near(v, byValue, 1e-6);
            if (continuous)
                Near(s, byLogStd, 1e-5);   // a sum over the batch, in float
            Assert.Equal(policyLoss.item<double>(), Of(loss, "policy_loss"), 1e-5);
            Assert.Equal(valueLoss.item<double>(), Of(loss, "value_loss"), 1e-5);
            Assert.Equal(entropy.item<double>(), Of(loss, "entropy"), 1e-5);
        }
    }

    // softmax(ln 3, 0) = (¾, ¼): with a = 0 and Â = 2, -Â ∇ log π(a) = 2 (π - 1[a]) = (-½, ½); the loss is -2 ln ¾. V = 1 against R = 4: ½ 9, slope ½ (-3).
    [Fact]
    public void Evaluate_OneTransition_MatchesHandCalculation()
    {
        var batch = new Minibatch(1, new Box([1], 0, 1), new Discrete(2), ActionBounds.Clip);
        (batch.Advantage[0], batch.Target[0]) = (2, 4);
        var (loss, byOutput, byValue) = (new A2cLoss(valueWeight: 0.5, entropyWeight: 0), new float[2], new float[1]);
        loss.Evaluate([MathF.Log(3), 0], [1], [], batch, new() { Output = byOutput, Value = byValue, LogStd = [] });

        Assert.Equal(-0.5, byOutput[0], 1e-6);
        Assert.Equal(0.5, byOutput[1], 1e-6);
        Assert.Equal(-1.5, byValue[0], 1e-6);
        Assert.Equal(-2 * Math.Log(0.75), Of(loss, "policy_loss"), 1e-6);
        Assert.Equal(4.5, Of(loss, "value_loss"), 1e-6);
        Assert.Equal((0.75 * Math.Log(4.0 / 3)) + (0.25 * Math.Log(4)), Of(loss, "entropy"), 1e-6);
    }

    [Fact]
    public void Take_WhatAnotherCounted_AveragesOverBothAndClearsIt()   // value losses ½ 1 and ½ 9, norms 1 and 2
    {
        var (first, second) = (Counted(target: 1, norm: 1), Counted(target: 3, norm: 2));
        first.Take(second);

        Assert.Equal(2.5, Of(first, "value_loss"), 1e-6);
        Assert.Equal(1.5, Of(first, "gradient_norm"), 1e-6);
        Assert.Equal(double.NaN, Of(second, "value_loss"));   // of no batch
    }

    private static A2cLoss Counted(float target, double norm)
    {
        var batch = new Minibatch(1, new Box([1], 0, 1), new Discrete(2), ActionBounds.Clip);
        batch.Target[0] = target;
        var loss = new A2cLoss(0.5, 0);
        loss.Evaluate([0, 0], [0], [], batch, new() { Output = new float[2], Value = new float[1], LogStd = [] });
        loss.AddGradientNorm(norm);
        return loss;
    }

    private static double Of(A2cLoss loss, string metric) => loss.Metrics.Single(entry => entry.Name == metric).Value;

    private static float[] Normal(Rng random, int count) => [.. Enumerable.Range(0, count).Select(_ => (float)random.NextNormal())];

    private static float[] Stale(float[] like) => [.. Enumerable.Repeat(7f, like.Length)];   // of the update before: to be overwritten

    private static Tensor Leaf(float[] numbers, long columns = 0)
    {
        var leaf = Reference.Float64(numbers, columns).detach();
        leaf.requires_grad = true;
        return leaf;
    }

    private static void Near(Tensor leaf, float[] actual, double tolerance)
    {
        var expected = leaf.grad!.data<double>().ToArray();
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], tolerance);
    }
}
