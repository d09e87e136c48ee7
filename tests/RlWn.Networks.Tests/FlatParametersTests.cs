using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace RlWn.Networks.Tests;

public class FlatParametersTests
{
    [Fact]
    public void Constructor_Parameters_KeepTheirValuesAndStayLeaves()
    {
        using var scope = NewDisposeScope();
        using var network = Seeded.Network(1, continuous: true);
        using var twin = Seeded.Network(1, continuous: true);
        using var parameters = new FlatParameters(network);

        Assert.Equal(twin.parameters().Sum(parameter => parameter.NumberOfElements), parameters.Values.NumberOfElements);
        foreach (var (expected, parameter) in twin.parameters().Zip(network.parameters()))
        {
            Seeded.AssertClose(expected, parameter, 0);
            Assert.True(parameter.is_leaf && parameter.requires_grad);
            Assert.IsType<Parameter>(parameter);
        }

        var x = Seeded.Normal(2, 7, 5);
        Seeded.AssertClose(twin.forward(x).Policy, network.forward(x).Policy, 0);
    }

    [Fact]
    public void Values_Changed_ChangeTheParameters()
    {
        using var scope = NewDisposeScope();
        using var network = Seeded.Network(1);
        using var parameters = new FlatParameters(network);
        parameters.Values.fill_(3);

        Assert.All(network.parameters(), parameter => Assert.All(parameter.data<float>().ToArray(), value => Assert.Equal(3f, value)));
    }

    [Fact]
    public void Gradients_AfterBackward_AreAutogradsOneAfterAnother()
    {
        using var scope = NewDisposeScope();
        using var network = Seeded.Network(1);
        using var twin = Seeded.Network(1);
        using var parameters = new FlatParameters(network);
        var x = Seeded.Normal(2, 7, 5);

        Backward(network, x);
        Backward(twin, x);
        Seeded.AssertClose(cat([.. twin.parameters().Select(parameter => parameter.grad!.flatten())]), parameters.Gradients, 1e-6);

        Backward(network, x);   // a second pass adds
        Backward(twin, x);
        Seeded.AssertClose(cat([.. twin.parameters().Select(parameter => parameter.grad!.flatten())]), parameters.Gradients, 1e-6);

        parameters.ZeroGradients();
        Assert.All(network.parameters(), parameter => Assert.Equal(0f, parameter.grad!.abs().max().item<float>()));
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(1e6)]      // no clipping
    public void ClipGradients_AnyBound_IsPyTorchs(double maxNorm)
    {
        using var scope = NewDisposeScope();
        using var network = Seeded.Network(1);
        using var twin = Seeded.Network(1);
        using var parameters = new FlatParameters(network);
        var x = Seeded.Normal(2, 7, 5);
        Backward(network, x);
        Backward(twin, x);
        var before = parameters.Gradients.clone();

        var expected = nn.utils.clip_grad_norm_(twin.parameters(), maxNorm);
        var norm = parameters.ClipGradients(maxNorm);

        Assert.True(expected > 0.2);   // else the first bound would not clip
        Assert.Equal(expected, norm, 1e-5 * expected);
        Seeded.AssertClose(cat([.. twin.parameters().Select(parameter => parameter.grad!.flatten())]), parameters.Gradients, 1e-6);
        if (maxNorm > expected)
            Seeded.AssertClose(before, parameters.Gradients, 0);
    }

    [Fact]
    public void ClipGradients_ThreeFour_MatchesHandCalculation()   // ||(3, 4)|| = 5, scaled by 1 / (5 + 1e-6)
    {
        using var scope = NewDisposeScope();
        using var layer = nn.Linear(2, 1, hasBias: false);
        using var parameters = new FlatParameters(layer);
        parameters.Gradients.copy_(tensor([3f, 4f]));

        Assert.Equal(5, parameters.ClipGradients(1));
        Seeded.AssertClose(tensor([0.6f, 0.8f]), parameters.Gradients, 1e-6);
    }

