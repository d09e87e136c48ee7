using RlWn.Init;
using Xunit;
using static TorchSharp.torch;

namespace RlWn.Networks.Tests;

public class FlatSgdTests
{
    [Theory]
    [InlineData(0, 0, false)]
    [InlineData(0, 0.1, false)]
    [InlineData(0.9, 0, false)]
    [InlineData(0.9, 0.1, false)]
    [InlineData(0.9, 0.1, true)]
    public void Step_TenSteps_AreTorchOptims(double momentum, double weightDecay, bool nesterov)
    {
        using var scope = NewDisposeScope();
        using var network = Seeded.Network(1);
        using var twin = Seeded.Network(1);
        using var parameters = new FlatParameters(network);
        using var sgd = new FlatSgd(parameters, momentum, weightDecay, nesterov);
        using var expected = optim.SGD(twin.parameters(), 0.05, momentum, weight_decay: weightDecay, nesterov: nesterov);

        for (var step = 0UL; step < 10; step++)
        {
            var x = Seeded.Normal(step, 7, 5);
            parameters.ZeroGradients();
            FlatParametersTests.Backward(network, x);
            sgd.Step(0.05);

            expected.zero_grad();
            FlatParametersTests.Backward(twin, x);
            expected.step();
        }

        using var start = Seeded.Network(1);
        Assert.True(twin.parameters().Zip(start.parameters()).Max(pair => (pair.First - pair.Second).abs().max().item<float>()) > 0.1);   // they went somewhere
        foreach (var (torchs, own) in twin.parameters().Zip(network.parameters()))
            Seeded.AssertClose(torchs, own, 2e-5);
    }

    [Theory]
    [InlineData(false, 0.79, 0.4771)]    // d = 2.1, b = 2.1; then d = 2.079, b = 1.05 + 2.079 = 3.129
    [InlineData(true, 0.685, 0.322225)]  // 1 - 0.1 (2.1 + 1.05); then d = 2.0685, b = 3.1185, 0.685 - 0.1 (2.0685 + 1.55925) = 0.322225
    public void Step_Twice_MatchesHandCalculation(bool nesterov, double first, double second)   // ∇L = 2, λ = 0.1, μ = 0.5, α = 0.1, θ = 1
    {
        using var scope = NewDisposeScope();
        using var layer = nn.Linear(1, 1, hasBias: false);
        using var parameters = new FlatParameters(layer);
        using var sgd = new FlatSgd(parameters, 0.5, 0.1, nesterov);
        parameters.Values.fill_(1);
        foreach (var expected in (double[])[first, second])
        {
            parameters.Gradients.fill_(2);
            sgd.Step(0.1);
            Assert.Equal(expected, layer.weight.item<float>(), 1e-6);
        }
    }

    [Fact]
    public void Load_WhatWasSaved_GoesOnAlike()
    {
        using var scope = NewDisposeScope();
        using var saved = new MemoryStream();
        var expected = new float[2];
        foreach (var (run, isSecond) in ((int, bool)[])[(0, false), (1, true)])
        {
            using var layer = nn.Linear(1, 1, hasBias: false);
            using var parameters = new FlatParameters(layer);
            using var sgd = new FlatSgd(parameters, momentum: 0.9);
            parameters.Values.fill_(1);
            parameters.Gradients.fill_(1);
            if (isSecond)
            {
                saved.Position = 0;
                using var reader = new BinaryReader(saved);
                parameters.Load(reader);
                sgd.Load(reader);
            }
            else
            {
                sgd.Step(0.1);
                using var writer = new BinaryWriter(saved, System.Text.Encoding.UTF8, leaveOpen: true);
                parameters.Save(writer);
                sgd.Save(writer);
            }

            sgd.Step(0.1);
            expected[run] = layer.weight.item<float>();
        }

        Assert.Equal(expected[0], expected[1]);
        Assert.Equal(1 - 0.1 - 0.19, expected[0], 1e-6);   // b = 1, then 1.9
    }

    [Fact]
    public void Constructor_ImpossibleSettings_AreRefused()
    {
        using var layer = nn.Linear(1, 1);
        using var parameters = new FlatParameters(layer);

        Assert.Throws<ArgumentException>(() => new FlatSgd(parameters, nesterov: true));
        Assert.Throws<ArgumentOutOfRangeException>(() => new FlatSgd(parameters, momentum: 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new FlatSgd(parameters, weightDecay: -1));
    }

    [Fact]
    public void Step_FoldedWeights_AreKnownToBeOld()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        using var layer = new WeightNormLinear(2, 1, Gain.Linear, new Initializer(generator));
        using var parameters = new FlatParameters(layer);
        using var sgd = new FlatSgd(parameters);
        using var noGrad = no_grad();
        var before = layer.Weight().clone();
        parameters.Gradients.fill_(1);
        sgd.Step(0.5);

        Assert.True((layer.Weight() - before).abs().max().item<float>() > 0.01);
    }

    [Fact]
    public void ChannelsLast_SameNumbersInAnotherOrder()
    {
        using var scope = NewDisposeScope();
        var images = arange(2 * 3 * 4 * 5).view(2, 3, 4, 5).to(ScalarType.Float32);
        var last = Aten.ChannelsLast(images);

        Assert.Equal([60, 1, 15, 3], last.stride());   // of [N, H, W, C] = [2, 4, 5, 3]
        Assert.True(last.equal(images).all().item<bool>());
        Assert.Throws<ArgumentException>(() => Aten.ChannelsLast(images[0]));
    }
}
