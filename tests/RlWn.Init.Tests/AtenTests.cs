using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace RlWn.Init.Tests;

public class AtenTests
{
    [Fact]
    public void WeightNorm_ThreeFourRow_ScalesToTheLengthInG()   // ||(3, 4)|| = 5, g = 10 → (6, 8)
    {
        using var scope = NewDisposeScope();
        var w = Aten.WeightNorm(tensor([3f, 4f], [1, 2]), tensor([10f], [1, 1]));

        Assert.Equal([6f, 8f], w.data<float>().ToArray());
    }

    [Theory]
    [InlineData(3, 5)]
    [InlineData(7, 2)]
    public void WeightNorm_Gradients_MatchClosedForm(long rows, long columns)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var v = randn([rows, columns], ScalarType.Float64, generator: generator).requires_grad_();
        var g = randn([rows, 1], ScalarType.Float64, generator: generator).requires_grad_();
        var dw = randn([rows, columns], ScalarType.Float64, generator: generator);

        Aten.WeightNorm(v, g).backward([dw]);

        var norm = v.detach().norm(1, keepdim: true);
        var unit = v.detach() / norm;
        var along = (dw * unit).sum(1, keepdim: true);
        Assert.True(g.grad!.allclose(along, 1e-12, 1e-12));                                            // dg = <dW, v/||v||>
        Assert.True(v.grad!.allclose(g.detach() / norm * (dw - (along * unit)), 1e-12, 1e-12));        // dv = g/||v|| (dW - <dW, v^> v^)
    }

    [Fact]
    public void WeightNorm_GOfAnotherLength_IsRefusedBeforeTheKernel()
    {
        using var scope = NewDisposeScope();
        var error = Assert.Throws<ArgumentException>(() => Aten.WeightNorm(ones(3, 5), ones(2, 1)));

        Assert.Contains("[out, 1, …]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Version_ChangeInPlaceThroughAView_IsSeenByTheBase()
    {
        using var scope = NewDisposeScope();
        var tensor = zeros(4);
        var before = Aten.Version(tensor);
        tensor[1] = torch.tensor(2f);

        Assert.True(Aten.Version(tensor) > before);
    }

    [Fact]
    public void FusedAdam_TwoSteps_MatchesHandCalculation()
    {
        // Constant gradient 1: m^ = v^ = 1 after every step, so each step moves by α / (1 + ε).
        using var scope = NewDisposeScope();
        var parameters = zeros(2, ScalarType.Float64);
        var (m, v) = (zeros(2, ScalarType.Float64), zeros(2, ScalarType.Float64));
        for (var step = 1; step <= 2; step++)
            Aten.FusedAdam(parameters, ones(2, ScalarType.Float64), m, v, tensor((float)step), 0.1, 0.9, 0.999, 0, 0.25);

        Assert.Equal([-0.16, -0.16], parameters.data<double>().ToArray().Select(value => Math.Round(value, 12)));
    }

    [Fact]
    public void FusedAdam_BumpsTheVersionOfItsParameters()
    {
        using var scope = NewDisposeScope();
        var parameters = zeros(2);
        var before = Aten.Version(parameters);
        Aten.FusedAdam(parameters, ones(2), zeros(2), zeros(2), tensor(1f), 0.1, 0.9, 0.999, 0, 1e-8);

        Assert.True(Aten.Version(parameters) > before);
    }

    [Fact]
    public void SetData_ParameterOnASlice_SharesStorageAndStaysALeaf()
    {
        using var scope = NewDisposeScope();
        var flat = zeros(6);
        var parameter = nn.Parameter(ones(2, 3));
        Aten.SetData(parameter, flat.view(2, 3));
        flat.fill_(7);

        Assert.True(parameter.is_leaf);
        Assert.Equal(7f, parameter[1, 2].item<float>());
        (parameter * parameter).sum().backward();
        Assert.Equal(14f, parameter.grad![0, 0].item<float>());
    }

    [Fact]
    public void WeightNorm_ConvolutionGradients_MatchClosedForm()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var v = randn([4, 3, 2, 2], ScalarType.Float64, generator: generator).requires_grad_();
        var g = randn([4, 1, 1, 1], ScalarType.Float64, generator: generator).requires_grad_();
        var dw = randn([4, 3, 2, 2], ScalarType.Float64, generator: generator);

        var w = Aten.WeightNorm(v, g);
        w.backward([dw]);

        var norm = v.detach().square().sum([1L, 2, 3], keepdim: true).sqrt();
        var unit = v.detach() / norm;
        var along = (dw * unit).sum([1L, 2, 3], keepdim: true);
        Assert.True(w.detach().allclose(g.detach() * unit, 1e-12, 1e-12));
        Assert.True(g.grad!.allclose(along, 1e-12, 1e-12));
        Assert.True(v.grad!.allclose(g.detach() / norm * (dw - (along * unit)), 1e-12, 1e-12));
    }

    [Theory]
    [InlineData(new long[] { 5, 7 }, new long[] { 5, 1 })]
    [InlineData(new long[] { 4, 3, 2, 2 }, new long[] { 4, 1, 1, 1 })]
    public void WeightNormElementary_ValueAndGradients_AreTheFusedKernels(long[] shape, long[] rows)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var v = randn(shape, ScalarType.Float64, generator: generator).requires_grad_();
        var g = randn(rows, ScalarType.Float64, generator: generator).requires_grad_();
        var dw = randn(shape, ScalarType.Float64, generator: generator);
        var (fused, elementary) = (Aten.WeightNorm(v, g), Aten.WeightNormElementary(v, g));

        Assert.True(elementary.detach().allclose(fused.detach(), 1e-13, 1e-13));
        foreach (var (left, right) in autograd.grad([elementary], [v, g], [dw]).Zip(autograd.grad([fused], [v, g], [dw])))
            Assert.True(left.allclose(right, 1e-12, 1e-12));
    }

    [Fact]
    public void WeightNormElementary_HessianVectorProduct_MatchesFiniteDifferences()
    {
        // L = Σ c sin(w); H p against (∇L(x + hp) - ∇L(x - hp)) / 2h, whose own error is of order h² = 1e-10.
        const double H = 1e-5;
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var v = randn([3, 4], ScalarType.Float64, generator: generator);
        var g = randn([3, 1], ScalarType.Float64, generator: generator);
        var (alongV, alongG) = (randn([3, 4], ScalarType.Float64, generator: generator), randn([3, 1], ScalarType.Float64, generator: generator));
        var c = randn([3, 4], ScalarType.Float64, generator: generator);

        var (atV, atG) = (v.clone().requires_grad_(), g.clone().requires_grad_());
        var gradients = Gradients(atV, atG, createGraph: true);
        var product = autograd.grad([(gradients[0] * alongV).sum() + (gradients[1] * alongG).sum()], [atV, atG]);

        var ahead = Gradients((v + (H * alongV)).requires_grad_(), (g + (H * alongG)).requires_grad_());
        var behind = Gradients((v - (H * alongV)).requires_grad_(), (g - (H * alongG)).requires_grad_());
        for (var i = 0; i < 2; i++)
            Assert.True(product[i].allclose((ahead[i] - behind[i]) / (2 * H), 1e-7, 1e-8));

        Tensor[] Gradients(Tensor v, Tensor g, bool createGraph = false) =>
            [.. autograd.grad([(c * Aten.WeightNormElementary(v, g).sin()).sum()], [v, g], retain_graph: createGraph, create_graph: createGraph)];
    }

    [Fact]
    public void WeightNorm_WithinAScope_LeavesNothingBehind()
    {
        using var v = ones(3, 5);
        using var g = ones(3, 1);
        var before = LiveTensors();
        for (var i = 0; i < 10; i++)
        {
            using var fused = Aten.WeightNorm(v, g);
            using var elementary = Aten.WeightNormElementary(v, g);
        }

        Assert.Equal(before, LiveTensors());
    }

    [Fact]
    public void FusedAdam_ManySteps_LeaveNothingBehind()
    {
        using var scope = NewDisposeScope();
        Tensor parameters = zeros(2, 3), gradients = ones(2, 3), firstMoment = zeros(2, 3), secondMoment = zeros(2, 3), steps = tensor(1f);
        Step(100_000);   // the managed heap grows to its working size
        var (tensors, memory) = (LiveTensors(), ResidentBytes());
        Step(100_000);

        Assert.Equal(tensors, LiveTensors());
        Assert.InRange(ResidentBytes() - memory, long.MinValue, 10 << 20);   // its six lists and six handles, left behind, would be over 30 MB

        void Step(int count)
        {
            for (var i = 0; i < count; i++)
                Aten.FusedAdam(parameters, gradients, firstMoment, secondMoment, steps, 0.1, 0.9, 0.999, 0, 1e-8);
        }
    }

    [Fact]
    public void WeightNorm_LargeTensorsThrownAway_FreesTheirMemory()
    {
        Use();
        var memory = ResidentBytes();
        for (var i = 0; i < 200; i++)
            Use();

        // 200 times the 8 MB of w, or of v, if a handle kept them; other tests of this process allocate meanwhile.
        Assert.InRange(ResidentBytes() - memory, long.MinValue, 400 << 20);

        static void Use()
        {
            using var v = ones(1000, 2000);
            using var g = ones(1000, 1);
            using var w = Aten.WeightNorm(v, g);
        }
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(0.1, false)]     // L2 penalty: θ's share goes through the moments
    [InlineData(0.1, true)]      // AdamW: it does not
    public void FusedAdam_TwentyRandomSteps_MatchesThePaper(double weightDecay, bool decoupled)
    {
        const int Size = 37;
        const double Beta1 = 0.8, Beta2 = 0.95, Epsilon = 1e-3;
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var parameters = randn([Size], ScalarType.Float64, generator: generator);
        var (firstMoment, secondMoment) = (zeros(Size, ScalarType.Float64), zeros(Size, ScalarType.Float64));
        var theta = parameters.data<double>().ToArray();
        var (m, v) = (new double[Size], new double[Size]);

        for (var step = 1; step <= 20; step++)
        {
            var gradients = randn([Size], ScalarType.Float64, generator: generator);
            var learningRate = 0.1 / step;
            Aten.FusedAdam(
                parameters, gradients, firstMoment, secondMoment, tensor((float)step),
                learningRate, Beta1, Beta2, weightDecay, Epsilon, decoupled);

            for (var i = 0; i < Size; i++)
            {
                var gradient = gradients[i].item<double>() + (decoupled ? 0 : weightDecay * theta[i]);
                theta[i] -= decoupled ? learningRate * weightDecay * theta[i] : 0;
                m[i] = (Beta1 * m[i]) + ((1 - Beta1) * gradient);
                v[i] = (Beta2 * v[i]) + ((1 - Beta2) * gradient * gradient);
                theta[i] -= learningRate * (m[i] / (1 - Math.Pow(Beta1, step))) / (Math.Sqrt(v[i] / (1 - Math.Pow(Beta2, step))) + Epsilon);
            }
        }

        Assert.All(theta.Zip(parameters.data<double>().ToArray()), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
    }

    [Fact]
    public void FusedAdam_TensorsThatDoNotFit_AreRefusedBeforeTheKernel()
    {
        using var scope = NewDisposeScope();
        var strided = zeros(2, 4).narrow(1, 0, 2);

        Assert.Throws<ArgumentException>(() => Step(zeros(4), zeros(3), tensor(1f)));
        Assert.Throws<ArgumentException>(() => Step(zeros(4), zeros(4, ScalarType.Float64), tensor(1f)));
        Assert.Throws<ArgumentException>(() => Step(strided, zeros(2, 2), tensor(1f)));
        Assert.Throws<ArgumentException>(() => Step(zeros(2, 2), zeros(2, 2), tensor(1.0)));
        Assert.Throws<ArgumentException>(() => Step(zeros(2, 2), zeros(2, 2), zeros(0)));

        static void Step(Tensor parameters, Tensor gradients, Tensor steps) =>
            Aten.FusedAdam(parameters, gradients, zeros_like(parameters), zeros_like(parameters), steps, 0.1, 0.9, 0.999, 0, 1e-8);
    }

    [Fact]
    public void FusedAdam_OnAView_BumpsTheVersionOfItsBase()
    {
        using var scope = NewDisposeScope();
        var flat = zeros(6);
        var before = Aten.Version(flat);
        Aten.FusedAdam(flat.narrow(0, 2, 3), ones(3), zeros(3), zeros(3), tensor(1f), 0.1, 0.9, 0.999, 0, 1e-8);

        Assert.True(Aten.Version(flat) > before);
    }

    [Fact]
    public void Version_ReadingOnly_StaysTheSame()
    {
        using var scope = NewDisposeScope();
        var tensor = ones(4);
        var before = Aten.Version(tensor);
        _ = (tensor + tensor).sum().item<float>();

        Assert.Equal(before, Aten.Version(tensor));
    }

    [Fact]
    public void SetData_StorageOfAnotherShape_IsRefused()
    {
        using var scope = NewDisposeScope();

        Assert.Throws<ArgumentException>(() => Aten.SetData(ones(2, 3), ones(3, 2)));
        Assert.Throws<ArgumentException>(() => Aten.SetData(ones(2), ones(2, ScalarType.Float64)));
    }

    [Fact]
    public void Memory_WrittenTo_IsTheTensorItself()
    {
        using var scope = NewDisposeScope();
        var tensor = zeros(2, 2);
        Aten.Memory<float>(tensor)[3] = 5;

        Assert.Equal(5f, tensor[1, 1].item<float>());
    }

    [Fact]
    public void Memory_OtherSizeOrStrides_IsRefused()
    {
        using var scope = NewDisposeScope();

        Assert.Throws<ArgumentException>(() => Aten.Memory<double>(zeros(2, 2)).Length);
        Assert.Throws<ArgumentException>(() => Aten.Memory<float>(zeros(2, 3).t()).Length);
    }

    // Tensors that this thread made and did not dispose; what the collector frees still counts.
    private static long LiveTensors() => DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;

    private static long ResidentBytes()
    {
        using var process = System.Diagnostics.Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
