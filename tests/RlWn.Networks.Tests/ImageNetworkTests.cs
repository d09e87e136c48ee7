using System.ComponentModel.DataAnnotations;
using RlWn.Inference;
using RlWn.Init;
using RlWn.Testing;
using Xunit;
using static TorchSharp.torch;

namespace RlWn.Networks.Tests;

public class ImageNetworkTests
{
    private const float Scale = 0.5f;

    [Theory]
    [InlineData(Torso.MinAtar, false, ScaleMode.Learnable)]
    [InlineData(Torso.MinAtar, true, ScaleMode.Learnable)]
    [InlineData(Torso.MinAtar, false, ScaleMode.Fixed)]
    [InlineData(Torso.MinAtar, false, ScaleMode.Absent)]
    [InlineData(Torso.Mlp, false, ScaleMode.Learnable)]
    [InlineData(Torso.Mlp, true, ScaleMode.Absent)]
    public void Learning_SparseBytes_AgreesWithAutogradInFloat64(Torso torso, bool shared, ScaleMode scale)
    {
        const int Batch = 9;
        using var scope = NewDisposeScope();
        NetworkOptions options = new() { Torso = torso, Hidden = [40, 24], Shared = shared, Scale = scale, PolicyScale = 0.5 };
        using var network = new ActorCritic([3, 10, 10], 4, false, options, Seeded.Init(1));
        using var reference = new ActorCritic([3, 10, 10], 4, false, options, Seeded.Init(1, ScalarType.Float64));
        using var parameters = new FlatParameters(network);
        using var learning = new Learning(network, parameters, Batch + 2, small: true);
        Seeded.Disturb(network, 2);
        Copy(network, reference);

        var bytes = Grids(Batch, 300);
        var (byPolicy, byValue) = (Seeded.Normal(3, Batch, 4), Seeded.Normal(4, Batch));
        var (policy, values) = (new float[Batch * 4], new float[Batch]);
        learning.Forward(new(bytes, Scale), policy, values);
        learning.Backward(byPolicy.data<float>().ToArray(), byValue.data<float>().ToArray(), []);

        var (expectedPolicy, expectedValue) = reference.forward(AsNumbers(bytes, Batch).to(ScalarType.Float64));
        autograd.backward([expectedPolicy, expectedValue], [byPolicy.to(ScalarType.Float64), byValue.to(ScalarType.Float64)]);
        Seeded.AssertClose(expectedPolicy, tensor(policy, [Batch, 4]), 1e-5);
        Seeded.AssertClose(expectedValue, tensor(values), 1e-5);
        AssertSameGradients(reference, network, 1e-5);
    }

    [Theory]
    [InlineData(Torso.MinAtar)]
    [InlineData(Torso.Mlp)]
    public void Learning_SameWeights_GiveARowTheSameBitsUntilTheyChange(Torso torso)
    {
        using var scope = NewDisposeScope();
        using var network = AgentNetwork.Make([2, 10, 10], 3, new() { Torso = torso }, OutputLayer.Plain, 1, Seeded.Init(1));
        using var parameters = new FlatParameters(network);
        using var learning = new LearningNetwork(network, parameters, 6);
        Assert.True(learning.IsPlainCSharp);
        var bytes = Grids(6, 200);
        var (all, one) = (new float[18], new float[3]);
        learning.Forward(new(bytes, Scale), all, sameWeights: true);   // as no others were before
        Seeded.AssertClose(network.forward(AsNumbers(bytes, 6)), tensor(all, [6, 3]), 1e-5);
        learning.Forward(new(bytes.AsSpan(^200..), Scale), one, sameWeights: true);
        Assert.Equal(all[^3..], one);

        learning.Backward(Ones(3));
        learning.Forward(new(bytes.AsSpan(^200..), Scale), one, sameWeights: true);
        Assert.Equal(all[^3..], one);

        Seeded.Disturb(network, 2);
        learning.Forward(new(bytes.AsSpan(^200..), Scale), one, sameWeights: true);   // what was folded before, but in a large layer, which is read as it lies
        if (torso == Torso.Mlp)
            Assert.Equal(all[^3..], one);
        learning.Forward(new(bytes.AsSpan(^200..), Scale), one);
        Assert.NotEqual(all[^3..], one);
        learning.Forward(new(bytes, Scale), all, sameWeights: true);
        Assert.Equal(all[^3..], one);
    }

