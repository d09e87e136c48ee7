using RlWn.Init;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace RlWn.Networks.Tests;

/// <remarks>Each test changes a layer in one way and asks a pass without gradients, which may take the folded copy, for the new function.</remarks>
public class FoldedWeightTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly WeightNormLinear layer = new(6, 4, Gain.BeforeRelu, Seeded.Init(1));
    private readonly Tensor x = Seeded.Normal(2, 5, 6);

    public void Dispose()
    {
        layer.Dispose();
        scope.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void Weight_NothingChanged_IsNotComputedAgain()
    {
        using var noGrad = no_grad();

        Assert.Same(layer.Weight(), layer.Weight());
    }

    [Fact]
    public void Forward_WithAndWithoutGradients_Agree() => Assert.Equal(WithGradients(), Acting());

    [Fact]
    public void Weight_FrozenLayerWithGradientsEnabled_StillPassesGradientsToItsInput()
    {
        foreach (var parameter in layer.parameters())
            parameter.requires_grad = false;
        var input = Seeded.Normal(3, 2, 6).requires_grad_();

        layer.forward(input).sum().backward();

        Seeded.AssertClose(layer.Weight().sum([0L]).expand(2, 6), input.grad!, 1e-6);
    }

    [Fact]
    public void Forward_AfterVChangedInPlace_IsNew() => AssertNewAfter(() => AddNoise(layer.weight_v));

    [Fact]
    public void Forward_AfterGChangedInPlace_IsNew() => AssertNewAfter(() => AddNoise(layer.weight_g!));

    [Fact]
    public void Forward_AfterAViewOfVChanged_IsNew() => AssertNewAfter(() => AddNoise(layer.weight_v.detach()[1]));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Forward_AfterTorchOptimizersStep_IsNew(bool adam)
    {
        using optim.Optimizer optimizer = adam ? optim.Adam(layer.parameters(), 0.1) : optim.SGD(layer.parameters(), 0.1);
        AssertNewAfter(Step);
        AssertNewAfter(Step);

        void Step()
        {
            optimizer.zero_grad();
            layer.forward(x).square().sum().backward();
            optimizer.step();
        }
    }

    [Fact]
    public void Forward_AfterFlatParametersAdamStep_IsNew()
    {
        using var parameters = new FlatParameters(layer);
        using var adam = new FlatAdam(parameters);
        AssertNewAfter(Step);
        AssertNewAfter(Step);

        void Step()
        {
            parameters.ZeroGradients();
            layer.forward(x).square().sum().backward();
            adam.Step(0.1);
        }
    }

    [Fact]
    public void Forward_AfterTheFlatBufferChanged_IsNew()
    {
        using var parameters = new FlatParameters(layer);

        AssertNewAfter(() => AddNoise(parameters.Values));
        AssertNewAfter(() => AddNoise(layer.weight_v));
    }

    [Fact]
    public void Forward_AfterASecondFlatBufferChanged_IsNew()
    {
        using var first = new FlatParameters(layer);
        AssertNewAfter(() => AddNoise(first.Values));
        FlatParameters? second = null;

        // The second buffer was changed as often as the first: equal counts must not mean equal weights.
        AssertNewAfter(() =>
        {
            second = new FlatParameters(layer);
            AddNoise(second.Values);
            Assert.Equal(Aten.Version(first.Values), Aten.Version(second.Values));
        });
        second!.Dispose();
    }

    [Fact]
    public void Forward_AfterTheFlatParametersAreDisposed_StaysAndFollowsLaterChanges()
    {
        var parameters = new FlatParameters(layer);
        AddNoise(parameters.Values);
        var before = Acting();
        parameters.Dispose();

        Assert.Equal(before, Acting());
        AssertNewAfter(() => AddNoise(layer.weight_v));
    }

    [Fact]
    public void Forward_AfterLoadStateDict_IsNew()
    {
        using var other = new WeightNormLinear(6, 4, Gain.BeforeRelu, Seeded.Init(9));
        AssertNewAfter(() => layer.load_state_dict(other.state_dict()));

        Seeded.AssertClose(other.forward(x), layer.forward(x), 0);
    }

    [Fact]
    public void Forward_AfterParametersAreReplaced_IsNew()
    {
        // Twice: the address that the first replacement frees is soon given to the second, whose count of changes is as low.
        for (var i = 0UL; i < 50; i++)
        {
            var seed = 100 + i;
            AssertNewAfter(() =>
            {
                layer.weight_v = new Parameter(ones(4, 6));
                layer.weight_v = new Parameter(Seeded.Normal(seed, 4, 6));
            });
            AssertNewAfter(() =>
            {
                layer.weight_g = new Parameter(ones(4, 1));
                layer.weight_g = new Parameter(Seeded.Normal(seed, 4, 1));
            });
        }
    }

    [Fact]
    public void Parameters_Replaced_AreRegisteredAndTheOldOnesFreed()
    {
        var old = layer.bias!;
        using (NewDisposeScope())
            layer.bias = new Parameter(ones(4));

        Assert.True(old.IsInvalid);
        Assert.Equal([1f, 1, 1, 1], layer.state_dict()["bias"].data<float>().ToArray());   // and outlives the scope
        layer.bias = null;
        Assert.Equal(["weight_g", "weight_v"], layer.state_dict().Keys.Order());
    }

    [Fact]
    public void Forward_FromFourThreads_IsTheSame()
    {
        var expected = WithGradients();
        AddNoise(layer.weight_v);
        var changed = WithGradients();
        Assert.NotEqual(expected, changed);

        Parallel.For(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ =>
        {
            using var own = NewDisposeScope();
            Assert.Equal(changed, Acting());
        });
    }

    private void AssertNewAfter(Action change)
    {
        var before = Acting();
        change();
        var after = Acting();

        Assert.NotEqual(before, after);
        Assert.Equal(WithGradients(), after);   // to the bit: both are the same kernel
    }

    private float[] WithGradients() => layer.forward(x).detach().data<float>().ToArray();

    private float[] Acting()
    {
        using var noGrad = no_grad();
        return layer.forward(x).data<float>().ToArray();
    }

    private static void AddNoise(Tensor tensor)
    {
        using var noGrad = no_grad();
        tensor.add_(Seeded.Normal(11, tensor.shape));
    }
}
