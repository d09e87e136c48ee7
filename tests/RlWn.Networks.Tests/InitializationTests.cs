using System.Runtime.InteropServices;
using RlWn.Init;
using Xunit;
using static TorchSharp.torch;

namespace RlWn.Networks.Tests;

public class InitializationTests
{
    private static readonly string[] Kinds = ["mlp", "cnn", "resnet", "bottleneck", "wrn", "nature", "impala"];

    public static TheoryData<string, string> NetworksAndSchemes =>
        [.. from kind in Kinds
            from scheme in Scheme.All
            where Exists(kind, scheme)
            select (kind, scheme.Name)];

    [Theory]
    [InlineData("orthogonal-proposed")]
    [InlineData("he-proposed")]
    [InlineData("orthogonal-wn-bn")]
    public void Apply_Proposed_EveryGainOfAResNetIsTheTables(string scheme) =>
        AssertGains(scheme, new()
        {
            ["conv1"] = Math.Sqrt(3.0 / 4),                       // γ = 1, 3 to 4 channels
            ["stage1.0.conv1"] = Math.Sqrt(2),                    // γ = 2
            ["stage1.0.conv2"] = Math.Sqrt(0.5),                  // γ = 1/B, B = 2
            ["stage1.1.conv1"] = Math.Sqrt(2),
            ["stage1.1.conv2"] = Math.Sqrt(0.5),
            ["stage2.0.conv1"] = 1,                               // 2 · 4/8
            ["stage2.0.conv2"] = Math.Sqrt(0.5),
            ["stage2.0.shortcut"] = Math.Sqrt(0.5),               // γ = 1, 4 to 8 channels
            ["stage2.1.conv1"] = Math.Sqrt(2),
            ["stage2.1.conv2"] = Math.Sqrt(0.5),
            ["stage3.0.conv1"] = 1,
            ["stage3.0.conv2"] = Math.Sqrt(0.5),
            ["stage3.0.shortcut"] = Math.Sqrt(0.5),
            ["stage3.1.conv1"] = Math.Sqrt(2),
            ["stage3.1.conv2"] = Math.Sqrt(0.5),
        });

    [Fact]
    public void Apply_Hanin_LastLayersDecayWithinEachStage() =>   // √(γ) = 0.9^b
        AssertGains("orthogonal-hanin", new()
        {
            ["conv1"] = Math.Sqrt(3.0 / 4),
            ["stage1.0.conv1"] = Math.Sqrt(2),
            ["stage1.0.conv2"] = 0.9,
            ["stage1.1.conv1"] = Math.Sqrt(2),
            ["stage1.1.conv2"] = 0.81,
            ["stage2.0.conv1"] = 1,
            ["stage2.0.conv2"] = 0.9,
            ["stage2.0.shortcut"] = Math.Sqrt(0.5),
            ["stage2.1.conv1"] = Math.Sqrt(2),
            ["stage2.1.conv2"] = 0.81,
            ["stage3.0.conv1"] = 1,
            ["stage3.0.conv2"] = 0.9,
            ["stage3.0.shortcut"] = Math.Sqrt(0.5),
            ["stage3.1.conv1"] = Math.Sqrt(2),
            ["stage3.1.conv2"] = 0.81,
        });

    [Fact]
    public void Apply_ProposedBackward_GainsAreRootsOfGamma() =>   // whatever the widths
        AssertGains("orthogonal-proposed-backward", new()
        {
            ["conv1"] = 1,
            ["stage1.0.conv1"] = Math.Sqrt(2),
            ["stage1.0.conv2"] = Math.Sqrt(0.5),
            ["stage1.1.conv1"] = Math.Sqrt(2),
            ["stage1.1.conv2"] = Math.Sqrt(0.5),
            ["stage2.0.conv1"] = Math.Sqrt(2),
            ["stage2.0.conv2"] = Math.Sqrt(0.5),
            ["stage2.0.shortcut"] = 1,
            ["stage2.1.conv1"] = Math.Sqrt(2),
            ["stage2.1.conv2"] = Math.Sqrt(0.5),
            ["stage3.0.conv1"] = Math.Sqrt(2),
            ["stage3.0.conv2"] = Math.Sqrt(0.5),
            ["stage3.0.shortcut"] = 1,
            ["stage3.1.conv1"] = Math.Sqrt(2),
            ["stage3.1.conv2"] = Math.Sqrt(0.5),
        });

