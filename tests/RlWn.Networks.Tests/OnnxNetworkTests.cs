using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using RlWn.Inference;
using RlWn.Init;
using Xunit;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace RlWn.Networks.Tests;

public class OnnxNetworkTests
{
    private static readonly Scheme Plain = Scheme.Parse("orthogonal-no-wn");
    private static readonly Scheme BatchNormed = Scheme.Parse("orthogonal-wn-bn");

    [Theory]
    [InlineData(NormPartner.None, ScaleMode.Learnable)]
    [InlineData(NormPartner.None, ScaleMode.Absent)]
    [InlineData(NormPartner.LayerNorm, ScaleMode.Learnable)]
    [InlineData(NormPartner.RmsNorm, ScaleMode.Learnable)]
    [InlineData(NormPartner.BatchNorm, ScaleMode.Learnable)]
    public void Write_Mlp_GivesTheSameOutputs(NormPartner partner, ScaleMode scale)
    {
        using var network = new Mlp(5, [32, 24], 3, OutputLayer.WeightNorm, 1, Seeded.Init(1), scale: scale, partner: partner);
        AssertSame(network, 5);
    }

    [Fact]
    public void Write_ImageNetworks_GiveTheSameOutputs()
    {
        foreach (var scheme in (Scheme[])[Scheme.Proposed, Plain, BatchNormed])
        {
            using var nature = new NatureCnn(new(2, 44, 40), 4, OutputLayer.Plain, 1, scheme, Seeded.Init(1));
            AssertSame(nature, 2, 44, 40);
            using var impala = new Impala(new(3, 13, 16), 1, 4, OutputLayer.Plain, 1, scheme, Seeded.Init(2));
            AssertSame(impala, 3, 13, 16);
            using var plain = new PlainCnn(3, 8, 4, 10, scheme, Seeded.Init(3));
            AssertSame(plain, 3, 16, 16);
            using var basic = new ResNet(3, 2, 10, scheme, Seeded.Init(4), width: 8);
            AssertSame(basic, 3, 16, 16);
            using var bottleneck = new ResNet(3, 1, 10, scheme, Seeded.Init(5), BlockKind.Bottleneck, width: 8);
            AssertSame(bottleneck, 3, 16, 16);
            using var wide = new WideResNet(3, 1, 2, 10, scheme, Seeded.Init(6), reducedMemory: true);
            AssertSame(wide, 3, 16, 16);
        }
    }

    [Theory]
    [InlineData(Torso.Mlp)]
    [InlineData(Torso.MinAtar)]
    [InlineData(Torso.Nature)]
    [InlineData(Torso.Impala)]
    public void Write_ActorAndCritic_GiveTheSameOutputs(Torso torso)
    {
        using var network = new ActorCritic([2, 36, 36], 4, false, new() { Torso = torso, TorsoDepth = 9, Hidden = [24] }, Seeded.Init(1));
        AssertSame(network.Actor, 2 * 36 * 36);
        AssertSame(network.Critic, 2 * 36 * 36);
    }

    [Fact]
    public void Write_Float64_GivesTheSameOutputsInSinglePrecision()
    {
        using var network = new Mlp(5, [32], 3, OutputLayer.Plain, 1, Seeded.Init(1, ScalarType.Float64));
        AssertSame(network, 5);
    }

    [Fact]
    public void Write_Bytes_AreDividedBy255()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var network = new NatureCnn(new(1, 36, 36), 4, OutputLayer.Plain, 1, Scheme.Proposed, Seeded.Init(1));
        var images = new byte[7 * 36 * 36];
        new Random(1).NextBytes(images);
        var expected = network.call(tensor(images, [7, 1, 36, 36]));
        AssertClose(expected, Run(OnnxNetwork.ToBytes(network, [1, 36, 36], bytes: true), new DenseTensor<byte>(images, [7, 1, 36, 36])));
    }

    [Fact]
    public void Write_TrainingNetwork_LeavesItAsItIs()
    {
        using var network = new PlainCnn(1, 4, 2, 3, BatchNormed, Seeded.Init(1));
        using var before = network.state_dict()["0_norm.running_mean"].clone();
        network.train();
        OnnxNetwork.ToBytes(network, [1, 8, 8]);
        Assert.True(network.training);
        Seeded.AssertClose(before, network.state_dict()["0_norm.running_mean"], 0);
    }

    [Fact]
    public void Write_UnknownModuleOrShape_Throws()
    {
        using var unknown = nn.Tanh();
        using var layer = nn.Sequential(nn.Linear(3, 2), unknown);
        Assert.Contains("Sequential", Assert.Throws<NotSupportedException>(() => OnnxNetwork.ToBytes(layer, [3])).Message, StringComparison.Ordinal);
        using var recurrent = new ActorCritic(5, 3, false, new() { Lstm = 4, Hidden = [] }, Seeded.Init(1));
        foreach (var part in (AgentNetwork[])[recurrent.Actor, recurrent.Critic])
        {
            var refusal = Assert.Throws<NotSupportedException>(() => OnnxNetwork.ToBytes(part, [5])).Message;
            Assert.Contains("got RecurrentNetwork. A network with a memory is written by OnnxPolicy", refusal, StringComparison.Ordinal);
        }

        using var network = new Mlp(5, [4], 3, OutputLayer.Plain, 1, Seeded.Init(1));
        Assert.Contains("5", Assert.Throws<ArgumentException>(() => OnnxNetwork.ToBytes(network, [6])).Message, StringComparison.Ordinal);
    }

    private static void AssertSame(nn.Module<Tensor, Tensor> network, params int[] shape)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Seeded.Disturb(network, 1);
        foreach (var (name, buffer) in network.named_buffers().Where(entry => entry.name.EndsWith("running_var", StringComparison.Ordinal)))
            buffer.mul_(tensor(0.5f));
        network.eval();

        var file = OnnxNetwork.ToBytes(network, shape);
        var dtype = network.parameters().First().dtype;
        foreach (var batch in (int[])[1, 7])
        {
            var input = Seeded.Normal((ulong)batch, [batch, .. shape.Select(length => (long)length)]);
            var numbers = input.data<float>().ToArray();
            AssertClose(network.call(input.to(dtype)), Run(file, new DenseTensor<float>(numbers, [batch, .. shape])));
        }
    }

    private static Tensor<float> Run<T>(byte[] file, Tensor<T> input)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1 };
        using var session = new InferenceSession(file, options);
        using var outputs = session.Run([NamedOnnxValue.CreateFromTensor("input", input)]);
        Assert.Equal(-1, session.OutputMetadata["output"].Dimensions[0]);
        return Assert.Single(outputs).AsTensor<float>().Clone();
    }

    // Within 1e-5 of the greatest number.
    private static void AssertClose(Tensor expected, Tensor<float> actual)
    {
        using var scope = NewDisposeScope();
        var greatest = Math.Max(1, expected.abs().max().to(ScalarType.Float64).item<double>());
        Seeded.AssertClose(expected, tensor(actual.ToArray(), [.. actual.Dimensions.ToArray().Select(length => (long)length)]), 1e-5 * greatest);
    }
}