    [Theory]
    [InlineData(Torso.MinAtar)]
    [InlineData(Torso.Mlp)]
    public void Learning_BytesAndTheirNumbers_AreTheSameThroughLibtorchAndPlainCSharp(Torso torso)
    {
        using var scope = NewDisposeScope();
        NetworkOptions options = new() { Torso = torso };
        using var network = new ActorCritic([2, 10, 10], 3, false, options, Seeded.Init(1));
        using var twin = new ActorCritic([2, 10, 10], 3, false, options, Seeded.Init(1));
        using var parameters = new FlatParameters(network);
        using var twinParameters = new FlatParameters(twin);
        using var plain = new Learning(network, parameters, 6, small: true);
        using var torch = new Learning(twin, twinParameters, 6, small: false);
        var bytes = Grids(6, 200);

        var (policy, values, expectedPolicy, expectedValues) = (new float[18], new float[6], new float[18], new float[6]);
        plain.Forward(AsNumbers(bytes, 6).data<float>().ToArray(), policy, values);
        plain.Backward(Ones(18), Ones(6), []);
        torch.Forward(new(bytes, Scale), expectedPolicy, expectedValues);
        torch.Backward(Ones(18), Ones(6), []);

        Seeded.AssertClose(tensor(expectedPolicy), tensor(policy), 1e-5);
        Seeded.AssertClose(tensor(expectedValues), tensor(values), 1e-5);
        Seeded.AssertClose(twinParameters.Gradients, parameters.Gradients, 1e-4);
    }

    [Fact]
    public void Learning_DenseBytes_AreLearnedToo()
    {
        using var scope = NewDisposeScope();
        using var network = new ActorCritic(50, 2, false, new() { Hidden = [8] }, Seeded.Init(1));
        using var parameters = new FlatParameters(network);
        using var learning = new Learning(network, parameters, 3, small: true);
        byte[] bytes = [.. Enumerable.Range(0, 150).Select(i => (byte)(1 + (i % 7)))];   // no zero among them

        var (policy, values) = (new float[6], new float[3]);
        learning.Forward(new(bytes, Scale), policy, values);
        learning.Backward(Ones(6), Ones(3), []);
        var gradients = parameters.Gradients.clone();
        Seeded.AssertClose(network.forward(AsNumbers(bytes, 3)).Policy, tensor(policy, [3, 2]), 1e-5);

        learning.Forward(AsNumbers(bytes, 3).data<float>().ToArray(), policy, values);
        learning.Backward(Ones(6), Ones(3), []);
        Seeded.AssertClose(parameters.Gradients, gradients, 0);
    }

    [Theory]
    [InlineData(Torso.MinAtar)]
    [InlineData(Torso.Mlp)]
    public void TwoThreads_OfferTheVeryBitsOfOne(Torso torso)
    {
        var (one, two) = (Gradients(1), Gradients(2));
        Assert.Equal(one, two);
        Assert.Contains(one, gradient => gradient != 0);

        float[] Gradients(int threads)
        {
            using var scope = NewDisposeScope();
            using var network = new ActorCritic([3, 10, 10], 4, false, new() { Torso = torso, Threads = threads }, Seeded.Init(1));
            using var parameters = new FlatParameters(network);
            using var learning = new Learning(network, parameters, 32);
            using var acting = new Acting(network);
            var (policy, values) = (new float[128], new float[32]);
            learning.Forward(new(Grids(32, 300), Scale), policy, values);
            learning.Backward(policy, values, []);
            acting.Evaluate(new(Grids(32, 300), Scale), 32, policy, values);
            return [.. parameters.Gradients.data<float>().ToArray(), .. policy, .. values];
        }
    }

    [Theory]
    [InlineData(Torso.MinAtar, 3, 10, 10, 1, false)]
    [InlineData(Torso.MinAtar, 3, 10, 10, 2, true)]
    [InlineData(Torso.MinAtar, 2, 7, 12, 1, false)]
    [InlineData(Torso.Nature, 2, 36, 45, 1, false)]
    [InlineData(Torso.Nature, 4, 84, 84, 1, false)]
    [InlineData(Torso.Impala, 3, 13, 10, 1, false)]
    [InlineData(Torso.Impala, 1, 32, 33, 2, true)]
    public void ActingAndPolicy_EachTorso_AgreeWithTheNetwork(Torso torso, int channels, int height, int width, int widening, bool shared)
    {
        const int Batch = 3;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        int[] shape = [channels, height, width];
        NetworkOptions options = new() { Torso = torso, TorsoDepth = 9, TorsoWidth = widening, Hidden = [20], Shared = shared, PolicyScale = 1 };
        using var network = new ActorCritic(shape, 5, false, options, Seeded.Init(1));
        Seeded.Disturb(network, 2);
        var bytes = Grids(Batch, channels * height * width);
        var (expected, expectedValue) = network.forward(AsNumbers(bytes, Batch));
        var size = expected.abs().max().item<float>();

        using var acting = new Acting(network);
        var (policy, values) = (new float[Batch * 5], new float[Batch]);
        acting.Evaluate(new(bytes, Scale), Batch, policy, values);
        Seeded.AssertClose(expected, tensor(policy, [Batch, 5]), 1e-5 * size);
        Seeded.AssertClose(expectedValue, tensor(values), 1e-5 * size);
        acting.Value(AsNumbers(bytes, Batch).data<float>().ToArray(), Batch, values);
        Seeded.AssertClose(expectedValue, tensor(values), 1e-5 * size);

        using var folded = Saved(network.Actor, shape);
        var means = new float[Batch * network.Actor.OutputSize];
        folded.Act(AsNumbers(bytes, Batch).data<float>().ToArray(), Batch, means);
        Seeded.AssertClose(network.Actor.forward(AsNumbers(bytes, Batch)), tensor(means, [Batch, network.Actor.OutputSize]), 1e-5 * size);

        var first = new float[network.Actor.OutputSize];
        folded.ActOnBytes(bytes.AsSpan(0, bytes.Length / Batch), first);   // Scale is 1 / 2, and 2 the greatest byte
        Assert.Equal(means[..first.Length], first);
    }