    [Theory]
    [InlineData("orthogonal-proposed")]
    [InlineData("orthogonal-hanin")]
    public void Apply_Bottleneck_InnerLayersStandBeforeReLUs(string name)
    {
        using var network = new ResNet(3, 1, 5, Scheme.Parse(name), Seeded.Init(1), BlockKind.Bottleneck, width: 4);
        var last = name == "orthogonal-hanin" ? 0.81 : 1;   // γ of the only block: 0.9² or 1/1

        Assert.Equal(Math.Sqrt(2.0 * 4 / 4), Gain(network, "stage1.0.conv1"), 6);       // 4 to 4, 1x1
        Assert.Equal(Math.Sqrt(2.0), Gain(network, "stage1.0.conv2"), 6);               // 4 to 4, 3x3
        Assert.Equal(Math.Sqrt(last * 4 / 16), Gain(network, "stage1.0.conv3"), 6);     // 4 to 16, 1x1
        Assert.Equal(Math.Sqrt(4.0 / 16), Gain(network, "stage1.0.shortcut"), 6);
        Assert.Equal(Math.Sqrt(2.0 * 16 / 8), Gain(network, "stage2.0.conv1"), 6);      // 16 to 8
    }

    [Fact]
    public void Apply_PlainNetworks_EveryHiddenGammaIsTwo()
    {
        using var mlp = Make("mlp", Scheme.Proposed, 1);
        using var cnn = Make("cnn", Scheme.Proposed, 1);
        using var nature = Make("nature", Scheme.Proposed, 1);

        foreach (var network in new[] { mlp, cnn, nature })
        {
            foreach (var layer in PlacedLayer.In(network).Where(layer => layer.Place!.Kind == PlaceKind.Hidden))
            {
                var fans = Fans.Of(layer.Weight.shape);
                Assert.All(layer.Scale!.data<float>().ToArray(), g => Assert.Equal((float)Math.Sqrt(2.0 * fans.In / fans.Out), g));
            }
        }
    }

    [Theory]
    [MemberData(nameof(NetworksAndSchemes))]
    public void Apply_ToAnotherNetwork_MakesItAsIfNew(string kind, string name)
    {
        var scheme = Scheme.Parse(name);
        using var expected = Make(kind, scheme, 2);
        using var network = Make(kind, scheme, 1);
        Seeded.Disturb(network, 3);
        using var generator = new Generator(2);

        if (scheme.NeedsBatch)   // what is drawn is the same; the batch decides the rest, below
        {
            using var batch = Batch(kind);
            Initialization.Apply(network, scheme, generator, batch);
            Assert.Equal(Bits(expected, "weight_v"), Bits(network, "weight_v"));
            Assert.Equal(Bits(expected, "output"), Bits(network, "output"));
        }
        else
        {
            Initialization.Apply(network, scheme, generator);
            Assert.Equal(Bits(expected), Bits(network));
        }
    }

    [Theory]
    [InlineData("mlp")]
    [InlineData("impala")]
    public void Apply_Seed_DecidesEveryBit(string kind)
    {
        using var network = Make(kind, Scheme.Proposed, 1);

        Assert.Equal(Applied(5), Applied(5));
        Assert.NotEqual(Applied(5), Applied(6));

        byte[] Applied(ulong seed)
        {
            using var generator = new Generator(seed);
            Initialization.Apply(network, Scheme.Proposed, generator);
            return Bits(network);
        }
    }

