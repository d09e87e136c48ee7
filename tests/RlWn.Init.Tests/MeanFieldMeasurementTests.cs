using Xunit;
using static TorchSharp.torch;

namespace RlWn.Init.Tests;

/// <remarks>
/// Theory against layers drawn and run as they are used. W D is drawn with the same probability as W for every diagonal D of signs, so one
/// draw of W, its columns flipped anew for each row of a batch, stands for as many networks. Their ratios are all but uncorrelated; where
/// the tolerance is five standard errors, these are taken between draws of W all the same.
/// </remarks>
public class MeanFieldMeasurementTests
{
    private const int Networks = 32;     // a draw of W

    [Theory]
    [InlineData(4, 4, 1500)]
    [InlineData(16, 16, 1000)]
    [InlineData(64, 64, 300)]
    [InlineData(512, 512, 12)]
    [InlineData(16, 64, 300)]      // orthogonal columns
    [InlineData(5, 6, 1500)]
    [InlineData(64, 16, 600)]
    public void Layer_Orthogonal_MatchesMeasurement(long fanIn, long fanOut, int draws) => Compare(new(fanIn, fanOut), Direction.Orthogonal, draws);

    [Theory]
    [InlineData(4, 4, 1500)]
    [InlineData(16, 16, 1000)]
    [InlineData(64, 64, 300)]
    [InlineData(512, 512, 12)]
    [InlineData(16, 64, 300)]
    public void Layer_He_MatchesMeasurement(long fanIn, long fanOut, int draws) => Compare(new(fanIn, fanOut), Direction.He, draws);

    [Theory]
    [InlineData(Direction.Orthogonal)]
    [InlineData(Direction.He)]
    public void Plain_HundredLayersOfOneWidth_IsWithinTenPercentOfTheory(Direction direction)
    {
        // Theory says that ln ratio deviates by √(100 · 5/4 / 256) = 0.7 among He networks, by 0.54 among orthogonal ones: over 500 networks
        // the mean's standard error is 2.4%; 4% among He networks, since those that share W correlate by 0.4/n.
        const int Width = 256;
        Func<Fans, double> scale = fans => WeightNormScale.Forward(Gain.BeforeRelu, fans);
        var widths = Enumerable.Repeat(Width, 101).ToArray();
        var theory = MeanField.Plain(widths, direction, scale);
        using var scope = NewDisposeScope();
        using var generator = new Generator(2);

        var (forward, backward) = RunPlain(widths, direction, scale, networks: 500, generator);

        foreach (var (measured, expected) in ((Tensor, NormRatio)[])[(forward, theory.Forward), (backward, theory.Backward)])
        {
            Assert.InRange(measured.mean().item<double>() / expected.Mean, 0.9, 1.1);
            Assert.InRange(measured.log().mean().exp().item<double>() / expected.Typical, 0.9, 1.1);
            Assert.InRange(measured.log().std().item<double>() / Math.Sqrt(expected.LogVariance), 0.85, 1.15);   // 5/√(2 · 500)
        }
    }

    [Theory]
    [InlineData(Direction.Orthogonal, false)]
    [InlineData(Direction.Orthogonal, true)]
    [InlineData(Direction.He, false)]
    [InlineData(Direction.He, true)]
    public void Plain_WidthsThatVary_IsWithinTenPercentOfTheory(Direction direction, bool backwardGain)
    {
        // Theory says that ratio² deviates by 0.85 of its mean at most: over 2,000 networks a standard error of 2%.
        int[] widths = [64, 32, 96, 24, 120, 40];
        Func<Fans, double> scale = backwardGain ? _ => WeightNormScale.Backward(Gain.BeforeRelu) : fans => WeightNormScale.Forward(Gain.BeforeRelu, fans);
        var theory = MeanField.Plain(widths, direction, scale);
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        List<Tensor> forward = [], backward = [];
        for (var i = 0; i < 20; i++)
        {
            var measured = RunPlain(widths, direction, scale, networks: 100, generator);
            forward.Add(measured.Forward);
            backward.Add(measured.Backward);
        }

        foreach (var (measured, expected) in ((Tensor, NormRatio)[])[(cat(forward), theory.Forward), (cat(backward), theory.Backward)])
        {
            Assert.InRange(measured.square().mean().item<double>() / expected.MeanSquare, 0.9, 1.1);
            Assert.InRange(measured.mean().item<double>() / expected.Mean, 0.9, 1.1);
            Assert.InRange(measured.std().item<double>() / expected.Deviation, 0.85, 1.15);
        }
    }