    [Fact]
    public void Policy_ManyThreads_ActAsOneDoes()
    {
        using var network = new ActorCritic([2, 36, 36], 3, false, new() { Torso = Torso.Nature, Hidden = [16], PolicyScale = 1 }, Seeded.Init(1));
        using var policy = Saved(network.Actor, [2, 36, 36]);
        var rows = Enumerable.Range(0, 8).Select(i => Grids(1, 2 * 36 * 36, seed: i)).ToArray();
        var alone = rows.Select(Act).ToArray();

        var together = new float[64][];
        Parallel.For(0, together.Length, i => together[i] = Act(rows[i % rows.Length]));

        for (var i = 0; i < together.Length; i++)
            Assert.Equal(alone[i % rows.Length], together[i]);

        float[] Act(byte[] bytes)
        {
            var action = new float[3];
            policy.ActOnBytes(bytes, action);
            return action;
        }
    }

    [Fact]
    public void Policy_ActingBehindATorso_AllocatesNothing()
    {
        using var network = new ActorCritic([1, 12, 12], 3, false, new() { Torso = Torso.Impala, TorsoDepth = 9 }, Seeded.Init(1));
        using var policy = Saved(network.Actor, [1, 12, 12]);
        var (bytes, action) = (Grids(1, 144), new float[3]);

        Allocations.AssertNone(() => policy.ActOnBytes(bytes, action));
    }

    [Fact]
    public void ActorCritic_Shared_HasRowsOfBothScales()
    {
        using var scope = NewDisposeScope();
        using var network = new ActorCritic([3, 10, 10], 4, false, new() { Torso = Torso.MinAtar, Shared = true, PolicyScale = 0.01, ValueScale = 2 }, Seeded.Init(1));
        using var weight = network.Actor.ActingTensors().Single(entry => entry.Name == "head.1.weight").Value.norm(1);

        Seeded.AssertClose(tensor(new[] { 0.01f, 0.01f, 0.01f, 0.01f, 2 }), weight, 1e-5);
        Assert.True(network.IsShared);
        Assert.Throws<InvalidOperationException>(() => network.Critic);
    }

    [Fact]
    public void NormalizeOn_BehindATorso_SetsTheConvolution()
    {
        using var scope = NewDisposeScope();
        using var network = new ActorCritic([3, 10, 10], 4, false, new() { Torso = Torso.MinAtar, Scheme = Scheme.Parse("orthogonal-data-dependent") }, Seeded.Init(1));
        Assert.True(network.NeedsBatch);

        network.NormalizeOn(AsNumbers(Grids(128, 300), 128).data<float>().ToArray());
        var convolution = (WeightNormConv2d)network.Actor.Torso!.Layers[0].Layer;
        using var noGrad = no_grad();
        var y = convolution.forward(AsNumbers(Grids(128, 300), 128).view(128, 3, 10, 10));
        Seeded.AssertClose(zeros(16), y.mean([0, 2, 3]), 1e-4);   // what the scheme promises: each unit's mean 0 over the batch
    }

    [Fact]
    public void Hidden_Unsaid_IsTheTorsosOwn()
    {
        Assert.Equal([64, 64], new NetworkOptions().Hidden);
        Assert.Equal([128], new NetworkOptions { Torso = Torso.MinAtar }.Hidden);
        Assert.Equal([512], new NetworkOptions { Torso = Torso.Nature }.Hidden);
        Assert.Equal([256], new NetworkOptions { Torso = Torso.Impala }.Hidden);
        Assert.Equal([7], new NetworkOptions { Torso = Torso.Impala, Hidden = [7] }.Hidden);
    }