    [Theory]
    [InlineData("mlp")]
    [InlineData("resnet")]
    [InlineData("bottleneck")]
    [InlineData("impala")]
    [InlineData("nature")]
    public void Layers_EveryShapeOfANetwork_HasOrthogonalDirections(string kind)
    {
        using var scope = NewDisposeScope();
        using var network = Make(kind, Scheme.Proposed, 1);

        Assert.All(PlacedLayer.In(network).Where(layer => layer.Scale is not null), layer =>
        {
            var v = layer.Weight.detach().flatten(1).to(ScalarType.Float64);
            var gram = v.size(0) <= v.size(1) ? v.mm(v.t()) : v.t().mm(v);
            Assert.True((gram - eye(gram.size(0), dtype: ScalarType.Float64)).abs().max().item<double>() < 1e-5, layer.Name);
        });
    }

    [Theory]
    [InlineData("mlp", "orthogonal-data-dependent")]
    [InlineData("cnn", "he-data-dependent")]
    [InlineData("resnet", "orthogonal-data-dependent")]
    [InlineData("bottleneck", "orthogonal-data-dependent")]
    [InlineData("wrn", "he-data-dependent")]
    [InlineData("impala", "orthogonal-data-dependent")]
    [InlineData("nature", "orthogonal-data-dependent")]
    public void Apply_DataDependent_EveryPreactivationHasMeanZeroAndDeviationOne(string kind, string name)
    {
        using var scope = NewDisposeScope();
        var scheme = Scheme.Parse(name);
        using var network = Make(kind, Scheme.Proposed, 1);
        using var generator = new Generator(2);
        var batch = Batch(kind);

        Initialization.Apply(network, scheme, generator, batch);

        var seen = 0;
        var layers = PlacedLayer.In(network).Where(layer => layer.Place!.Kind != PlaceKind.Output).ToArray();
        foreach (var layer in layers)
        {
            layer.Layer.register_forward_hook((_, _, y) =>
            {
                var units = (y.dim() == 4 ? y.permute(0, 2, 3, 1) : y).reshape(-1, layer.Weight.size(0)).to(ScalarType.Float64);
                Assert.All(units.mean([0L]).data<double>().ToArray(), mean => Assert.Equal(0, mean, 1e-4));
                Assert.All(units.square().mean([0L]).data<double>().ToArray(), variance => Assert.Equal(1, variance, 1e-4));
                seen++;
                return y;
            });
        }

        using var noGrad = no_grad();
        ((nn.Module<Tensor, Tensor>)network).call(batch);
        Assert.Equal(layers.Length, seen);
    }

    [Fact]
    public void Apply_DataDependent_OneLayer_MatchesHandCalculation()
    {
        // w = v / ||v|| = (0.6, 0.8): y = 0.6, 3 of (1, 0) and (5, 0), so μ = 1.8 and σ = 1.2.
        using var scope = NewDisposeScope();
        using var layer = new WeightNormLinear(2, 1, Init.Gain.BeforeRelu, Seeded.Init(1, ScalarType.Float64)).At(Place.Hidden);
        using (no_grad())
            layer.weight_v.copy_(tensor([3.0, 4], [1, 2]));

        Initialization.ApplyScales(layer, Scheme.Parse("he-data-dependent"), tensor([1.0, 0, 5, 0], [2, 2]));

        Assert.Equal(1 / 1.2, layer.weight_g!.item<double>(), 12);
        Assert.Equal(-1.8 / 1.2, layer.bias!.item<double>(), 12);
        Assert.Equal([3.0, 4], layer.weight_v.data<double>().ToArray());
    }

