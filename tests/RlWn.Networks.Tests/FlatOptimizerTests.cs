using Xunit;
using static TorchSharp.torch;

namespace RlWn.Networks.Tests;

/// <summary>What <see cref="FlatRmsProp"/> steps, and that a saved optimizer goes on as it would have. <see cref="FlatAdamTests"/> has Adam's steps.</summary>
public class FlatOptimizerTests
{
    [Fact]
    public void RmsProp_EpsilonOutside_TenStepsAreTorchOptims()
    {
        using var scope = NewDisposeScope();
        using var network = Seeded.Network(1);
        using var twin = Seeded.Network(1);
        using var parameters = new FlatParameters(network);
        using var own = new FlatRmsProp(parameters, decay: 0.9, epsilon: 1e-3, EpsilonPlace.Outside);
        using optim.Optimizer expected = optim.RMSProp(twin.parameters(), 0.01, 0.9, 1e-3);
        for (var step = 0UL; step < 10; step++)
        {
            var x = Seeded.Normal(step, 7, 5);
            parameters.ZeroGradients();
            FlatParametersTests.Backward(network, x);
            own.Step(0.01);

            expected.zero_grad();
            FlatParametersTests.Backward(twin, x);
            expected.step();
        }

        using var start = Seeded.Network(1);
        Assert.All(twin.parameters().Zip(start.parameters()), pair => Assert.True((pair.First - pair.Second).abs().max().item<float>() > 0.01));
        foreach (var (torchs, flat) in twin.parameters().Zip(network.parameters()))
            Seeded.AssertClose(torchs, flat, 2e-5);   // ten steps of up to 0.03 each, whose gradients differ in the last bits
    }

    [Theory]
    [InlineData(EpsilonPlace.Inside, ScalarType.Float32)]
    [InlineData(EpsilonPlace.Outside, ScalarType.Float32)]
    [InlineData(EpsilonPlace.Inside, ScalarType.Float64)]    // through libtorch
    [InlineData(EpsilonPlace.Outside, ScalarType.Float64)]
    public void RmsProp_EightSteps_AreTheEquationsInDouble(EpsilonPlace place, ScalarType dtype)
    {
        const double Decay = 0.95, Epsilon = 0.01, LearningRate = 0.02;
        using var scope = NewDisposeScope();
        using var network = new Mlp(6, [5], 3, OutputLayer.Plain, 1, Seeded.Init(1, dtype));
        using var parameters = new FlatParameters(network);
        using var own = new FlatRmsProp(parameters, Decay, Epsilon, place);
        var expected = Doubles(parameters.Values);
        var squares = new double[expected.Length];
        for (var step = 0UL; step < 8; step++)
        {
            parameters.Gradients.copy_(Seeded.Normal(step, dtype, expected.Length));
            var gradients = Doubles(parameters.Gradients);
            own.Step(LearningRate);
            for (var i = 0; i < expected.Length; i++)
            {
                squares[i] = (Decay * squares[i]) + ((1 - Decay) * gradients[i] * gradients[i]);
                expected[i] -= LearningRate * gradients[i] / (place == EpsilonPlace.Inside ? Math.Sqrt(squares[i] + Epsilon) : Math.Sqrt(squares[i]) + Epsilon);
            }
        }

        Assert.All(expected.Zip(Doubles(parameters.Values)), pair => Assert.Equal(pair.First, pair.Second, dtype == ScalarType.Float64 ? 1e-12 : 1e-6));
    }

    [Theory]
    [InlineData("adam", 1)]
    [InlineData("adam", 3)]      // g at a rate of its own
    [InlineData("rmsProp", 1)]
    [InlineData("rmsProp", 3)]
    public void Load_AfterSave_GoesOnBitByBit(string kind, double scaleLearningRate)
    {
        using var scope = NewDisposeScope();
        using var network = Seeded.Network(1);
        using var parameters = new FlatParameters(network, scalesLast: true);
        using var whole = Make(kind, parameters, scaleLearningRate);
        Steps(whole, parameters, 0, 5);
        using var saved = new MemoryStream();
        whole.Save(new BinaryWriter(saved));
        var midway = parameters.Values.clone();
        Steps(whole, parameters, 5, 10);

        saved.Position = 0;
        using var twin = Seeded.Network(1);
        using var twinParameters = new FlatParameters(twin, scalesLast: true);
        using (no_grad())
            twinParameters.Values.copy_(midway);
        using var resumed = Make(kind, twinParameters, scaleLearningRate);
        resumed.Load(new BinaryReader(saved));
        Steps(resumed, twinParameters, 5, 10);

        Assert.Equal(saved.Length, saved.Position);
        Seeded.AssertClose(parameters.Values, twinParameters.Values, 0);
        Assert.True((parameters.Values - midway).abs().max().item<float>() > 0.01);
    }

    [Theory]
    [InlineData("adam")]
    [InlineData("rmsProp")]
    public void Load_StateOfAnotherNetwork_IsRefused(string kind)
    {
        using var network = Seeded.Network(1);
        using var parameters = new FlatParameters(network);
        using var optimizer = Make(kind, parameters, scaleLearningRate: 1);
        using var saved = new MemoryStream();
        optimizer.Save(new BinaryWriter(saved));

        saved.Position = 0;
        using var wider = Seeded.Network(1, 6);
        using var widerParameters = new FlatParameters(wider);
        using var other = Make(kind, widerParameters, scaleLearningRate: 1);
        Assert.Throws<InvalidDataException>(() => other.Load(new BinaryReader(saved)));
    }

    private static IFlatOptimizer Make(string kind, FlatParameters parameters, double scaleLearningRate) =>
        kind == "adam" ? new FlatAdam(parameters, scaleLearningRate: scaleLearningRate) : new FlatRmsProp(parameters, scaleLearningRate: scaleLearningRate);

    private static void Steps(IFlatOptimizer optimizer, FlatParameters parameters, ulong from, ulong to)
    {
        for (var step = from; step < to; step++)
        {
            parameters.Gradients.copy_(Seeded.Normal(step, parameters.Gradients.NumberOfElements));
            optimizer.Step(0.01);
        }
    }

    private static double[] Doubles(Tensor tensor) => tensor.detach().to(ScalarType.Float64).data<double>().ToArray();
}