    [Theory]
    [InlineData(ScalarType.Float32, 5e-7)]
    [InlineData(ScalarType.Float64, 1e-14)]
    public void ClipGradients_ManyNumbers_GivesTheirNormToTheTypesPrecision(ScalarType type, double relative)
    {
        using var scope = NewDisposeScope();
        using var layer = nn.Linear(317, 401, dtype: type);   // 127,518 numbers, which fill no whole number of vectors
        using var parameters = new FlatParameters(layer);
        parameters.Gradients.copy_(Seeded.Normal(3, 402 * 317 + 84).exp());
        var numbers = parameters.Gradients.to(ScalarType.Float64).data<double>().ToArray();
        var expected = Math.Sqrt(numbers.OrderBy(x => x).Sum(x => x * x));

        Assert.Equal(expected, parameters.ClipGradients(1e9), relative * expected);
    }

    // max / (NaN + ε) is NaN, which all numbers become; max / (∞ + ε) is 0, and 0 ∞ is NaN.
    [Theory]
    [InlineData(float.NaN, float.NaN)]
    [InlineData(float.PositiveInfinity, 0)]
    [InlineData(float.NegativeInfinity, 0)]
    public void ClipGradients_NotFinite_SaysSoByItsNorm(float gradient, float beside)
    {
        using var scope = NewDisposeScope();
        using var layer = nn.Linear(2, 1, hasBias: false);
        using var parameters = new FlatParameters(layer);
        parameters.Gradients.copy_(tensor([gradient, 4f]));

        Assert.Equal(Math.Abs(gradient), parameters.ClipGradients(1));
        Assert.Equal([float.NaN, beside], parameters.Gradients.data<float>().ToArray());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void ClipGradients_NoBound_IsRefused(double maxNorm)
    {
        using var layer = nn.Linear(2, 1, hasBias: false);
        using var parameters = new FlatParameters(layer);
        Assert.Throws<ArgumentOutOfRangeException>(nameof(maxNorm), () => parameters.ClipGradients(maxNorm));
    }

    [Fact]
    public void Constructor_MixedTypes_IsRefused()
    {
        using var mixed = nn.Sequential(("a", nn.Linear(2, 2)), ("b", nn.Linear(2, 2, dtype: ScalarType.Float64)));
        var error = Assert.Throws<ArgumentException>(() => new FlatParameters(mixed));

        Assert.Contains("Float32", error.Message, StringComparison.Ordinal);
        Assert.Contains("Float64", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Constructor_NothingToTrain_IsRefused()
    {
        using var empty = nn.ReLU();
        using var frozen = nn.Linear(2, 2);
        foreach (var parameter in frozen.parameters())
            parameter.requires_grad = false;

        Assert.Throws<ArgumentException>(() => new FlatParameters(empty));
        Assert.Throws<ArgumentException>(() => new FlatParameters(frozen));
    }

    [Fact]
    public void Constructor_OneParameterOnly_CanBeTrained()
    {
        using var scope = NewDisposeScope();
        using var layer = nn.Linear(2, 3, hasBias: false);
        using var parameters = new FlatParameters(layer);
        using var adam = new FlatAdam(parameters);
        var before = layer.weight.detach().clone();
        layer.forward(ones(1, 2)).sum().backward();
        adam.Step(0.1);

        Seeded.AssertClose(before - tensor(0.1f), layer.weight, 1e-6);   // Adam's first step is α long, whatever the gradient
        parameters.Values.zero_();
        Assert.Equal(0f, layer.weight.abs().max().item<float>());
    }

    [Fact]
    public void Constructor_FrozenParameters_StayWhereTheyAre()
    {
        using var scope = NewDisposeScope();
        using var layer = nn.Linear(2, 3);
        layer.bias!.requires_grad = false;
        using var parameters = new FlatParameters(layer);
        var bias = layer.bias!.clone();
        parameters.Values.fill_(9);

        Assert.Equal(6, parameters.Values.NumberOfElements);
        Seeded.AssertClose(bias, layer.bias!, 0);
    }

    [Fact]
    public void Dispose_NetworkGoesOnWorking()
    {
        using var scope = NewDisposeScope();
        using var network = Seeded.Network(1);
        using var twin = Seeded.Network(1);
        new FlatParameters(network).Dispose();
        var x = Seeded.Normal(2, 7, 5);

        Seeded.AssertClose(twin.forward(x).Policy, network.forward(x).Policy, 0);
        using var noGrad = no_grad();
        Seeded.AssertClose(twin.forward(x).Policy, network.forward(x).Policy, 1e-6);
    }

    internal static void Backward(ActorCritic network, Tensor x)
    {
        using var scope = NewDisposeScope();
        var (policy, value) = network.forward(x);
        (policy.square().mean() + (value - tensor(1f)).square().mean()).backward();
    }
}
