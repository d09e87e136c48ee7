using RlWn.Init;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Networks.Tests;

public class ArchitectureTests
{
    private static readonly Scheme Plain = Scheme.Parse("orthogonal-no-wn");

    // Numbers in v, by hand; a weight-normalized layer has 2 more a channel (g and b), a plain one 1 (b).
    [Theory]
    [InlineData(true, 850864 + (2 * 2128) + 650)]
    [InlineData(false, 850864 + 2128 + 650)]
    public void ResNet56_Parameters_MatchHandCount(bool weightNorm, long expected)
    {
        // v: 3·16·9 + 18·16·16·9 + (16·32·9 + 17·32·32·9 + 16·32) + (32·64·9 + 17·64·64·9 + 32·64) = 850,864
        // channels: 16 + 18·16 + 19·32 + 19·64 = 2,128; output: 64·10 + 10
        using var network = ResNet.OfDepth(56, 3, 10, weightNorm ? Scheme.Proposed : Plain, Seeded.Init(1));

        Assert.Equal(56, network.Depth);
        Assert.Equal(expected, Count(network));
    }

    [Fact]
    public void ResNet164_BothReadings_AreOfDepth164()
    {
        using var basic = ResNet.OfDepth(164, 3, 100, Plain, Seeded.Init(1) with { Direction = Direction.He });
        using var bottleneck = ResNet.OfDepth(164, 3, 100, Plain, Seeded.Init(1), BlockKind.Bottleneck);

        Assert.All(basic.Stages, stage => Assert.Equal(27, stage.Blocks.Count));
        Assert.All(bottleneck.Stages, stage => Assert.Equal(18, stage.Blocks.Count));
        Assert.Equal(164, basic.Depth);
        Assert.Equal(164, bottleneck.Depth);
        Assert.Equal(1 + (6 * 27) + 2 + 1, PlacedLayer.In(basic).Count);          // two shortcuts, and the output
        Assert.Equal(1 + (9 * 18) + 3 + 1, PlacedLayer.In(bottleneck).Count);     // three: the first stage widens too

        // Weights: 3·16·9 + 16·16 + 16·16·9 + 16·64 + 16·64 (first block) + 17 (64·16 + 16·16·9 + 16·64), the next stages likewise.
        var weights = 432
            + Bottlenecks(16, 16, 64) + Bottlenecks(64, 32, 128) + Bottlenecks(128, 64, 256);
        Assert.Equal(weights + (256 * 100), PlacedLayer.In(bottleneck).Sum(layer => layer.Weight.NumberOfElements));

        static long Bottlenecks(long from, long inner, long to) =>
            (from * inner) + (from * to) + (17 * to * inner) + (18 * ((inner * inner * 9) + (inner * to)));
    }

    [Fact]
    public void WideResNet16_4_Parameters_MatchHandCount()
    {
        // v: 3·16·9 + (16·64·9 + 3·64·64·9 + 16·64) + (64·128·9 + 3·128·128·9 + 64·128) + (128·256·9 + 3·256·256·9 + 128·256) = 2,742,704
        // channels: 16 + 5·64 + 5·128 + 5·256 = 2,256; output: 256·10 + 10
        using var network = WideResNet.OfDepth(16, 4, 3, 10, Scheme.Proposed with { Direction = Direction.He }, Seeded.Init(1));

        Assert.Equal(16, network.Depth);
        Assert.Equal(2742704 + (2 * 2256) + 2570, Count(network));
    }

    [Fact]
    public void WideResNet_Named_HasItsBlocks()
    {
        using var network = WideResNet.OfDepth(40, 1, 3, 10, Scheme.Proposed with { Direction = Direction.He }, Seeded.Init(1), reducedMemory: true);

        Assert.All(network.Stages, stage => Assert.Equal(6, stage.Blocks.Count));   // WRN-40: n = 6
        Assert.Equal(1 + 36 + 2 + 1, PlacedLayer.In(network).Count);                // with k = 1 the first stage needs no shortcut
    }

