using RlWn.Inference;
using Xunit;

namespace RlWn.Networks.Tests;

public sealed class PyTorchPolicyTests
{
    private static readonly NetworkOptions NoHidden = new() { Hidden = [] };

    // Row (3, 4) of length 10 is (6, 8). (1 - 0) / √4 = 0.5 and (3 - 1) / √1 = 2: 3 + 16 + 1 = 20, clipped to the bound 15.
    [Fact]
    public void Make_WeightNormAndNormalizedObservationsInOtherTypes_GivesThePolicy()
    {
        using var like = Like();
        using var policy = PyTorchPolicy.Make(
            [
                TensorData.Of("pi.weight_g", [1, 1], [10.0]), TensorData.Of("pi.weight_v", [1, 2], [3f, 4]), TensorData.Of("pi.bias", [1], [1f]),
                TensorData.Of("actor.log_std", [1], [-0.5]), TensorData.Of("actor.obs_mean", [2], [0f, 1]), TensorData.Of("actor.obs_var", [2], [4.0, 1]),
                TensorData.Of("critic.0.weight", [1, 2], [7f, 7]),
            ],
            like, NoHidden, new Dictionary<string, string> { ["pi"] = "actor.0" });

        var action = new float[1];
        policy.Act([1f, 3], action);
        Assert.Equal(15, action[0]);
        policy.Act([-1f, 1], action);   // -0.5 and 0: -3 + 1
        Assert.Equal(-2, action[0], 1e-5);
        Assert.Equal(like.Metadata, policy.Metadata);
    }

    [Fact]
    public void Make_WhatIsMissing_IsNamedWithTheRest()
    {
        using var like = Like();
        var misfit = Assert.Throws<ArgumentException>(() => PyTorchPolicy.Make([TensorData.Of("actor.0.weight", [1, 3], [0f, 0, 0]), TensorData.Of("actor.0.bias", [1], [0f])], like, NoHidden));
        Assert.Contains("Expected the tensors of Policy, got 4 that do not fit", misfit.Message, StringComparison.Ordinal);
        foreach (var problem in (string[])["actor.0.weight of [1, 3], where [1, 2] is wanted", "missing actor.log_std [1]", "missing actor.obs_mean [2]", "missing actor.obs_var [2]"])
            Assert.Contains(problem, misfit.Message, StringComparison.Ordinal);
    }

    private static Policy Like()
    {
        var metadata = Policy.BoxMetadata([2], [-15f], [15f]);
        Policy.AddObservationScale(metadata, clip: 10);
        return Policy.FromTensors(
            [
                TensorData.Of("actor.0.weight", [1, 2], [0f, 0]), TensorData.Of("actor.0.bias", [1], [0f]), TensorData.Of("actor.log_std", [1], [0f]),
                TensorData.Of("actor.obs_mean", [2], [0.0, 0]), TensorData.Of("actor.obs_var", [2], [1.0, 1]),
            ],
            metadata);
    }
}
