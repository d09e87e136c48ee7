using RlWn.Agents.Data;
using RlWn.Agents.Ppo;
using RlWn.Envs;
using RlWn.Networks;
using static TorchSharp.torch;

namespace RlWn.Agents.Tests.Ppo;

/// <summary>The closed-form gradient against autograd's, in float64, of the same loss written from the paper's equations.</summary>
public class PpoLossTests
{
    private const int Size = 96, Outputs = 5;
    private const double Clip = 0.2;

    /// <summary>What the actions are: one of five, one of two and one of three at once, or numbers.</summary>
    public enum Actions
    {
        Choice,
        Choices,
        Clipped,
        Squashed,
    }

    public static MatrixTheoryData<Actions, double, double?> Settings => new(Enum.GetValues<Actions>(), [0, 0.03], [null, 0.3]);

    [Theory]
    [MemberData(nameof(Settings))]
    public void Evaluate_RandomMinibatch_MatchesAutograd(Actions actions, double entropyWeight, double? valueClip)
    {
        for (var seed = 1; seed <= 5; seed++)
        {
            var options = new PpoOptions { EntropyWeight = entropyWeight, ValueClip = valueClip, ValueWeight = 0.7 };
            var problem = new Problem(actions, seed);
            var (metrics, byOutput, byValue, byLogStd) = problem.Evaluate(options);
            var reference = problem.Reference(options);

            Near(reference.ByOutput, byOutput, 1e-6);
            Near(reference.ByValue, byValue, 1e-6);
            Near(reference.ByLogStd, byLogStd, 1e-5);   // a sum over the batch, in float
            foreach (var (name, value) in reference.Metrics)
                Assert.Equal(value, metrics[name], 1e-5);
        }
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public void Evaluate_RandomMinibatch_MatchesCentralDifferences(Actions actions, double entropyWeight, double? valueClip)
    {
        var options = new PpoOptions { EntropyWeight = entropyWeight, ValueClip = valueClip, ValueWeight = 0.7 };
        var problem = new Problem(actions, seed: 10);
        var (_, byOutput, byValue, byLogStd) = problem.Evaluate(options);

        Near(problem.Differences(options, problem.Output), byOutput, 2e-5);
        Near(problem.Differences(options, problem.Value), byValue, 2e-5);
        Near(problem.Differences(options, problem.LogStd), byLogStd, 1e-3);
    }

    [Fact]
    public void Problem_Minibatch_HasEveryCaseOfTheClippedObjective()
    {
        var problem = new Problem(Actions.Choice, seed: 1);
        var cases = problem.Ratios.Zip(problem.Batch.Advantage, (ratio, advantage) => (ratio < 1 - Clip, ratio > 1 + Clip, advantage > 0)).Distinct();

        Assert.Equal(6, cases.Count());   // below, within and above the range, each with either sign
    }

    // softmax(ln 3, 0) = (¾, ¼), so with a = 0, ρ = 1 and Â = 1 the slope of -ρ Â in z is π - 1[a] = (-¼, ¼). A second softmax would
    // make it (0.62, 0.38) - 1[a].
    [Fact]
    public void Evaluate_TwoChoices_TakesTheSoftmaxOnce()
    {
        var batch = new Minibatch(1, new Box([1], 0, 1), new Discrete(2), ActionBounds.Clip);
        batch.LogProbability[0] = MathF.Log(0.75f);
        batch.Advantage[0] = 1;
        var (loss, byOutput) = (new PpoLoss(new() { EntropyWeight = 0 }), new float[2]);
        loss.Evaluate([MathF.Log(3), 0], [0], [], batch, Clip, new() { Output = byOutput, Value = new float[1], LogStd = [] });

        Assert.Equal(-0.25, byOutput[0], 1e-6);
        Assert.Equal(0.25, byOutput[1], 1e-6);
        Assert.Equal(-1, loss.Metrics.Single(metric => metric.Name == "policy_loss").Value, 1e-6);
        Assert.Equal((0.75 * Math.Log(4.0 / 3)) + (0.25 * Math.Log(4)), loss.Metrics.Single(metric => metric.Name == "entropy").Value, 1e-6);
    }

    // Ratios 1.5 and 0.5 about ε = 0.2, by hand: Â > 0 gains nothing above 1.2, Â < 0 nothing below 0.8; the other two still pull.
    [Theory]
    [InlineData(1.5, 1, -1.2, 0)]
    [InlineData(1.5, -1, 1.5, 1.5)]
    [InlineData(0.5, 1, -0.5, -0.5)]
    [InlineData(0.5, -1, 0.8, 0)]
    public void Evaluate_RatioBeyondTheRange_IsThePessimisticBound(double ratio, float advantage, double expectedLoss, double expectedSlope)
    {
        var batch = new Minibatch(1, new Box([1], 0, 1), new Discrete(2), ActionBounds.Clip);
        batch.LogProbability[0] = (float)(Math.Log(0.5) - Math.Log(ratio));
        batch.Advantage[0] = advantage;
        var (loss, byOutput) = (new PpoLoss(new() { EntropyWeight = 0 }), new float[2]);
        loss.Evaluate([0, 0], [0], [], batch, Clip, new() { Output = byOutput, Value = new float[1], LogStd = [] });

        Assert.Equal(expectedLoss, loss.Metrics.Single(metric => metric.Name == "policy_loss").Value, 1e-5);
        Assert.Equal(expectedSlope * 0.5, byOutput[0], 1e-5);    // ∂log π(a)/∂z = 1 - ½
        Assert.Equal(1, loss.Metrics.Single(metric => metric.Name == "clip_fraction").Value);
        Assert.Equal(ratio - 1 - Math.Log(ratio), loss.ApproximateKl, 1e-5);
    }

    [Fact]
    public void Metrics_OfTwoMinibatches_AreTheirAverage()
    {
        var options = new PpoOptions();
        var (first, second) = (new Problem(Actions.Choice, seed: 1), new Problem(Actions.Choice, seed: 2));
        var loss = new PpoLoss(options);
        first.Evaluate(loss);
        loss.Clear();   // forgotten
        first.Evaluate(loss);
        loss.AddGradientNorm(1);
        second.Evaluate(loss);
        loss.AddGradientNorm(2);

        var (ofFirst, ofSecond) = (first.Reference(options).Metrics, second.Reference(options).Metrics);
        foreach (var (name, value) in loss.Metrics)
            Assert.Equal(name == "gradient_norm" ? 1.5 : (ofFirst[name] + ofSecond[name]) / 2, value, 1e-5);
    }

    private static void Near(double[] expected, float[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], tolerance);
    }

