using Xunit;
using static TorchSharp.torch;

namespace RlWn.Networks.Tests;

public class FlatAdamTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(0.1)]      // decoupled, as AdamW's
    public void Step_TenSteps_AreTorchOptims(double weightDecay)
    {
        using var scope = NewDisposeScope();
        using var network = Seeded.Network(1);
        using var twin = Seeded.Network(1);
        using var parameters = new FlatParameters(network);
        using var adam = new FlatAdam(parameters, beta1: 0.8, beta2: 0.9, epsilon: 1e-5, weightDecay: weightDecay);
        using optim.Optimizer expected = weightDecay == 0
            ? optim.Adam(twin.parameters(), 0.01, 0.8, 0.9, 1e-5)
            : optim.AdamW(twin.parameters(), 0.01, 0.8, 0.9, 1e-5, weightDecay);

        for (var step = 0UL; step < 10; step++)
        {
            var x = Seeded.Normal(step, 7, 5);
            parameters.ZeroGradients();
            FlatParametersTests.Backward(network, x);
            adam.Step(0.01);

            expected.zero_grad();
            FlatParametersTests.Backward(twin, x);
            expected.step();
        }

        using var start = Seeded.Network(1);
        Assert.All(twin.parameters().Zip(start.parameters()), pair => Assert.True((pair.First - pair.Second).abs().max().item<float>() > 0.01));
        foreach (var (torchs, own) in twin.parameters().Zip(network.parameters()))
            Seeded.AssertClose(torchs, own, 2e-5);   // ten steps of 0.01 each, whose gradients differ in the last bits
    }

    [Fact]
    public void Step_LearningRateZero_ChangesNothing()
    {
        using var scope = NewDisposeScope();
        using var network = Seeded.Network(1);
        using var parameters = new FlatParameters(network);
        using var adam = new FlatAdam(parameters);
        var before = parameters.Values.clone();
        FlatParametersTests.Backward(network, Seeded.Normal(2, 7, 5));
        adam.Step(0);

        Seeded.AssertClose(before, parameters.Values, 0);
    }
}