    [Fact]
    public void NatureCnn_Parameters_MatchHandCount()
    {
        // v: 4·32·64 + 32·64·16 + 64·64·9 + (64·7·7)·512 = 1,683,456; channels 32 + 64 + 64 + 512 = 672; output: 512·6 + 6
        using var network = new NatureCnn(new(4, 84, 84), 6, OutputLayer.Plain, 0.01, Scheme.Proposed with { Direction = Direction.He }, Seeded.Init(1));

        Assert.Equal(1683456 + (2 * 672) + 3078, Count(network));
    }

    [Fact]
    public void Impala15_Parameters_MatchHandCount()
    {
        // v: 4·16·9 + 4·16·16·9 + 16·32·9 + 4·32·32·9 + 5·32·32·9 + (32·11·11)·256 = 1,088,576; channels 80 + 160 + 160 + 256; output: 256·6 + 6
        using var network = Impala.OfDepth(
            15, new(4, 84, 84), 6, OutputLayer.Plain, 0.01, Scheme.Proposed with { Direction = Direction.He }, Seeded.Init(1));

        Assert.Equal(15, network.Depth);
        Assert.Equal(1088576 + (2 * 656) + 1542, Count(network));
    }

    [Fact]
    public void Impala_OfDepth100_Has99ConvolutionsAndALinearLayer()
    {
        using var network = Impala.OfDepth(100, new(1, 8, 8), 3, OutputLayer.Plain, 0.01, Scheme.Proposed with { Direction = Direction.He }, Seeded.Init(1));
        var layers = PlacedLayer.In(network);

        Assert.All(network.Stages, stage => Assert.Equal(16, stage.Blocks.Count));
        Assert.Equal(99, layers.Count(layer => layer.Layer is WeightNormConv2d));
        Assert.Equal(99 + 1 + 1, layers.Count);
        Assert.Equal(99, network.Depth);
    }

    [Fact]
    public void Impala_Widening_MultipliesTheChannels()
    {
        using var network = new Impala(new(1, 8, 8), 1, 3, OutputLayer.Plain, 0.01, Scheme.Proposed, Seeded.Init(1), widening: 2);

        Assert.Equal([32, 1, 3, 3], PlacedLayer.In(network).Single(layer => layer.Name == "conv1").Weight.shape);
        Assert.Equal([64, 64, 3, 3], PlacedLayer.In(network).Single(layer => layer.Name == "stage3.0.conv2").Weight.shape);
    }

    [Theory]
    [InlineData(60)]
    [InlineData(2)]
    [InlineData(0)]
    [InlineData(-4)]
    public void OfDepth_DepthThatIsNone_IsRefusedWithTwoThatAre(int depth)
    {
        var error = Assert.Throws<ArgumentException>(() => ResNet.OfDepth(depth, 3, 10, Plain, Seeded.Init(1)));
        Assert.Contains("6n + 2", error.Message, StringComparison.Ordinal);
        Assert.Contains($"got {depth}", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => WideResNet.OfDepth(depth, 1, 3, 10, Plain, Seeded.Init(1)));
        Assert.Throws<ArgumentException>(() => Impala.OfDepth(depth, new(1, 8, 8), 3, OutputLayer.Plain, 1, Plain, Seeded.Init(1)));
    }

