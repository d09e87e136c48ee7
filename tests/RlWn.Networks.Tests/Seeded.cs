using RlWn.Init;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace RlWn.Networks.Tests;

/// <summary>What the tests share: first values from a seed, and how far two tensors are apart.</summary>
internal static class Seeded
{
    public static Initializer Init(ulong seed, ScalarType dtype = ScalarType.Float32) => new(new Generator(seed), Dtype: dtype);

    public static Tensor Normal(ulong seed, ScalarType dtype, params long[] shape)
    {
        using var generator = new Generator(seed);
        return randn(shape, dtype, generator: generator);
    }

    public static Tensor Normal(ulong seed, params long[] shape) => Normal(seed, ScalarType.Float32, shape);

    public static ActorCritic Network(ulong seed, int observationSize = 5, int policyOutputs = 3, bool continuous = false, params int[] hidden) =>
        new(observationSize, policyOutputs, continuous, new() { Hidden = hidden.Length == 0 ? [16, 16] : hidden }, Init(seed));

    /// <summary>Moves every parameter off its first value, so that biases are not zero nor rows of one length.</summary>
    public static void Disturb(nn.Module network, ulong seed)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator(seed);
        foreach (var parameter in network.parameters())
            parameter.add_(randn(parameter.shape, parameter.dtype, generator: generator) * tensor(0.1, parameter.dtype));
    }

    public static void AssertClose(Tensor expected, Tensor actual, double tolerance)
    {
        using var scope = NewDisposeScope();
        Assert.Equal(expected.shape, actual.shape);
        var distance = (expected.detach().to(ScalarType.Float64) - actual.detach().to(ScalarType.Float64)).abs().max().item<double>();
        Assert.True(distance <= tolerance, $"Expected tensors within {tolerance}, got a distance of {distance}.");
    }

    /// <summary>Tensors that this thread made and did not dispose. What the collector frees still counts: nothing is to be left to it.</summary>
    /// <remarks>Not <c>Tensor.TotalCount</c>, which counts a Parameter twice and never takes the second back.</remarks>
    public static long LiveTensors() => DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
}
