using RlWn.Agents.Formulas;
using RlWn.Envs;

namespace RlWn.Agents.Tests.Formulas;

public class VTraceTests
{
    // ρ̄ = c̄ = 1, ratios 2 and ½, γ = ½, terminated: v₂ = 2 + ½ (4 - 2) = 3; δ₁ = 1 (1 + ½ · 2 - 1) = 1, v₁ = 1 + 1 + ½ · 1 · (3 - 2) = 2.5.
    [Fact]
    public void Targets_TwoStepsThenTermination_MatchHandCalculation()
    {
        var (target, advantage) = Targets([MathF.Log(2), MathF.Log(0.5f)], lambda: 1);

        Assert.Equal([2.5, 3], target, (a, b) => Math.Abs(a - b) < 1e-6);
        Assert.Equal([1.5, 1], advantage, (a, b) => Math.Abs(a - b) < 1e-6);   // 1 (1 + ½ · 3 - 1), ½ (4 - 2)
    }

    // ρ̄ = 2, c̄ = 1, λ = ½, γ = ½; ratios 4, ½, 3, 1: ρ = 2, ½, 2, 1 and c = ½, ¼, ½, ½. Cut off after the second step in a state worth 6.
    //   t = 4: δ = 1 (2 + ½ · 8 - 4) = 2;      v = 4 + 2 = 6;                          Â = 1 (2 + ½ · 8 - 4) = 2
    //   t = 3: δ = 2 (0 + ½ · 4 - 1) = 2;      v = 1 + 2 + ½ · ½ (6 - 4) = 3.5;        Â = 2 (0 + ½ · 6 - 1) = 4
    //   t = 2: δ = ½ (1 + ½ · 6 - 2) = 1;      v = 2 + 1 = 3, nothing of t = 3;        Â = ½ (1 + ½ · 6 - 2) = 1
    //   t = 1: δ = 2 (3 + ½ · 2 - 1) = 6;      v = 1 + 6 + ½ · ½ (3 - 2) = 7.25;       Â = 2 (3 + ½ · 3 - 1) = 7
    [Fact]
    public void Targets_CutOffOnTheWay_MatchHandCalculation()
    {
        var (target, advantage) = (new float[4], new float[4]);
        VTrace.Targets(
            Logs(4, 0.5, 3, 1), [3, 1, 0, 2], [1, 2, 1, 4], [2, 6, 4, 8], [false, true, false, false],
            environments: 1, gamma: 0.5, lambda: 0.5, rhoBar: 2, cBar: 1, target, advantage);

        Near([7.25, 3, 3.5, 6], target);
        Near([7, 1, 4, 2], advantage);
    }