    [Fact]
    public void Forward_Shapes_AreHalvedWhereTheyShould()
    {
        using var scope = NewDisposeScope();
        var init = Seeded.Init(1);
        var images = Seeded.Normal(2, 2, 3, 15, 16);
        using var resNet = new ResNet(3, 1, 7, Scheme.Proposed, init, width: 4);
        using var wide = new WideResNet(3, 1, 1, 7, Scheme.Proposed, init);
        using var reduced = new WideResNet(3, 1, 1, 7, Scheme.Proposed, init, reducedMemory: true);
        using var plain = new PlainCnn(3, 4, 3, 7, Scheme.Proposed, init);

        Assert.Equal([2, 7], resNet.forward(images).shape);
        Assert.Equal([2, 7], wide.forward(images).shape);
        Assert.Equal([2, 7], reduced.forward(images).shape);
        Assert.Equal([2, 7], plain.forward(images).shape);
        Assert.Equal([2, 64, 4, 4], Output(wide, "stage3", images));       // 15, 8, 4
        Assert.Equal([2, 64, 2, 2], Output(reduced, "stage3", images));    // 8, 4, 2
        Assert.Equal([2, 4, 4, 4], Output(plain, "2", images));            // 8, 4, 4
    }

    [Theory]
    [InlineData(84, 84, 11, 11)]
    [InlineData(9, 64, 2, 8)]       // 5, 3, 2 and 32, 16, 8
    public void Impala_Sides_AreHalvedThriceRoundedUp(int height, int width, int lastHeight, int lastWidth)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var network = new Impala(new(1, height, width), 1, 3, OutputLayer.Plain, 0.01, Scheme.Proposed with { Direction = Direction.He }, Seeded.Init(1));
        var images = Seeded.Normal(2, 2, 1, height, width);

