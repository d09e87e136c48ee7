using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace RlWn.Init.Tests;

public class DataDependentTests
{
    [Fact]
    public void Scale_TwoUnits_MatchesHandCalculation()   // unit 0: 1, 3 → μ = 2, σ = 1; unit 1: 0, 4 → μ = 2, σ = 2
    {
        using var scope = NewDisposeScope();
        var (g, b) = DataDependent.Scale(tensor([1f, 0, 3, 4], [2, 2]));

        Assert.Equal([1f, 0.5f], g.data<float>().ToArray());
        Assert.Equal([-2f, -1f], b.data<float>().ToArray());
    }

    [Fact]
    public void Scale_AnyBatch_MakesMeanZeroAndDeviationOne()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var y = (randn([37, 5], ScalarType.Float64, generator: generator) * tensor([0.1, 1, 10, 100, 1000])) + tensor([1.0, -2, 3, -4, 5]);
        var (g, b) = DataDependent.Scale(y);
        var normalized = (y * g) + b;

        Assert.All(normalized.mean([0L]).data<double>().ToArray(), mean => Assert.Equal(0, mean, 12));
        Assert.All(normalized.square().mean([0L]).data<double>().ToArray(), variance => Assert.Equal(1, variance, 12));
    }

    [Fact]
    public void Scale_UnitThatDoesNotVary_IsRefusedByNumber()
    {
        using var scope = NewDisposeScope();
        var error = Assert.Throws<ArgumentException>(() => DataDependent.Scale(tensor([1f, 5, 3, 5], [2, 2])));

        Assert.Contains("got 0 in unit 1 of 2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Scale_WhatCannotBeNormalized_IsRefused()
    {
        using var scope = NewDisposeScope();

        Assert.Throws<ArgumentException>(() => DataDependent.Scale(tensor([1f, float.NaN], [2, 1])));
        Assert.Throws<ArgumentException>(() => DataDependent.Scale(tensor([1f, float.PositiveInfinity], [2, 1])));
        Assert.Throws<ArgumentException>(() => DataDependent.Scale(tensor([1e-42f, -1e-42f], [2, 1])));   // 1/σ is beyond float32
        Assert.Throws<ArgumentException>(() => DataDependent.Scale(tensor([1f, 2f])));
        Assert.Throws<ArgumentException>(() => DataDependent.Scale(zeros(0, 3)));
        Assert.Throws<ArgumentException>(() => DataDependent.Scale(ones(1, 3)));                            // one sample
    }

    [Fact]
    public void Scale_LeavesNothingBehindButTheResult()
    {
        using var y = tensor([1f, 0, 3, 4], [2, 2]);
        var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
        var (g, b) = DataDependent.Scale(y);

        Assert.Equal(before + 2, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
        g.Dispose();
        b.Dispose();
    }
}
