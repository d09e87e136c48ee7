using RlWn.Testing;
using Xunit;

namespace RlWn.Inference.Tests;

public sealed class RecurrentPolicyTests : IDisposable
{
    private const int D = 3, H = 11, Choices = 4, Steps = 40;   // H fills no whole number of vectors

    private readonly Policy policy = Policy.FromTensors(Tensors(), Metadata());

    public void Dispose() => policy.Dispose();

    // The formula in double precision, on w = g v / ‖v‖ of the file's own tensors.
    [Fact]
    public void Act_Sequence_FollowsTheFormula()
    {
        var (hidden, cell) = (new double[H], new double[H]);
        var state = policy.NewState();
        var actions = new List<int>();
        foreach (var observation in Episode(seed: 1))
        {
            StepByHand(observation, hidden, cell);
            actions.Add(policy.Act(observation, state));

            for (var k = 0; k < H; k++)
            {
                Assert.Equal(hidden[k], state.Hidden[k], 1e-5);
                Assert.Equal(cell[k], state.Cell[k], 1e-5);
            }

            Assert.Equal(LogitsByHand(hidden).Index().MaxBy(logit => logit.Item).Index, actions[^1]);
        }

        Assert.True(actions.Distinct().Count() > 1);
    }

    [Fact]
    public void Reset_Episode_StartsAsTheFirstDid()
    {
        var state = policy.NewState();
        var first = Episode(1).Select(observation => policy.Act(observation, state)).ToArray();
        var goneOn = Episode(1).Select(observation => policy.Act(observation, state)).ToArray();
        var remembered = state.Hidden.ToArray();
        state.Reset();
        var again = Episode(1).Select(observation => policy.Act(observation, state)).ToArray();

        Assert.Equal(first, again);
        Assert.NotEqual(first, goneOn);
        Assert.NotEqual(remembered, state.Hidden.ToArray());
    }

    // 300 episodes are more than are computed together.
    [Fact]
    public void Act_EpisodesSideBySide_AreThoseAloneToTheBit()
    {
        const int Rows = 300;
        float[][][] episodes = [.. Enumerable.Range(0, Rows).Select(Episode)];
        var together = policy.NewState(Rows);
        var actions = new int[Rows];
        for (var t = 0; t < 5; t++)
            policy.Act([.. episodes.SelectMany(episode => episode[t])], together, actions);
        together.Reset(7);

        foreach (var row in (int[])[0, 8, Rows - 1])
        {
            var alone = policy.NewState();
            var action = 0;
            for (var t = 0; t < 5; t++)
                action = policy.Act(episodes[row][t], alone);
            Assert.Equal(action, actions[row]);
            Assert.Equal(alone.Hidden, together.Hidden.Slice(row * H, H));
            Assert.Equal(alone.Cell, together.Cell.Slice(row * H, H));
        }

        Assert.Equal(new float[H], together.Hidden.Slice(7 * H, H));
    }

    // One action at a time is what the methods that write to a span give.
    [Fact]
    public void Sample_OneAction_IsThatWrittenToASpan()
    {
        var (one, other, random, again, action) = (policy.NewState(), policy.NewState(), new Random(1), new Random(1), new int[1]);
        var drawn = new List<int>();
        foreach (var observation in Episode(1))
        {
            policy.Sample(observation, other, again, action);
            drawn.Add(policy.Sample(observation, one, random));
            Assert.Equal(action[0], drawn[^1]);
        }

        Assert.Equal(other.Hidden, one.Hidden);
        var state = policy.NewState();
        Assert.NotEqual(Episode(1).Select(observation => policy.Act(observation, state)), drawn);
    }

