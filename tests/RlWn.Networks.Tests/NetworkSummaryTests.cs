using RlWn.Init;
using Xunit;
using static TorchSharp.torch;

namespace RlWn.Networks.Tests;

public class NetworkSummaryTests
{
    [Fact]
    public void ToString_Mlp_IsTheTable()
    {
        // g = √(2 · 4/8) = 1; parameters 8·4 + 8 + 8 and 2·8 + 2; γ of the output 0.5² · 2/8
        using var network = new Mlp(4, [8], 2, OutputLayer.Plain, 0.5, Seeded.Init(1));

        Assert.Equal(
            """
            layer  kind              place   weight  output  parameters  row length   gamma
            0      WeightNormLinear  hidden  [8, 4]  [3, 8]          48           1       2
            1      Linear            output  [2, 8]  [3, 2]          18         0.5  0.0625
            Mlp: 2 layers, 66 parameters

            """.ReplaceLineEndings(),
            $"{NetworkSummary.Of(network, 3, 4)}");
    }

    [Fact]
    public void Of_ResNet_SaysWhichGainStandsWhere()
    {
        using var network = new ResNet(3, 4, 5, Scheme.Proposed, Seeded.Init(1), width: 4);
        var layers = NetworkSummary.Of(network).Layers.ToDictionary(layer => layer.Name);

        Assert.Equal(1, layers["conv1"].Gamma!.Value, 6);
        Assert.Equal(2, layers["stage2.0.conv1"].Gamma!.Value, 6);
        Assert.Equal(0.25, layers["stage2.3.conv2"].Gamma!.Value, 6);
        Assert.Equal(1, layers["stage2.0.shortcut"].Gamma!.Value, 6);
        Assert.Equal(Place.LastOfBlock(4, 4), layers["stage2.3.conv2"].Place);
        Assert.Null(layers["output"].Gamma);   // rows of many lengths
        Assert.True(layers["output"].ShortestRow < layers["output"].LongestRow);
        Assert.Null(layers["conv1"].Output);
    }

    // Each gate is a layer of the gain of a linear one, 1: g² H / fan_in, and not g² 4 H / fan_in.
    [Fact]
    public void Of_RecurrentNetwork_SaysTheGainOfEachGate()
    {
        using var network = new ActorCritic(5, 2, continuous: false, new() { Lstm = 11, Hidden = [16] }, Seeded.Init(1));
        var layers = NetworkSummary.Of(network.Actor).Layers.ToDictionary(layer => layer.Name);

        Assert.Equal(1, layers["lstm.ih"].Gamma!.Value, 6);
        Assert.Equal(1, layers["lstm.hh"].Gamma!.Value, 6);
        Assert.Equal(2, layers["head.0"].Gamma!.Value, 6);
    }

    [Fact]
    public void Of_AnyNetwork_CountsEveryParameterOnce()
    {
        using var resNet = new ResNet(3, 1, 5, Scheme.Parse("orthogonal-wn-bn"), Seeded.Init(1), width: 4);
        using var actorCritic = Seeded.Network(1, 4, 2, continuous: true);

        var summary = NetworkSummary.Of(resNet);
        Assert.Equal(summary.Parameters, summary.Layers.Sum(layer => layer.Parameters));
        Assert.Equal(resNet.parameters().Sum(parameter => parameter.NumberOfElements), summary.Parameters);
        Assert.Equal(2, NetworkSummary.Of(actorCritic).Parameters - NetworkSummary.Of(actorCritic).Layers.Sum(layer => layer.Parameters));   // log σ
    }

    [Fact]
    public void Of_BatchNorm_LeavesTheNetworkAsItWas()
    {
        using var scope = NewDisposeScope();
        using var network = new PlainCnn(3, 4, 2, 5, Scheme.Parse("orthogonal-bn"), Seeded.Init(1));
        var last = (nn.Module<Tensor, Tensor>)network.named_modules().Single(entry => entry.name == "1_norm").module;
        last.eval();   // as one who freezes it does
        var before = network.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.clone());
        var live = Seeded.LiveTensors();

        var summary = NetworkSummary.Of(network, 1, 3, 8, 8);

        Assert.Equal(live, Seeded.LiveTensors());
        Assert.Equal([1, 4, 2, 2], summary.Layers.Single(layer => layer.Name == "1_norm").Output!);
        Assert.True(network.training);
        Assert.False(last.training);
        Assert.All(network.state_dict(), entry => Assert.True(entry.Value.equal(before[entry.Key]).all().item<bool>(), entry.Key));
    }
}
