using RlWn.Agents.Formulas;

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
}