    /// <summary>A random minibatch. Ratios and value changes lie on both sides of the clip ranges and away from their kinks.</summary>
    private sealed class Problem
    {
        private static readonly double[] AllRatios = [0.4, 0.7, 0.85, 1.1, 1.3, 2];
        private static readonly float[] ValueChanges = [-0.9f, -0.35f, -0.2f, 0.1f, 0.35f, 0.9f];
        private static readonly int[] Counts = [2, 3];
        private static readonly Box Bounds = new([-2, -1, 0, -3, 1], [2, 1, 1, 5, 4]);
        private readonly Actions actions;

        public Problem(Actions actions, int seed)
        {
            this.actions = actions;
            var random = new Random(seed);
            Space space = actions switch { Actions.Choice => new Discrete(Outputs), Actions.Choices => new MultiDiscrete(Counts), _ => Bounds };
            Batch = new Minibatch(Size, new Box([1], 0, 1), space, actions == Actions.Squashed ? ActionBounds.Tanh : ActionBounds.Clip);
            Output = [.. Enumerable.Range(0, Size * Outputs).Select(_ => (float)((actions == Actions.Squashed ? 1 : 2) * random.NextNormal()))];
            LogStd = IsContinuous ? [-0.5f, 0.1f, 0.4f, -0.1f, 0.2f] : [];
            Value = new float[Size];
            Ratios = new double[Size];

            for (var i = 0; i < Size; i++)
            {
                Ratios[i] = AllRatios[random.Next(AllRatios.Length)];
                Batch.Advantage[i] = (float)random.NextNormal();
                Value[i] = (float)random.NextNormal();
                Batch.Value[i] = Value[i] - ValueChanges[random.Next(ValueChanges.Length)];
                Batch.Target[i] = Value[i] + (float)random.NextNormal();
                if (actions == Actions.Choice)
                    Batch.Choices[i] = random.Next(Outputs);
                for (var k = 0; actions == Actions.Choices && k < Counts.Length; k++)
                    Batch.Choices[(i * Counts.Length) + k] = random.Next(Counts[k]);
                for (var k = 0; IsContinuous && k < Outputs; k++)
                    Batch.Numbers[(i * Outputs) + k] = (float)(Output[(i * Outputs) + k] + (Math.Exp(LogStd[k]) * random.NextNormal()));
            }

            using var scope = NewDisposeScope();
            var logProbability = Distribution(Float64(Output, Outputs), Float64(LogStd)).LogProbability.data<double>().ToArray();
            for (var i = 0; i < Size; i++)
                Batch.LogProbability[i] = (float)(logProbability[i] - Math.Log(Ratios[i]));
        }

