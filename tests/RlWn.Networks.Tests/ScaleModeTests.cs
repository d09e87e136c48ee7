using System.ComponentModel.DataAnnotations;
using RlWn.Init;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace RlWn.Networks.Tests;

public class ScaleModeTests
{
    [Theory]
    [InlineData(ScaleMode.Fixed)]
    [InlineData(ScaleMode.Absent)]
    public void LinearBackward_ScaleThatDoesNotLearn_IsAutogradOfTheElementaryFormula(ScaleMode scale)
    {
        using var scope = NewDisposeScope();
        using var layer = new WeightNormLinear(7, 4, Gain.BeforeRelu, Seeded.Init(1, ScalarType.Float64), scale: scale);
        Seeded.Disturb(layer, 2);
        if (layer.weight_g is { } g)
        {
            using var noGrad = no_grad();
            g.fill_(Math.Sqrt(2 * 7 / 4.0));
        }

        var (x, dy) = (Seeded.Normal(3, ScalarType.Float64, 6, 7), Seeded.Normal(4, ScalarType.Float64, 6, 4));
        var y = layer.forward(x);
        y.backward([dy]);

        var v = layer.weight_v.detach().clone().requires_grad_();
        var w = v * tensor(Math.Sqrt(2 * 7 / 4.0)) / v.square().sum(dim: 1, keepdim: true).sqrt();
        var expected = x.mm(w.t()) + layer.bias!.detach();
        expected.backward([dy]);
        Seeded.AssertClose(expected, y, 1e-12);
        Seeded.AssertClose(v.grad!, layer.weight_v.grad!, 1e-12);
        Assert.True(layer.weight_g is null || layer.weight_g.grad is null);
    }

    [Fact]
    public void Conv_AbsentScale_KeepsItsLengthInBothPathsAndTypes()   // √(γ c_in / c_out) = √(2 · 2 / 4) = 1
    {
        using var scope = NewDisposeScope();
        using var layer = new WeightNormConv2d(2, 4, 3, Gain.BeforeRelu, Seeded.Init(1), scale: ScaleMode.Absent);
        var recorded = layer.Weight();

        Assert.Equal(1, layer.RowLength!.Value, 12);
        Seeded.AssertClose(ones(4), recorded.flatten(1).norm(1), 1e-6);
        using (no_grad())
            Seeded.AssertClose(recorded, layer.Weight(), 1e-7);
        layer.to(ScalarType.Float64);
        Seeded.AssertClose(recorded, layer.Weight(), 1e-6);
        Assert.Equal(["bias", "weight_v"], layer.state_dict().Keys.Order());
        Assert.Throws<InvalidOperationException>(() => layer.weight_g = new TorchSharp.Modules.Parameter(ones(4, 1, 1, 1)));
    }

