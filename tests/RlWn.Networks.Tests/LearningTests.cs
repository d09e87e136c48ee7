using Xunit;
using static TorchSharp.torch;

namespace RlWn.Networks.Tests;

public class LearningTests
{
    [Theory]
    [InlineData(true, OutputLayer.Plain, false)]
    [InlineData(true, OutputLayer.WeightNorm, false)]
    [InlineData(true, OutputLayer.Plain, true)]
    [InlineData(true, OutputLayer.WeightNorm, true)]
    [InlineData(false, OutputLayer.Plain, true)]
    [InlineData(false, OutputLayer.WeightNorm, false)]
    public void ForwardAndBackward_RandomNetworks_AgreeWithAutogradInFloat64(bool small, OutputLayer kind, bool continuous)
    {
        const int Cases = 80;
        var (random, compared) = (new Random(1), 0);
        for (var i = 0; i < Cases; i++)
        {
            int[] hidden = [.. Enumerable.Range(0, random.Next(4)).Select(_ => random.Next(1, 71))];
            var (inputs, outputs, batch) = (random.Next(1, 71), random.Next(1, 71), random.Next(1, 66));
            if (Compare(small, kind, continuous, inputs, hidden, outputs, batch, (ulong)i))
                compared++;
        }

        Assert.True(compared > Cases * 3 / 4);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Backward_SmallerBatchAfterALarger_UsesItsRowsOnly(bool small)
    {
        using var scope = NewDisposeScope();
        using var network = Seeded.Network(1);
        using var parameters = new FlatParameters(network);
        using var learning = new Learning(network, parameters, 32, small);
        Run(learning, batch: 32, seed: 5);
        Run(learning, batch: 3, seed: 6);
        var gradients = parameters.Gradients.clone();

        using var twin = Seeded.Network(1);
        using var twinParameters = new FlatParameters(twin);
        using var fresh = new Learning(twin, twinParameters, 3, small);
        Run(fresh, batch: 3, seed: 6);

        Seeded.AssertClose(twinParameters.Gradients, gradients, 1e-7);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Forward_NaNInAWeight_ReachesEveryOutput(bool small)
    {
        using var scope = NewDisposeScope();
        using var network = Seeded.Network(1, 5, 3, continuous: false, 16, 16);
        using var parameters = new FlatParameters(network);
        using var learning = new Learning(network, parameters, 4, small);
        using (no_grad())
            ((WeightNormLayer)network.Actor.Head.Layers[0]).weight_v[2, 1] = tensor(float.NaN);
        var (policy, values) = Run(learning, batch: 4, seed: 5);

        Assert.All(policy, logit => Assert.True(float.IsNaN(logit)));
        Assert.All(values, value => Assert.False(float.IsNaN(value)));
        Assert.True(((WeightNormLayer)network.Actor.Head.Layers[0]).weight_g!.grad!.isnan().any().item<bool>());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Forward_WeightsChangedSince_UsesTheNewOnes(bool small)
    {
        using var scope = NewDisposeScope();
        using var network = Seeded.Network(1);
        using var parameters = new FlatParameters(network);
        using var learning = new Learning(network, parameters, 4, small);
        var (before, _) = Run(learning, batch: 4, seed: 5);
        Seeded.Disturb(network, 2);
        var (after, _) = Run(learning, batch: 4, seed: 5);

        Assert.NotEqual(before, after);
        Seeded.AssertClose(network.forward(Seeded.Normal(5, 4, 5)).Policy, tensor(after, [4, 3]), 1e-5);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ForwardAndBackward_LengthsThatDoNotFit_AreRefused(bool small)
    {
        using var network = Seeded.Network(1, 5, 3, continuous: true);
        using var parameters = new FlatParameters(network);
        using var learning = new Learning(network, parameters, 4, small);

        Assert.Throws<ArgumentException>(() => learning.Forward(new float[19], new float[12], new float[4]));
        Assert.Throws<ArgumentException>(() => learning.Forward(new float[25], new float[12], new float[4]));
        Assert.Throws<ArgumentException>(() => learning.Forward(new float[20], new float[11], new float[4]));
        Assert.Throws<ArgumentException>(() => learning.Forward(new float[20], new float[12], new float[3]));

        Forward();
        Assert.Throws<ArgumentException>(() => learning.Backward(new float[11], new float[4], new float[3]));
        Forward();
        Assert.Throws<ArgumentException>(() => learning.Backward(new float[1200], new float[400], new float[3]));
        Forward();
        Assert.Throws<ArgumentException>(() => learning.Backward(new float[12], new float[5], new float[3]));
        Forward();
        Assert.Throws<ArgumentException>(() => learning.Backward(new float[12], new float[4], new float[2]));
        Forward();
        learning.Backward(new float[12], new float[4], new float[3]);

        void Forward() => learning.Forward(new float[20], new float[12], new float[4]);
    }

    // Freeing twice what malloc gave ends the process.
    [Fact]
    public void Dispose_Twice_FreesOnceAndPassesAreRefusedAfterIt()
    {
        using var network = Seeded.Network(1);
        using var parameters = new FlatParameters(network);
        var learning = new Learning(network, parameters, 4, small: true);
        Run(learning, batch: 4, seed: 5);
        learning.Dispose();
        learning.Dispose();

        Assert.Throws<ObjectDisposedException>(() => learning.Forward(new float[20], new float[12], new float[4]));
        Assert.Throws<ObjectDisposedException>(() => learning.Backward(new float[12], new float[4], []));
    }

    [Fact]
    public void Forward_BatchBeyondItsRoom_IsRefused()
    {
        using var network = Seeded.Network(1, 5, 3);
        using var parameters = new FlatParameters(network);
        using var learning = new Learning(network, parameters, 4, small: true);

        Assert.Throws<ArgumentException>(() => learning.Forward(new float[25], new float[15], new float[5]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Learning(network, parameters, 0));
    }

    [Fact]
    public void Constructor_SmallNetworkNotOnFlatParameters_IsRefused()
    {
        using var network = Seeded.Network(1);
        using var other = Seeded.Network(2);
        using var parameters = new FlatParameters(other);

        Assert.Throws<InvalidOperationException>(() => new Learning(network, parameters, 4));
    }

    private static (float[] Policy, float[] Values) Run(Learning learning, int batch, ulong seed)
    {
        using var scope = NewDisposeScope();
        var (policy, values) = (new float[batch * 3], new float[batch]);
        learning.Forward(Seeded.Normal(seed, batch, 5).data<float>().ToArray(), policy, values);
        learning.Backward(policy, values, []);
        return (policy, values);
    }

    /// <returns>Whether the case could be compared: not where an activation lies at a ReLU's kink, and either gradient is right.</returns>
    private static bool Compare(bool small, OutputLayer kind, bool continuous, int inputs, int[] hidden, int outputs, int batch, ulong seed)
    {
        using var scope = NewDisposeScope();
        NetworkOptions options = new() { Hidden = hidden, PolicyOutput = kind, ValueOutput = kind, PolicyScale = 0.5 };
        using var network = new ActorCritic(inputs, outputs, continuous, options, Seeded.Init(seed));
        using var reference = new ActorCritic(inputs, outputs, continuous, options, Seeded.Init(seed, ScalarType.Float64));
        using var parameters = new FlatParameters(network);
        using var learning = new Learning(network, parameters, batch + 3, small);
        Seeded.Disturb(network, seed + 1);
        using (no_grad())
        {
            foreach (var (from, to) in network.parameters().Zip(reference.parameters()))
                to.copy_(from);
        }

        var (x, byPolicy, byValue) = (Seeded.Normal(seed + 2, batch, inputs), Seeded.Normal(seed + 3, batch, outputs), Seeded.Normal(seed + 4, batch));
        var byLogStd = continuous ? Seeded.Normal(seed + 5, outputs).data<float>().ToArray() : [];
        if (NearKink(reference.Actor.Head, x) || NearKink(reference.Critic.Head, x))
            return false;

        var (policy, values) = (new float[batch * outputs], new float[batch]);
        learning.Forward(x.data<float>().ToArray(), policy, values);
        learning.Backward(new float[batch * outputs], new float[batch], byLogStd);   // its gradient is to be overwritten
        learning.Forward(x.data<float>().ToArray(), policy, values);
        learning.Backward(byPolicy.data<float>().ToArray(), byValue.data<float>().ToArray(), byLogStd);

        var (expectedPolicy, expectedValue) = reference.forward(x.to(ScalarType.Float64));
        autograd.backward([expectedPolicy, expectedValue], [byPolicy.to(ScalarType.Float64), byValue.to(ScalarType.Float64)]);
        AssertClose(expectedPolicy, tensor(policy, [batch, outputs]), Largest([expectedPolicy]));
        AssertClose(expectedValue, tensor(values), Largest([expectedValue]));

        // Within a network, gradients cancel from tensor to tensor; its largest one is the measure.
        foreach (var (own, expected) in (ReadOnlySpan<(Mlp, Mlp)>)[(network.Actor.Head, reference.Actor.Head), (network.Critic.Head, reference.Critic.Head)])
        {
            var largest = Largest([.. expected.parameters().Select(parameter => parameter.grad!)]);
            foreach (var (parameter, expectedParameter) in own.parameters().Zip(expected.parameters()))
                AssertClose(expectedParameter.grad!, parameter.grad!, largest);
        }

        if (continuous)
            Assert.Equal(byLogStd, network.log_std!.grad!.data<float>().ToArray());
        return true;

        static void AssertClose(Tensor expected, Tensor actual, double size) => Seeded.AssertClose(expected, actual, 1e-5 * size);
        static double Largest(Tensor[] tensors) => tensors.Max(tensor => tensor.abs().max().item<double>());
    }

    private static bool NearKink(Mlp network, Tensor x)
    {
        using var noGrad = no_grad();
        var features = x.to(ScalarType.Float64);
        foreach (var layer in network.Layers.SkipLast(1))
        {
            features = layer.forward(features);
            if (features.abs().min().item<double>() < 1e-6 * features.abs().max().item<double>())
                return true;
            features = nn.functional.relu(features);
        }

        return false;
    }
}
