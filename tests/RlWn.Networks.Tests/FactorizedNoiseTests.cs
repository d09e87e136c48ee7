using RlWn.Inference;
using RlWn.Init;
using Xunit;
using static TorchSharp.torch;

namespace RlWn.Networks.Tests;

public class FactorizedNoiseTests
{
    [Fact]
    public void Draw_ManyNumbers_HasTheMomentsOfSignedRoots()
    {
        const int Count = 100_000;
        using var wide = new FactorizedNoise(Count, 1, sigma: 0.5);
        using var tall = new FactorizedNoise(1, Count, sigma: 0.5);
        wide.Draw(new Random(1));
        tall.Draw(new Random(2));
        double[] input = Numbers(wide.ByInput), output = Numbers(tall.ByOutput);

        // f² = |ε|, so E f² = √(2/π) and E f⁴ = E ε² = 1. Five standard errors of a mean of 100,000.
        var far = 5 / Math.Sqrt(Count);
        foreach (var drawn in (double[][])[input, output])
        {
            Assert.Equal(0, drawn.Average(), far);
            Assert.Equal(Math.Sqrt(2 / Math.PI), drawn.Average(f => f * f), far);
            Assert.Equal(1, drawn.Average(f => f * f * f * f), Math.Sqrt(2) * far);   // Var ε² = 2
        }

        var neighbours = input.Chunk(2).ToArray();   // the two of one Box-Muller draw
        Assert.Equal(0, neighbours.Average(pair => pair[0] * pair[1]), 2 * far);
    }

    [Fact]
    public void Constructor_Sigma_StartsAtItsShareOfTheRootOfInputs()
    {
        using var noise = new FactorizedNoise(16, 3, sigma: 0.4);

        Assert.All(Numbers(noise.weight_sigma), sigma => Assert.Equal(0.1, sigma, 1e-7));
        Assert.All(Numbers(noise.bias_sigma), sigma => Assert.Equal(0.1, sigma, 1e-7));
        Assert.Equal([3, 16], noise.weight_sigma.shape);
        Assert.Equal(1, noise.RelativeSize, 1e-6);
        Assert.False(noise.IsDrawn);
    }

    [Theory]
    [InlineData(Torso.Mlp, true, "orthogonal-proposed", ScaleMode.Learnable)]
    [InlineData(Torso.Mlp, false, "orthogonal-proposed", ScaleMode.Learnable)]
    [InlineData(Torso.Mlp, true, "he-no-wn", ScaleMode.Learnable)]
    [InlineData(Torso.Mlp, true, "orthogonal-proposed", ScaleMode.Absent)]
    [InlineData(Torso.MinAtar, true, "orthogonal-proposed", ScaleMode.Learnable)]   // 1,024 features, read as they lie
    [InlineData(Torso.MinAtar, false, "orthogonal-proposed", ScaleMode.Fixed)]
    public void Learning_NoiseDrawn_AgreesWithAutogradOnWeightsWrittenOut(Torso torso, bool small, string scheme, ScaleMode scale)
    {
        const int Batch = 7;
        using var scope = NewDisposeScope();
        NetworkOptions options = new() { Torso = torso, Hidden = [40, 21], Scheme = Scheme.Parse(scheme), Scale = scale };
        using var network = Make(options, ScalarType.Float32);
        using var reference = Make(options, ScalarType.Float64);
        using var parameters = new FlatParameters(network);
        using var learning = new LearningNetwork(network, parameters, Batch + 2, small);
        Assert.Equal(small, learning.IsPlainCSharp);
        Seeded.Disturb(network, 2);
        using (no_grad())
        {
            foreach (var (from, to) in network.parameters().Zip(reference.parameters()))
                to.copy_(from);
        }

        var (x, byOutput) = (Seeded.Normal(3, Batch, network.InputSize), Seeded.Normal(4, Batch, 5));
        var output = new float[Batch * 5];
        network.DrawNoise(new Random(8));
        learning.Forward(x.data<float>().ToArray(), output);
        learning.Backward(byOutput.data<float>().ToArray());
        network.DrawNoise(new Random(9));   // what was computed before is of another sample
        learning.Forward(x.data<float>().ToArray(), output);
        learning.Backward(byOutput.data<float>().ToArray());

        var expected = WrittenOut(reference, network, x.to(ScalarType.Float64));
        autograd.backward([expected], [byOutput.to(ScalarType.Float64)]);
        Seeded.AssertClose(expected, tensor(output, [Batch, 5]), 1e-5);
        var pairs = reference.parameters().Zip(network.parameters()).Where(pair => pair.First.requires_grad).ToArray();
        var largest = pairs.Max(pair => pair.First.grad!.abs().max().item<double>());
        foreach (var (exact, own) in pairs)
            Seeded.AssertClose(exact.grad!, own.grad!, 1e-5 * largest);
        Assert.All(Enumerable.Range(0, 3), i => Assert.True(network.Head.NoiseOf(i)!.weight_sigma.grad!.abs().max().item<float>() > 0));
    }

