using RlWn.Init;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace RlWn.Networks.Tests;

public class WeightNormLayerTests
{
    [Fact]
    public void LinearForward_TwoRows_MatchesHandCalculation()   // w = [(6, 8), (0, 3)], so y = (6 + 16 + 1, 6 - 1)
    {
        using var scope = NewDisposeScope();
        using var layer = new WeightNormLinear(2, 2, Gain.Linear, Seeded.Init(1));
        Set(layer, v: tensor([3f, 4, 0, 2], [2, 2]), g: tensor([10f, 3], [2, 1]), b: tensor([1f, -1]));

        Assert.Equal([23f, 5f], layer.forward(tensor([1f, 2])).data<float>().ToArray());
        Assert.Equal([2, 3, 2], layer.forward(zeros(2, 3, 2)).shape);
    }

    [Fact]
    public void Linear_Bfloat16Input_ComputesInItAndLearnsInFloat32()   // w = [(6, 8), (0, 3)] as above; ∂L/∂b = dy, ∂L/∂g = Σ dw v/||v|| = (1 * 0.6 + 2 * 0.8, 4)
    {
        using var scope = NewDisposeScope();
        using var layer = new WeightNormLinear(2, 2, Gain.Linear, Seeded.Init(1));
        Set(layer, v: tensor([3f, 4, 0, 2], [2, 2]), g: tensor([10f, 3], [2, 1]), b: tensor([1f, -1]));
        var x = tensor([1f, 2]).to(ScalarType.BFloat16);

        var y = layer.forward(x);
        y.sum().backward();

        Assert.Equal(ScalarType.BFloat16, y.dtype);
        Assert.Equal([23f, 5f], y.to(ScalarType.Float32).data<float>().ToArray());
        Assert.Equal(ScalarType.Float32, layer.weight_v.grad!.dtype);
        Assert.Equal([1f, 1f], layer.bias!.grad!.data<float>().ToArray());
        Assert.Equal([2.2f, 2f], layer.weight_g!.grad!.flatten().data<float>().ToArray(), (a, b) => MathF.Abs(a - b) < 1e-6f);
    }

    [Fact]
    public void Conv_Bfloat16Input_IsThatOfTheRoundedWeight()
    {
        using var scope = NewDisposeScope();
        using var layer = new WeightNormConv2d(3, 4, 3, Gain.BeforeRelu, Seeded.Init(1), padding: 1);
        var x = Seeded.Normal(3, ScalarType.BFloat16, 2, 3, 5, 5);

        using var _ = no_grad();
        var exact = nn.functional.conv2d(x.to(ScalarType.Float32), layer.Weight().to(ScalarType.BFloat16).to(ScalarType.Float32), padding: [1, 1]);

        var y = layer.forward(x);
        Assert.Equal(ScalarType.BFloat16, y.dtype);
        Assert.True(y.to(ScalarType.Float32).allclose(exact, rtol: 1.0 / 256, atol: 1e-6));   // one rounding, to 8 bits
    }

    [Fact]
    public void ConvForward_OneFilter_MatchesHandCalculation()   // w = [[6, 0], [0, 8]]: 6·1 + 8·4 + 1
    {
        using var scope = NewDisposeScope();
        using var layer = Filter(stride: 1, padding: 0);

        Assert.Equal([39f], layer.forward(tensor([1f, 2, 3, 4], [1, 1, 2, 2])).data<float>().ToArray());
    }

    [Fact]
    public void ConvForward_StrideAndPadding_MatchHandCalculation()   // 1 under the 8, 2 and 3 under zeros, 4 under the 6
    {
        using var scope = NewDisposeScope();
        using var layer = Filter(stride: 2, padding: 1);
        var y = layer.forward(tensor([1f, 2, 3, 4], [1, 1, 2, 2]));

        Assert.Equal([1, 1, 2, 2], y.shape);
        Assert.Equal([9f, 1, 1, 25], y.data<float>().ToArray());
    }

