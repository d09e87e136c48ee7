using RlWn.Experiments.Runs;
using RlWn.Experiments.Supervised;
using RlWn.Inference;

namespace RlWn.Experiments.Tests;

public sealed class ExportTests : IDisposable
{
    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    [Fact]
    public void Export_RunOrPolicyFile_WritesThePolicyInEitherFormat()
    {
        Assert.Equal(0, Rlwn.Run(scratch.Path, "train", "--steps", "512", "--quiet", "--out", "run").ExitCode);
        var path = Path.Combine(scratch["run"], RunFolder.Policy);
        using var policy = Policy.Load(path);
        var expected = OnnxPolicy.ToBytes(policy);

        File.WriteAllText(scratch["policy.onnx"], "old");
        var (exitCode, output, error) = Rlwn.Run(scratch.Path, "export", "run", "--out", "policy.onnx");
        Assert.Equal((0, ""), (exitCode, error));
        Assert.Equal($"policy.onnx: {expected.Length:N0} bytes of ONNX", output.TrimEnd());
        Assert.Equal(expected, File.ReadAllBytes(scratch["policy.onnx"]));

        Assert.Equal(0, Rlwn.Run(scratch.Path, "export", path, "--format", "onnx", "--out", "again").ExitCode);
        Assert.Equal(expected, File.ReadAllBytes(scratch["again"]));
        Assert.Equal(0, Rlwn.Run(scratch.Path, "export", "run", "--out", "copy.safetensors").ExitCode);
        Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(scratch["copy.safetensors"]));
        Assert.Equal(4, Directory.GetFileSystemEntries(scratch.Path).Length);
    }

    [Fact]
    public void Export_SupervisedRun_WritesItsNetworkAndHowImagesAreSeen()
    {
        Assert.Equal(0, Rlwn.Run(
            scratch.Path, "supervised", "mnist-mlp", "--set", "data=toy", "--set", "depth=2", "--set", "width=8", "--set", "images=100", "--epochs", "1", "--quiet", "--out", "run").ExitCode);
        var (exitCode, output, error) = Rlwn.Run(scratch.Path, "export", "run", "--out", "network.onnx");
        Assert.Equal((0, ""), (exitCode, error));
        Assert.StartsWith("network.onnx: ", output, StringComparison.Ordinal);

        // The output layer is plain: its numbers stand in both files as they are. The images are 3 by 8 by 8.
        ReadOnlySpan<byte> file = File.ReadAllBytes(scratch["network.onnx"]);
        var bias = Safetensors.Read(Path.Combine(scratch["run"], SupervisedRun.Model)).Tensors.Single(tensor => tensor.Name == "2.bias");
        Assert.True(file.IndexOf(bias.Bytes.Span) > 0);
        Assert.True(file.IndexOf("[3, 8, 8]"u8) > 0);
        Assert.True(file.IndexOf("[0.4914, 0.4822, 0.4465]"u8) > 0);
    }

    [Theory]
    [InlineData(2, "export none", "rlwn: Option '--out' is required. 'rlwn export --help' says what it takes.")]
    [InlineData(2, "export none --out policy", "rlwn: Expected --out to name a file that ends in .onnx or .safetensors, got 'policy'. Or name the format with --format.")]
    [InlineData(2, "export none --out policy.onnx --format pt", "rlwn: Expected --format to be onnx or safetensors, got 'pt'.")]
    [InlineData(1, "export none --out policy.onnx", "rlwn: Expected a run folder or a policy file, found nothing at 'none'.")]
    [InlineData(1, "export . --out policy.onnx", "rlwn: Expected a trained policy in './policy.safetensors', got: ")]
    public void Export_WhatCannotBe_IsOneLineAndLeavesNothing(int expected, string arguments, string message)
    {
        var (exitCode, output, error) = Rlwn.Run(scratch.Path, arguments.Split(' '));
        Assert.Equal((expected, ""), (exitCode, output));
        Assert.StartsWith(message, Assert.Single(error.TrimEnd().Split('\n')), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(scratch.Path));
    }

    [Fact]
    public void Export_IntoAPlaceThatCannotBe_IsOneLineAndExitCode1()
    {
        using (var policy = Policy.FromTensors([TensorData.Of("actor.0.weight", [2, 1], [1f, 2]), TensorData.Of("actor.0.bias", [2], [0f, 0])], Policy.DiscreteMetadata([1])))
            policy.Save(scratch["policy.safetensors"]);
        var (exitCode, _, error) = Rlwn.Run(scratch.Path, "export", "policy.safetensors", "--out", "none/policy.onnx");
        Assert.Equal(1, exitCode);
        Assert.StartsWith("rlwn: Expected to write 'none/policy.onnx', got: ", Assert.Single(error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }
}
