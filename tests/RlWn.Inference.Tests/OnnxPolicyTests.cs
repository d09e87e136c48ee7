using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Xunit;

namespace RlWn.Inference.Tests;

public sealed class OnnxPolicyTests
{
    [Theory]
    [InlineData(RowNorm.None)]
    [InlineData(RowNorm.LayerNorm)]
    [InlineData(RowNorm.RmsNorm)]
    public void Write_Layers_GiveTheLogitsAndTheAction(RowNorm norm)
    {
        using var policy = Policy.FromTensors([.. Layers("actor.", norm, 6, 40, 24, 5)], Policy.DiscreteMetadata([2, 3], norm));
        AssertSameActions(policy, [2, 3]);
    }

    [Theory]
    [InlineData(Torso.MinAtar, 10)]
    [InlineData(Torso.Nature, 44)]
    [InlineData(Torso.Impala, 11)]
    public void Write_Torso_GivesTheActionsOfNumbersAndOfBytes(Torso torso, int side)
    {
        var metadata = Policy.DiscreteMetadata([2, side, side]);
        Policy.AddTorso(metadata, torso, depth: 9, width: 1);
        var plan = new TorsoPlan(torso, [2, side, side], depth: 9, widening: 1);
        TensorData[] tensors = [.. Convolutions(plan), .. Layers("actor.head.", RowNorm.None, plan.Features, 32, 4)];
        using var policy = Policy.FromTensors(tensors, metadata);
        AssertSameActions(policy, [2, side, side]);

        Policy.AddBytes(metadata, 200);
        using var onBytes = Policy.FromTensors(tensors, metadata);
        using var run = new OnnxRun(OnnxPolicy.ToBytes(onBytes));
        var random = new Random(3);
        var observations = new byte[7 * onBytes.ObservationSize];
        random.NextBytes(observations);
        var actions = run.Run<byte, long>(observations, 7, 2, side, side)["action"];
        for (var row = 0; row < 7; row++)
            Assert.Equal(onBytes.ActOnBytes(observations.AsSpan(row * onBytes.ObservationSize, onBytes.ObservationSize)), actions[row]);

        var logits = run.Run<byte, float>(observations, 7, 2, side, side)["logits"];
        OnnxRun.AssertClose(Outputs(onBytes, [.. observations.Select(value => value / 200f)], 7), logits);
    }

    // Convolutions of bytes, a memory of what they see, and layers.
    [Fact]
    public void Write_MemoryBehindATorso_GivesTheActionsOfBytesStepByStep()
    {
        const int Units = 5, Rows = 3, Side = 10, Size = 2 * Side * Side;
        var metadata = Policy.DiscreteMetadata([2, Side, Side]);
        Policy.AddTorso(metadata, Torso.MinAtar, depth: 9, width: 1);
        Policy.AddLstm(metadata, Units);
        Policy.AddBytes(metadata, 200);
        var (random, plan) = (new Random(4), new TorsoPlan(Torso.MinAtar, [2, Side, Side], depth: 9, widening: 1));
        using var policy = Policy.FromTensors(
            [.. Convolutions(plan), .. Gates("ih", plan.Features), .. Gates("hh", Units), .. Layers("actor.head.", RowNorm.None, Units, 16, 4)], metadata);
        using var run = new OnnxRun(OnnxPolicy.ToBytes(policy));
        Assert.Equal(["logits", "action", "next_hidden", "next_cell"], run.Session.OutputNames);

        RecurrentState[] alone = [.. Enumerable.Range(0, Rows).Select(_ => policy.NewState())];
        var (state, actions, hidden, cell) = (policy.NewState(Rows), new int[Rows], new float[Rows * Units], new float[Rows * Units]);
        var (logits, moved) = (new float[Rows * 4], 0f);
        for (var t = 0; t < 30; t++)
        {
            var bytes = new byte[Rows * Size];
            random.NextBytes(bytes.AsSpan(0, t * 71 % bytes.Length));   // more and less of the images is lit
            policy.Act([.. bytes.Select(value => value * (1f / 200))], state, actions);
            for (var row = 0; row < Rows; row++)
                Assert.Equal(actions[row], policy.ActOnBytes(bytes.AsSpan(row * Size, Size), alone[row]));

            NamedOnnxValue[] inputs =
            [
                NamedOnnxValue.CreateFromTensor("observation", new DenseTensor<byte>(bytes, [Rows, 2, Side, Side])),
                NamedOnnxValue.CreateFromTensor("hidden", new DenseTensor<float>(hidden, [Rows, Units])),
                NamedOnnxValue.CreateFromTensor("cell", new DenseTensor<float>(cell, [Rows, Units])),
            ];
            Assert.Equal(actions.Select(action => (long)action), run.Run<long>(inputs)["action"]);
            var outputs = run.Run<float>(inputs);
            moved = t == 0 ? 0 : Math.Max(moved, hidden.Zip(outputs["next_hidden"], (before, after) => Math.Abs(after - before)).Max());
            (hidden, cell) = (outputs["next_hidden"], outputs["next_cell"]);
            OnnxRun.AssertClose(state.Hidden, hidden);
            OnnxRun.AssertClose(state.Cell, cell);
            policy.Layers.Forward(state.Hidden, Rows, logits);
            OnnxRun.AssertClose(logits, outputs["logits"]);
        }

        Assert.True(moved > 0.1, $"What is remembered moved by {moved} at most.");

        IEnumerable<TensorData> Gates(string layer, int inputs) =>
        [
            TensorData.Of($"actor.lstm.{layer}.weight_v", [4 * Units, inputs], Uniform(random, 4 * Units * inputs, 1)),
            TensorData.Of($"actor.lstm.{layer}.weight_g", [4 * Units, 1], Uniform(random, 4 * Units, 1)),
            TensorData.Of($"actor.lstm.{layer}.bias", [4 * Units], Uniform(random, 4 * Units, 1)),
        ];
    }