    [Theory]
    [InlineData(Torso.MinAtar, 4)]
    [InlineData(Torso.Nature, 4, 35, 84)]
    [InlineData(Torso.Nature, 4, 84, 35)]
    [InlineData(Torso.MinAtar, 4, 2, 10)]
    [InlineData(Torso.Impala, 84, 84)]
    public void Constructor_TorsoThatDoesNotFitTheObservation_IsRefused(Torso torso, params int[] shape)
    {
        var refusal = Assert.Throws<ArgumentException>(() => new ActorCritic(shape, 3, false, new() { Torso = torso }, Seeded.Init(1)));
        Assert.Contains(string.Join(", ", shape), refusal.Message);
    }

    [Fact]
    public void Validate_SettingsThatContradictTheTorso_AreRefused()
    {
        Assert.Throws<ValidationException>(new NetworkOptions { Torso = Torso.Impala, TorsoDepth = 14 }.Validate);
        Assert.Throws<ValidationException>(new NetworkOptions { Torso = Torso.MinAtar, NormPartner = NormPartner.LayerNorm }.Validate);
        Assert.Throws<ValidationException>(new NetworkOptions { Torso = Torso.Nature, TorsoWidth = 0 }.Validate);
        Assert.Throws<ValidationException>(new NetworkOptions { Shared = true, PolicyOutput = OutputLayer.WeightNorm }.Validate);
        new NetworkOptions { Torso = Torso.Impala, TorsoDepth = 100 }.Validate();
    }

    [Fact]
    public void MultiplyTransposed_AnySize_IsTheProductByHand()
    {
        foreach (var (rows, columns) in (ReadOnlySpan<(int, int)>)[(1, 1), (2, 4), (3, 5), (5, 9)])
            AssertProduct(rows, columns);
    }

    private static unsafe void AssertProduct(int rows, int columns)
    {
        var inner = 2 * Gemm.Lanes;
        var random = new Random(1);
        float[] a = Numbers(rows * inner), b = Numbers(columns * inner), scale = Numbers(columns), bias = Numbers(columns);
        var c = new float[rows * Gemm.Padded(columns)];
        fixed (float* pa = a, pb = b, ps = scale, pBias = bias, pc = c)
            Gemm.MultiplyTransposed(pa, pb, ps, pBias, pc, rows, inner, columns);

        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                var sum = Enumerable.Range(0, inner).Sum(k => (double)a[(row * inner) + k] * b[(column * inner) + k]);
                Assert.Equal((scale[column] * sum) + bias[column], c[(row * Gemm.Padded(columns)) + column], 1e-4);
            }
        }

        float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
    }

    private static Policy Saved(AgentNetwork actor, int[] shape)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        float[] unbounded = [.. Enumerable.Repeat(float.PositiveInfinity, actor.OutputSize)];
        var metadata = Policy.BoxMetadata(shape, [.. unbounded.Select(bound => -bound)], unbounded);
        Policy.AddBytes(metadata, high: 2);
        Policy.AddTorso(metadata, actor.Torso!.Kind, actor.Torso.Depth, actor.Torso.Widening);
        return Policy.FromTensors(
            [
                .. actor.ActingTensors().Select(entry => Data(entry.Name, entry.Value)),
                Data("log_std", zeros(actor.OutputSize)),
            ],
            metadata);

        static TensorData Data(string name, Tensor value) => TensorData.Of(
            $"actor.{name}", [.. value.shape.Select(length => (int)length)], (ReadOnlySpan<float>)Aten.Memory<float>(value.contiguous()));
    }

    private static void Copy(nn.Module from, nn.Module to)
    {
        using var noGrad = no_grad();
        foreach (var (source, target) in from.parameters().Zip(to.parameters()))
            target.copy_(source);
    }

    private static void AssertSameGradients(nn.Module expected, nn.Module actual, double tolerance)
    {
        foreach (var (own, reference) in actual.named_parameters().Zip(expected.named_parameters()).Where(pair => pair.First.parameter.requires_grad))
        {
            Assert.Equal(reference.name, own.name);
            var size = reference.parameter.grad!.abs().max().item<double>();
            Seeded.AssertClose(reference.parameter.grad!, own.parameter.grad!, tolerance * Math.Max(size, 1));
        }
    }

    // One cell in ten is 1 or 2.
    private static byte[] Grids(int batch, int size, int seed = 1)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, batch * size).Select(_ => (byte)(random.Next(10) == 0 ? random.Next(1, 3) : 0))];
    }

    private static Tensor AsNumbers(byte[] bytes, int batch) => tensor(bytes.Select(value => value * Scale).ToArray(), [batch, bytes.Length / batch]);

    private static float[] Ones(int count) => [.. Enumerable.Repeat(1f, count)];
}