    [Fact]
    public void Dispose_AbsentScale_LeavesNoTensorsBehind()
    {
        var before = Seeded.LiveTensors();
        using (var layer = new WeightNormLinear(6, 4, Gain.BeforeRelu, Seeded.Init(1), scale: ScaleMode.Absent))
            layer.to(ScalarType.Float64);

        Assert.Equal(before, Seeded.LiveTensors());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Train_MultiplierZero_IsFixed(bool small)
    {
        using var scope = NewDisposeScope();
        var (fixedState, fixedScales) = Train(new() { Scale = ScaleMode.Fixed }, small, multiplier: 1);
        var (state, scales) = Train(new(), small, multiplier: 0);
        var (absentState, _) = Train(new() { Scale = ScaleMode.Absent }, small, multiplier: 1);
        var (learned, learnedScales) = Train(new(), small, multiplier: 1);

        Assert.Equal(fixedScales, scales);
        Assert.NotEqual(scales, learnedScales);
        Assert.Equal(fixedState.Keys, state.Keys);
        Assert.Equal(fixedState.Keys, absentState.Keys);
        foreach (var name in state.Keys)
        {
            Seeded.AssertClose(fixedState[name], state[name], 1e-6);
            Seeded.AssertClose(fixedState[name], absentState[name], 1e-6);
        }

        Assert.Contains(state.Keys, name => (learned[name] - state[name]).abs().max().item<float>() > 1e-3);
    }

    // Adam's first step moves every weight by α, whatever its gradient.
    [Fact]
    public void FlatAdam_Multiplier_IsThatOfTheLearningRateOfScalesOnly()
    {
        using var scope = NewDisposeScope();
        using var network = Seeded.Network(1);
        using var before = Seeded.Network(1);
        using var parameters = new FlatParameters(network, scalesLast: true);
        using var adam = new FlatAdam(parameters, scaleLearningRate: 3);
        parameters.Gradients.fill_(1);
        adam.Step(0.01);

        Assert.Equal(2 * (16 + 16), parameters.Scales);   // two networks of two hidden layers
        foreach (var (name, parameter) in network.named_parameters())
        {
            var start = before.named_parameters().Single(entry => entry.name == name).parameter;
            var way = (start - parameter).data<float>().ToArray();
            Assert.All(way, step => Assert.Equal(name.EndsWith("weight_g", StringComparison.Ordinal) ? 0.03 : 0.01, step, 1e-6));
        }
    }

    [Fact]
    public void FlatAdam_ScalesAmongTheOthers_IsRefused()
    {
        using var network = Seeded.Network(1);
        using var parameters = new FlatParameters(network);

        Assert.Throws<ArgumentException>(() => new FlatAdam(parameters, scaleLearningRate: 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => new FlatAdam(parameters, scaleLearningRate: -1));
    }

    [Fact]
    public void Apply_AbsentScale_TakesTheNewLengthOrLeavesTheOld()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        using var network = new Mlp(8, [4], 2, OutputLayer.Plain, 1, Seeded.Init(1), scale: ScaleMode.Absent);
        var layer = (WeightNormLayer)network.Layers[0];
        Assert.Equal(2, layer.RowLength!.Value, 6);   // √(2 · 8 / 4)

        Initialization.Apply(network, Scheme.Parse("orthogonal-proposed-backward"), generator);
        Assert.Equal(Math.Sqrt(2), layer.RowLength!.Value, 6);
        Seeded.AssertClose(full(4, Math.Sqrt(2)), layer.Weight().norm(1), 1e-6);

        var error = Assert.Throws<ArgumentException>(() => Initialization.Apply(network, Scheme.Parse("he-pytorch-default"), generator));
        Assert.Contains("ScaleMode.Fixed", error.Message, StringComparison.Ordinal);
        Assert.Equal(Math.Sqrt(2), layer.RowLength!.Value, 6);
    }

    public static TheoryData<NetworkOptions, string> Contradictions => new()
    {
        { new() { Scheme = Scheme.Parse("he-hanin") }, "residual blocks" },
        { new() { Scheme = Scheme.Parse("he-bn"), NormPartner = NormPartner.RmsNorm }, "has batch normalization" },
        { new() { Scheme = Scheme.Parse("he-data-dependent"), NormPartner = NormPartner.BatchNorm }, "undo" },
        { new() { Scheme = Scheme.Parse("he-no-wn"), Scale = ScaleMode.Fixed }, "has no g" },
        { new() { Scheme = Scheme.Parse("he-pytorch-default"), Scale = ScaleMode.Absent }, "one length" },
        { new() { Scheme = Scheme.Parse("he-bn"), ProjectEvery = 1 }, "to project" },
        { new() { Scheme = Scheme.Parse("he-no-wn"), ScaleLearningRate = 2 }, "a g that learns" },
        { new() { Scale = ScaleMode.Absent, ScaleLearningRate = 2 }, "a g that learns" },
        { new() { ScaleLearningRate = -1 }, "network.scaleLearningRate from 0" },
        { new() { ProjectEvery = -1 }, "network.projectEvery from 0" },
    };

    [Theory]
    [MemberData(nameof(Contradictions))]
    public void Validate_SettingsThatContradict_SaysWhich(NetworkOptions options, string message) =>
        Assert.Contains(message, Assert.Throws<ValidationException>(options.Validate).Message, StringComparison.Ordinal);

    [Fact]
    public void Validate_EverySchemeOfPlainNetworks_IsFine()
    {
        foreach (var scheme in Scheme.All.Where(scheme => scheme.Rule != ScaleRule.Hanin))
            new NetworkOptions { Scheme = scheme }.Validate();
        new NetworkOptions { Scheme = Scheme.Parse("he-no-wn"), ValueOutput = OutputLayer.WeightNorm, ProjectEvery = 3, ScaleLearningRate = 2 }.Validate();
    }

    // Five steps; everything but g, and g, of all layers.
    private static (SortedDictionary<string, Tensor> State, float[] Scales) Train(NetworkOptions options, bool small, double multiplier)
    {
        using var network = new ActorCritic(5, 3, false, options with { Hidden = [16, 8] }, Seeded.Init(1));
        using var parameters = new FlatParameters(network, scalesLast: true);
        using var adam = new FlatAdam(parameters, scaleLearningRate: multiplier);
        using var learning = new Learning(network, parameters, 6, small);
        var (policy, values) = (new float[6 * 3], new float[6]);
        for (var step = 0UL; step < 5; step++)
        {
            learning.Forward(Seeded.Normal(step, 6, 5).data<float>().ToArray(), policy, values);
            learning.Backward(policy, values, []);
            adam.Step(0.01);
        }

        var state = network.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.detach().clone());
        var scales = state.Where(entry => entry.Key.EndsWith("weight_g", StringComparison.Ordinal)).ToArray();
        foreach (var (name, _) in scales)
            state.Remove(name);
        return (new(state), [.. scales.SelectMany(entry => entry.Value.data<float>().ToArray())]);
    }
}
