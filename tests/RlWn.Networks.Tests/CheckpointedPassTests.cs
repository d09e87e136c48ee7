using RlWn.Init;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Networks.Tests;

public class CheckpointedPassTests
{
    private const ScalarType Float64 = ScalarType.Float64;

    public static TheoryData<string, string> Networks() => new(
        from network in new[] { "ResNet", "bottlenecks", "WideResNet", "Impala", "PlainCnn", "Mlp" }
        from scheme in new[] { "orthogonal-proposed", "orthogonal-no-wn", "orthogonal-bn", "he-wn-bn" }
        select (network, scheme));

    [Theory]
    [MemberData(nameof(Networks))]
    public void Backward_AnySegments_IsTheOrdinaryPassToTheBit(string name, string scheme)
    {
        using var scope = NewDisposeScope();
        using var ordinary = Make(name, scheme);
        var links = ((IChain)ordinary).Links.Count;
        var input = Input(name);
        var output = ordinary.call(input);
        for (var backward = 0; backward < 2; backward++)   // the second adds to the gradients of the first
            Loss(ordinary.call(input)).backward();

        foreach (var segments in new int?[] { 1, 2, null, links - 1, links })
        {
            using var network = Make(name, scheme);
            using var first = new CheckpointedPass((IChain)network, input, segments);   // and running statistics move with each forward pass
            AssertSame(output, first.Output);
            for (var backward = 0; backward < 2; backward++)
            {
                using var pass = new CheckpointedPass((IChain)network, input, segments);
                Loss(pass.Output).backward();
                pass.Backward();
            }

            foreach (var ((parameter, expected), (_, actual)) in ordinary.named_parameters().Zip(network.named_parameters()))
            {
                Assert.True(expected.grad!.abs().max().item<double>() > 0 || scheme.EndsWith("bn", StringComparison.Ordinal), parameter);   // a bias before BN has none
                AssertSame(expected.grad!, actual.grad!);
            }

            foreach (var (expected, actual) in ordinary.buffers().Zip(network.buffers()))
                AssertSame(expected, actual);
        }
    }

    [Fact]
    public void Backward_InputThatWantsAGradient_GetsIt()
    {
        using var scope = NewDisposeScope();
        using var network = Make("ResNet", "orthogonal-proposed");
        var (expected, actual) = (Input("ResNet").requires_grad_(), Input("ResNet").requires_grad_());

        Loss(network.call(expected)).backward();
        using var pass = new CheckpointedPass((IChain)network, actual * tensor(1.0, Float64), 3);   // itself a part of a graph
        Loss(pass.Output).backward();
        Assert.Null(actual.grad);
        pass.Backward();

        AssertSame(expected.grad!, actual.grad!);
    }

    [Fact]
    public void Backward_FrozenStem_LeavesItWithoutAGradient()
    {
        using var scope = NewDisposeScope();
        using var network = Make("WideResNet", "orthogonal-no-wn");
        foreach (var (_, parameter) in network.named_parameters().Where(entry => entry.name.StartsWith("conv1.", StringComparison.Ordinal)))
            parameter.requires_grad = false;

        using var pass = new CheckpointedPass((IChain)network, Input("WideResNet"), ((IChain)network).Links.Count);
        Loss(pass.Output).backward();
        pass.Backward();

        Assert.All(network.named_parameters(), entry => Assert.Equal(entry.parameter.requires_grad, entry.parameter.grad is not null));
    }

    [Fact]
    public void Constructor_SegmentsThatAreNone_AreRefused()
    {
        using var scope = NewDisposeScope();
        using var network = Make("ResNet", "orthogonal-no-wn");   // a stem, 6 blocks, a head
        var input = Input("ResNet");

        foreach (var segments in new[] { -1, 0, 9 })
        {
            var error = Assert.Throws<ArgumentOutOfRangeException>(() => new CheckpointedPass((IChain)network, input, segments));
            Assert.Contains("1 to 8 segments", error.Message, StringComparison.Ordinal);
        }

        Assert.Throws<ArgumentException>(() => new CheckpointedPass((IChain)network, zeros(2, 4, 8, 8)));
        Assert.Throws<ArgumentException>(() => new CheckpointedPass(new NoModule(), input));
        using var noGrad = no_grad();
        Assert.Throws<InvalidOperationException>(() => new CheckpointedPass((IChain)network, input));
    }