    // Means far from 0 beside their deviations, where single precision alone would lose digits. Layers see numbers, a torso images.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Write_ObservationScale_GivesTheActionsOfWhatTheTaskGives(bool isImage)
    {
        int[] shape = isImage ? [2, 10, 10] : [6];
        var metadata = Policy.DiscreteMetadata(shape);
        Policy.AddObservationScale(metadata, clip: 1.5);
        if (isImage)
            Policy.AddTorso(metadata, Torso.MinAtar, depth: 9, width: 1);
        var plan = new TorsoPlan(Torso.MinAtar, [2, 10, 10], depth: 9, widening: 1);
        var size = isImage ? 200 : 6;
        var random = new Random(4);
        double[] mean = [.. Enumerable.Range(0, size).Select(i => (i % 3 * 1234.5678) + random.NextDouble())];
        double[] variance = [.. Enumerable.Range(0, size).Select(_ => 0.01 + random.NextDouble())];
        using var policy = Policy.FromTensors(
            [
                .. isImage ? [.. Convolutions(plan), .. Layers("actor.head.", RowNorm.None, plan.Features, 32, 4)] : Layers("actor.", RowNorm.None, 6, 32, 4),
                TensorData.Of("actor.obs_mean", [size], mean), TensorData.Of("actor.obs_var", [size], variance),
            ],
            metadata);
        using var run = new OnnxRun(OnnxPolicy.ToBytes(policy));

        float[] observations = [.. Enumerable.Range(0, 50 * size).Select(i => (float)(mean[i % size] + (2 * random.NextDouble()) - 1))];
        float[] seen = [.. observations.Select((x, i) => (float)Math.Clamp((x - mean[i % size]) / Math.Sqrt(variance[i % size]), -1.5, 1.5))];
        Assert.Contains(1.5f, seen);
        OnnxRun.AssertClose(Outputs(policy, seen, 50), run.Run<float, float>(observations, 50, shape)["logits"]);
        var actions = new int[50];
        policy.Act(observations, 50, actions);
        Assert.Equal(actions.Select(action => (long)action), run.Run<float, long>(observations, 50, shape)["action"]);
        Assert.True(actions.Distinct().Count() > 1);
    }

    [Fact]
    public void Write_Continuous_GivesMeanDeviationAndTheMeanWithinTheBounds()
    {
        using var policy = Policy.FromTensors(
            [TensorData.Of("actor.0.weight", [2, 1], [1f, -1]), TensorData.Of("actor.0.bias", [2], [0f, 0]), TensorData.Of("actor.log_std", [2], [0.5f, -0.25f])],
            Policy.BoxMetadata([1], [-2, float.NegativeInfinity], [float.PositiveInfinity, 1]));
        using var run = new OnnxRun(OnnxPolicy.ToBytes(policy));

        var outputs = run.Run<float, float>([0.5f, -5, 100], 3, 1);
        Assert.Equal(["mean", "log_std", "action"], run.Session.OutputNames);
        Assert.Equal([0.5f, -0.5f, -5, 5, 100, -100], outputs["mean"]);
        Assert.Equal([0.5f, -0.25f], outputs["log_std"]);
        Assert.Equal([0.5f, -0.5f, -2, 1, 100, -100], outputs["action"]);
    }

