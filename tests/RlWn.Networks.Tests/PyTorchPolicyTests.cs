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

    // What is a critic's is so by its name here: that of the file may be the wanted one's. The greater of (1, 2) + (3, 0) is the first.
    [Fact]
    public void Make_ActorThatTheFileCallsCritic_IsRenamedBeforeCriticsAreLeftOut()
    {
        using var like = Policy.FromTensors([TensorData.Of("actor.0.weight", [2, 1], [0f, 0]), TensorData.Of("actor.0.bias", [2], [0f, 0])], Policy.DiscreteMetadata([1]));
        using var policy = PyTorchPolicy.Make(
            [
                TensorData.Of("critic.0.weight", [2, 1], [1f, 2]), TensorData.Of("critic.0.bias", [2], [3f, 0]),
                TensorData.Of("pi.0.weight", [2, 1], [1f, 2]), TensorData.Of("pi.0.bias", [2], [0f, 3]),
            ],
            like, NoHidden, new Dictionary<string, string> { ["critic"] = "actor", ["pi"] = "critic" });

        Assert.Equal(0, policy.Act([1f]));
    }

    // torch.nn.LSTM(1, 1), whose gates are i, f, g, o one below the other.
    [Fact]
    public void Make_MemoryByPyTorchsNames_RemembersByTheFormula()
    {
        float[] ofInput = [0.5f, -1, 2, 1.5f], ofHidden = [1, 0.25f, -0.5f, 2], biasOfInput = [0.1f, 1, -0.2f, 0], biasOfHidden = [0.2f, 0, 0.3f, -1];
        var metadata = Policy.DiscreteMetadata([1]);
        Policy.AddLstm(metadata, 1);
        using var like = Policy.FromTensors(
            [
                TensorData.Of("actor.lstm.ih.weight", [4, 1], new float[4]), TensorData.Of("actor.lstm.ih.bias", [4], new float[4]),
                TensorData.Of("actor.lstm.hh.weight", [4, 1], new float[4]), TensorData.Of("actor.lstm.hh.bias", [4], new float[4]),
                TensorData.Of("actor.head.0.weight", [2, 1], [0f, 0]), TensorData.Of("actor.head.0.bias", [2], [0f, 0]),
            ],
            metadata);
        using var policy = PyTorchPolicy.Make(
            [
                TensorData.Of("lstm.weight_ih_l0", [4, 1], ofInput), TensorData.Of("lstm.weight_hh_l0", [4, 1], ofHidden),
                TensorData.Of("lstm.bias_ih_l0", [4], biasOfInput), TensorData.Of("lstm.bias_hh_l0", [4], biasOfHidden),
                TensorData.Of("out.weight", [2, 1], [1f, -1]), TensorData.Of("out.bias", [2], [0f, 0]),
            ],
            like, NoHidden with { Lstm = 1 }, new Dictionary<string, string>
            {
                ["lstm.weight_ih_l0"] = "actor.lstm.ih.weight", ["lstm.weight_hh_l0"] = "actor.lstm.hh.weight",
                ["lstm.bias_ih_l0"] = "actor.lstm.ih.bias", ["lstm.bias_hh_l0"] = "actor.lstm.hh.bias", ["out"] = "actor.head.0",
            });

        var (state, h, c) = (policy.NewState(), 0.0, 0.0);
        foreach (var x in (float[])[1, -2, 0.5f])
        {
            double[] gates = [.. Enumerable.Range(0, 4).Select(k => (ofInput[k] * x) + biasOfInput[k] + (ofHidden[k] * h) + biasOfHidden[k])];
            c = (Sigmoid(gates[1]) * c) + (Sigmoid(gates[0]) * Math.Tanh(gates[2]));
            h = Sigmoid(gates[3]) * Math.Tanh(c);
            Assert.Equal(h > 0 ? 0 : 1, policy.Act([x], state));
            Assert.Equal(h, state.Hidden[0], 1e-6);
            Assert.Equal(c, state.Cell[0], 1e-6);
        }

        static double Sigmoid(double a) => 1 / (1 + Math.Exp(-a));
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
