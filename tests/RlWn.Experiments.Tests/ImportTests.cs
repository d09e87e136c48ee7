using RlWn.Experiments.Runs;
using RlWn.Inference;

namespace RlWn.Experiments.Tests;

public sealed class ImportTests : IDisposable
{
    private static readonly Dictionary<string, string> NoMetadata = [];

    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    [Theory]
    [InlineData("cartpole-ppo")]
    [InlineData("cartpole-ppo --set network.shared=true --set network.normPartner=layerNorm")]
    [InlineData("pendulum-ppo --set normalize.observations=true --set network.actionBounds=tanh")]
    [InlineData("cartpole-no-vel-recurrent-ppo")]
    [InlineData("breakout-rainbow --set dqn.learningStarts=64")]
    public void Import_WhatExportWrote_ActsTheSame(string recipe)
    {
        var settings = recipe.Split(' ');
        Assert.Equal(0, Rlwn.Run(scratch.Path, ["train", .. settings, "--steps", "512", "--quiet", "--out", "run"]).ExitCode);
        Assert.Equal(0, Rlwn.Run(scratch.Path, "export", "run", "--out", "policy.safetensors").ExitCode);

        var (exitCode, output, error) = Rlwn.Run(scratch.Path, ["import", "policy.safetensors", "--recipe", .. settings]);

        Assert.Equal((0, ""), (exitCode, error));
        Assert.StartsWith("policy.imported.safetensors: ", output, StringComparison.Ordinal);
        Assert.Equal(Safetensors.Read(scratch["policy.safetensors"]).Tensors.Select(Content), Safetensors.Read(scratch["policy.imported.safetensors"]).Tensors.Select(Content));
        string[] evaluate = ["evaluate", "policy.safetensors", "--episodes", "5", "--seed", "3"];
        var expected = Rlwn.Run(scratch.Path, evaluate);
        evaluate[1] = "policy.imported.safetensors";
        Assert.Equal(expected, Rlwn.Run(scratch.Path, evaluate));
        Assert.Equal(0, Rlwn.Run(scratch.Path, "play", "policy.imported.safetensors", "--episodes", "1").ExitCode);
        Assert.Equal(0, Rlwn.Run(scratch.Path, "export", "policy.imported.safetensors", "--out", "policy.onnx").ExitCode);
    }

    // A plain network of [4] to [2] without hidden layers: the output for x is 2 x₀ - x₁ and x₂ + 0.5.
    [Fact]
    public void Import_OtherNamesAndACritic_AreRenamedAndLeftOut()
    {
        Safetensors.Write(scratch["model.safetensors"],
        [
            TensorData.Of("action_net.weight", [2, 4], [2f, -1, 0, 0, 0, 0, 1, 0]), TensorData.Of("action_net.bias", [2], [0f, 0.5f]),
            TensorData.Of("value_net.weight", [1, 4], [1f, 1, 1, 1]), TensorData.Of("critic.0.bias", [1], [0f]),
        ], NoMetadata);

        var (exitCode, _, error) = Rlwn.Run(
            scratch.Path, "import", "model.safetensors", "--recipe", "cartpole-a2c", "--set", "network.hidden=[]", "--rename", "action_net=actor.0", "--skip", "value_net", "-o", "mine.safetensors");

        Assert.Equal((0, ""), (exitCode, error));
        using var policy = Policy.Load(scratch["mine.safetensors"]);
        Assert.Equal(0, policy.Act([1f, 0, 0, 0]));
        Assert.Equal(1, policy.Act([0.2f, 0, 0, 0]));   // 0.4 against 0.5
        Assert.Equal(1, policy.Act([1f, 0.5f, 1.1f, 0]));   // 1.5 against 1.6
        Assert.Equal("CartPole-v1", policy.Metadata[TrainedRun.EnvKey]);
    }

    [Fact]
    public void Import_WhatDoesNotFit_IsAllNamedInOneLine()
    {
        Safetensors.Write(scratch["model.safetensors"],
            [TensorData.Of("net.weight", [2, 3], new float[6]), TensorData.Of("extra", [1], [0f])], NoMetadata);

        var error = Refuses(1, "rlwn: model.safetensors: Expected the tensors of Policy, got 3 that do not fit",
            "import", "model.safetensors", "--recipe", "cartpole-ppo", "--set", "network.hidden=[]", "--rename", "net=actor.0");

        Assert.Contains("net.weight of [2, 3], where [2, 4] is wanted", error, StringComparison.Ordinal);
        Assert.Contains("missing actor.0.bias [2]", error, StringComparison.Ordinal);
        Assert.Contains("superfluous extra [1]", error, StringComparison.Ordinal);
        Assert.Contains("--rename THERE=HERE", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "import none", "rlwn: Option '--recipe' is required. 'rlwn import --help' says what it takes.")]
    [InlineData(2, "import none --recipe cartpol-ppo", "rlwn: Expected a recipe or the path of a .json file, got 'cartpol-ppo'. Did you mean 'cartpole-ppo'?")]
    [InlineData(2, "import none --recipe cartpole-ppo --rename q", "rlwn: Expected --rename THERE=HERE, as q.0=actor.0, got 'q'.")]
    [InlineData(2, "import none --recipe cartpole-ppo --rename q=a --rename q=b", "rlwn: Expected --rename to say once what 'q' is here, got 'a' and 'b'.")]
    [InlineData(1, "import none --recipe cartpole-ppo", "rlwn: Expected a safetensors file in 'none', got: ")]
    public void Import_WhatCannotBe_IsOneLineAndLeavesNothing(int expected, string arguments, string message)
    {
        Refuses(expected, message, arguments.Split(' '));
        Assert.Empty(Directory.GetFileSystemEntries(scratch.Path));
    }

    [Fact]
    public void Import_UnknownSkipOrPlaceOrRecipeOfAnotherTask_IsOneLineAndLeavesNothing()
    {
        Safetensors.Write(scratch["model.safetensors"], [TensorData.Of("actor.0.weight", [2, 4], new float[8]), TensorData.Of("actor.0.bias", [2], [0f, 0])], NoMetadata);
        string[] arguments = ["import", "model.safetensors", "--set", "network.hidden=[]", "--recipe"];

        Refuses(2, "rlwn: Expected --skip to name a tensor, layer or branch of 'model.safetensors', got 'value'. Its tensors are: actor.0.weight, actor.0.bias.",
            [.. arguments, "cartpole-ppo", "--skip", "value"]);
        Refuses(1, "rlwn: model.safetensors: Expected the tensors of Policy, got 3 that do not fit", [.. arguments, "pendulum-ppo"]);   // 3 numbers to 1, and log_std
        Refuses(1, "rlwn: Expected to write 'none/policy.safetensors', got: ", [.. arguments, "cartpole-ppo", "--out", "none/policy.safetensors"]);
        Assert.Single(Directory.GetFileSystemEntries(scratch.Path));
    }

    private string Refuses(int exitCode, string message, params string[] arguments)
    {
        var result = Rlwn.Run(scratch.Path, arguments);
        Assert.Equal((exitCode, ""), (result.ExitCode, result.Output));
        var line = Assert.Single(result.Error.TrimEnd().Split('\n'));
        Assert.StartsWith(message, line, StringComparison.Ordinal);
        return line;
    }

    private static string Content(TensorData tensor) => $"{tensor.Name} {Convert.ToHexString(tensor.Bytes.Span)}";
}
