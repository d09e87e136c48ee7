using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Double;
using RlWn.Init;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace RlWn.Networks.Tests;

public class CurvatureTests
{
    [Fact]
    public void SpectralNorm_Quadratic_IsItsLargestEigenvalueBySize()   // L = 3/2 a² - 5/2 b² + 1/2 c²: H = diag(3, -5, 1)
    {
        using var scope = NewDisposeScope();
        using var network = new Point(1, 2, 3);
        var coefficients = tensor([1.5, -2.5, 0.5]);

        var result = Measure(network, () => (network.Values.square() * coefficients).sum(), tolerance: 1e-10);

        Assert.Equal(5, result.Value, 1e-6);
        Assert.Equal(-5, result.Eigenvalue, 1e-6);
        Assert.True(result.HasConverged);
        Assert.InRange(result.Residual, 0, 1e-3);
    }

    [Fact]
    public void SpectralNorm_OppositeEigenvalues_ConvergesAllTheSame()   // L = 2a² - 2b²: v turns for ever between a + b and a - b
    {
        using var scope = NewDisposeScope();
        using var network = new Point(1, 2);
        var coefficients = tensor([2.0, -2.0]);

        var result = Measure(network, () => (network.Values.square() * coefficients).sum());

        Assert.Equal(4, result.Value, 1e-9);
        Assert.True(result.HasConverged);
        Assert.InRange(result.Residual, 0, 1e-9);
    }

    [Fact]
    public void SpectralNorm_TooFewIterations_SaysThatItHasNotConverged()
    {
        using var scope = NewDisposeScope();
        using var network = new Point(1, 2, 3);
        var coefficients = tensor([1.5, -2.5, 0.5]);

        var result = Curvature.SpectralNorm(network, [() => (network.Values.square() * coefficients).sum()], Generator(), maxIterations: 2, tolerance: 1e-10);

        Assert.False(result.HasConverged);
        Assert.Equal(2, result.Iterations);
        Assert.InRange(result.Value, 1, 5);   // never above
    }

    [Fact]
    public void SpectralNorm_LinearLoss_IsZero()
    {
        using var scope = NewDisposeScope();
        using var network = new Point(1, 2, 3);

        Assert.Equal(0, Measure(network, () => network.Values.sum()).Value);
    }

    [Fact]
    public void SpectralNorm_WeightNormMlp_MatchesTheFullHessianByFiniteDifferences()
    {
        using var scope = NewDisposeScope();
        var (network, loss) = Classifier();
        using var owned = network;
        var hessian = HessianByDifferences(network, loss);
        var eigenvalues = hessian.Evd(Symmetricity.Symmetric).EigenValues.Select(value => value.Real).ToArray();
        var largest = eigenvalues.MaxBy(Math.Abs);

        var result = Measure(network, loss, tolerance: 1e-9);

        Assert.Equal(Math.Abs(largest), result.Value, 1e-4 * Math.Abs(largest));
        Assert.Equal(largest, result.Eigenvalue, 1e-3 * Math.Abs(largest));
    }

    [Fact]
    public void Product_EveryColumn_MatchesFiniteDifferencesAndIsSymmetric()
    {
        using var scope = NewDisposeScope();
        var (network, loss) = Classifier();
        using var owned = network;
        var expected = HessianByDifferences(network, loss);
        var size = expected.RowCount;

        var exact = new DenseMatrix(size, size);
        for (var column = 0; column < size; column++)
            exact.SetColumn(column, Curvature.Product(network, [loss], eye(size, dtype: ScalarType.Float64)[column]).data<double>().ToArray());

        Assert.InRange((exact - exact.Transpose()).InfinityNorm(), 0, 1e-12);
        Assert.InRange((exact - expected).InfinityNorm() / expected.InfinityNorm(), 0, 1e-6);
    }

    [Fact]
    public void Product_WideResNet_MatchesFiniteDifferenceOfGradients()
    {
        using var scope = NewDisposeScope();
        using var network = WideResNet.OfDepth(10, 1, 3, 4, Scheme.Proposed, Seeded.Init(1, ScalarType.Float64), reducedMemory: true);
        Seeded.Disturb(network, 2);
        var (images, labels) = (Seeded.Normal(3, ScalarType.Float64, 4, 3, 8, 8), tensor([0L, 1, 2, 3]));
        var direction = Seeded.Normal(4, ScalarType.Float64, network.parameters().Sum(parameter => parameter.NumberOfElements));
        direction = direction / direction.norm();

        var exact = Curvature.Product(network, [Loss], direction);
        var difference = Difference(network, Loss, direction, step: 1e-6);

        Assert.InRange((exact - difference).norm().item<double>() / exact.norm().item<double>(), 0, 1e-5);

        Tensor Loss() => nn.functional.cross_entropy(network.call(images), labels);
    }

