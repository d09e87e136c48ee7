using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace RlWn.Init.Tests;

public class SchemeTests
{
    public static TheoryData<string> Names => [.. Scheme.All.Select(scheme => scheme.Name)];

    [Fact]
    public void All_Names_AreEachRuleWithBothDirections()
    {
        string[] rules = ["proposed", "proposed-backward", "pytorch-default", "data-dependent", "hanin", "no-wn", "bn", "wn-bn"];

        Assert.Equal(
            rules.Select(rule => $"orthogonal-{rule}").Concat(rules.Select(rule => $"he-{rule}")).Order(StringComparer.Ordinal),
            Scheme.All.Select(scheme => scheme.Name).Order(StringComparer.Ordinal));
        Assert.Equal("orthogonal-proposed", Scheme.Proposed.Name);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Parse_OfAName_IsTheScheme(string name)
    {
        Assert.Equal(name, Scheme.Parse(name).Name);
        Assert.Equal(name, $"{Scheme.Parse(name.ToUpperInvariant())}");
        Assert.Equal(Scheme.All.Single(scheme => scheme.Name == name), Scheme.Parse(name));
    }

    [Theory]
    [InlineData("proposed")]
    [InlineData("orthogonal")]
    [InlineData("orthogonal-propsed")]
    [InlineData("")]
    public void Parse_UnknownName_IsRefusedWithTheNamesThereAre(string name)
    {
        var error = Assert.Throws<ArgumentException>(() => Scheme.Parse(name));

        Assert.Contains($"got '{name}'", error.Message, StringComparison.Ordinal);
        Assert.Contains("proposed-backward, pytorch-default, data-dependent, hanin, no-wn, bn, wn-bn", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("orthogonal-proposed", true, false, false)]
    [InlineData("he-proposed-backward", true, false, false)]
    [InlineData("he-pytorch-default", true, false, false)]
    [InlineData("orthogonal-data-dependent", true, false, true)]
    [InlineData("orthogonal-hanin", true, false, false)]
    [InlineData("he-no-wn", false, false, false)]
    [InlineData("orthogonal-bn", false, true, false)]
    [InlineData("orthogonal-wn-bn", true, true, false)]
    public void Scheme_Name_SaysItsNormalizations(string name, bool weightNorm, bool batchNorm, bool batch)
    {
        var scheme = Scheme.Parse(name);

        Assert.Equal((weightNorm, batchNorm, batch), (scheme.HasWeightNorm, scheme.HasBatchNorm, scheme.NeedsBatch));
    }

    [Theory]
    [InlineData("orthogonal-proposed", 2, 2, 1.0 / 3, 1, 1)]
    [InlineData("he-proposed", 2, 2, 1.0 / 3, 1, 1)]
    [InlineData("orthogonal-proposed-backward", 2, 2, 1.0 / 3, 1, 1)]
    [InlineData("orthogonal-wn-bn", 2, 2, 1.0 / 3, 1, 1)]
    [InlineData("orthogonal-hanin", 2, 2, 0.6561, 1, 1)]      // (0.9²)² in the second block, of however many
    public void GainAt_EveryPlace_IsThePapersGamma(string name, double hidden, double first, double last, double shortcut, double stem)
    {
        var scheme = Scheme.Parse(name);

        Assert.Equal(hidden, scheme.GainAt(Place.Hidden).Gamma);
        Assert.Equal(first, scheme.GainAt(Place.FirstOfBlock).Gamma);
        Assert.Equal(last, scheme.GainAt(Place.LastOfBlock(2, 3)).Gamma, 15);
        Assert.Equal(shortcut, scheme.GainAt(Place.Shortcut).Gamma);
        Assert.Equal(stem, scheme.GainAt(Place.Stem).Gamma);
    }

    [Fact]
    public void GainAt_WhatHasNone_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => Scheme.Proposed.GainAt(Place.Output(1)));
        Assert.Throws<ArgumentException>(() => Scheme.Parse("he-pytorch-default").GainAt(Place.Hidden));
        Assert.Throws<ArgumentException>(() => Scheme.Parse("orthogonal-no-wn").GainAt(Place.Hidden));
    }

    [Theory]
    [InlineData("orthogonal-proposed", new long[] { 4, 9 }, 4.5)]              // 2 · 9/4
    [InlineData("orthogonal-proposed", new long[] { 8, 2, 3, 3 }, 0.5)]        // 2 · 2·9 / (8·9): the kernel cancels
    [InlineData("orthogonal-proposed-backward", new long[] { 4, 9 }, 2)]
    [InlineData("orthogonal-hanin", new long[] { 4, 9 }, 4.5)]                 // before a ReLU as proposed
    [InlineData("he-wn-bn", new long[] { 9, 4 }, 8.0 / 9)]
    [InlineData("he-data-dependent", new long[] { 4, 9 }, 1)]                  // until a batch comes
    public void Scales_BeforeRelu_AreTheRootOf(string name, long[] shape, double squared)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var scheme = Scheme.Parse(name);
        var g = scheme.Scales(scheme.Directions(shape, generator, ScalarType.Float64), Place.Hidden);