    [Fact]
    public void Write_SeveralChoices_GiveTheGreatestOfEach()
    {
        using var policy = Policy.FromTensors([.. Layers("actor.", RowNorm.None, 6, 32, 7)], Policy.MultiDiscreteMetadata([6], [3, 1, 2, 1]));
        using var run = new OnnxRun(OnnxPolicy.ToBytes(policy));
        var observations = Uniform(new Random(3), 50 * 6, 2);

        AssertDescribed(run.Session.OutputMetadata["logits"], typeof(float), -1, 7);
        AssertDescribed(run.Session.OutputMetadata["action"], typeof(long), -1, 4);
        OnnxRun.AssertClose(Outputs(policy, observations, 50), run.Run<float, float>(observations, 50, 6)["logits"]);
        var actions = new int[200];
        policy.Act(observations, 50, actions);
        Assert.Equal(actions.Select(action => (long)action), run.Run<float, long>(observations, 50, 6)["action"]);
        Assert.Equal(3, actions.Where((_, i) => i % 4 == 0).Distinct().Count());
        Assert.Equal(2, actions.Where((_, i) => i % 4 == 2).Distinct().Count());
    }

    [Fact]
    public void Write_Squashed_GivesTheMeanAndItsTanhBetweenTheBounds()
    {
        var metadata = Policy.BoxMetadata([1], [-2, 0], [4, 1]);
        Policy.AddTanh(metadata);
        using var policy = Policy.FromTensors(
            [TensorData.Of("actor.0.weight", [2, 1], [1f, -1]), TensorData.Of("actor.0.bias", [2], [0f, 0]), TensorData.Of("actor.log_std", [2], [0.5f, -0.25f])], metadata);
        using var run = new OnnxRun(OnnxPolicy.ToBytes(policy));

        float[] observations = [0.5f, -5, 0, 0.001f, 100];
        var outputs = run.Run<float, float>(observations, 5, 1);
        var actions = new float[10];
        policy.Act(observations, 5, actions);
        Assert.Equal([0.5f, -0.5f, -5, 5, 0, 0, 0.001f, -0.001f, 100, -100], outputs["mean"]);
        OnnxRun.AssertClose(actions, outputs["action"]);
        Assert.Equal([4, 0], outputs["action"][8..]);
        Assert.Equal([0.5f, -0.25f], outputs["log_std"]);
    }

    // Atoms -1, 0, 1. The first choice has logits (9, 0, 9), mean 0; the second (0, 0, x), mean (eˣ - 1) / (eˣ + 2).
    [Fact]
    public void Write_ReturnDistributions_GiveTheirMeansAndTheHighest()
    {
        var metadata = Policy.DiscreteMetadata([1]);
        Policy.AddReturnDistribution(metadata, atoms: 3, low: -1, high: 1);
        using var policy = Policy.FromTensors(
            [TensorData.Of("actor.0.weight", [6, 1], [0f, 0, 0, 0, 0, 1]), TensorData.Of("actor.0.bias", [6], [9f, 0, 9, 0, 0, 0])], metadata);
        using var run = new OnnxRun(OnnxPolicy.ToBytes(policy));

        var second = (float x) => (float)((Math.Exp(x) - 1) / (Math.Exp(x) + 2));
        OnnxRun.AssertClose([0, second(1), 0, second(-1)], run.Run<float, float>([1, -1], 2, 1)["logits"]);
        Assert.Equal([1L, 0], run.Run<float, long>([1, -1], 2, 1)["action"]);
    }

    [Fact]
    public void Write_EqualLogits_TakeTheFirstAction()
    {
        using var policy = Policy.FromTensors(
            [TensorData.Of("actor.0.weight", [3, 1], [0f, 1, 1]), TensorData.Of("actor.0.bias", [3], [0f, 0, 0])], Policy.DiscreteMetadata([1]));
        using var run = new OnnxRun(OnnxPolicy.ToBytes(policy));
        Assert.Equal([1L, 0], run.Run<float, long>([1, 0], 2, 1)["action"]);
    }

