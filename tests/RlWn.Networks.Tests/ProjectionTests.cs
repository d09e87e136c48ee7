using RlWn.Init;
using Xunit;
using static TorchSharp.torch;

namespace RlWn.Networks.Tests;

public class ProjectionTests
{
    [Fact]
    public void Constructor_RowsOfAnyLength_BecomeUnitRowsOfTheSameFunction()
    {
        using var scope = NewDisposeScope();
        using var network = new PlainCnnLike();
        Seeded.Disturb(network, 2);
        var x = Seeded.Normal(3, 2, 3, 6, 6);
        var expected = network.forward(x);
        var g = network.Convolution.weight_g!.clone();
        Assert.True((network.Convolution.weight_v.flatten(1).norm(1) - tensor(1f)).abs().max().item<float>() > 0.1);

        using var projection = new Projection(network, every: 1);

        Seeded.AssertClose(ones(4), network.Convolution.weight_v.flatten(1).norm(1), 1e-6);
        Seeded.AssertClose(g, network.Convolution.weight_g!, 0);
        Seeded.AssertClose(expected, network.forward(x), 1e-5);
        using var noGrad = no_grad();
        Seeded.AssertClose(expected, network.forward(x), 1e-5);   // the folded copy is new
    }

    [Fact]
    public void Constructor_Never_ChangesNothing()
    {
        using var scope = NewDisposeScope();
        using var network = Seeded.Network(1);
        using var parameters = new FlatParameters(network);
        var before = parameters.Values.clone();
        using var projection = new Projection(network, every: 0);
        projection.After(1);

        Seeded.AssertClose(before, parameters.Values, 0);
        Assert.Throws<ArgumentOutOfRangeException>(() => new Projection(network, -1));
    }

    // A plain gradient step of α turns a row by atan(α |∇| / ||v||): with unit rows the learning rate is all there is.
    [Fact]
    public void After_EveryStep_TurnsRowsByTheLearningRateAlone()
    {
        const double LearningRate = 0.1;
        using var scope = NewDisposeScope();
        using var layer = new WeightNormLinear(8, 4, Gain.Linear, Seeded.Init(1, ScalarType.Float64));
        Seeded.Disturb(layer, 2);
        using var projection = new Projection(layer, every: 1);
        for (var step = 1UL; step <= 20; step++)
        {
            using var noGrad = no_grad();
            var before = layer.weight_v.detach().clone();
            using (enable_grad())
            {
                layer.weight_v.grad = null;
                layer.forward(Seeded.Normal(step, ScalarType.Float64, 6, 8)).square().mean().backward();
            }

            var gradient = layer.weight_v.grad!;
            layer.weight_v.sub_(gradient * tensor(LearningRate));
            projection.After((long)step);

            Seeded.AssertClose(ones(4, ScalarType.Float64), layer.weight_v.norm(1), 1e-12);
            var tangent = (gradient.norm(1) * tensor(LearningRate)).data<double>().ToArray();
            var cosine = (before * layer.weight_v).sum(1).data<double>().ToArray();
            Assert.All(tangent.Zip(cosine), pair => Assert.Equal(Math.Atan(pair.First), Math.Acos(Math.Min(pair.Second, 1)), 1e-6));
        }
    }

    [Fact]
    public void After_EveryThird_ProjectsAfterStepsThreeAndSix()
    {
        using var scope = NewDisposeScope();
        using var layer = new WeightNormLinear(8, 4, Gain.Linear, Seeded.Init(1));
        using var projection = new Projection(layer, every: 3);
        using var noGrad = no_grad();
        for (var step = 1; step <= 7; step++)
        {
            layer.weight_v.mul_(tensor(2f));
            projection.After(step);
            var power = step % 3;   // doublings since the last projection
            Seeded.AssertClose(full(4, Math.Pow(2, power)), layer.weight_v.norm(1), 1e-5);
        }
    }

    private sealed class PlainCnnLike : nn.Module<Tensor, Tensor>
    {
        public PlainCnnLike() : base(nameof(PlainCnnLike)) => register_module("convolution", Convolution);

        public WeightNormConv2d Convolution { get; } = new(3, 4, 3, Gain.BeforeRelu, Seeded.Init(1));

        public override Tensor forward(Tensor input) => Convolution.call(input);

        protected override void RegisterComponents() { }
    }
}
