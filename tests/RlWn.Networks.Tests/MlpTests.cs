using System.ComponentModel.DataAnnotations;
using RlWn.Init;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace RlWn.Networks.Tests;

public class MlpTests
{
    [Fact]
    public void Forward_AnyWeights_IsLinearReluLinearReluLinear()
    {
        using var scope = NewDisposeScope();
        using var network = new Mlp(4, [7, 5], 3, OutputLayer.WeightNorm, 1, Seeded.Init(1));
        Seeded.Disturb(network, 2);
        var x = Seeded.Normal(3, 6, 4);
        var state = network.state_dict();

        var expected = Layer(2, nn.functional.relu(Layer(1, nn.functional.relu(Layer(0, x)))));

        Assert.True(expected.min().item<float>() < 0);   // no ReLU after the last
        Seeded.AssertClose(expected, network.forward(x), 1e-5);

        Tensor Layer(int i, Tensor features)
        {
            var (v, g) = (state[$"{i}.weight_v"], state[$"{i}.weight_g"]);
            return features.mm((g * v / v.norm(1, keepdim: true)).t()) + state[$"{i}.bias"];
        }
    }

    [Fact]
    public void Layers_OfWidths_HaveTheirShapesAndTheProposedGain()
    {
        using var network = new Mlp(4, [7, 5], 3, OutputLayer.Plain, 0.01, Seeded.Init(1));
        var state = network.state_dict();

        Assert.Equal([4, 7, 5, 3], network.Widths);
        Assert.Equal([7, 4], state["0.weight_v"].shape);
        Assert.Equal([5, 7], state["1.weight_v"].shape);
        Assert.Equal([3, 5], state["2.weight"].shape);
        Assert.All(state["0.weight_g"].data<float>().ToArray(), g => Assert.Equal((float)Math.Sqrt(2 * 4.0 / 7), g));
        Assert.All(state["1.weight_g"].data<float>().ToArray(), g => Assert.Equal((float)Math.Sqrt(2 * 7.0 / 5), g));
    }

    [Fact]
    public void Constructor_NoHiddenLayers_IsTheOutputLayerAlone()
    {
        using var scope = NewDisposeScope();
        using var network = new Mlp(4, [], 3, OutputLayer.Plain, 1, Seeded.Init(1));
        using var layer = OutputLayers.Make(OutputLayer.Plain, 4, 3, 1, Seeded.Init(1));
        var x = Seeded.Normal(2, 5, 4);

        Seeded.AssertClose(layer.forward(x), network.forward(x), 0);
    }

    [Fact]
    public void Forward_TwentyLayersOfWidth512_KeepTheNorm()
    {
        // Theorem 1 of Arpit et al. 2019: the norm is kept in expectation over networks. One network's squared norm changes by a variance of
        // about 3/512 a layer, ever more the same for all its inputs: after 20 layers one network is some 15% off, the mean of eight is not.
        const int Networks = 8, Depth = 20, Width = 512;
        using var outer = NewDisposeScope();
        using var noGrad = no_grad();
        var x = Seeded.Normal(2, 1000, Width);
        var norms = x.norm(1);
        var ratio = new double[Depth];
        for (var seed = 1UL; seed <= Networks; seed++)
        {
            using var scope = NewDisposeScope();
            using var network = new Mlp(Width, Enumerable.Repeat(Width, Depth).ToArray(), 1, OutputLayer.Plain, 1, Seeded.Init(seed));
            var features = x;
            for (var i = 0; i < Depth; i++)
            {
                features = nn.functional.relu(network.Layers[i].forward(features));
                ratio[i] += (features.norm(1) / norms).mean().item<float>() / Networks;
            }
        }

        Assert.All(ratio, mean => Assert.InRange(mean, 0.9, 1.1));
    }

