using System.Diagnostics;
using RlWn.Inference;
using RlWn.Init;
using Xunit;
using static TorchSharp.torch;

namespace RlWn.Networks.Tests;

public sealed class PyTorchWeightsTests : IDisposable
{
    private static readonly Scheme Plain = Scheme.Parse("orthogonal-no-wn");

    private readonly string folder = Directory.CreateTempSubdirectory("rlwn-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    // Rows (3, 4) and (0, 2) have the lengths 5 and 2. On (1, 1): 3 + 4 + 0.5 = 7.5 and 2 - 0.25 = 1.75; the output layer adds them: 9.25 + 1.
    [Theory]
    [InlineData("weight_g", "weight_v")]
    [InlineData("parametrizations.weight.original0", "parametrizations.weight.original1")]
    public void Load_WeightNormByEitherName_ComputesTheSame(string g, string v)
    {
        using var network = Small(Scheme.Proposed);
        PyTorchWeights.Load(
            network,
            [
                TensorData.Of($"net.0.{g}", [2, 1], [5f, 2]), TensorData.Of($"net.0.{v}", [2, 2], [0.6f, 0.8f, 0, 7]), TensorData.Of("net.0.bias", [2], [0.5f, -0.25f]),
                TensorData.Of("net.2.weight", [1, 2], [1f, 1]), TensorData.Of("net.2.bias", [1], [1f]),
            ],
            new Dictionary<string, string> { ["net.0"] = "0", ["net.2"] = "1" });
        AssertGives(10.25, network);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Load_OtherFormOfWeights_ComputesTheSame(bool intoWeightNorm)
    {
        using var network = Small(intoWeightNorm ? Scheme.Proposed : Plain);
        TensorData[] hidden = intoWeightNorm
            ? [TensorData.Of("0.weight", [2, 2], [3f, 4, 0, 2])]
            : [TensorData.Of("0.weight_g", [2, 1], [5f, 2]), TensorData.Of("0.weight_v", [2, 2], [6f, 8, 0, 0.1f])];
        PyTorchWeights.Load(network, [.. hidden, .. Others()]);
        AssertGives(10.25, network);
        if (intoWeightNorm)
            Assert.Equal([5f, 2], network.state_dict()["0.weight_g"].data<float>().ToArray());
    }

    [Fact]
    public void Load_RowOfZeros_IsOfLengthZeroAndKeepsADirection()
    {
        using var network = Small(Scheme.Proposed);
        PyTorchWeights.Load(network, [TensorData.Of("0.weight", [2, 2], [3f, 4, 0, 0]), .. Others()]);
        AssertGives(3 + 4 + 0.5 + 1, network);   // the second unit: ReLU(-0.25) = 0
        Assert.Equal([5f, 0], network.state_dict()["0.weight_g"].data<float>().ToArray());
    }

    [Fact]
    public void Load_OneLengthForAll_TakesRowsOfOneLengthAlone()
    {
        using var network = Small(Scheme.Proposed, ScaleMode.Absent);
        PyTorchWeights.Load(network, [TensorData.Of("0.weight", [2, 2], [3f, 4, 5, 0]), .. Others()]);
        AssertGives(3 + 4 + 0.5 + 5 - 0.25 + 1, network);
        var error = Assert.Throws<ArgumentException>(() => PyTorchWeights.Load(network, [TensorData.Of("0.weight", [2, 2], [3f, 4, 0, 2]), .. Others()]));
        Assert.Contains("0.weight with rows of different lengths", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_FileOfPython_ConvertsEveryType()
    {
        var path = Path.Combine(folder, "python.safetensors");
        RunPython(
            """
            import json, struct, sys
            def half_of_single(x): return struct.pack('<f', x)[2:]        # BF16: the upper half, exact for these numbers
            tensors = [
                ('net.0.weight', 'BF16', [2, 2], b''.join(map(half_of_single, [3, 4, 0, 2]))),
                ('net.0.bias', 'F16', [2], struct.pack('<2e', 0.5, -0.25)),
                ('net.2.weight', 'F64', [1, 2], struct.pack('<2d', 1, 1)),
                ('net.2.bias', 'F32', [1], struct.pack('<f', 1)),
            ]
            header, data = {'__metadata__': {'format': 'pt'}}, b''
            for name, dtype, shape, numbers in tensors:
                header[name] = {'dtype': dtype, 'shape': shape, 'data_offsets': [len(data), len(data) + len(numbers)]}
                data += numbers
            text = json.dumps(header).encode()
            open(sys.argv[1], 'wb').write(struct.pack('<Q', len(text)) + text + data)
            """,
            path);
        using var network = Small(Scheme.Proposed);
        PyTorchWeights.Load(network, path, new Dictionary<string, string> { ["net.0"] = "0", ["net.2"] = "1" });
        AssertGives(10.25, network);
    }

    [Fact]
    public void Load_ResidualNetworkWithBatchNorm_TakesItsOwnStateBack()
    {
        using var from = new ResNet(3, 1, 10, Scheme.Parse("orthogonal-wn-bn"), Seeded.Init(1), width: 4);
        using var to = new ResNet(3, 1, 10, Scheme.Parse("orthogonal-wn-bn"), Seeded.Init(2), width: 4);
        Seeded.Disturb(from, 3);
        from.call(Seeded.Normal(4, 5, 3, 8, 8));   // moves the running statistics
        PyTorchWeights.Load(to, [.. from.state_dict()
            .Where(entry => !entry.Key.EndsWith("num_batches_tracked", StringComparison.Ordinal))
            .Select(entry => TensorData.Of($"module.{entry.Key}", [.. entry.Value.shape.Select(length => (int)length)], entry.Value.data<float>().ToArray()))],
            new Dictionary<string, string> { ["module"] = "" });

        from.eval();
        to.eval();
        var images = Seeded.Normal(5, 2, 3, 8, 8);
        Seeded.AssertClose(from.call(images), to.call(images), 1e-6);
    }

    [Fact]
    public void Load_Misfits_AreSaidTogetherAndNothingChanges()
    {
        using var network = Small(Scheme.Proposed);
        var before = network.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.clone());
        var path = Path.Combine(folder, "misfit.safetensors");
        Safetensors.Write(
            path,
            [
                TensorData.Of("0.weight_g", [2, 1], [5f, 2]), TensorData.Of("0.weight_v", [3, 2], new float[6]), TensorData.Of("1.weight", [1, 2], [1f, float.NaN]),
                TensorData.Of("1.bias", [1], [1L]), TensorData.Of("value.bias", [1], [1f]),
            ],
            new Dictionary<string, string>());

        var error = Assert.Throws<ModelFileException>(() => PyTorchWeights.Load(network, path)).Message;
        Assert.StartsWith(path, error, StringComparison.Ordinal);
        Assert.Contains("5 that do not fit; nothing was changed", error, StringComparison.Ordinal);
        Assert.Contains("0.weight_v of [3, 2], where [2, 2] is wanted", error, StringComparison.Ordinal);
        Assert.Contains("missing 0.bias [2]", error, StringComparison.Ordinal);
        Assert.Contains("1.weight with NaN", error, StringComparison.Ordinal);
        Assert.Contains("1.bias of I64", error, StringComparison.Ordinal);
        Assert.Contains("superfluous value.bias [1]", error, StringComparison.Ordinal);
        foreach (var (name, value) in network.state_dict())
            Seeded.AssertClose(before[name], value, 0);
    }

    [Fact]
    public void Load_TwoNamesForOne_IsAMisfit()
    {
        using var network = Small(Plain);
        var error = Assert.Throws<ArgumentException>(() => PyTorchWeights.Load(
            network, [TensorData.Of("0.weight", [2, 2], [3f, 4, 0, 2]), TensorData.Of("net.bias", [2], [0f, 0]), .. Others()], new Dictionary<string, string> { ["net"] = "0" }));
        Assert.Contains("both stand for 0.bias", error.Message, StringComparison.Ordinal);
    }

    private static Mlp Small(Scheme scheme, ScaleMode scale = ScaleMode.Learnable) => new(2, [2], 1, OutputLayer.Plain, 1, Seeded.Init(1), scheme, scale);

    private static TensorData[] Others() =>
        [TensorData.Of("0.bias", [2], [0.5f, -0.25f]), TensorData.Of("1.weight", [1, 2], [1f, 1]), TensorData.Of("1.bias", [1], [1f])];

    private static void AssertGives(double expected, Mlp network)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Assert.Equal(expected, network.call(ones(1, 2)).item<float>(), 1e-5);
    }

    private static void RunPython(string program, string argument)
    {
        using var python = Process.Start(new ProcessStartInfo("python3", ["-c", program, argument]) { RedirectStandardError = true })!;
        var error = python.StandardError.ReadToEnd();
        python.WaitForExit();
        Assert.True(python.ExitCode == 0, error);
    }
}