    [Theory]
    [InlineData(Torso.Mlp)]
    [InlineData(Torso.MinAtar)]
    public void Acting_NoiseDrawn_ActsByTheSampleOfItsRefresh(Torso torso)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var network = Make(new() { Torso = torso, Hidden = [40, 21] }, ScalarType.Float32);
        using var acting = new ActingNetwork(network);
        var x = Seeded.Normal(3, 6, network.InputSize);
        var mean = network.forward(x);

        network.DrawNoise(new Random(8));
        acting.Refresh();
        var sampled = network.forward(x);
        network.DrawNoise(new Random(9));

        Seeded.AssertClose(sampled, Outputs(acting, x), 1e-5);
        Assert.True((sampled - mean).abs().max().item<float>() > 0.05);
        Assert.True((sampled - network.forward(x)).abs().max().item<float>() > 0.05);
    }

    [Fact]
    public void Clear_AfterADraw_LeavesTheMeanToTheBit()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var network = Make(new() { Hidden = [40, 21] }, ScalarType.Float32);
        using var quiet = AgentNetwork.Make([3, 10, 10], 5, new() { Hidden = [40, 21] }, OutputLayer.Plain, 1, Seeded.Init(1));
        var x = Seeded.Normal(3, 6, network.InputSize);
        Seeded.AssertClose(quiet.forward(x), network.forward(x), 0);   // the noise takes no part in the first values

        network.DrawNoise(new Random(8));
        var drawn = network.ActingTensors().ToDictionary(entry => entry.Name, entry => entry.Value.clone());
        network.ClearNoise();

        Seeded.AssertClose(quiet.forward(x), network.forward(x), 0);
        Assert.All(quiet.ActingTensors(), entry => Seeded.AssertClose(entry.Value, drawn[entry.Name], 0));   // a policy has no noise, drawn or not
    }

    [Fact]
    public void Links_NoiseDrawn_AreTheForwardPass()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var network = new Mlp(6, [5, 4], 3, OutputLayer.Plain, 1, Seeded.Init(1), partner: NormPartner.LayerNorm, noise: 0.5);
        network.DrawNoise(new Random(8));
        var x = Seeded.Normal(3, 2, 6);

        Seeded.AssertClose(network.forward(x), network.Links.Aggregate(x, (features, link) => link(features)), 0);
    }

    [Fact]
    public void Constructor_NoSigmaOrNoInputs_IsRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new FactorizedNoise(3, 2, sigma: 0));
        Assert.ThrowsAny<ArgumentException>(() => new FactorizedNoise(0, 2, sigma: 1));
        using var noise = new FactorizedNoise(3, 2, sigma: 1);
        Assert.Throws<ArgumentException>(() => noise.forward(Seeded.Normal(1, 4, 2)));
    }

    private static AgentNetwork Make(NetworkOptions options, ScalarType dtype) =>
        AgentNetwork.Make([3, 10, 10], 5, options, OutputLayer.Plain, 1, Seeded.Init(1, dtype), noise: 0.5);

    // The whole matrix W + σ ∘ f(ε_out) f(ε_in)ᵀ of each layer; the sample is another network's.
    private static Tensor WrittenOut(AgentNetwork network, AgentNetwork sampled, Tensor x)
    {
        var features = network.Torso is { } torso ? torso.call(x.view(-1, 3, 10, 10)) : x;
        for (var i = 0; i < network.Head.Layers.Count; i++)
        {
            var (noise, sample) = (network.Head.NoiseOf(i)!, sampled.Head.NoiseOf(i)!);
            var layer = new PlacedLayer("", network.Head.Layers[i], null);
            var weight = layer.Layer is WeightNormLayer normalized ? normalized.Weight() : layer.Weight;
            var epsilon = outer(sample.ByOutput, sample.ByInput).to(ScalarType.Float64);
            var y = nn.functional.linear(features, weight + (noise.weight_sigma * epsilon), layer.Bias! + (noise.bias_sigma * sample.ByOutput));
            features = i < network.Head.Layers.Count - 1 ? nn.functional.relu(y) : y;
        }

        return features;
    }

    private static Tensor Outputs(ActingNetwork acting, Tensor x)
    {
        var output = new float[x.size(0) * acting.Outputs];
        acting.Forward(x.data<float>().ToArray(), (int)x.size(0), output);
        return tensor(output, [x.size(0), acting.Outputs]);
    }

    private static double[] Numbers(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return tensor.detach().to(ScalarType.Float64).flatten().data<double>().ToArray();
    }
}