    // Eq. 1 as it stands, sum and products, of random numbers of three environments; what was derived backwards must be the same.
    [Theory]
    [InlineData(1.0, 1.0, 1.0)]
    [InlineData(0.9, 1.0, 1.0)]
    [InlineData(0.9, 2.0, 0.7)]
    [InlineData(1.0, 1.5, 0.0)]
    public void Targets_RandomTrajectories_AreTheSumOfEquation1(double lambda, double rhoBar, double cBar)
    {
        const int Steps = 12, Environments = 3;
        const double Gamma = 0.9;
        var problem = new Trajectories(environments: Environments, steps: Steps, seed: 5);
        var (target, advantage) = problem.Targets(Gamma, lambda, rhoBar, cBar);

        for (var i = 0; i < target.Length; i++)
        {
            var sum = (double)problem.Value[i];
            var product = 1.0;
            for (var j = i; j < target.Length; j += Environments)
            {
                var ratio = Math.Exp(problem.LogRatio[j]);
                sum += product * Math.Min(rhoBar, ratio) * (problem.Reward[j] + (Gamma * problem.NextValue[j]) - problem.Value[j]);
                product *= Gamma * lambda * Math.Min(cBar, ratio);
                if (problem.Ended[j])
                    break;
            }

            Assert.Equal(sum, target[i], 1e-5);
            var goesOn = !problem.Ended[i] && i + Environments < target.Length;
            var next = goesOn ? target[i + Environments] : problem.NextValue[i];
            Assert.Equal(Math.Min(rhoBar, Math.Exp(problem.LogRatio[i])) * (problem.Reward[i] + (Gamma * next) - problem.Value[i]), advantage[i], 1e-5);
        }
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.6)]
    [InlineData(1.0)]
    public void Targets_OnPolicy_AreThoseOfGae(double lambda)   // whose targets are Â + V; with λ = 1, n-step returns
    {
        var problem = new Trajectories(environments: 2, steps: 20, seed: 3);
        Array.Clear(problem.LogRatio);
        var (target, _) = problem.Targets(0.9, lambda, rhoBar: 1, cBar: 1);
        var gae = new float[target.Length];
        Returns.Gae(problem.Reward, problem.Value, problem.NextValue, problem.Ended, 2, 0.9, lambda, gae);

        Near([.. gae.Select((advantage, i) => (double)advantage + problem.Value[i])], target);
    }

    [Fact]
    public void Targets_CBarZero_LookOneStepAheadAsLambdaZeroDoes()
    {
        var problem = new Trajectories(environments: 2, steps: 20, seed: 4);

        Assert.Equal(problem.Targets(0.9, lambda: 0, rhoBar: 1, cBar: 1).Target, problem.Targets(0.9, lambda: 1, rhoBar: 1, cBar: 0).Target);
    }

    [Fact]
    public void Targets_ActionThatTheLearnerWouldNeverTake_TeachesNothing()   // ratio e^-∞ = 0: v = V, Â = 0
    {
        var (target, advantage) = Targets([float.NegativeInfinity, float.NegativeInfinity], lambda: 1);

        Assert.Equal([1.0, 2.0], target);
        Assert.Equal([0.0, 0.0], advantage);
    }

    [Fact]
    public void Targets_RatioBeyondAnyNumber_WeighsRhoBar()   // e^∞: as with ratios of 1, on policy
    {
        Assert.Equal(Targets([0, 0], lambda: 1).Target, Targets([float.PositiveInfinity, float.PositiveInfinity], lambda: 1).Target);
    }

    [Fact]
    public void Targets_OnPolicy_AreNStepReturns()   // 4, and 1 + ½ · 4
    {
        var nStep = new float[2];
        Returns.NStep([1, 4], [2, 0], [false, true], 1, 0.5, nStep);

        Assert.Equal([3f, 4f], nStep);
        Assert.Equal([3.0, 4.0], Targets([0, 0], lambda: 1).Target);
    }

    [Fact]
    public void Targets_LambdaZero_LookOneStepAhead() => Assert.Equal([2.0, 4.0], Targets([0, 0], lambda: 0).Target);   // 1 + ½ · 2, 4

    [Fact]
    public void Targets_SpansOfOtherLengths_SayWhich()
    {
        var error = Assert.Throws<ArgumentException>(() => VTrace.Targets([0, 0], [1, 4], [1], [2, 0], [false, true], 1, 0.5, 1, 1, 1, new float[2], new float[2]));
        Assert.Contains("value 1,", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void NStep_CutOff_IsBootstrappedFromTheFinalValue()   // 1 + ½ · 10
    {
        var target = new float[1];
        Returns.NStep([1], [10], [true], 1, 0.5, target);

        Assert.Equal([6f], target);
    }

    private static (double[] Target, double[] Advantage) Targets(float[] logRatio, double lambda)
    {
        var (target, advantage) = (new float[2], new float[2]);
        VTrace.Targets(logRatio, [1, 4], [1, 2], [2, 0], [false, true], 1, 0.5, lambda, 1, 1, target, advantage);
        return ([.. target], [.. advantage]);
    }

    private static float[] Logs(params double[] ratios) => [.. ratios.Select(ratio => (float)Math.Log(ratio))];

    private static void Near(double[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], 1e-5);
    }

    /// <summary>Trajectories of random numbers; an episode ends at one step of five.</summary>
    private sealed class Trajectories
    {
        private readonly int environments;

        public Trajectories(int environments, int steps, ulong seed)
        {
            this.environments = environments;
            var random = new Rng(seed);
            var count = environments * steps;
            LogRatio = Normal();
            Reward = Normal();
            Value = Normal();
            Ended = [.. Enumerable.Range(0, count).Select(_ => random.Next(5) == 0)];
            var final = Normal();
            NextValue = [.. Enumerable.Range(0, count).Select(i => Ended[i] || i + environments >= count ? final[i] : Value[i + environments])];

            float[] Normal() => [.. Enumerable.Range(0, count).Select(_ => (float)random.NextNormal())];
        }

        public float[] LogRatio { get; }

        public float[] Reward { get; }

        public float[] Value { get; }

        public float[] NextValue { get; }

        public bool[] Ended { get; }

        public (float[] Target, float[] Advantage) Targets(double gamma, double lambda, double rhoBar, double cBar)
        {
            var (target, advantage) = (new float[Value.Length], new float[Value.Length]);
            VTrace.Targets(LogRatio, Reward, Value, NextValue, Ended, environments, gamma, lambda, rhoBar, cBar, target, advantage);
            return (target, advantage);
        }
    }
}
