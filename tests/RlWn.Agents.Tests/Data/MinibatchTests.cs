using RlWn.Agents.Data;
using RlWn.Envs;
using RlWn.Networks;

namespace RlWn.Agents.Tests.Data;

public class MinibatchTests
{
    private static readonly Box Numbers = new([1], -1, 1);

    [Fact]
    public void NormalizeAdvantages_FourNumbers_MatchesHandCalculation()   // mean 3; squares 4 + 1 + 1 + 4 = 10, over 3
    {
        var batch = Of(1, 2, 4, 5);
        batch.NormalizeAdvantages();

        var deviation = Math.Sqrt(10.0 / 3);
        Assert.Equal([-2 / deviation, -1 / deviation, 1 / deviation, 2 / deviation], batch.Advantage.Select(a => (double)a), Near);
    }

    [Fact]
    public void NormalizeAdvantages_LargeCommonShift_LeavesMeanZeroAndSampleDeviationOne()
    {
        var random = new Random(4);
        var batch = Of([.. Enumerable.Range(0, 64).Select(_ => 1000 + random.NextSingle())]);
        batch.NormalizeAdvantages();

        var mean = batch.Advantage.Average(a => (double)a);
        Assert.Equal(0, mean, 1e-6);
        Assert.Equal(1, Math.Sqrt(batch.Advantage.Sum(a => (a - mean) * (a - mean)) / 63), 1e-5);
    }

    [Fact]
    public void NormalizeAdvantages_AllEqual_GivesZeros()
    {
        var batch = Of(0.1f, 0.1f, 0.1f);
        batch.NormalizeAdvantages();

        Assert.All(batch.Advantage, advantage => Assert.Equal(0, advantage, 1e-6));
    }

    private static bool Near(double left, double right) => Math.Abs(left - right) < 1e-6;

    private static Minibatch Of(params float[] advantages)
    {
        var batch = new Minibatch(advantages.Length, Numbers, Numbers, ActionBounds.Clip);
        advantages.CopyTo(batch.Advantage, 0);
        return batch;
    }
}