        Assert.Equal([2, 3], network.forward(images).shape);
        Assert.Equal([2, 256], network.Features(images).shape);
        Assert.Equal([2, 32, lastHeight, lastWidth], Output(network, "stage3", images));
    }

    [Fact]
    public void PlainCnn_Forward_IsConvolutionsReLUsAndTheMean()
    {
        using var scope = NewDisposeScope();
        using var network = new PlainCnn(2, 5, 3, 4, Plain, Seeded.Init(1, ScalarType.Float64));
        Seeded.Disturb(network, 2);
        var (state, x) = (network.state_dict(), Seeded.Normal(3, ScalarType.Float64, 2, 2, 9, 9));

        var features = x;
        for (var i = 0; i < 3; i++)
            features = functional.relu(Convolve(state, $"{i}", features, i < 2 ? 2 : 1, 1));
        var expected = functional.linear(features.mean([2, 3]), state["output.weight"], state["output.bias"]);

        Seeded.AssertClose(expected, network.forward(x), 1e-12);
    }

    [Theory]
    [InlineData(BlockKind.Basic)]
    [InlineData(BlockKind.ReluFirst)]
    [InlineData(BlockKind.Bottleneck)]
    public void ResidualBlock_Forward_IsTheShortcutPlusTheBranch(BlockKind kind)
    {
        using var scope = NewDisposeScope();
        var make = new LayerFactory(Plain, Seeded.Init(1, ScalarType.Float64));
        using var block = new ResidualBlock(make, kind, 3, 8, 1, 2, stride: 2);
        Seeded.Disturb(block, 2);
        var (state, x) = (block.state_dict(), Seeded.Normal(3, ScalarType.Float64, 2, 3, 7, 7));

        var shortcut = Convolve(state, "shortcut", x, 2, 0);
        var branch = kind switch
        {
            BlockKind.Basic => Convolve(state, "conv2", functional.relu(Convolve(state, "conv1", x, 2, 1)), 1, 1),
            BlockKind.ReluFirst => Convolve(state, "conv2", functional.relu(Convolve(state, "conv1", functional.relu(x), 2, 1)), 1, 1),
            _ => Convolve(state, "conv3", functional.relu(Convolve(state, "conv2", functional.relu(Convolve(state, "conv1", x, 2, 0)), 1, 1)), 1, 0),
        };

        Assert.True((shortcut + branch).min().item<double>() < 0);   // no ReLU after the sum
        Seeded.AssertClose(shortcut + branch, block.forward(x), 1e-12);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void ResidualBlock_BatchNorm_IsPreActivation(long stride)
    {
        using var scope = NewDisposeScope();
        var make = new LayerFactory(Scheme.Parse("orthogonal-bn"), Seeded.Init(1, ScalarType.Float64));
        using var block = new ResidualBlock(make, BlockKind.Basic, 4, 4, 1, 2, stride);
        Seeded.Disturb(block, 2);
        var (state, x) = (block.state_dict(), Seeded.Normal(3, ScalarType.Float64, 5, 4, 7, 7));

        var first = Norm("norm1", x);
        var second = Norm("norm2", Convolve(state, "conv1", functional.relu(first), stride, 1));
        var expected = (stride == 1 ? x : Convolve(state, "shortcut", first, stride, 0)) + Convolve(state, "conv2", functional.relu(second), 1, 1);

        Seeded.AssertClose(expected, block.forward(x), 1e-10);

        Tensor Norm(string name, Tensor features)
        {
            var mean = features.mean([0, 2, 3], keepdim: true);
            var variance = (features - mean).square().mean([0, 2, 3], keepdim: true) + tensor(1e-5, ScalarType.Float64);
            return ((features - mean) / variance.sqrt() * state[$"{name}.weight"].view(1, -1, 1, 1)) + state[$"{name}.bias"].view(1, -1, 1, 1);
        }
    }

    [Fact]
    public void Mlp_BatchNorm_StandsBeforeEachReLU()
    {
        using var scope = NewDisposeScope();
        using var network = new Mlp(6, [5, 7], 3, OutputLayer.PyTorchDefault, 1, Seeded.Init(1, ScalarType.Float64), Scheme.Parse("he-wn-bn"));
        var x = Seeded.Normal(2, ScalarType.Float64, 40, 6);
        var layers = PlacedLayer.In(network);

        var features = x;
        foreach (var layer in layers.Take(2))
        {
            var y = layer.Layer.forward(features);
            var deviation = (y.var(0, unbiased: false, keepdim: true) + tensor(1e-5, ScalarType.Float64)).sqrt();
            features = functional.relu((y - y.mean([0L], keepdim: true)) / deviation);
        }

        Seeded.AssertClose(layers[2].Layer.forward(features), network.forward(x), 1e-10);
        Assert.Contains("0_norm.running_mean", network.state_dict().Keys);
        Assert.Throws<ArgumentException>(() => new MlpGradient(network, 4));   // nothing learns past a batch normalization in silence
    }

    [Fact]
    public void Mlp_PlainHiddenLayers_LearnInPlainCSharpToo()
    {
        using var scope = NewDisposeScope();
        using var network = new Mlp(5, [16, 8], 3, OutputLayer.Plain, 1, Seeded.Init(1), Plain);
        using var flat = new FlatParameters(network);
        using var fast = new MlpGradient(network, 6);
        var (x, dy, output) = (Seeded.Normal(2, 6, 5), Seeded.Normal(3, 6, 3), new float[18]);
        var expected = network.forward(x);
        expected.backward([dy]);
        var gradients = flat.Gradients.clone();
        flat.ZeroGradients();

        fast.Forward(x.data<float>().ToArray(), output);
        fast.Backward(dy.data<float>().ToArray());

        Seeded.AssertClose(expected, tensor(output, [6, 3]), 1e-5);
        Seeded.AssertClose(gradients, flat.Gradients, 1e-5);
    }

    [Theory]
    [InlineData("orthogonal-no-wn")]
    [InlineData("orthogonal-bn")]
    [InlineData("orthogonal-wn-bn")]
    [InlineData("orthogonal-proposed")]
    public void Forward_EveryScheme_TrainsEveryParameter(string name)
    {
        using var scope = NewDisposeScope();
        using var network = new ResNet(3, 1, 5, Scheme.Parse(name), Seeded.Init(1), width: 4);

        network.forward(Seeded.Normal(2, 6, 3, 8, 8)).square().sum().backward();

        Assert.All(network.named_parameters(), entry => Assert.True(entry.Item2.grad is { } gradient && gradient.isfinite().all().item<bool>(), entry.Item1));
    }

    [Theory]
    [InlineData(2, 1.4)]        // (1 + 1/2)² = 2.25 of the squared norm, less what leaves at the border
    [InlineData(10, 1.5)]
    [InlineData(40, 1.5)]
    public void ResidualStage_Proposed_GrowsTheNormByRootTwoToRootE(int blocks, double expected)
    {
        // Theorem 3: c² = (1 + 1/B)^B. Zeros around the images cost each 3x3 convolution the windows' parts that lie outside: of a side's 3 · 16
        // taps 2, so ((48 - 2) / 48)² of the squared norm is left, and its square after two: (1 + 0.843/B)^B. Eight networks.
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var x = Seeded.Normal(2, 4, 32, 16, 16);
        var ratio = 0.0;
        for (var seed = 1UL; seed <= 8; seed++)
        {
            using var stage = new ResidualStage(new LayerFactory(Scheme.Proposed, Seeded.Init(seed)), BlockKind.Basic, 32, 32, blocks);
            ratio += (stage.forward(x).norm() / x.norm()).item<float>() / 8;
        }

        var theory = Math.Pow(1 + (Math.Pow(46.0 / 48, 4) / blocks), blocks / 2.0);
        Assert.Equal(theory, ratio, 0.05 * theory);
        Assert.InRange(theory, expected - 0.05, expected + 0.05);
        Assert.InRange(ratio, 0.97 * Math.Sqrt(2), 1.03 * Math.Sqrt(Math.E));
    }

    [Fact]
    public void ResidualStage_Hanin_StaysBoundedAndPyTorchDefaultDoesNot()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var x = Seeded.Normal(2, 2, 16, 8, 8);

        // Π (1 + 0.81^b): below e^(0.81/0.19) = 71 in the squared norm. He's g = √2: each block adds twice its input's squared norm.
        Assert.InRange(Growth("orthogonal-hanin"), 1, Math.Sqrt(71));
        Assert.True(Growth("he-pytorch-default") > 1e4);

        double Growth(string name)
        {
            using var stage = new ResidualStage(new LayerFactory(Scheme.Parse(name), Seeded.Init(1)), BlockKind.Basic, 16, 16, 40);
            return (stage.forward(x).norm() / x.norm()).item<float>();
        }
    }

    [Theory]
    [InlineData(typeof(NatureCnn))]
    [InlineData(typeof(Impala))]
    public void Forward_Bytes_AreDividedBy255(Type kind)
    {
        using var scope = NewDisposeScope();
        using Module<Tensor, Tensor> network = kind == typeof(Impala)
            ? new Impala(new(2, 36, 36), 1, 3, OutputLayer.Plain, 1, Scheme.Proposed, Seeded.Init(1))
            : new NatureCnn(new(2, 36, 36), 3, OutputLayer.Plain, 1, Scheme.Proposed, Seeded.Init(1));
        using var generator = new Generator(2);
        var bytes = randint(0, 256, [2, 2, 36, 36], generator: generator).to(ScalarType.Byte);

        Seeded.AssertClose(network.forward(bytes.to(ScalarType.Float32) / tensor(255f)), network.forward(bytes), 0);
    }

    [Fact]
    public void Forward_WrongShape_IsRefusedWithBothShapes()
    {
        using var scope = NewDisposeScope();
        var init = Seeded.Init(1);
        using var cnn = new PlainCnn(3, 4, 2, 5, Plain, init);
        using var resNet = new ResNet(3, 1, 5, Plain, init, width: 4);
        using var wide = new WideResNet(3, 1, 1, 5, Plain, init);
        using var nature = new NatureCnn(new(3, 36, 36), 2, OutputLayer.Plain, 1, Plain, init);
        using var impala = new Impala(new(3, 16, 16), 1, 2, OutputLayer.Plain, 1, Plain, init);
        using var mlp = new Mlp(3, [4], 2, OutputLayer.Plain, 1, init, Plain);

        foreach (var network in new Module<Tensor, Tensor>[] { cnn, resNet, wide, nature, impala, mlp })
        {
            long[][] shapes = [[2, 4, 16, 16], [3, 16, 17], [0, 3, 16, 17], [5]];
            foreach (var shape in shapes.Where(shape => network is not Mlp || shape[^1] != 3))
            {
                var error = Assert.Throws<ArgumentException>(() => network.forward(zeros(shape)));
                Assert.Contains("3", error.Message, StringComparison.Ordinal);
                Assert.Contains($"[{string.Join(", ", shape)}]", error.Message, StringComparison.Ordinal);
            }

            Assert.Throws<ArgumentNullException>(() => network.forward(null!));
        }
    }

    [Fact]
    public void Constructor_SizesThatAreNone_AreRefused()
    {
        var init = Seeded.Init(1);

        foreach (var scheme in new[] { Scheme.Proposed, Plain, Scheme.Parse("he-bn") })
        {
            Assert.ThrowsAny<ArgumentException>(() => new PlainCnn(3, 4, 0, 5, scheme, init));
            Assert.ThrowsAny<ArgumentException>(() => new PlainCnn(0, 4, 1, 5, scheme, init));
            Assert.ThrowsAny<ArgumentException>(() => new PlainCnn(3, -4, 1, 5, scheme, init));
            Assert.ThrowsAny<ArgumentException>(() => new ResNet(3, 0, 5, scheme, init));
            Assert.ThrowsAny<ArgumentException>(() => new ResNet(3, 1, 0, scheme, init));
            Assert.ThrowsAny<ArgumentException>(() => new ResNet(3, 1, 5, scheme, init, width: 0));
            Assert.ThrowsAny<ArgumentException>(() => new WideResNet(3, 1, 0, 5, scheme, init));
            Assert.ThrowsAny<ArgumentException>(() => new NatureCnn(new(4, 35, 84), 5, OutputLayer.Plain, 1, scheme, init));
            Assert.ThrowsAny<ArgumentException>(() => new Impala(new(4, 0, 84), 1, 5, OutputLayer.Plain, 1, scheme, init));
            Assert.ThrowsAny<ArgumentException>(() => new Impala(new(4, 8, 8), 0, 5, OutputLayer.Plain, 1, scheme, init));
            Assert.ThrowsAny<ArgumentException>(() => new Mlp(0, [3], 2, OutputLayer.Plain, 1, init, scheme));
            Assert.ThrowsAny<ArgumentException>(() => new Mlp(2, [-3], 2, OutputLayer.Plain, 1, init, scheme));
            var make = new LayerFactory(scheme, init);
            Assert.ThrowsAny<ArgumentException>(() => make.Linear(3, 3, Place.Output(1)));
            Assert.ThrowsAny<ArgumentException>(() => make.Convolution(3, 3, 3, Place.Hidden, stride: 0));
            Assert.ThrowsAny<ArgumentException>(() => make.Convolution(3, 3, 3, Place.Hidden, padding: -1));
            Assert.ThrowsAny<ArgumentException>(() => new ResidualBlock(make, BlockKind.Bottleneck, 4, 6, 1, 1));
            Assert.ThrowsAny<ArgumentException>(() => new ResidualBlock(make, (BlockKind)9, 4, 4, 1, 1));
        }
    }

    [Fact]
    public void Output_PyTorchDefault_IsUniformWithinOneOverTheRootOfItsInputs()
    {
        using var scope = NewDisposeScope();
        using var layer = (Linear)OutputLayers.Make(OutputLayer.PyTorchDefault, 100, 50, 1, Seeded.Init(1, ScalarType.Float64));
        var weights = layer.weight.data<double>().ToArray();

        Assert.All(weights.Concat(layer.bias!.data<double>().ToArray()), value => Assert.InRange(value, -0.1, 0.1));
        Assert.True(weights.Max() > 0.099 && weights.Min() < -0.099);
        Assert.Equal(0.01 / 3, weights.Average(value => value * value), 5 * 0.01 * Math.Sqrt(4.0 / 45 / weights.Length));   // Var u² = 4/45
        Assert.True(layer.bias!.abs().min().item<double>() > 0);
    }

    [Fact]
    public void Constructor_GlobalGenerator_IsLeftAlone()
    {
        using var scope = NewDisposeScope();
        manual_seed(5);
        var expected = rand(4);

        manual_seed(5);
        foreach (var name in new[] { "orthogonal-no-wn", "orthogonal-bn", "orthogonal-proposed" })
        {
            using var network = new ResNet(3, 1, 5, Scheme.Parse(name), Seeded.Init(1), width: 4);
        }

        Assert.Equal(expected.data<float>().ToArray(), rand(4).data<float>().ToArray());
    }

    [Theory]
    [InlineData("orthogonal-proposed")]
    [InlineData("orthogonal-no-wn")]
    [InlineData("orthogonal-bn")]
    public void NetworkAndForward_LeaveNoTensorsBehind(string name)
    {
        var before = Seeded.LiveTensors();
        using (var scope = NewDisposeScope())
        {
            using var network = new ResNet(3, 2, 5, Scheme.Parse(name), Seeded.Init(1), width: 4);
            network.forward(Seeded.Normal(2, 2, 3, 8, 8)).sum().backward();
        }

        Assert.Equal(before, Seeded.LiveTensors());
    }

    [Fact]
    public void Forward_WithinAScope_LeavesOnlyItsResultInIt()
    {
        using var network = new WideResNet(3, 3, 1, 5, Scheme.Proposed, Seeded.Init(1));
        using var x = Seeded.Normal(2, 2, 3, 8, 8);
        using var scope = NewDisposeScope();
        var before = Seeded.LiveTensors();
        network.forward(x);

        Assert.Equal(before + 1, Seeded.LiveTensors());
        Assert.Equal(1, scope.DisposablesCount);
        network.Stages[0].forward(network.Stages[0].forward(Seeded.Normal(3, 2, 16, 8, 8)));   // nor a stage what lies between its blocks
        Assert.Equal(before + 4, Seeded.LiveTensors());
    }

    [Fact]
    public void SaveAndLoad_AnotherNetwork_BecomesTheSameFunction()
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            using var saved = new Impala(new(2, 9, 9), 1, 3, OutputLayer.Plain, 1, Scheme.Proposed, Seeded.Init(1));
            using var loaded = new Impala(new(2, 9, 9), 1, 3, OutputLayer.Plain, 1, Scheme.Proposed, Seeded.Init(2));
            var x = Seeded.Normal(3, 2, 2, 9, 9);

            saved.save(path);
            loaded.load(path);

            Seeded.AssertClose(saved.forward(x), loaded.forward(x), 0);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static long Count(Module network) => network.parameters().Sum(parameter => parameter.NumberOfElements);

    private static Tensor Convolve(Dictionary<string, Tensor> state, string name, Tensor x, long stride, long padding) =>
        functional.conv2d(x, state[$"{name}.weight"], state[$"{name}.bias"], [stride, stride], [padding, padding]);

    private static long[] Output(Module<Tensor, Tensor> network, string name, Tensor input)
    {
        long[] shape = [];
        var module = (Module<Tensor, Tensor>)network.named_modules().Single(entry => entry.name == name).module;
        var hook = module.register_forward_hook((_, _, output) =>
        {
            shape = output.shape;
            return output;
        });
        network.call(input);
        hook.remove();
        return shape;
    }
}
