using RlWn.Init;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Networks.Tests;

public class NormPartnerTests
{
    public static TheoryData<NormPartner, string, bool> Cases => new(
        from partner in Enum.GetValues<NormPartner>()
        from scheme in (string[])["orthogonal-proposed", "he-no-wn"]
        from wide in (bool[])[false, true]
        select (partner, scheme, wide));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Evaluate_AnyPartner_IsTorchsFunctionBeforeEachReLU(NormPartner partner, string scheme, bool wide)
    {
        using var scope = NewDisposeScope();
        using var network = Network(partner, scheme);
        Disturb(network);
        using var acting = new Acting(network, wideFrom: wide ? 1 : long.MaxValue, wideBatch: 1);
        var x = Seeded.Normal(5, 9, 5);
        var (policy, values) = (new float[9 * 3], new float[9]);
        acting.Evaluate(x.data<float>().ToArray(), 9, policy, values);

        Seeded.AssertClose(Expected(network.Actor.Head), tensor(policy, [9, 3]), 1e-5);
        Seeded.AssertClose(Expected(network.Critic.Head).squeeze(-1), tensor(values), 1e-5);
        network.eval();
        Seeded.AssertClose(Expected(network.Actor.Head), network.forward(x).Policy, 1e-5);

        Tensor Expected(Mlp mlp)
        {
            var state = mlp.state_dict();
            var features = x;
            for (var i = 0; i < 3; i++)
            {
                var w = state.TryGetValue($"{i}.weight", out var plain)
                    ? plain
                    : state[$"{i}.weight_g"] * state[$"{i}.weight_v"] / state[$"{i}.weight_v"].norm(1, keepdim: true);
                features = features.mm(w.t()) + state[$"{i}.bias"];
                if (i < 2)
                    features = functional.relu(Normalized(state, i, features));
            }

            return features;
        }

        Tensor Normalized(Dictionary<string, Tensor> state, int i, Tensor y) => partner switch
        {
            NormPartner.LayerNorm => functional.layer_norm(y, [y.size(-1)], state[$"{i}_norm.weight"], state[$"{i}_norm.bias"], 1e-5),
            NormPartner.RmsNorm => y / (y.square().mean([-1L], keepdim: true) + tensor(1e-5f)).sqrt() * state[$"{i}_norm.weight"],
            NormPartner.BatchNorm => functional.batch_norm(
                y, state[$"{i}_norm.running_mean"], state[$"{i}_norm.running_var"], state[$"{i}_norm.weight"], state[$"{i}_norm.bias"], training: false, eps: 1e-5),
            _ => y,
        };
    }

    [Theory]
    [InlineData(NormPartner.LayerNorm)]
    [InlineData(NormPartner.RmsNorm)]
    [InlineData(NormPartner.BatchNorm)]
    public void Learning_AnyPartner_IsAutogradsGradientInTrainingMode(NormPartner partner)
    {
        using var scope = NewDisposeScope();
        using var network = Network(partner, "orthogonal-proposed");
        using var twin = Network(partner, "orthogonal-proposed");
        using var parameters = new FlatParameters(network);
        using var learning = new Learning(network, parameters, 9);
        var x = Seeded.Normal(5, 9, 5);
        var (policy, values) = (new float[9 * 3], new float[9]);
        learning.Forward(x.data<float>().ToArray(), policy, values);
        learning.Backward(policy, values, []);

        var (output, value) = twin.forward(x);
        (output.square().sum() + value.square().sum()).mul(tensor(0.5f)).backward();
        Seeded.AssertClose(output, tensor(policy, [9, 3]), 1e-6);
        foreach (var (expected, parameter) in twin.parameters().Zip(network.parameters()))
            Seeded.AssertClose(expected.grad!, parameter.grad!, 1e-5);
        Assert.Throws<ArgumentException>(() => new MlpGradient(network.Actor, 4));
    }

