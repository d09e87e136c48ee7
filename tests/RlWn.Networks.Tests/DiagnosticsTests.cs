using RlWn.Init;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Networks.Tests;

public class DiagnosticsTests
{
    // v = (3, 4), (0, 2), (1, 0) and g = 1, 2, -3, so W = (0.6, 0.8), (0, 2), (-3, 0); then ReLU; the output adds the first two units.
    private static Sequential HandMade()
    {
        var hidden = new WeightNormLinear(2, 3, 1, Seeded.Init(1)).At(Place.Hidden);
        var output = Linear(3, 1).At(Place.Output(1));
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        hidden.weight_v.copy_(tensor(new float[,] { { 3, 4 }, { 0, 2 }, { 1, 0 } }));
        hidden.weight_g!.copy_(tensor(new float[,] { { 1 }, { 2 }, { -3 } }));
        output.weight.copy_(tensor(new float[,] { { 1, 1, 0 } }));
        return Sequential(("hidden", hidden), ("relu", ReLU()), ("output", output));
    }

    [Fact]
    public void Of_HandMadeLayer_MatchesHandCalculation()
    {
        using var scope = NewDisposeScope();
        using var network = HandMade();
        var x = eye(2);   // activations (0.6, 0, 0) and (0.8, 2, 0)
        network.forward(x).sum().backward();

        var hidden = Diagnostics.Of(network, 0.1, x)[0];

        Assert.Equal("hidden", hidden.Layer);
        Assert.Equal(Math.Sqrt(25 + 4 + 1), hidden.VNorm, 6);
        Assert.Equal(Math.Sqrt(1 + 4 + 9), hidden.GNorm!.Value, 6);
        Assert.Equal((0.1 / 25 + 0.1 / 4 + 0.1 / 1) / 3, hidden.EffectiveLearningRate!.Value, 9);
        Assert.Equal(1.0 / 3, hidden.DormantShare!.Value, 9);   // means 0.7, 1, 0
        Assert.Equal(1, hidden.InputNorm!.Value, 6);

        // ∂L/∂w = (1, 1), (0, 1), (0, 0). Along v̂ it is g's: 1.4, 1, 0. What is left, times g/||v||, is v's: (0.16, -0.12)/5, nothing, nothing.
        Assert.Equal(Math.Sqrt((1.4 * 1.4) + 1), hidden.GGradientNorm!.Value, 6);
        Assert.Equal(0.04, hidden.VGradientNorm!.Value, 6);
        Assert.Equal(1.0 / 3, hidden.ZeroGradientShare!.Value, 9);   // the second unit has g's
        var singular = linalg.svdvals(tensor(new[,] { { 0.6, 0.8 }, { 0, 2 }, { -3, 0 } }))[0].item<double>();
        Assert.Equal(14 / (singular * singular), hidden.StableRank, 4);
    }

    [Fact]
    public void Of_OutputLayer_SeesTheFeaturesAndHasNoReLU()
    {
        using var scope = NewDisposeScope();
        using var network = HandMade();

        var output = Diagnostics.Of(network, 0.1, eye(2))[1];

        Assert.Equal((0.6 + Math.Sqrt(0.64 + 4)) / 2, output.InputNorm!.Value, 6);
        Assert.Equal(Math.Sqrt(2), output.VNorm, 6);
        Assert.Equal(1, output.StableRank, 6);
        Assert.Equal(
            (null, null, null, null, null, null),
            (output.GNorm, output.GGradientNorm, output.EffectiveLearningRate, output.DormantShare, output.VGradientNorm, output.ZeroGradientShare));
    }