    // 255 is 1, 51 is 0.2.
    [Fact]
    public void ActOnBytes_WithState_IsActingOnTheirNumbers()
    {
        var metadata = Metadata();
        Policy.AddBytes(metadata, high: 255);
        using var onBytes = Policy.FromTensors(Tensors(), metadata);
        var (state, expected, action) = (onBytes.NewState(), policy.NewState(), new int[1]);
        for (var t = 0; t < Steps; t++)
        {
            byte[] bytes = [(byte)(t % 6 * 51), (byte)(255 - (t % 6 * 51)), 51];
            float[] numbers = [.. bytes.Select(value => value * (1f / 255))];
            var wanted = policy.Act(numbers, expected);
            if (t % 2 == 0)
                action[0] = onBytes.ActOnBytes(bytes, state);
            else
                onBytes.ActOnBytes(bytes, state, action);
            Assert.Equal(wanted, action[0]);
            Assert.Equal(expected.Hidden, state.Hidden);
        }

        Assert.Throws<ArgumentException>(() => onBytes.ActOnBytes(new byte[D + 1], state));
        Assert.Throws<InvalidOperationException>(() => policy.ActOnBytes(new byte[D], state));
        Allocations.AssertNone(() => onBytes.ActOnBytes([1, 2, 3], state));
    }

    // (x - 1) / √4, (x + 2) / √1 and (x - 0) / √0.25, cut off at ± 1.5.
    [Fact]
    public void Act_NormalizedObservations_AreRememberedAsNormalized()
    {
        const int Rows = 300;
        var metadata = Metadata();
        Policy.AddObservationScale(metadata, clip: 1.5);
        using var normalizing = Policy.FromTensors(
            [.. Tensors(), TensorData.Of("actor.obs_mean", [D], [1.0, -2, 0]), TensorData.Of("actor.obs_var", [D], [4.0, 1, 0.25])], metadata);
        using var run = new OnnxRun(OnnxPolicy.ToBytes(normalizing));
        var (state, expected, actions, wanted) = (normalizing.NewState(Rows), policy.NewState(Rows), new int[Rows], new int[Rows]);
        for (var t = 0; t < 4; t++)
        {
            float[] observations = [.. Enumerable.Range(0, Rows).SelectMany(row => Episode(row)[t])];
            var outputs = run.Run<float>(Rows, ("observation", observations), ("hidden", state.Hidden.ToArray()), ("cell", state.Cell.ToArray()));
            normalizing.Act(observations, state, actions);
            policy.Act([.. observations.Select((x, i) => (i % D) switch { 0 => Clip((x - 1) / 2), 1 => Clip(x + 2), _ => Clip(x / 0.5f) })], expected, wanted);

            Assert.Equal(wanted, actions);
            OnnxRun.AssertClose(expected.Hidden, state.Hidden);
            OnnxRun.AssertClose(expected.Cell, state.Cell);
            OnnxRun.AssertClose(state.Hidden, outputs["next_hidden"]);
        }

        static float Clip(float x) => Math.Clamp(x, -1.5f, 1.5f);
    }