        private bool IsContinuous => actions is Actions.Clipped or Actions.Squashed;

        public Minibatch Batch { get; }

        public double[] Ratios { get; }

        public float[] Output { get; }

        public float[] Value { get; }

        public float[] LogStd { get; }

        public (Dictionary<string, double> Metrics, float[] ByOutput, float[] ByValue, float[] ByLogStd) Evaluate(PpoOptions options)
        {
            var loss = new PpoLoss(options);
            var (byOutput, byValue, byLogStd) = Evaluate(loss);
            return (loss.Metrics.ToDictionary(metric => metric.Name, metric => metric.Value), byOutput, byValue, byLogStd);
        }

        public (float[] ByOutput, float[] ByValue, float[] ByLogStd) Evaluate(PpoLoss loss)
        {
            var (byOutput, byValue, byLogStd) = (Stale(Output), Stale(Value), Stale(LogStd));
            loss.Evaluate(Output, Value, LogStd, Batch, Clip, new() { Output = byOutput, Value = byValue, LogStd = byLogStd });
            return (byOutput, byValue, byLogStd);

            static float[] Stale(float[] like) => [.. Enumerable.Repeat(7f, like.Length)];   // of the update before: to be overwritten
        }

        /// <summary>L = -L_clip + c_v L_value - c_e H op by op (Schulman et al. 2017, eq. 7 and 9), and autograd's gradient.</summary>
        public (Dictionary<string, double> Metrics, double[] ByOutput, double[] ByValue, double[] ByLogStd) Reference(PpoOptions options)
        {
            using var scope = NewDisposeScope();
            var (output, value, logStd) = (Float64(Output, Outputs), Float64(Value), Float64(LogStd));
            foreach (var leaf in new[] { output, value, logStd })
                leaf.requires_grad = true;
            var (advantage, target, oldValue) = (Float64(Batch.Advantage), Float64(Batch.Target), Float64(Batch.Value));

            var (logProbability, entropy) = Distribution(output, logStd);
            var logRatio = logProbability - Float64(Batch.LogProbability);
            var ratio = logRatio.exp();
            var policyLoss = -minimum(ratio * advantage, ratio.clamp(1 - Clip, 1 + Clip) * advantage).mean();
            var error = (value - target).square();
            if (options.ValueClip is { } range)
                error = maximum(error, (oldValue + (value - oldValue).clamp(-range, range) - target).square());
            var valueLoss = 0.5 * error.mean();
            (policyLoss + (options.ValueWeight * valueLoss) - (options.EntropyWeight * entropy)).backward();

            var metrics = new Dictionary<string, double>
            {
                ["policy_loss"] = policyLoss.item<double>(),
                ["value_loss"] = valueLoss.item<double>(),
                ["entropy"] = entropy.item<double>(),
                ["approx_kl"] = (ratio - 1 - logRatio).mean().item<double>(),
                ["clip_fraction"] = Ratios.Count(r => Math.Abs(r - 1) > Clip) / (double)Size,
            };
            return (metrics, Gradient(output), Gradient(value), Gradient(logStd));

            // log σ has none where nothing depends on it.
            static double[] Gradient(Tensor leaf) => leaf.grad?.data<double>().ToArray() ?? new double[leaf.NumberOfElements];
        }