    [Fact]
    public void ActorCritic_Names_SayWhichNetworkAndLayer()
    {
        using var network = Seeded.Network(1, 4, 2, continuous: true, 8);

        Assert.Equal(
            ["actor.0.bias", "actor.0.weight_g", "actor.0.weight_v", "actor.1.bias", "actor.1.weight",
            "critic.0.bias", "critic.0.weight_g", "critic.0.weight_v", "critic.1.bias", "critic.1.weight", "log_std"],
            network.state_dict().Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void ActorCritic_Forward_IsActorAndCritic()
    {
        using var scope = NewDisposeScope();
        using var network = Seeded.Network(1, 4, 2);
        var x = Seeded.Normal(2, 6, 4);
        var (policy, value) = network.forward(x);

        Assert.Equal([6, 2], policy.shape);
        Assert.Equal([6], value.shape);
        Seeded.AssertClose(network.Actor.forward(x), policy, 0);
        Seeded.AssertClose(network.Critic.forward(x).view(6), value, 0);
    }

    [Fact]
    public void ActorCritic_Options_ReachTheLayers()
    {
        using var network = new ActorCritic(
            4, 2, continuous: true,
            new() { Hidden = [8], PolicyOutput = OutputLayer.WeightNorm, PolicyScale = 0.25, ValueOutput = OutputLayer.Plain, ValueScale = 3, LogStd = -0.5 },
            Seeded.Init(1));

        Assert.Equal([0.25f, 0.25f], Assert.IsType<WeightNormLinear>(network.Actor.Head.Layers[1]).weight_g!.data<float>().ToArray());
        using var weight = Assert.IsType<Linear>(network.Critic.Head.Layers[1]).weight.norm();
        Assert.Equal(3, weight.item<float>(), 1e-5);
        Assert.Equal([-0.5f, -0.5f], network.log_std!.data<float>().ToArray());
    }

    [Fact]
    public void ActorCritic_Discrete_HasNoDeviation()
    {
        using var network = Seeded.Network(1);

        Assert.Null(network.log_std);
        Assert.DoesNotContain("log_std", network.state_dict().Keys);
    }

    [Fact]
    public void ActorCritic_ToFloat64_KeepsTheFunction()
    {
        using var scope = NewDisposeScope();
        using var network = Seeded.Network(1, 4, 2, continuous: true);
        var x = Seeded.Normal(2, 6, 4);
        var (policy, value) = network.forward(x);

        network.to(ScalarType.Float64);
        var (policy64, value64) = network.forward(x.to(ScalarType.Float64));

        Assert.All(network.parameters(), parameter => Assert.Equal(ScalarType.Float64, parameter.dtype));
        Assert.Equal(ScalarType.Float64, network.log_std!.dtype);
        Seeded.AssertClose(policy, policy64, 1e-6);
        Seeded.AssertClose(value, value64, 1e-6);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ActorCritic_SaveAndLoad_BecomesTheSameFunction(bool flat)
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            using var saved = Seeded.Network(1, 4, 2, continuous: true);
            using var loaded = Seeded.Network(2, 4, 2, continuous: true);
            using var parameters = flat ? new FlatParameters(loaded) : null;
            Seeded.Disturb(saved, 3);
            var x = Seeded.Normal(4, 6, 4);
            using var noGrad = no_grad();
            loaded.forward(x);   // folds the weights, which loading must unfold

            saved.save(path);
            loaded.load(path);

            Seeded.AssertClose(saved.forward(x).Policy, loaded.forward(x).Policy, 0);
            Seeded.AssertClose(saved.forward(x).Value, loaded.forward(x).Value, 0);
            Seeded.AssertClose(saved.log_std!, loaded.log_std!, 0);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData(Direction.Orthogonal)]
    [InlineData(Direction.He)]
    public void ActorCritic_Seed_DecidesEveryBit(Direction direction)
    {
        Assert.Equal(Bits(3), Bits(3));
        Assert.NotEqual(Bits(3), Bits(4));

        float[] Bits(ulong seed)
        {
            using var network = new ActorCritic(5, 3, true, new() { Hidden = [33, 17], Scheme = new(direction, ScaleRule.Proposed) }, Seeded.Init(seed));
            return [.. network.state_dict().OrderBy(entry => entry.Key, StringComparer.Ordinal).SelectMany(entry => entry.Value.data<float>().ToArray())];
        }
    }

    [Fact]
    public void Validate_WidthThatIsNone_IsRefused()
    {
        new NetworkOptions().Validate();
        new NetworkOptions { Hidden = [] }.Validate();
        var error = Assert.Throws<ValidationException>(() => new NetworkOptions { Hidden = [64, 0] }.Validate());

        Assert.Contains("got 0", error.Message, StringComparison.Ordinal);
    }
}