    // Rows of length 5, 0, 1 and 2, two steps of two environments: their mean is 2, of [T, N, D] as of [T N, D].
    [Fact]
    public void Of_Sequences_TakesTheNormOfEachObservation()
    {
        using var scope = NewDisposeScope();
        using var network = HandMade();
        var rows = tensor(new float[,] { { 3, 4 }, { 0, 0 }, { 1, 0 }, { 0, 2 } });

        Assert.Equal(2, Diagnostics.Of(network, 0, rows)[0].InputNorm!.Value, 6);
        Assert.Equal(2, Diagnostics.Of(network, 0, rows.view(2, 2, 2))[0].InputNorm!.Value, 6);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.16, 0)]           // at most 0.096
    [InlineData(0.17, 1.0 / 3)]     // at most 0.102
    [InlineData(1, 1.0 / 3)]        // at most 0.6
    public void Of_Tau_IsAShareOfTheLayersMean(double tau, double expected)
    {
        using var scope = NewDisposeScope();
        using var network = HandMade();
        var x = tensor(new float[,] { { 1, 1 }, { -0.2f / 3, 0 } });

        // W x: (1.4, 2, -3) and (-0.04, 0, 0.2), after the ReLU (1.4, 2, 0) and (0, 0, 0.2): means 0.7, 1, 0.1, their mean 0.6; a sixth of it is 0.1.
        Assert.Equal(expected, Diagnostics.Of(network, 0, x, tau)[0].DormantShare);
    }

    [Fact]
    public void Of_DeadLayer_IsDormantAltogether()
    {
        using var scope = NewDisposeScope();
        using var network = HandMade();

        Assert.Equal(1, Diagnostics.Of(network, 0, zeros(4, 2))[0].DormantShare);
    }

    [Theory]
    [InlineData(64, 64)]
    [InlineData(40, 10)]
    [InlineData(10, 300)]
    [InlineData(1, 7)]
    public void StableRank_RandomMatrix_IsThatOfTheSingularValues(long rows, long columns)
    {
        using var scope = NewDisposeScope();
        var weight = Seeded.Normal(3, rows, columns);
        var singular = linalg.svdvals(weight.to(ScalarType.Float64));
        var expected = (singular.square().sum() / singular.max().square()).item<double>();

        Assert.InRange(Diagnostics.StableRank(weight), expected * (1 - 1e-4), expected * 1.007);   // ln 64 / 1,024 = 0.4% from above, and rounding
        Assert.Equal(Diagnostics.StableRank(weight), Diagnostics.StableRank(weight * tensor(1e-8f)), 3);
    }

    [Fact]
    public void StableRank_KnownMatrices_IsExact()
    {
        using var scope = NewDisposeScope();

        Assert.Equal(0, Diagnostics.StableRank(zeros(3, 4)));
        Assert.Equal(1, Diagnostics.StableRank(ones(5, 3, 2, 2)), 5);
        Assert.Equal(32, Diagnostics.StableRank(eye(32)), 4);
        Assert.Equal(1.25, Diagnostics.StableRank(diag(tensor(new float[] { 4, 2, 0 }))), 5);   // (16 + 4) / 16
    }

    [Fact]
    public void Of_BatchNorm_CountsUnitsAfterItAndLeavesItAlone()
    {
        using var scope = NewDisposeScope();
        using var network = new ResNet(3, 1, 5, Scheme.Parse("he-wn-bn"), Seeded.Init(1), width: 4);
        using var mlp = new Mlp(6, [8], 2, OutputLayer.Plain, 1, Seeded.Init(1), Scheme.Parse("he-bn"));
        using (no_grad())
        {
            // One unit of four, and two of eight, that normalization shuts off whatever comes.
            network.get_parameter("stage1.0.norm2.bias")!.narrow(0, 1, 1).fill_(-1000);
            mlp.get_parameter("0_norm.bias")!.narrow(0, 3, 2).fill_(-1000);
        }

        var before = network.buffers().Select(buffer => buffer.clone()).ToArray();
        var layers = Diagnostics.Of(network, 0.1, Seeded.Normal(2, 4, 3, 8, 8)).ToDictionary(layer => layer.Layer);

        Assert.Equal(0.25, layers["stage1.0.conv1"].DormantShare);
        Assert.Equal(0, layers["stage2.0.conv1"].DormantShare);
        Assert.All(["conv1", "stage1.0.conv2", "stage2.0.shortcut", "output"], name => Assert.Null(layers[name].DormantShare));
        Assert.Equal(0.25, Diagnostics.Of(mlp, 0.1, Seeded.Normal(2, 30, 6))[0].DormantShare);
        Assert.All(network.buffers().Zip(before), pair => Seeded.AssertClose(pair.Second, pair.First, 0));
        Assert.All(network.modules(), module => Assert.True(module.training));
    }

    [Fact]
    public void Of_NoBatchAndNoGradients_SaysWhatCanBeSaid()
    {
        using var scope = NewDisposeScope();
        using var network = new Impala(new(1, 9, 9), 1, 3, OutputLayer.Plain, 0.01, Scheme.Proposed, Seeded.Init(1));

        var layers = Diagnostics.Of(network, 0.1);

        Assert.Equal(11, layers.Count);
        Assert.All(layers, layer => Assert.Equal((null, null, null, null), (layer.VGradientNorm, layer.DormantShare, layer.ZeroGradientShare, layer.InputNorm)));
        Assert.All(layers, layer => Assert.Equal(LayerDiagnostics.Names.Count, layer.Numbers.Count));
        Assert.All(layers, layer => Assert.InRange(layer.StableRank, 1, 257));
    }

    [Fact]
    public void Of_ActorCritic_NamesBothNetworksAndLeavesNothingBehind()
    {
        using var network = Seeded.Network(1);
        using var x = Seeded.Normal(2, 8, 5);
        Diagnostics.Of(network, 0.1, x);   // makes the folded copies
        var before = Seeded.LiveTensors();

        var layers = Diagnostics.Of(network, 0.1, x);

        Assert.Equal(["actor.0", "actor.1", "actor.2", "critic.0", "critic.1", "critic.2"], layers.Select(layer => layer.Layer));
        Assert.Equal(before, Seeded.LiveTensors());
    }

    [Fact]
    public void Of_NumbersThatAreNone_AreRefused()
    {
        using var network = HandMade();

        Assert.Throws<ArgumentOutOfRangeException>(() => Diagnostics.Of(network, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Diagnostics.Of(network, double.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => Diagnostics.Of(network, 1, null, 1.5));
        Assert.Throws<ArgumentOutOfRangeException>(() => Diagnostics.Of(network, 1, null, double.NaN));
    }
}