    [Fact]
    public void LinearBackward_Float64_MatchesClosedForm()
    {
        using var scope = NewDisposeScope();
        using var layer = new WeightNormLinear(7, 4, Gain.BeforeRelu, Seeded.Init(1, ScalarType.Float64));
        Seeded.Disturb(layer, 2);
        var (x, dy) = (Seeded.Normal(3, ScalarType.Float64, 6, 7), Seeded.Normal(4, ScalarType.Float64, 6, 4));

        layer.forward(x).backward([dy]);

        AssertClosedForm(layer, dw: dy.t().mm(x), db: dy.sum([0L]));
    }

    [Fact]
    public void ConvBackward_Float64_MatchesClosedForm()
    {
        using var scope = NewDisposeScope();
        using var layer = new WeightNormConv2d(3, 4, 3, Gain.BeforeRelu, Seeded.Init(1, ScalarType.Float64), stride: 2, padding: 1);
        Seeded.Disturb(layer, 2);
        var (x, dy) = (Seeded.Normal(3, ScalarType.Float64, 2, 3, 5, 5), Seeded.Normal(4, ScalarType.Float64, 2, 4, 3, 3));

        layer.forward(x).backward([dy]);

        // ∂L/∂w by libtorch's own convolution, where w itself is the parameter.
        var w = layer.Weight().detach().requires_grad_();
        nn.functional.conv2d(x, w, strides: [2, 2], padding: [1, 1]).backward([dy]);
        AssertClosedForm(layer, dw: w.grad!, db: dy.sum([0, 2, 3]));
    }

    [Theory]
    [InlineData(50, 100)]
    [InlineData(100, 50)]
    [InlineData(3, 64)]
    public void Linear_FirstValues_AreTheProposedOnes(int inputs, int outputs)
    {
        using var layer = new WeightNormLinear(inputs, outputs, Gain.BeforeRelu, Seeded.Init(1));
        using var generator = new Generator(1);
        using var v = Directions.Orthogonal([outputs, inputs], generator);

        Assert.All(layer.weight_g!.data<float>().ToArray(), g => Assert.Equal((float)Math.Sqrt(2.0 * inputs / outputs), g));
        Assert.Equal([outputs, 1], layer.weight_g!.shape);
        Assert.All(layer.bias!.data<float>().ToArray(), b => Assert.Equal(0f, b));
        Assert.Equal(v.data<float>().ToArray(), layer.weight_v.data<float>().ToArray());
        Assert.All(layer.parameters(), parameter => Assert.True(parameter.requires_grad && parameter.is_leaf));
    }

    [Fact]
    public void Conv_FirstValues_AreTheProposedOnes()   // fan_in / fan_out = c_in / c_out, whatever the kernel
    {
        using var layer = new WeightNormConv2d(8, 32, 5, Gain.LastOfBlock(4), Seeded.Init(1));

        Assert.All(layer.weight_g!.data<float>().ToArray(), g => Assert.Equal(0.25f, g));   // √(1/4 · 8/32)
        Assert.Equal([32, 1, 1, 1], layer.weight_g!.shape);
        Assert.Equal([32, 8, 5, 5], layer.weight_v.shape);
        Assert.All(layer.bias!.data<float>().ToArray(), b => Assert.Equal(0f, b));
    }

    [Fact]
    public void Linear_DirectionOfInitializer_IsUsed()
    {
        using var layer = new WeightNormLinear(20, 20, Gain.Linear, Seeded.Init(1) with { Direction = Direction.He });
        using var generator = new Generator(1);
        using var v = Directions.He([20, 20], generator);

        Assert.Equal(v.data<float>().ToArray(), layer.weight_v.data<float>().ToArray());
    }

    [Fact]
    public void StateDict_Names_ArePyTorchs()
    {
        using var scope = NewDisposeScope();
        using var linear = new WeightNormLinear(3, 2, Gain.Linear, Seeded.Init(1));
        using var convolution = new WeightNormConv2d(3, 2, 3, Gain.Linear, Seeded.Init(1), bias: false);
        using var parent = nn.Sequential(("first", new WeightNormLinear(3, 2, Gain.Linear, Seeded.Init(1))));
        using (no_grad())
            linear.forward(zeros(1, 3));   // the folded copy must not be saved

        Assert.Equal(["bias", "weight_g", "weight_v"], linear.state_dict().Keys.Order());
        Assert.Equal(["weight_g", "weight_v"], convolution.state_dict().Keys.Order());
        Assert.Equal(["first.bias", "first.weight_g", "first.weight_v"], parent.state_dict().Keys.Order());
    }