    [Theory]
    [InlineData(Direction.Orthogonal)]
    [InlineData(Direction.He)]
    public void ResidualStage_HundredBlocks_IsWithinTenPercentOfTheory(Direction direction)
    {
        // ln ratio deviates by 1/√64 = 0.13 among networks: a standard error of 1%.
        var gammas = Enumerable.Repeat(Gain.LastOfBlock(100).Gamma, 100).ToArray();
        var theory = MeanField.ResidualStage(gammas, 64, direction);
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);

        var (forward, backward) = RunResidual(gammas, 64, direction, networks: 200, generator);

        foreach (var (measured, expected) in ((Tensor, NormRatio)[])[(forward, theory), (backward, theory)])
        {
            Assert.InRange(measured.mean().item<double>() / expected.Mean, 0.9, 1.1);
            Assert.InRange(measured.square().mean().item<double>() / MeanField.StageSquare(100, 100), 0.9, 1.1);
            Assert.InRange(measured.log().mean().exp().item<double>() / expected.Typical, 0.9, 1.1);
            Assert.InRange(measured.log().std().item<double>() / Math.Sqrt(expected.LogVariance), 0.75, 1.25);   // 5/√(2 · 200)
        }
    }

    [Theory]
    [InlineData(Direction.Orthogonal, 4, 0.01)]
    [InlineData(Direction.He, 4, 0.01)]
    [InlineData(Direction.Orthogonal, 16, 0.001)]
    public void ResidualStage_OneBlockAlone_MatchesMeasurement(Direction direction, long width, double approximation)
    {
        var theory = MeanField.ResidualStage([1], width, direction);
        using var scope = NewDisposeScope();
        using var generator = new Generator(4);
        List<Tensor> forward = [], backward = [];
        for (var i = 0; i < 800; i++)
        {
            var measured = RunResidual([1], width, direction, Networks, generator);
            forward.Add(measured.Forward);
            backward.Add(measured.Backward);
        }

        Compare(forward, theory, approximation, ofLog: double.PositiveInfinity);
        Compare(backward, theory, approximation, ofLog: double.PositiveInfinity);
    }

    private static void Compare(Fans fans, Direction direction, int draws)
    {
        var theory = MeanField.Layer(fans, direction, WeightNormScale.Forward(Gain.BeforeRelu, fans));
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        List<Tensor> forward = [], backward = [];
        for (var i = 0; i < draws; i++)
        {
            using var draw = NewDisposeScope();
            var measured = RunLayer(fans, direction, generator);
            forward.Add(measured.Forward.MoveToOuterDisposeScope());
            backward.Add(measured.Backward.MoveToOuterDisposeScope());
        }

        // What the docs of Layer promise where it is not exact.
        var exact = direction == Direction.Orthogonal && fans.Out <= fans.In;
        var (ofMean, ofLog) = exact ? (0, 0) : fans.In < 16 ? (0.005, 0.1) : (0.001, 0.03);
        Compare(forward, theory.Forward, ofMean, ofLog);
        Compare(backward, theory.Backward, ofMean, ofLog);
    }

    // Within five standard errors, taken between draws of W, and the relative error that the theory grants itself.
    private static void Compare(List<Tensor> draws, NormRatio theory, double ofMean, double ofLog)
    {
        var ratios = stack(draws);
        Near(theory.MeanSquare, ratios.square(), 0);
        Near(theory.MeanFourth, ratios.pow(4), 0);
        Near(theory.Mean, ratios, ofMean * theory.Mean);
        Near(theory.DeadShare, ratios.eq(0).to(ScalarType.Float64), 5 * Math.Sqrt(theory.DeadShare / ratios.NumberOfElements));   // rare ones are few: a Poisson count
        if (double.IsInfinity(ofLog))
            return;

        var (dead, logs, living) = (ratios.eq(0), ratios.log(), 1 - theory.DeadShare);
        Near(theory.MeanLog * living, logs.masked_fill(dead, 0), ofLog * Math.Abs(theory.MeanLog));
        Near(theory.LogVariance * living, (logs - theory.MeanLog).square().masked_fill(dead, 0), ofLog * theory.LogVariance);

        static void Near(double expected, Tensor values, double approximation)
        {
            var left = values.isnan();
            var means = values.masked_fill(left, 0).sum(1) / left.logical_not().sum(1);
            var error = means.std().item<double>() / Math.Sqrt(means.NumberOfElements);
            Assert.Equal(expected, means.mean().item<double>(), (5 * error) + approximation + 1e-12);
        }
    }

    // Up: one input, the same for all networks. Down: from the pre-activations below, through a ReLU and the layer; its gradient comes at random, through its ReLU.
    private static (Tensor Forward, Tensor Backward) RunLayer(Fans fans, Direction direction, Generator generator)
    {
        var w = WeightNormScale.Forward(Gain.BeforeRelu, fans) * UnitRows(fans, direction, generator);
        var input = arange(1, fans.In + 1, ScalarType.Float64);
        var forward = (input * Signs(fans.In, Networks, generator)).mm(w.t()).relu();

        var below = randn([Networks, fans.In], ScalarType.Float64, generator: generator).requires_grad_();
        var h = below.relu();
        h = h.where(h.detach().norm(1, keepdim: true).gt(0), ones_like(h));        // where nothing passed, anything may come from above: no gradient passes either
        var above = (h * Signs(fans.In, Networks, generator)).mm(w.t());
        var gradient = randn([Networks, fans.Out], ScalarType.Float64, generator: generator) * above.detach().gt(0);
        above.backward([gradient]);
        return (forward.norm(1) / input.norm(), below.grad!.norm(1) / gradient.norm(1));   // 0/0, and left out, where no gradient comes from above
    }

    private static (Tensor Forward, Tensor Backward) RunPlain(int[] widths, Direction direction, Func<Fans, double> scale, int networks, Generator generator)
    {
        var x = randn([networks, widths[0]], generator: generator);
        var (h, first, last) = (x, x, x);
        for (var l = 1; l < widths.Length; l++)
        {
            var fans = new Fans(widths[l - 1], widths[l]);
            var w = (scale(fans) * UnitRows(fans, direction, generator)).to(ScalarType.Float32);
            last = (h * Signs(fans.In, networks, generator).to(ScalarType.Float32)).mm(w.t());
            first = l == 1 ? last.detach().requires_grad_() : first;
            last = l == 1 ? first : last;
            h = last.relu();
        }

        var gradient = randn_like(h, generator) * h.detach().gt(0);
        last.backward([gradient]);
        return ((h.detach().norm(1) / x.norm(1)).to(ScalarType.Float64), (first.grad!.norm(1) / gradient.norm(1)).to(ScalarType.Float64));
    }

    private static (Tensor Forward, Tensor Backward) RunResidual(double[] gammas, long width, Direction direction, int networks, Generator generator)
    {
        using var scope = NewDisposeScope();
        var fans = new Fans(width, width);
        var x = randn([networks, width], ScalarType.Float64, generator: generator).requires_grad_();
        var h = x;
        foreach (var gamma in gammas)
        {
            var w1 = WeightNormScale.Forward(Gain.BeforeRelu, fans) * UnitRows(fans, direction, generator);
            var w2 = WeightNormScale.Forward(new(gamma), fans) * UnitRows(fans, direction, generator);
            var inner = (h * Signs(width, networks, generator)).mm(w1.t()).relu();
            h = h + (inner * Signs(width, networks, generator)).mm(w2.t());
        }

        var gradient = randn_like(h, generator);
        h.backward([gradient]);
        return (
            (h.detach().norm(1) / x.detach().norm(1)).MoveToOuterDisposeScope(),
            (x.grad!.norm(1) / gradient.norm(1)).MoveToOuterDisposeScope());
    }

    // v / ||v|| row by row, as weight normalization does at g = 1.
    private static Tensor UnitRows(Fans fans, Direction direction, Generator generator)
    {
        var v = Directions.Draw(direction, [fans.Out, fans.In], generator, ScalarType.Float64);
        return v / v.norm(1, keepdim: true);
    }

    private static Tensor Signs(long width, int networks, Generator generator) =>
        (2 * randint(0, 2, [networks, width], ScalarType.Float64, generator: generator)) - 1;

    private static Tensor randn_like(Tensor like, Generator generator) => randn(like.shape, like.dtype, generator: generator);
}