    [Fact]
    public void Write_Policy_NamesTypesShapesAndMetadata()
    {
        var metadata = Policy.DiscreteMetadata([2, 3]);
        metadata["rlwn.env"] = "Überraschung-v1";
        Policy.AddBytes(metadata, 255);
        using var policy = Policy.FromTensors([.. Layers("actor.", RowNorm.None, 6, 5)], metadata);
        using var run = new OnnxRun(OnnxPolicy.ToBytes(policy));

        AssertDescribed(run.Session.InputMetadata["observation"], typeof(byte), -1, 2, 3);
        AssertDescribed(run.Session.OutputMetadata["logits"], typeof(float), -1, 5);
        AssertDescribed(run.Session.OutputMetadata["action"], typeof(long), -1);
        Assert.Equal("batch", run.Session.InputMetadata["observation"].SymbolicDimensions[0]);
        Assert.Equal("RlWn", run.Session.ModelMetadata.ProducerName);
        Assert.Equal(metadata, run.Session.ModelMetadata.CustomMetadataMap);
    }

    [Fact]
    public void ToBytes_SmallestPolicy_ByteForByte()
    {
        using var policy = Policy.FromTensors(
            [TensorData.Of("actor.0.weight", [1, 1], [2f]), TensorData.Of("actor.0.bias", [1], [0.5f])], Policy.DiscreteMetadata([1]));
        var version = typeof(Policy).Assembly.GetName().Version!.ToString(3);
        byte[] expected =
        [
            .. Field(1, 8), .. Field(2, "RlWn"u8), .. Field(3, System.Text.Encoding.UTF8.GetBytes(version)),
            .. Field(7, [
                .. Field(1, [   // y = x Wᵀ + b
                    .. Field(1, "observation"u8), .. Field(1, "actor.0.weight"u8), .. Field(1, "actor.0.bias"u8), .. Field(2, "actor.0.Gemm"u8),
                    .. Field(3, "actor.0.Gemm"u8), .. Field(4, "Gemm"u8), .. Field(5, [.. Field(1, "transB"u8), .. Field(3, 1), .. Varint(20 << 3), 2]),
                ]),
                .. Field(1, [.. Field(1, "actor.0.Gemm"u8), .. Field(2, "logits"u8), .. Field(3, "logits"u8), .. Field(4, "Identity"u8)]),
                .. Field(1, [
                    .. Field(1, "actor.0.Gemm"u8), .. Field(2, "ArgMax_2"u8), .. Field(3, "ArgMax_2"u8), .. Field(4, "ArgMax"u8),
                    .. Field(5, [.. Field(1, "axis"u8), .. Field(3, 1), .. Varint(20 << 3), 2]), .. Field(5, [.. Field(1, "keepdims"u8), .. Field(3, 0), .. Varint(20 << 3), 2]),
                ]),
                .. Field(1, [.. Field(1, "ArgMax_2"u8), .. Field(2, "action"u8), .. Field(3, "action"u8), .. Field(4, "Identity"u8)]),
                .. Field(2, "policy"u8),
                .. Field(5, [.. Field(1, 1), .. Field(1, 1), .. Field(2, 1), .. Field(8, "actor.0.weight"u8), .. Field(9, [0, 0, 0, 0x40])]),
                .. Field(5, [.. Field(1, 1), .. Field(2, 1), .. Field(8, "actor.0.bias"u8), .. Field(9, [0, 0, 0, 0x3F])]),
                .. Field(11, Value("observation"u8, 1, 1)), .. Field(12, Value("logits"u8, 1, 1)), .. Field(12, Value("action"u8, 7)),
            ]),
            .. Field(8, Field(2, 17)),
            .. Field(14, [.. Field(1, "rlwn.action"u8), .. Field(2, "discrete"u8)]),
            .. Field(14, [.. Field(1, "rlwn.format"u8), .. Field(2, "1"u8)]),
            .. Field(14, [.. Field(1, "rlwn.observation_shape"u8), .. Field(2, "[1]"u8)]),
        ];
        Assert.Equal(expected, OnnxPolicy.ToBytes(policy));
    }

