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
}