    [Fact]
    public void NewState_MoreThanAnArrayHolds_IsRefused()
    {
        Assert.StartsWith(
            "Expected at most 195225781 episodes of 11 units", Assert.Throws<ArgumentOutOfRangeException>(() => policy.NewState(int.MaxValue / 4)).Message, StringComparison.Ordinal);   // 2,147,483,591 / 11
        Assert.Throws<ArgumentOutOfRangeException>(() => policy.NewState(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => policy.NewState(2).Reset(2));
        Assert.Throws<ArgumentOutOfRangeException>(() => policy.NewState(2).Reset(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RecurrentState(2, 0).Reset(2));
    }

    [Fact]
    public void Act_WithState_AllocatesNothing()
    {
        var (state, observation, random) = (policy.NewState(), Episode(1)[0], new Random(1));
        var action = new int[1];
        Allocations.AssertNone(() => policy.Act(observation, state));
        Allocations.AssertNone(() => policy.Sample(observation, state, random, action));
    }

    // Rows before, of and after the refused one; and of 600, which are computed in several blocks, one of the last.
    [Theory]
    [InlineData(3, 1, float.NaN)]
    [InlineData(3, 1, float.PositiveInfinity)]
    [InlineData(3, 1, float.MaxValue)]      // a gate overflows
    [InlineData(600, 599, float.NaN)]
    public void Act_OneObservationRefused_LeavesTheStateOfAllToTheBit(int rows, int refused, float number)
    {
        var (state, actions) = (policy.NewState(rows), new int[rows]);
        policy.Act(Observations(t: 0), state, actions);
        var (hidden, cell) = (state.Hidden.ToArray(), state.Cell.ToArray());
        var observations = Observations(t: 1);
        observations[(refused * D) + 1] = number;

        foreach (var act in (Action[])[() => policy.Act(observations, state, actions), () => policy.Sample(observations, state, new Random(1), actions)])
        {
            Assert.Contains($"in row {refused} ", Assert.Throws<ArgumentException>(act).Message, StringComparison.Ordinal);
            Assert.Equal(hidden, state.Hidden);
            Assert.Equal(cell, state.Cell);
        }

        policy.Act(Observations(t: 1), state, actions);   // goes on from where it was
        Assert.NotEqual(hidden, state.Hidden.ToArray());

        float[] Observations(int t) => [.. Enumerable.Range(0, rows).SelectMany(row => Episode(row)[t])];
    }

    [Fact]
    public void Act_WithoutState_SaysHowToMakeOne()
    {
        Assert.True(policy.IsRecurrent);
        Assert.StartsWith("Expected a state to act with", Assert.Throws<InvalidOperationException>(() => policy.Act(Episode(1)[0])).Message, StringComparison.Ordinal);
        Assert.StartsWith(
            "Expected a state of 11 units", Assert.Throws<ArgumentException>(() => policy.Act(Episode(1)[0], new RecurrentState(1, 5))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => policy.Act(Episode(1)[0], policy.NewState(2)));   // two episodes, one observation
        Assert.StartsWith("Expected observations of finite numbers", Assert.Throws<ArgumentException>(() => policy.Act([float.NaN, 0, 0], policy.NewState())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Act_PolicyThatRemembersNothing_TakesItsEmptyStateToo()
    {
        using var plain = Policy.FromTensors([.. Tensors().Where(tensor => tensor.Name.StartsWith("actor.head", StringComparison.Ordinal)).Select(Renamed)], Policy.DiscreteMetadata([H]));
        float[] observation = [.. Enumerable.Range(0, H).Select(i => i - 5f)];

        Assert.False(plain.IsRecurrent);
        Assert.Equal(plain.Act(observation), plain.Act(observation, plain.NewState()));

        static TensorData Renamed(TensorData tensor) => TensorData.Of(tensor.Name.Replace("head.", "", StringComparison.Ordinal), [.. tensor.Shape], tensor.Floats);
    }

    [Theory]
    [InlineData("actor.lstm.hh.bias", "actor.lstm.hh.bias")]
    [InlineData("actor.lstm.ih.weight_v", "actor.lstm.ih.weight")]
    [InlineData("actor.head.0.weight", "actor.head.0")]
    public void FromTensors_OneMissing_IsNamed(string missing, string named) => Assert.Contains(
        named, Assert.Throws<ArgumentException>(() => Policy.FromTensors([.. Tensors().Where(tensor => tensor.Name != missing)], Metadata())).Message, StringComparison.Ordinal);

    [Fact]
    public void Write_Onnx_TakesTheStateAndGivesTheNext()
    {
        const int Rows = 6;
        using var run = new OnnxRun(OnnxPolicy.ToBytes(policy));
        Assert.Equal(["observation", "hidden", "cell"], run.Session.InputNames);
        Assert.Equal(["logits", "action", "next_hidden", "next_cell"], run.Session.OutputNames);
        Assert.Equal([-1, H], run.Session.OutputMetadata["next_cell"].Dimensions);

        var state = policy.NewState(Rows);
        var (hidden, cell, actions) = (new float[Rows * H], new float[Rows * H], new int[Rows]);
        for (var t = 0; t < Steps; t++)
        {
            float[] observations = [.. Enumerable.Range(0, Rows).SelectMany(row => Episode(row)[t])];
            policy.Act(observations, state, actions);
            var inputs = new[] { ("observation", observations), ("hidden", hidden), ("cell", cell) };
            Assert.Equal(actions.Select(action => (long)action), run.Run<long>(Rows, inputs)["action"]);
            var outputs = run.Run<float>(Rows, inputs);
            (hidden, cell) = (outputs["next_hidden"], outputs["next_cell"]);
            OnnxRun.AssertClose(state.Hidden, hidden);
            OnnxRun.AssertClose(state.Cell, cell);
        }
    }

    private static Dictionary<string, string> Metadata()
    {
        var metadata = Policy.DiscreteMetadata([D]);
        Policy.AddLstm(metadata, H);
        return metadata;
    }

    private static TensorData[] Tensors()
    {
        var random = new Random(3);
        return
        [
            TensorData.Of("actor.lstm.ih.weight_v", [4 * H, D], Uniform(4 * H * D)), TensorData.Of("actor.lstm.ih.weight_g", [4 * H, 1], Uniform(4 * H)),
            TensorData.Of("actor.lstm.ih.bias", [4 * H], Uniform(4 * H)),
            TensorData.Of("actor.lstm.hh.weight_v", [4 * H, H], Uniform(4 * H * H)), TensorData.Of("actor.lstm.hh.weight_g", [4 * H, 1], Uniform(4 * H)),
            TensorData.Of("actor.lstm.hh.bias", [4 * H], Uniform(4 * H)),
            TensorData.Of("actor.head.0.weight", [Choices, H], Uniform(Choices * H)), TensorData.Of("actor.head.0.bias", [Choices], Uniform(Choices)),
        ];

        float[] Uniform(int count) => [.. Enumerable.Range(0, count).Select(_ => (3 * random.NextSingle()) - 1.5f)];
    }

    private static float[][] Episode(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, Steps).Select(_ => Enumerable.Range(0, D).Select(_ => (4 * random.NextSingle()) - 2).ToArray())];
    }

    private static void StepByHand(float[] x, double[] hidden, double[] cell)
    {
        var tensors = Tensors().ToDictionary(tensor => tensor.Name, tensor => tensor.Floats.ToArray());
        var gates = Enumerable.Range(0, 4 * H).Select(row =>
            tensors["actor.lstm.ih.bias"][row] + tensors["actor.lstm.hh.bias"][row] + Row("ih", row, [.. x.Select(value => (double)value)]) + Row("hh", row, hidden)).ToArray();
        for (var k = 0; k < H; k++)
        {
            cell[k] = (Sigmoid(gates[H + k]) * cell[k]) + (Sigmoid(gates[k]) * Math.Tanh(gates[(2 * H) + k]));
            hidden[k] = Sigmoid(gates[(3 * H) + k]) * Math.Tanh(cell[k]);
        }

        double Row(string layer, int row, double[] seen)
        {
            double[] v = [.. tensors[$"actor.lstm.{layer}.weight_v"].Skip(row * seen.Length).Take(seen.Length).Select(value => (double)value)];
            return tensors[$"actor.lstm.{layer}.weight_g"][row] / Math.Sqrt(v.Sum(value => value * value)) * v.Zip(seen, (weight, value) => weight * value).Sum();
        }

        static double Sigmoid(double a) => 1 / (1 + Math.Exp(-a));
    }

    private static double[] LogitsByHand(double[] hidden)
    {
        var tensors = Tensors().ToDictionary(tensor => tensor.Name, tensor => tensor.Floats.ToArray());
        return [.. Enumerable.Range(0, Choices).Select(row => tensors["actor.head.0.bias"][row] + hidden.Select((value, i) => tensors["actor.head.0.weight"][(row * H) + i] * value).Sum())];
    }
}