    [Fact]
    public void Product_LossInParts_IsThatOfTheWhole()
    {
        using var scope = NewDisposeScope();
        using var network = new Mlp(5, [6], 3, OutputLayer.PyTorchDefault, 1, Seeded.Init(1, ScalarType.Float64));
        var (x, labels) = (Seeded.Normal(3, ScalarType.Float64, 8, 5), tensor([0L, 1, 2, 0, 1, 2, 0, 1]));
        var direction = Seeded.Normal(4, ScalarType.Float64, network.parameters().Sum(parameter => parameter.NumberOfElements));

        var whole = Curvature.Product(network, [() => Loss(0, 8)], direction);
        var parts = Curvature.Product(network, [() => Loss(0, 3), () => Loss(3, 5)], direction);

        Seeded.AssertClose(whole, parts, 1e-12);

        Tensor Loss(long from, long count) =>
            nn.functional.cross_entropy(network.call(x.narrow(0, from, count)), labels.narrow(0, from, count), reduction: nn.Reduction.Sum);
    }

    [Fact]
    public void SpectralNorm_LeavesNetworkGradientsAndMemoryAsTheyWere()
    {
        using var scope = NewDisposeScope();
        var (network, loss) = Classifier();
        using var owned = network;
        loss().backward();
        var before = network.parameters().Select(parameter => (Value: parameter.clone(), Gradient: parameter.grad!.clone())).ToArray();
        Measure(network, loss);
        var live = Seeded.LiveTensors();

        Measure(network, loss);

        Assert.InRange(Seeded.LiveTensors(), 0, live);
        foreach (var (parameter, (value, gradient)) in network.parameters().Zip(before))
        {
            Seeded.AssertClose(value, parameter, 0);
            Seeded.AssertClose(gradient, parameter.grad!, 0);
        }

        Assert.All(PlacedLayer.In(network).Select(layer => layer.Layer).OfType<WeightNormLayer>(), layer => Assert.False(layer.IsTwiceDifferentiable));
    }

    [Fact]
    public void SpectralNorm_UnusableLoss_IsRefusedBeforeNativeCode()
    {
        using var scope = NewDisposeScope();
        using var network = new Point(1, 2, 3);

        Assert.Throws<ArgumentException>(() => Measure(network, () => network.Values * network.Values));
        Assert.Throws<ArgumentException>(() => Measure(network, () => tensor(1.0)));
        Assert.Throws<ArgumentException>(() => Curvature.SpectralNorm(network, [], Generator()));
        Assert.Throws<ArgumentException>(() => Curvature.Product(network, [() => network.Values.square().sum()], ones(4, ScalarType.Float64)));
        Assert.Throws<ArithmeticException>(() => Measure(network, () => (network.Values.square() * tensor(double.MaxValue)).square().sum()));
    }

    private static SpectralNorm Measure(nn.Module network, Func<Tensor> loss, double tolerance = 1e-3) =>
        Curvature.SpectralNorm(network, [loss], Generator(), maxIterations: 2000, tolerance);

    private static Generator Generator() => new(5);

    // Two weight-normalized layers and a plain output, away from their first values: 4·5 + 10 + 5·5 + 10 + 5·3 + 3 = 83 numbers.
    private static (nn.Module<Tensor, Tensor> Network, Func<Tensor> Loss) Classifier()
    {
        var network = new Mlp(4, [5, 5], 3, OutputLayer.PyTorchDefault, 1, Seeded.Init(1, ScalarType.Float64));
        Seeded.Disturb(network, 2);
        var (x, labels) = (Seeded.Normal(3, ScalarType.Float64, 12, 4), tensor([0L, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]));
        return (network, () => nn.functional.cross_entropy(network.call(x), labels));
    }

    private static DenseMatrix HessianByDifferences(nn.Module network, Func<Tensor> loss)
    {
        var size = (int)network.parameters().Sum(parameter => parameter.NumberOfElements);
        var hessian = new DenseMatrix(size, size);
        for (var column = 0; column < size; column++)
        {
            using var scope = NewDisposeScope();
            hessian.SetColumn(column, Difference(network, loss, eye(size, dtype: ScalarType.Float64)[column], step: 1e-5).data<double>().ToArray());
        }

        return hessian;
    }

    // (∇L(θ + ε v) - ∇L(θ - ε v)) / 2ε, by first derivatives alone: those of the fused kernel.
    private static Tensor Difference(nn.Module network, Func<Tensor> loss, Tensor direction, double step)
    {
        var ahead = GradientAt(step);
        var behind = GradientAt(-step);
        return (ahead - behind) / tensor(2 * step);

        Tensor GradientAt(double distance)
        {
            Move(distance);
            network.zero_grad();
            loss().backward();
            var gradient = cat([.. network.parameters().Select(parameter => parameter.grad!.reshape(-1))]);
            Move(-distance);
            return gradient;
        }

        void Move(double distance)
        {
            using var noGrad = no_grad();
            var start = 0L;
            foreach (var parameter in network.parameters())
            {
                parameter.add_(direction.narrow(0, start, parameter.NumberOfElements).view(parameter.shape) * tensor(distance));
                start += parameter.NumberOfElements;
            }
        }
    }

    // The simplest network there is: its parameters.
    private sealed class Point : nn.Module<Tensor, Tensor>
    {
        public Point(params double[] values) : base(nameof(Point))
        {
            Values = new Parameter(tensor(values)).DetachFromDisposeScope() as Parameter ?? throw new InvalidOperationException();
            register_parameter("values", Values);
        }

        public Parameter Values { get; }

        public override Tensor forward(Tensor input) => Values;

        protected override void RegisterComponents() { }
    }
}