        Assert.Equal([shape[0], .. Enumerable.Repeat(1L, shape.Length - 1)], g.shape);
        Assert.All(g.data<double>().ToArray(), value => Assert.Equal(Math.Sqrt(squared), value, 15));
    }

    [Fact]
    public void Scales_PyTorchDefault_AreTheRowsLengths()   // so that w = g v / ||v|| = v
    {
        using var scope = NewDisposeScope();
        var v = tensor([3.0, 4, 0, 2], [2, 2]);

        Assert.Equal([5.0, 2], Scheme.Parse("he-pytorch-default").Scales(v, Place.LastOfBlock(1, 9)).data<double>().ToArray());
    }

    [Fact]
    public void Directions_He_CarryHisGainWhereGDoesNot()
    {
        using var scope = NewDisposeScope();
        foreach (var scheme in Scheme.All)
        {
            using var generator = new Generator(1);
            using var again = new Generator(1);
            var derives = scheme.Rule is ScaleRule.Proposed or ScaleRule.ProposedBackward or ScaleRule.Hanin or ScaleRule.WeightNormBatchNorm;
            var factor = scheme.Direction == Direction.He && !derives ? Math.Sqrt(2) : 1;
            var expected = Directions.Draw(scheme.Direction, [6, 5], generator, ScalarType.Float64) * tensor(factor, ScalarType.Float64);

            Assert.Equal(expected.data<double>().ToArray(), scheme.Directions([6, 5], again, ScalarType.Float64).data<double>().ToArray());
        }
    }

    [Fact]
    public void Scales_MoreRowsThanColumns_MakeRowsEqualAndColumnsNearlyOrthogonal()
    {
        // vᵀv = I, and rows of unequal length. g makes them equal; then tr WᵀW = rows · g² = γ · columns, so WᵀW is γ I on average. Its entries
        // off the diagonal are sums over the rows of v_ij v_ik times the length's relative error, of deviation √(2/columns):
        // √(2 / (rows · columns)) in all. Six deviations bound 64 · 63 / 2 of them.
        const int Rows = 500, Columns = 64;
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var v = Scheme.Proposed.Directions([Rows, Columns], generator, ScalarType.Float64);
        var g = Scheme.Proposed.Scales(v, Place.Hidden);
        var w = Aten.WeightNormElementary(v, g);
        var identity = eye(Columns, dtype: ScalarType.Float64);

        Assert.True((v.t().mm(v) - identity).abs().max().item<double>() < 1e-12);
        Assert.All(w.norm(1).data<double>().ToArray(), length => Assert.Equal(Math.Sqrt(2.0 * Columns / Rows), length, 12));

        var gram = w.t().mm(w) / tensor(2.0, ScalarType.Float64);
        Assert.Equal(Columns, gram.trace().item<double>(), 9);
        var off = (gram - gram.diag().diag()).abs().max().item<double>();
        Assert.InRange(off, 1e-6, 6 * Math.Sqrt(2.0 / (Rows * Columns)));
    }

    [Theory]
    [InlineData(0.0, "got 0 in row 1 of 3")]
    [InlineData(double.NaN, "got NaN in row 1 of 3")]
    [InlineData(double.PositiveInfinity, "in row 1 of 3")]
    public void Scales_RowWithoutDirection_IsRefusedByNumber(double value, string message)
    {
        using var scope = NewDisposeScope();
        var v = ones(3, 2, dtype: ScalarType.Float64);
        v[1, 0] = tensor(value, ScalarType.Float64);
        v[1, 1] = tensor(0.0, ScalarType.Float64);

        foreach (var scheme in Scheme.All.Where(scheme => scheme.HasWeightNorm))
        {
            var error = Assert.Throws<ArgumentException>(() => scheme.Scales(v, Place.Hidden));
            Assert.Contains(message, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Scales_WithoutWeightNorm_AreRefused()
    {
        using var scope = NewDisposeScope();
        var v = eye(3);

        Assert.Throws<ArgumentException>(() => Scheme.Parse("orthogonal-bn").Scales(v, Place.Hidden));
        Assert.Throws<ArgumentException>(() => Scheme.Proposed.Scales(v, Place.Output(1)));
    }

    [Fact]
    public void Scales_Leave_NothingBehindButTheResult()
    {
        using var v = eye(3);
        var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
        foreach (var scheme in Scheme.All.Where(scheme => scheme.HasWeightNorm))
            scheme.Scales(v, Place.Hidden).Dispose();

        Assert.Equal(before, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(4, 3)]
    [InlineData(-1, -1)]
    public void LastOfBlock_NoSuchBlock_IsRefused(int block, int blocks) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Place.LastOfBlock(block, blocks));

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Output_LengthThatIsNone_IsRefused(double length) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Place.Output(length));

    [Fact]
    public void Place_InWords_SaysWhich()
    {
        Assert.Equal("last of block 2 of 9", $"{Place.LastOfBlock(2, 9)}");
        Assert.Equal("hidden", $"{Place.Hidden}");
        Assert.Equal("output", $"{Place.Output(null)}");
        Assert.Equal(Place.LastOfBlock(2, 9), Place.LastOfBlock(2, 9));
    }
}