    [Fact]
    public void Apply_DataDependent_ReachesBothNetworksOfAnActorCritic()
    {
        using var scope = NewDisposeScope();
        using var network = Seeded.Network(1, 4, 2, continuous: true);
        using var generator = new Generator(2);

        Initialization.Apply(network, Scheme.Parse("orthogonal-data-dependent"), generator, Seeded.Normal(3, 64, 4));

        var y = network.Critic.Head.Layers[0].forward(Seeded.Normal(3, 64, 4));
        Assert.All(y.square().mean([0L]).data<float>().ToArray(), variance => Assert.Equal(1, variance, 1e-4));
        Assert.Equal(0.01, network.Actor.Head.Layers[^1].parameters().First().norm(1).max().item<float>(), 1e-6);   // the output keeps its own scale
    }

    [Fact]
    public void Apply_FlatParameters_StayWhereTheyAre()
    {
        using var scope = NewDisposeScope();
        using var network = Seeded.Network(1);
        using var expected = Seeded.Network(2);
        using var flat = new FlatParameters(network);
        var x = Seeded.Normal(3, 6, 5);
        using var noGrad = no_grad();
        network.forward(x);   // folds the weights, which are then old
        using var generator = new Generator(2);

        Initialization.Apply(network, Scheme.Proposed, generator);

        Seeded.AssertClose(expected.forward(x).Policy, network.forward(x).Policy, 0);
        Seeded.AssertClose(cat([.. expected.parameters().Select(parameter => parameter.flatten())]), flat.Values, 0);
    }

    [Fact]
    public void ApplyScales_AnyScheme_KeepsDirectionsAndOutput()
    {
        using var network = Make("resnet", Scheme.Proposed, 1);
        var (directions, output) = (Bits(network, "weight_v"), Bits(network, "output"));

        Initialization.ApplyScales(network, Scheme.Parse("orthogonal-hanin"));

        Assert.Equal(0.81, Gain(network, "stage1.1.conv2"), 6);
        Assert.Equal(directions, Bits(network, "weight_v"));
        Assert.Equal(output, Bits(network, "output"));
        Assert.Throws<ArgumentException>(() => Initialization.ApplyScales(network, Scheme.Parse("he-no-wn")));
    }

    [Fact]
    public void Apply_TorchSharpsOwnLayers_TakePlacesToo()
    {
        using var network = nn.Sequential(nn.Linear(6, 8).At(Place.Hidden), nn.ReLU(), nn.Linear(8, 3).At(Place.Output(0.5)));
        using var generator = new Generator(1);
        using var again = new Generator(1);
        using var first = Directions.Orthogonal([8, 6], again);

        Initialization.Apply(network, Scheme.Parse("orthogonal-no-wn"), generator);

        var layers = PlacedLayer.In(network);
        Assert.Equal(first.data<float>().ToArray(), layers[0].Weight.data<float>().ToArray());
        Assert.All(layers[0].Bias!.data<float>().ToArray(), b => Assert.Equal(0f, b));
        Assert.All(layers[1].Weight.norm(1).data<float>().ToArray(), length => Assert.Equal(0.5, length, 1e-6));
    }

    [Fact]
    public void Apply_BatchNorms_StartAfresh()
    {
        using var scope = NewDisposeScope();
        using var network = (PlainCnn)Make("cnn", Scheme.Parse("orthogonal-bn"), 1);
        using var expected = Make("cnn", Scheme.Parse("orthogonal-bn"), 1);
        network.forward(Batch("cnn"));   // moves the running statistics
        Assert.NotEqual(Bits(expected), Bits(network));
        using var generator = new Generator(1);

        Initialization.Apply(network, Scheme.Parse("orthogonal-bn"), generator);

        Assert.Equal(Bits(expected), Bits(network));
    }

