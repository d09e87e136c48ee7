using Xunit;
using static TorchSharp.torch;

namespace RlWn.Networks.Tests;

public class ActingTests
{
    private static readonly int[] Small = [64, 64];
    private static readonly int[] Wide = [512, 512];   // 5 · 512 + 512 · 512 + … multiplications: beyond the border that these tests set

    public static TheoryData<int[], int> Cases =>
        new(from hidden in (int[][])[[], Small, Wide] from batch in (int[])[1, 7, 8, 64] select (hidden, batch));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Evaluate_AnyWidthAndBatch_AgreesWithTheNetwork(int[] hidden, int batch)
    {
        using var scope = NewDisposeScope();
        using var network = Network(hidden);
        using var acting = new Acting(network, wideFrom: 512 * 512, wideBatch: 8);
        var x = Seeded.Normal(3, batch, 5);
        var (policy, values) = Evaluate(acting, x);
        var (expectedPolicy, expectedValue) = network.forward(x);

        Seeded.AssertClose(expectedPolicy, tensor(policy, [batch, 3]), 1e-5);
        Seeded.AssertClose(expectedValue, tensor(values), 1e-5);

        var alone = new float[batch];
        acting.Value(x.data<float>().ToArray(), batch, alone);
        Assert.Equal(values, alone);

        var policyAlone = new float[batch * 3];
        acting.Policy(x.data<float>().ToArray(), batch, policyAlone);
        Assert.Equal(policy, policyAlone);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Evaluate_AfterTraining_ActsByTheLastRefresh(int[] hidden, int batch)
    {
        using var scope = NewDisposeScope();
        using var network = Network(hidden);
        using var parameters = new FlatParameters(network);
        using var adam = new FlatAdam(parameters);
        using var acting = new Acting(network, wideFrom: 512 * 512, wideBatch: 8);
        var x = Seeded.Normal(3, batch, 5);
        var before = Evaluate(acting, x);
        var logStd = acting.LogStd.ToArray();

        parameters.Gradients.fill_(1);
        adam.Step(0.01);

        Assert.Equal(before.Policy, Evaluate(acting, x).Policy);
        Assert.Equal(before.Values, Evaluate(acting, x).Values);
        Assert.Equal(logStd, acting.LogStd);

        acting.Refresh();
        var (policy, values) = Evaluate(acting, x);
        Assert.NotEqual(before.Policy, policy);
        Assert.NotEqual(before.Values, values);
        Seeded.AssertClose(network.forward(x).Policy, tensor(policy, [batch, 3]), 1e-5);
        Seeded.AssertClose(network.forward(x).Value, tensor(values), 1e-5);
        Assert.Equal(network.log_std!.data<float>().ToArray(), acting.LogStd);
        Assert.NotEqual(logStd, acting.LogStd.ToArray());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    public void Evaluate_LengthsThatDoNotFit_AreRefused(int batch)
    {
        using var network = Network(Wide);
        using var acting = new Acting(network, wideFrom: 512 * 512, wideBatch: 8);

        Assert.Throws<ArgumentException>(() => acting.Evaluate(new float[(5 * batch) - 1], batch, new float[3 * batch], new float[batch]));
        Assert.Throws<ArgumentException>(() => acting.Evaluate(new float[(5 * batch) + 1], batch, new float[3 * batch], new float[batch]));
        Assert.Throws<ArgumentException>(() => acting.Evaluate(new float[5 * batch], batch, new float[(3 * batch) + 1], new float[batch]));
        Assert.Throws<ArgumentException>(() => acting.Value(new float[5 * batch], batch, new float[batch + 1]));
    }

    [Fact]
    public void Sizes_AreTheNetworks()
    {
        using var continuous = Network([7]);
        using var discrete = Seeded.Network(1, 4, 2);
        using Acting first = new(continuous), second = new(discrete);

        Assert.Equal((5, 3, 3), (first.ObservationSize, first.PolicyOutputs, first.LogStd.Length));
        Assert.Equal((4, 2, 0), (second.ObservationSize, second.PolicyOutputs, second.LogStd.Length));
    }

    [Fact]
    public void Evaluate_Float64Network_AgreesToFloat32()
    {
        using var scope = NewDisposeScope();
        using var network = new ActorCritic(5, 3, false, new() { Hidden = Wide }, Seeded.Init(1, ScalarType.Float64));
        using var acting = new Acting(network, wideFrom: 512 * 512, wideBatch: 8);
        var x = Seeded.Normal(3, 16, 5);

        Seeded.AssertClose(network.forward(x.to(ScalarType.Float64)).Policy, tensor(Evaluate(acting, x).Policy, [16, 3]), 1e-5);
    }

    private static ActorCritic Network(int[] hidden)
    {
        var network = new ActorCritic(
            5, 3, continuous: true, new() { Hidden = hidden, ValueOutput = OutputLayer.WeightNorm, PolicyScale = 0.5 }, Seeded.Init(1));
        Seeded.Disturb(network, 2);
        return network;
    }

    private static (float[] Policy, float[] Values) Evaluate(Acting acting, Tensor x)
    {
        var batch = (int)x.size(0);
        var (policy, values) = (new float[batch * acting.PolicyOutputs], new float[batch]);
        acting.Evaluate(x.data<float>().ToArray(), batch, policy, values);
        return (policy, values);
    }
}