    [Fact]
    public void Backward_OutOfTurn_IsRefusedWithTheTurn()
    {
        using var scope = NewDisposeScope();
        using var network = Make("ResNet", "orthogonal-proposed");
        using var pass = new CheckpointedPass((IChain)network, Input("ResNet"));

        Assert.Contains("loss.backward()", Assert.Throws<InvalidOperationException>(pass.Backward).Message, StringComparison.Ordinal);
        Loss(pass.Output).backward();
        pass.Backward();
        Assert.Contains("a second", Assert.Throws<InvalidOperationException>(pass.Backward).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Backward_ParametersChangedBetween_IsRefused()
    {
        using var scope = NewDisposeScope();
        using var network = Make("ResNet", "orthogonal-proposed");
        using var pass = new CheckpointedPass((IChain)network, Input("ResNet"));
        Loss(pass.Output).backward();
        Seeded.Disturb(network, 3);

        Assert.Contains("optimizer's step after", Assert.Throws<InvalidOperationException>(pass.Backward).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Pass_OnAFlatBuffer_LeavesNothingBehindAndNoFoldedWeights()
    {
        using var network = Make("WideResNet", "orthogonal-proposed");
        using var flat = new FlatParameters(network);
        using var input = Input("WideResNet");
        Step();
        var before = Seeded.LiveTensors();
        Step();

        Assert.Equal(before, Seeded.LiveTensors());

        void Step()
        {
            using var scope = NewDisposeScope();
            flat.ZeroGradients();
            using var pass = new CheckpointedPass((IChain)network, input);
            Loss(pass.Output).backward();
            pass.Backward();
            Assert.True(flat.Gradients.count_nonzero().item<long>() > flat.Gradients.NumberOfElements / 2);
        }
    }

    [Fact]
    public void Pass_ThousandsOfLayers_NeedNoDeepStack()
    {
        // A quarter of a megabyte of stack holds some thousand nested native calls at most; as many layers are gone through, and their graph freed, without nesting.
        Exception? failure = null;
        var thread = new Thread(() => failure = Record.Exception(TrainDeep), maxStackSize: 1 << 18);
        thread.Start();
        thread.Join();

        Assert.Null(failure);

        static void TrainDeep()
        {
            set_num_threads(1);
            using var scope = NewDisposeScope();
            using var network = new Mlp(2, [.. Enumerable.Repeat(2, 3_000)], 1, OutputLayer.Plain, 1, Seeded.Init(1));
            var input = Seeded.Normal(2, 1, 2);
            network.call(input).sum().backward();
            var gradients = network.parameters().Select(parameter => parameter.grad!.clone()).ToArray();
            network.zero_grad();

            using var pass = new CheckpointedPass(network, input);
            pass.Output.sum().backward();
            pass.Backward();

            Assert.All(network.parameters().Zip(gradients), pair => AssertSame(pair.Second, pair.First.grad!));
        }
    }

    private static Module<Tensor, Tensor> Make(string name, string scheme)
    {
        var (parsed, init) = (Scheme.Parse(scheme), Seeded.Init(1, Float64));
        Module<Tensor, Tensor> network = name switch
        {
            "ResNet" => new ResNet(3, 2, 5, parsed, init, width: 4),
            "bottlenecks" => new ResNet(3, 2, 5, parsed, init, BlockKind.Bottleneck, width: 4),
            "WideResNet" => new WideResNet(3, 2, 1, 5, parsed, init),
            "Impala" => new Impala(new(3, 8, 8), 2, 5, OutputLayer.Plain, 1, parsed, init),
            "PlainCnn" => new PlainCnn(3, 4, 5, 5, parsed, init),
            _ => new Mlp(7, [6, 6, 6, 6], 5, OutputLayer.Plain, 1, init, parsed),
        };
        Seeded.Disturb(network, 2);
        return network;
    }

    private static Tensor Input(string name) => name == "Mlp" ? Seeded.Normal(4, Float64, 9, 7) : Seeded.Normal(4, Float64, 3, 3, 8, 8);

    private static Tensor Loss(Tensor output) => output.square().sum();

    private static void AssertSame(Tensor expected, Tensor actual) => Seeded.AssertClose(expected, actual, 0);

    private sealed class NoModule : IChain
    {
        public IReadOnlyList<Func<Tensor, Tensor>> Links => [];
    }
}