    [Fact]
    public void Apply_Refused_LeavesTheNetworkAsItWas()
    {
        using var scope = NewDisposeScope();
        var nan = Batch("mlp");
        nan[3, 1] = tensor(float.NaN);
        var same = Batch("mlp")[0].expand(8, 12);

        Refused("mlp", "orthogonal-proposed", "orthogonal-data-dependent", null, "got none");
        Refused("mlp", "orthogonal-proposed", "orthogonal-data-dependent", nan, "got NaN");
        Refused("mlp", "orthogonal-proposed", "orthogonal-data-dependent", same, "unit 0");               // found in the middle of the walk
        Refused("mlp", "orthogonal-proposed", "orthogonal-data-dependent", Batch("mlp")[.., ..5], "[…, 12]");
        Refused("resnet", "orthogonal-proposed", "orthogonal-data-dependent", Batch("mlp"), "[N, 3, H, W]");
        Refused("mlp", "orthogonal-proposed", "orthogonal-hanin", null, "residual blocks");
        Refused("cnn", "orthogonal-proposed", "he-hanin", null, "he-proposed");
        Refused("resnet", "orthogonal-proposed", "orthogonal-no-wn", null, "plain layers");
        Refused("resnet", "orthogonal-proposed", "orthogonal-bn", null, "plain layers");
        Refused("resnet", "orthogonal-proposed", "orthogonal-wn-bn", null, "with batch normalization");
        Refused("resnet", "orthogonal-no-wn", "orthogonal-proposed", null, "weight-normalized layers");
        Refused("resnet", "orthogonal-no-wn", "orthogonal-bn", null, "with batch normalization");
        Refused("resnet", "orthogonal-bn", "orthogonal-no-wn", null, "without batch normalization");
        Refused("resnet", "orthogonal-wn-bn", "orthogonal-proposed", null, "without batch normalization");

        static void Refused(string kind, string built, string applied, Tensor? batch, string message)
        {
            using var network = Make(kind, Scheme.Parse(built), 1);
            Seeded.Disturb(network, 2);
            var before = Bits(network);
            using var generator = new Generator(3);

            var error = Assert.Throws<ArgumentException>(() => Initialization.Apply(network, Scheme.Parse(applied), generator, batch));

            Assert.Contains(message, error.Message, StringComparison.Ordinal);
            Assert.Equal(before, Bits(network));
        }
    }

    [Fact]
    public void ApplyScales_ZeroRow_LeavesTheNetworkAsItWas()
    {
        using var scope = NewDisposeScope();
        using var network = Make("resnet", Scheme.Proposed, 1);
        Seeded.Disturb(network, 2);
        using (no_grad())
            network.state_dict()["stage3.1.conv2.weight_v"][2].zero_();
        var before = Bits(network);

        foreach (var scheme in new[] { "orthogonal-proposed", "he-pytorch-default", "orthogonal-data-dependent" })
        {
            using var batch = Batch("resnet");
            var error = Assert.Throws<ArgumentException>(() => Initialization.ApplyScales(network, Scheme.Parse(scheme), batch));
            Assert.Contains("row 2", error.Message, StringComparison.Ordinal);
            Assert.Equal(before, Bits(network));
        }
    }

    [Fact]
    public void Apply_LayerWithoutPlaceOrCall_IsNamed()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        using var lost = nn.Sequential(("a", new WeightNormLinear(4, 4, Init.Gain.BeforeRelu, Seeded.Init(1))));
        using var silent = new Silent();
        var before = Bits(silent);