    [Fact]
    public void LinearForward_WrongShape_IsRefusedWithBothShapes()
    {
        using var scope = NewDisposeScope();
        using var layer = new WeightNormLinear(3, 2, Gain.Linear, Seeded.Init(1));

        var error = Assert.Throws<ArgumentException>(() => layer.forward(zeros(5, 4)));
        Assert.Contains("[…, 3]", error.Message, StringComparison.Ordinal);
        Assert.Contains("[5, 4]", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => layer.forward(zeros(3, 5)));
        Assert.Throws<ArgumentException>(() => layer.forward(tensor(1f)));
        Assert.Throws<ArgumentNullException>(() => layer.forward(null!));
    }

    [Theory]
    [InlineData(new long[] { 3, 8, 8 }, 0)]          // no batch
    [InlineData(new long[] { 1, 2, 8, 8 }, 0)]       // other channels
    [InlineData(new long[] { 1, 3, 4, 8 }, 0)]       // lower than the kernel
    [InlineData(new long[] { 1, 3, 8, 4 }, 0)]
    [InlineData(new long[] { 1, 3, 2, 8 }, 1)]       // lower than the kernel with padding
    [InlineData(new long[] { 1, 3, 0, 8 }, 3)]       // nothing but padding
    public void ConvForward_WrongShape_IsRefused(long[] shape, long padding)
    {
        using var scope = NewDisposeScope();
        using var layer = new WeightNormConv2d(3, 2, 5, Gain.Linear, Seeded.Init(1), padding: padding);

        var error = Assert.Throws<ArgumentException>(() => layer.forward(zeros(shape)));
        Assert.Contains($"[{string.Join(", ", shape)}]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ConvForward_SmallestShape_IsTaken()
    {
        using var scope = NewDisposeScope();
        using var layer = new WeightNormConv2d(3, 2, 5, Gain.Linear, Seeded.Init(1), padding: 1);

        Assert.Equal([1, 2, 1, 1], layer.forward(zeros(1, 3, 3, 3)).shape);
    }

    [Fact]
    public void Constructor_SizesThatAreNone_AreRefused()
    {
        Assert.Throws<ArgumentException>(() => new WeightNormLinear(0, 2, Gain.Linear, Seeded.Init(1)));
        Assert.Throws<ArgumentException>(() => new WeightNormLinear(2, 0, Gain.Linear, Seeded.Init(1)));
        Assert.Throws<ArgumentException>(() => new WeightNormConv2d(2, 2, 0, Gain.Linear, Seeded.Init(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new WeightNormConv2d(2, 2, 3, Gain.Linear, Seeded.Init(1), stride: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new WeightNormConv2d(2, 2, 3, Gain.Linear, Seeded.Init(1), padding: -1));
    }

    [Fact]
    public void To_Float64_KeepsTheFunctionAndTheNames()
    {
        using var scope = NewDisposeScope();
        using var layer = new WeightNormLinear(6, 4, Gain.BeforeRelu, Seeded.Init(1));
        using var convolution = new WeightNormConv2d(2, 4, 3, Gain.BeforeRelu, Seeded.Init(1));
        var (x, image) = (Seeded.Normal(2, 5, 6), Seeded.Normal(3, 1, 2, 4, 4));
        var (expected, filtered) = (layer.forward(x), convolution.forward(image));

        layer.to(ScalarType.Float64);
        convolution.to(ScalarType.Float64);

        Assert.Equal(ScalarType.Float64, layer.weight_v.dtype);
        Assert.Equal(["bias", "weight_g", "weight_v"], layer.state_dict().Keys.Order());
        Assert.All(layer.state_dict().Values, parameter => Assert.Equal(ScalarType.Float64, parameter.dtype));
        AssertBothPaths(expected, layer, x.to(ScalarType.Float64), 1e-6);
        AssertBothPaths(filtered, convolution, image.to(ScalarType.Float64), 1e-6);
    }

    [Fact]
    public void To_ThereAndBack_LeavesNoTensorsBehind()
    {
        using var layer = new WeightNormLinear(6, 4, Gain.BeforeRelu, Seeded.Init(1));
        var before = Seeded.LiveTensors();

        layer.to(ScalarType.Float64);
        layer.to(ScalarType.Float32);

        Assert.Equal(before, Seeded.LiveTensors());
    }

    [Fact]
    public void SaveAndLoad_AnotherLayer_BecomesTheSameFunction()
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            using var saved = new WeightNormConv2d(2, 4, 3, Gain.BeforeRelu, Seeded.Init(1));
            using var loaded = new WeightNormConv2d(2, 4, 3, Gain.BeforeRelu, Seeded.Init(2));
            Seeded.Disturb(saved, 3);
            var x = Seeded.Normal(4, 1, 2, 5, 5);
            using (no_grad())
                loaded.forward(x);

            saved.save(path);
            loaded.load(path);

            AssertBothPaths(saved.forward(x), loaded, x, 0);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Dispose_AfterUse_LeavesNoTensorsBehind()
    {
        var before = Seeded.LiveTensors();
        using (var scope = NewDisposeScope())
        {
            using var linear = new WeightNormLinear(6, 4, Gain.BeforeRelu, Seeded.Init(1));
            using var convolution = new WeightNormConv2d(2, 4, 3, Gain.BeforeRelu, Seeded.Init(1));
            linear.forward(zeros(2, 6)).sum().backward();
            using var noGrad = no_grad();
            linear.forward(zeros(2, 6));
            convolution.forward(zeros(1, 2, 4, 4));
        }

        Assert.Equal(before, Seeded.LiveTensors());
    }

    [Fact]
    public void Constructor_WithinAScope_MakesParametersThatOutliveIt()
    {
        WeightNormLinear layer;
        using (NewDisposeScope())
            layer = new WeightNormLinear(6, 4, Gain.BeforeRelu, Seeded.Init(1));

        using (layer)
            Assert.Equal(24, layer.weight_v.data<float>().ToArray().Length);
    }

    private static WeightNormConv2d Filter(long stride, long padding)
    {
        var layer = new WeightNormConv2d(1, 1, 2, Gain.Linear, Seeded.Init(1), stride, padding);
        Set(layer, v: tensor([3f, 0, 0, 4], [1, 1, 2, 2]), g: tensor([10f], [1, 1, 1, 1]), b: tensor([1f]));
        return layer;
    }

    private static void Set(WeightNormLayer layer, Tensor v, Tensor g, Tensor b)
    {
        using var noGrad = no_grad();
        layer.weight_v.copy_(v);
        layer.weight_g!.copy_(g);
        layer.bias!.copy_(b);
    }

    // dg = <dW, v^>, dv = (g/||v||)(dW - <dW, v^> v^).
    private static void AssertClosedForm(WeightNormLayer layer, Tensor dw, Tensor db)
    {
        Parameter v = layer.weight_v, g = layer.weight_g!;
        var rows = v.detach().flatten(1);
        var norm = rows.square().sum(1, keepdim: true).sqrt();
        var unit = rows / norm;
        var along = (dw.flatten(1) * unit).sum(1, keepdim: true);
        var dv = g.detach().flatten(1) / norm * (dw.flatten(1) - (along * unit));

        Seeded.AssertClose(along.view(g.shape), g.grad!, 1e-12);
        Seeded.AssertClose(dv.view(v.shape), v.grad!, 1e-12);
        Seeded.AssertClose(db, layer.bias!.grad!, 1e-12);
    }

    private static void AssertBothPaths(Tensor expected, WeightNormLayer layer, Tensor x, double tolerance)
    {
        Seeded.AssertClose(expected, layer.forward(x), tolerance);
        using var noGrad = no_grad();
        Seeded.AssertClose(expected, layer.forward(x), tolerance);
    }
}
