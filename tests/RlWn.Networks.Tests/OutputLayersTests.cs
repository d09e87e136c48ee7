using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace RlWn.Networks.Tests;

public class OutputLayersTests
{
    [Theory]
    [InlineData(64, 4)]
    [InlineData(8, 8)]
    [InlineData(3, 10)]      // more rows than columns: the rows have no right angles, but the same length
    public void Make_PlainAndWeightNorm_StartFromTheSameFunction(int inputs, int outputs)
    {
        using var scope = NewDisposeScope();
        using var plain = OutputLayers.Make(OutputLayer.Plain, inputs, outputs, 0.5, Seeded.Init(1));
        using var normalized = OutputLayers.Make(OutputLayer.WeightNorm, inputs, outputs, 0.5, Seeded.Init(1));
        var x = Seeded.Normal(2, 9, inputs);

        Assert.IsType<Linear>(plain);
        Assert.IsType<WeightNormLinear>(normalized);
        Seeded.AssertClose(plain.forward(x), normalized.forward(x), 1e-6);
    }

    [Theory]
    [InlineData(OutputLayer.Plain, 0.01)]
    [InlineData(OutputLayer.Plain, 1)]
    [InlineData(OutputLayer.WeightNorm, 0.01)]
    public void Make_Scale_IsTheLengthOfOrthogonalRows(OutputLayer kind, double scale)
    {
        using var scope = NewDisposeScope();
        using var layer = OutputLayers.Make(kind, 64, 6, scale, Seeded.Init(1));

        // y(I) - y(0) = Wᵀ, so its Gram matrix is scale² I.
        var transposed = layer.forward(eye(64)) - layer.forward(zeros(1, 64));
        Seeded.AssertClose(eye(6) * tensor(scale * scale), transposed.t().mm(transposed), 1e-6 * scale * scale);
        Assert.All(layer.forward(zeros(1, 64)).detach().data<float>().ToArray(), bias => Assert.Equal(0f, bias));
    }

    [Fact]
    public void Make_Plain_HasTrainableParametersOfTheInitializersType()
    {
        using var layer = (Linear)OutputLayers.Make(OutputLayer.Plain, 5, 3, 1, Seeded.Init(1, ScalarType.Float64));

        Assert.Equal(["bias", "weight"], layer.state_dict().Keys.Order());
        Assert.All(layer.parameters(), parameter => Assert.True(parameter.requires_grad && parameter.is_leaf && parameter.dtype == ScalarType.Float64));
        Assert.Equal([3, 5], layer.weight.shape);
    }

    [Theory]
    [InlineData(OutputLayer.Plain)]
    [InlineData(OutputLayer.WeightNorm)]
    public void Make_GlobalGenerator_IsLeftAlone(OutputLayer kind)
    {
        using var scope = NewDisposeScope();
        manual_seed(5);
        var expected = rand(4);

        manual_seed(5);
        using var layer = OutputLayers.Make(kind, 8, 4, 1, Seeded.Init(1));

        Assert.Equal(expected.data<float>().ToArray(), rand(4).data<float>().ToArray());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-0.01)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Make_ScaleThatIsNoLength_IsRefused(double scale)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => OutputLayers.Make(OutputLayer.Plain, 4, 2, scale, Seeded.Init(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => OutputLayers.Make(OutputLayer.WeightNorm, 4, 2, scale, Seeded.Init(1)));
    }

    [Fact]
    public void Make_UnknownKind_IsRefused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => OutputLayers.Make((OutputLayer)7, 4, 2, 1, Seeded.Init(1)));
}