    [Fact]
    public void Write_File_HoldsTheBytesAndReplacesWhatWasThere()
    {
        using var policy = Policy.FromTensors([.. Layers("actor.", RowNorm.None, 3, 2)], Policy.DiscreteMetadata([3]));
        var folder = Directory.CreateTempSubdirectory("rlwn-").FullName;
        try
        {
            var path = Path.Combine(folder, "policy.onnx");
            File.WriteAllText(path, "old");
            OnnxPolicy.Write(path, policy);
            Assert.Equal(OnnxPolicy.ToBytes(policy), File.ReadAllBytes(path));
            Assert.Equal([path], Directory.GetFiles(folder));
            Assert.Throws<DirectoryNotFoundException>(() => OnnxPolicy.Write(Path.Combine(folder, "missing", "policy.onnx"), policy));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void AssertSameActions(Policy policy, int[] shape)
    {
        using var run = new OnnxRun(OnnxPolicy.ToBytes(policy));
        foreach (var batch in (int[])[1, 7])
        {
            var observations = Uniform(new Random(batch), batch * policy.ObservationSize, 2);
            OnnxRun.AssertClose(Outputs(policy, observations, batch), run.Run<float, float>(observations, batch, shape)["logits"]);

            var actions = new int[batch];
            policy.Act(observations, batch, actions);
            Assert.Equal(actions.Select(action => (long)action), run.Run<float, long>(observations, batch, shape)["action"]);
        }
    }

    private static void AssertDescribed(NodeMetadata value, Type type, params int[] shape)
    {
        Assert.Equal(type, value.ElementType);
        Assert.Equal(shape, value.Dimensions);
    }

    private static float[] Outputs(Policy policy, float[] observations, int batch)
    {
        var (outputs, features) = (new float[batch * policy.Layers.OutputSize], observations);
        if (policy.Convolutions is { } torso)
        {
            features = new float[batch * torso.Plan.Features];
            torso.Forward(observations, batch, features);
        }

        policy.Layers.Forward(features, batch, outputs);
        return outputs;
    }

    // Weight-normalized layers but for the last, which is plain.
    private static IEnumerable<TensorData> Layers(string prefix, RowNorm norm, params int[] widths)
    {
        var random = new Random(1);
        for (var i = 0; i + 1 < widths.Length; i++)
        {
            var (inputs, outputs, isLast) = (widths[i], widths[i + 1], i + 2 == widths.Length);
            yield return TensorData.Of(isLast ? $"{prefix}{i}.weight" : $"{prefix}{i}.weight_v", [outputs, inputs], Uniform(random, outputs * inputs, 1));
            yield return TensorData.Of($"{prefix}{i}.bias", [outputs], Uniform(random, outputs, 1));
            if (isLast)
                continue;

            yield return TensorData.Of($"{prefix}{i}.weight_g", [outputs, 1], Uniform(random, outputs, 2));
            if (norm != RowNorm.None)
                yield return TensorData.Of($"{prefix}{i}_norm.weight", [outputs], Uniform(random, outputs, 2));
            if (norm == RowNorm.LayerNorm)
                yield return TensorData.Of($"{prefix}{i}_norm.bias", [outputs], Uniform(random, outputs, 1));
        }
    }

    private static IEnumerable<TensorData> Convolutions(TorsoPlan plan)
    {
        var random = new Random(2);
        foreach (var layer in plan.Layers)
        {
            var (filters, path) = (layer.Output.Channels, $"actor.torso.{layer.Name}");
            yield return TensorData.Of($"{path}.weight_g", [filters, 1, 1, 1], Uniform(random, filters, 2));
            yield return TensorData.Of($"{path}.weight_v", [filters, layer.Input.Channels, layer.Kernel, layer.Kernel], Uniform(random, filters * layer.FilterSize, 1));
            yield return TensorData.Of($"{path}.bias", [filters], Uniform(random, filters, 0.5f));
        }
    }

    private static float[] Uniform(Random random, int count, float bound) =>
        [.. Enumerable.Range(0, count).Select(_ => bound * ((2 * random.NextSingle()) - 1))];

    private static byte[] Value(ReadOnlySpan<byte> name, int type, params int[] lengths)
    {
        byte[] dimensions = [.. Field(1, Field(2, "batch"u8)), .. lengths.SelectMany(length => Field(1, Field(1, length)))];
        return [.. Field(1, name), .. Field(2, Field(1, [.. Field(1, type), .. Field(2, dimensions)]))];
    }

    // The wire format again, for numbers from 0 and lengths below 2^14.
    private static byte[] Varint(int number) => number < 128 ? [(byte)number] : [(byte)(number % 128 + 128), (byte)(number / 128)];

    private static byte[] Field(int field, int number) => [.. Varint(field << 3), .. Varint(number)];

    private static byte[] Field(int field, ReadOnlySpan<byte> bytes) => [.. Varint((field << 3) + 2), .. Varint(bytes.Length), .. bytes];
}