        Assert.Contains("'a'", Assert.Throws<ArgumentException>(() => Initialization.Apply(lost, Scheme.Proposed, generator)).Message, StringComparison.Ordinal);
        var error = Assert.Throws<ArgumentException>(
            () => Initialization.Apply(silent, Scheme.Parse("orthogonal-data-dependent"), generator, Seeded.Normal(1, 8, 4)));
        Assert.Contains("'layer'", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, Bits(silent));
    }

    [Fact]
    public void Apply_LeavesNoTensorsAndNoHooksBehind()
    {
        using var network = (Mlp)Make("mlp", Scheme.Proposed, 1);
        using var generator = new Generator(1);
        using var batch = Batch("mlp");
        Initialization.Apply(network, Scheme.Parse("orthogonal-data-dependent"), generator, batch);   // folds the weights for the first time
        var before = Seeded.LiveTensors();

        Initialization.Apply(network, Scheme.Parse("orthogonal-data-dependent"), generator, batch);

        Assert.Equal(before, Seeded.LiveTensors());
        var bits = Bits(network);
        using (var scope = NewDisposeScope())
            network.call(Seeded.Normal(7, 9, 12));   // a hook that stayed would normalize again
        Assert.Equal(bits, Bits(network));
    }

    private static nn.Module Make(string kind, Scheme scheme, ulong seed)
    {
        var init = Seeded.Init(seed);
        return kind switch
        {
            "mlp" => new Mlp(12, [20, 8, 16], 3, OutputLayer.Plain, 0.1, init, scheme),
            "cnn" => new PlainCnn(3, 8, 4, 5, scheme, init),
            "resnet" => new ResNet(3, 2, 5, scheme, init, width: 4),
            "bottleneck" => new ResNet(3, 1, 5, scheme, init, BlockKind.Bottleneck, width: 4),
            "wrn" => new WideResNet(3, 1, 1, 5, scheme, init, reducedMemory: true),
            "nature" => new NatureCnn(new(2, 36, 40), 3, OutputLayer.WeightNorm, 0.01, scheme, init),
            _ => new Impala(new(2, 12, 12), 1, 3, OutputLayer.Plain, 0.01, scheme, init),
        };
    }

    // Hanin needs residual blocks.
    private static bool Exists(string kind, Scheme scheme) => scheme.Rule != ScaleRule.Hanin || kind is "resnet" or "bottleneck" or "wrn" or "impala";

    private static Tensor Batch(string kind) => kind switch
    {
        "mlp" => Seeded.Normal(9, 64, 12),
        "nature" => Seeded.Normal(9, 16, 2, 36, 40),
        "impala" => Seeded.Normal(9, 16, 2, 12, 12),
        _ => Seeded.Normal(9, 16, 3, 16, 16),
    };

    private static void AssertGains(string name, Dictionary<string, double> expected)
    {
        var scheme = Scheme.Parse(name);
        using var network = new ResNet(3, 2, 5, scheme, Seeded.Init(1), width: 4);
        using var generator = new Generator(2);
        Initialization.Apply(network, scheme, generator);

        var layers = PlacedLayer.In(network).Where(layer => layer.Place!.Kind != PlaceKind.Output).ToArray();
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), layers.Select(layer => layer.Name).Order(StringComparer.Ordinal));
        Assert.All(layers, layer =>
        {
            Assert.All(layer.Scale!.data<float>().ToArray(), g => Assert.Equal((float)expected[layer.Name], g));
            Assert.All(layer.Bias!.data<float>().ToArray(), b => Assert.Equal(0f, b));
        });
    }

    private static double Gain(nn.Module network, string layer)
    {
        var g = PlacedLayer.In(network).Single(placed => placed.Name == layer).Scale!.data<float>().ToArray();
        return Assert.Single(g.Distinct());
    }

    // Every number of the state whose name contains a word, in the order of the names.
    private static byte[] Bits(nn.Module network, string word = "") =>
    [
        .. network.state_dict()
            .Where(entry => entry.Key.Contains(word, StringComparison.Ordinal))
            .OrderBy(entry => entry.Key, StringComparer.Ordinal)
            .SelectMany(entry => entry.Value.dtype == ScalarType.Int64
                ? MemoryMarshal.AsBytes(Aten.Memory<long>(entry.Value)).ToArray()
                : MemoryMarshal.AsBytes(Aten.Memory<float>(entry.Value)).ToArray()),
    ];

    private sealed class Silent : nn.Module<Tensor, Tensor>
    {
        private readonly WeightNormLinear layer = new WeightNormLinear(4, 4, Init.Gain.BeforeRelu, Seeded.Init(1)).At(Place.Hidden);

        public Silent() : base(nameof(Silent)) => register_module(nameof(layer), layer);

        public override Tensor forward(Tensor input) => layer.forward(input);

        protected override void RegisterComponents() { }
    }
}