        /// <summary>(L(x + h) - L(x - h)) / 2h in each number of x.</summary>
        public double[] Differences(PpoOptions options, float[] x)
        {
            var slopes = new double[x.Length];
            for (var i = 0; i < x.Length; i++)
            {
                var before = x[i];
                var (above, below) = (before + (1 / 256f), before - (1 / 256f));
                x[i] = above;
                var up = Loss();
                x[i] = below;
                slopes[i] = (up - Loss()) / ((double)above - below);
                x[i] = before;
            }

            return slopes;

            double Loss()
            {
                var metrics = Evaluate(options).Metrics;
                return metrics["policy_loss"] + (options.ValueWeight * metrics["value_loss"]) - (options.EntropyWeight * metrics["entropy"]);
            }
        }

        // log π(a|s), [B], and the mean entropy.
        private (Tensor LogProbability, Tensor Entropy) Distribution(Tensor output, Tensor logStd)
        {
            if (!IsContinuous)
            {
                int[] counts = actions == Actions.Choice ? [Outputs] : Counts;
                var choices = tensor(Batch.Choices, ScalarType.Int64).view(Size, -1);
                var (sum, entropies) = (zeros(Size, ScalarType.Float64), zeros(Size, ScalarType.Float64));
                for (int k = 0, start = 0; k < counts.Length; start += counts[k++])
                {
                    var all = nn.functional.log_softmax(output.narrow(1, start, counts[k]), -1);
                    sum = sum + all.gather(1, choices.narrow(1, k, 1)).squeeze(-1);
                    entropies = entropies - (all.exp() * all).sum(-1);
                }

                return (sum, entropies.mean());
            }

            var (logProbability, entropy) = Gaussian(output, logStd);
            if (actions == Actions.Clipped)
                return (logProbability, entropy);

            // ∂a/∂u = half (1 - tanh² u); its mean logarithm as an integral over a standard normal number, in steps of 0.01.
            var half = Float64([.. Bounds.Low.Zip(Bounds.High, (low, high) => (high - low) / 2)]);
            var normal = arange(-8, 8, 0.01, ScalarType.Float64);
            var weight = (-0.5 * normal.square()).exp() / (-0.5 * normal.square()).exp().sum();
            var around = LogSlope(output.unsqueeze(-1) + (logStd.exp().unsqueeze(-1) * normal));
            return (logProbability - (LogSlope(Float64(Batch.Numbers, Outputs)) + half.log()).sum(-1), entropy + half.log().sum() + ((around * weight).sum() / Size));

            static Tensor LogSlope(Tensor unbounded) => (unbounded.cosh().square()).log().neg();   // 1 - tanh² = 1 / cosh²
        }

        private (Tensor LogProbability, Tensor Entropy) Gaussian(Tensor output, Tensor logStd)
        {
            var variance = (2 * logStd).exp();
            var square = (Float64(Batch.Numbers, Outputs) - output).square();
            var logProbability = (-(square / (2 * variance)) - logStd - (0.5 * Math.Log(2 * Math.PI))).sum(-1);
            return (logProbability, (0.5 * (2 * Math.PI * Math.E * variance).log()).sum());
        }

        private static Tensor Float64(float[] numbers, long columns = 0)
        {
            var flat = tensor([.. numbers.Select(number => (double)number)], ScalarType.Float64);
            return columns == 0 ? flat : flat.view(-1, columns);
        }
    }
}