    [Fact]
    public void Learning_OneSampleUnderBatchNorm_IsRefused()
    {
        using var network = Network(NormPartner.BatchNorm, "orthogonal-proposed");
        using var parameters = new FlatParameters(network);
        Assert.Throws<ArgumentOutOfRangeException>(() => new Learning(network, parameters, 1));
    }

    [Fact]
    public void Partner_SchemeWithBatchNorm_IsBatchNorm()
    {
        using var network = Network(NormPartner.None, "he-bn");
        Assert.Equal(NormPartner.BatchNorm, network.Actor.Head.Partner);
        Assert.Contains("actor.0_norm.running_mean", network.state_dict().Keys);
    }

    [Fact]
    public void RmsNorm_ThreeFour_MatchesHandCalculation()   // √((9 + 16) / 2) = 3.5355, ε beside 12.5 is 4e-7 of it
    {
        using var scope = NewDisposeScope();
        using var norm = new RmsNorm(2);
        using (no_grad())
            norm.weight.copy_(tensor([1f, 10]));

        Seeded.AssertClose(tensor([0.848528f, 11.31371f]), norm.forward(tensor([3f, 4])), 1e-4);
        Assert.Equal(["weight"], norm.state_dict().Keys);
        Assert.Throws<ArgumentException>(() => norm.forward(zeros(2, 3)));
        norm.to(ScalarType.Float64);
        Assert.Equal(ScalarType.Float64, norm.weight.dtype);
    }

    [Fact]
    public void Apply_NetworkWithPartner_StartsTheNormalizationsAfresh()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        foreach (var partner in (NormPartner[])[NormPartner.LayerNorm, NormPartner.RmsNorm])
        {
            using var network = Network(partner, "orthogonal-proposed");
            Seeded.Disturb(network, 2);
            Initialization.Apply(network, Scheme.Proposed, generator);
            var state = network.state_dict();

            Seeded.AssertClose(ones(16), state["actor.0_norm.weight"], 0);
            if (partner == NormPartner.LayerNorm)
                Seeded.AssertClose(zeros(16), state["actor.0_norm.bias"], 0);
        }
    }

    [Fact]
    public void NormalizeOn_DataDependent_GivesPreactivationsMeanZeroAndDeviationOne()
    {
        using var scope = NewDisposeScope();
        using var network = Network(NormPartner.None, "orthogonal-data-dependent");
        var x = Seeded.Normal(5, 200, 5);
        Assert.True(network.NeedsBatch);
        network.NormalizeOn(x.data<float>().ToArray());

        var first = network.Actor.Head.Layers[0].forward(x);
        Seeded.AssertClose(zeros(16), first.mean([0L]), 1e-5);
        Seeded.AssertClose(ones(16), first.std(0, unbiased: false), 1e-4);
        Assert.Throws<ArgumentException>(() => network.NormalizeOn(new float[7]));
        Assert.Throws<ArgumentException>(() => network.NormalizeOn([]));

        using var other = Network(NormPartner.None, "orthogonal-proposed");
        Assert.False(other.NeedsBatch);
        Assert.Throws<ArgumentException>(() => other.NormalizeOn(new float[5]));
    }

    private static ActorCritic Network(NormPartner partner, string scheme) =>
        new(5, 3, false, new() { Hidden = [16, 21], Scheme = Scheme.Parse(scheme), NormPartner = partner, PolicyScale = 1 }, Seeded.Init(1));

    // Off their first values; running statistics too, whose variance stays above 0.
    private static void Disturb(ActorCritic network)
    {
        Seeded.Disturb(network, 2);
        using var noGrad = no_grad();
        var seed = 3UL;
        foreach (var norm in network.modules().OfType<BatchNorm1d>())
        {
            norm.running_mean!.copy_(Seeded.Normal(seed++, norm.num_features));
            norm.running_var!.copy_(Seeded.Normal(seed++, norm.num_features).square() + tensor(0.5f));
        }
    }
}
