using RlWn.Testing;
using System.Globalization;
using System.Text.Json;
using Xunit;

namespace RlWn.Inference.Tests;

public sealed class PolicyTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("rlwn-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Act_Discrete_IsTheHighestLogit()
    {
        using var policy = SmallDiscrete();
        Assert.Equal(ActionKind.Discrete, policy.Kind);
        Assert.Equal(2, policy.ObservationSize);
        Assert.Equal(3, policy.ActionCount);

        // Hidden: relu of (x0, x1); logits: (h0, h1, 1). The hidden layer's rows v are (2, 0) and (0, 5) with g = 1.
        Assert.Equal(0, policy.Act([3, 2]));
        Assert.Equal(1, policy.Act([2, 3]));
        Assert.Equal(2, policy.Act([-2, 0.5f]));

        var actions = new int[3];
        policy.Act([3, 2, 2, 3, -2, 0.5f], 3, actions);
        Assert.Equal([0, 1, 2], actions);
    }

    [Fact]
    public void Act_Continuous_IsTheMeanWithinTheBounds()
    {
        using var policy = SmallContinuous();   // mean (x, -x) within [-2, ∞) and (-∞, 1]
        Assert.Equal(2, policy.ActionSize);
        Assert.Equal([-2, float.NegativeInfinity], policy.ActionLow);
        Assert.Equal([float.PositiveInfinity, 1], policy.ActionHigh);

        var action = new float[2];
        policy.Act([0.5f], action);
        Assert.Equal([0.5f, -0.5f], action);
        policy.Act([-5], action);
        Assert.Equal([-2, 1], action);

        var actions = new float[4];
        policy.Act([0.5f, 100], 2, actions);
        Assert.Equal([0.5f, -0.5f, 100, -100], actions);
    }

    [Fact]
    public void Sample_Discrete_FollowsTheLogits()
    {
        using var policy = SmallDiscrete();
        var random = new Random(5);
        var counts = new int[3];
        const int Draws = 20_000;
        for (var i = 0; i < Draws; i++)
            counts[policy.Sample([2, 0], random)]++;

        double[] weights = [Math.Exp(2), 1, Math.E];   // logits 2, 0, 1
        var chiSquare = counts.Zip(weights, (count, weight) => (Count: count, Expected: Draws * weight / weights.Sum()))
            .Sum(cell => Math.Pow(cell.Count - cell.Expected, 2) / cell.Expected);
        Assert.InRange(chiSquare, 0, 13.82);   // 99.9 % of χ² with 2 degrees of freedom
    }

    [Fact]
    public void Sample_Continuous_SpreadsByTheDeviationAndKeepsTheBounds()
    {
        using var policy = SmallContinuous();   // σ = 2, 0.5
        var random = new Random(5);
        var actions = new float[2 * 1000];
        policy.Sample(new float[1000], 1000, random, actions);

        Assert.All(actions.Where((_, i) => i % 2 == 0), action => Assert.InRange(action, -2, 9));
        Assert.All(actions.Where((_, i) => i % 2 == 1), action => Assert.InRange(action, -2.25f, 1));
        Assert.InRange(actions.Where((_, i) => i % 2 == 0).Average(), 0.167 - 0.2, 0.167 + 0.2);   // E max(2z, -2) = 2 (φ(1) - 1 + Φ(1)) = 0.167

        var alone = new float[2];
        policy.Sample([0], new Random(5), alone);
        Assert.Equal(alone, actions[..2]);
    }

    [Fact]
    public void Act_OfTheOtherKind_SaysWhichMethodsToUse()
    {
        using var discrete = SmallDiscrete();
        using var continuous = SmallContinuous();
        Assert.Contains("int", Assert.Throws<InvalidOperationException>(() => discrete.Act([1, 2], new float[3])).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => discrete.Sample([1, 2], new Random(1), new float[3]));
        Assert.Throws<InvalidOperationException>(() => discrete.ActionSize);
        Assert.Contains("float", Assert.Throws<InvalidOperationException>(() => continuous.Act([1])).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => continuous.Sample([1], new Random(1)));
        Assert.Throws<InvalidOperationException>(() => continuous.ActionCount);
    }

    [Fact]
    public void Act_ObservationOfWrongLengthOrNaN_Throws()
    {
        using var discrete = SmallDiscrete();
        using var continuous = SmallContinuous();
        Assert.Throws<ArgumentException>(() => discrete.Act([1]));
        Assert.Throws<ArgumentException>(() => discrete.Act([1, 2, 3, 4], 2, new int[1]));
        Assert.Throws<ArgumentException>(() => continuous.Act([1], new float[1]));
        Assert.Contains("observations", Assert.Throws<ArgumentException>(() => discrete.Act([1, float.NaN])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => discrete.Act([1, float.PositiveInfinity]));   // the highest logit, but no sensible one
        Assert.Throws<ArgumentException>(() => discrete.Sample([float.NaN, 0], new Random(1)));
        Assert.Throws<ArgumentException>(() => continuous.Act([float.NaN], new float[2]));
        Assert.Throws<ArgumentException>(() => continuous.Sample([float.NaN], new Random(1), new float[2]));
    }

    [Fact]
    public void All_AllocateNothing()
    {
        using var discrete = SmallDiscrete();
        using var continuous = SmallContinuous();
        var random = new Random(1);
        float[] observation = [1, 2], actions = new float[4];
        var choices = new int[1];
        Allocations.AssertNone(() =>
        {
            discrete.Act(observation);
            discrete.Sample(observation, random);
            discrete.Act(observation, 1, choices);
            continuous.Act(observation, 2, actions);
            continuous.Sample(observation, 2, random, actions);
        });
    }

    [Fact]
    public void Act_ManyThreads_GiveTheAnswersOfOne()
    {
        using var policy = RandomDiscrete();
        var random = new Random(1);
        float[][] observations = [.. Enumerable.Range(0, 500).Select(_ => Enumerable.Range(0, 8).Select(_ => random.NextSingle() - 0.5f).ToArray())];
        int[] expected = [.. observations.Select(observation => policy.Act(observation))];
        Assert.True(expected.Distinct().Count() > 1);

        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, _ =>
        {
            for (var i = 0; i < observations.Length; i++)
                Assert.Equal(expected[i], policy.Act(observations[i]));
        });
    }

    [Fact]
    public void Act_BatchBeyondOneBlock_GivesTheAnswersOfSingleRows()
    {
        using var policy = RandomDiscrete();
        var random = new Random(2);
        float[] observations = [.. Enumerable.Range(0, 8 * 700).Select(_ => random.NextSingle() - 0.5f)];
        var actions = new int[700];
        policy.Act(observations, 700, actions);
        Assert.Equal(Enumerable.Range(0, 700).Select(row => policy.Act(observations.AsSpan(row * 8, 8))), actions);
    }

    [Fact]
    public void Save_ThenLoad_GivesTheSamePolicy()
    {
        var path = Path.Combine(folder, "policy.safetensors");
        using var policy = SmallContinuous(extra: ("env", "Pendulum"));
        policy.Save(path);
        using var loaded = Policy.Load(path);

        Assert.Equal(policy.Metadata, loaded.Metadata);
        Assert.Equal("Pendulum", loaded.Metadata["env"]);
        Assert.Equal(policy.ActionLow, loaded.ActionLow);
        Assert.Equal([1], loaded.ObservationShape);
        float[] expected = new float[2], actual = new float[2];
        policy.Sample([0.3f], new Random(1), expected);
        loaded.Sample([0.3f], new Random(1), actual);
        Assert.Equal(expected, actual);

        var first = File.ReadAllBytes(path);
        loaded.Save(path);
        Assert.Equal(first, File.ReadAllBytes(path));
    }

    [Fact]
    public void Load_TensorsBesideTheActor_AreIgnored()
    {
        var path = Path.Combine(folder, "policy.safetensors");
        Safetensors.Write(path, [.. DiscreteTensors(), TensorData.Of("critic.0.weight", [1], [1f])], Policy.DiscreteMetadata([2]));
        using var policy = Policy.Load(path);
        Assert.Equal(0, policy.Act([3, 2]));
    }

    [Fact]
    public void Load_TruncatedAtAnyByte_ThrowsOneKindOfException()
    {
        var path = Path.Combine(folder, "policy.safetensors");
        using (var policy = SmallDiscrete())
            policy.Save(path);

        var whole = File.ReadAllBytes(path);
        for (var length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            Assert.StartsWith(path, Assert.Throws<ModelFileException>(() => Policy.Load(path)).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("rlwn.format", null, "rlwn.format")]
    [InlineData("rlwn.format", "2", "newer")]
    [InlineData("rlwn.observation_shape", null, "rlwn.observation_shape")]
    [InlineData("rlwn.observation_shape", "[3]", "rlwn.observation_shape")]
    [InlineData("rlwn.observation_shape", "[-1, -1]", "rlwn.observation_shape")]
    [InlineData("rlwn.observation_shape", "[1e300, 1e300]", "rlwn.observation_shape")]
    [InlineData("rlwn.observation_shape", "1", "rlwn.observation_shape")]
    [InlineData("rlwn.observation_shape", "[\"1\"]", "rlwn.observation_shape")]
    [InlineData("rlwn.observation_shape", "[null]", "rlwn.observation_shape")]
    [InlineData("rlwn.action", "both", "rlwn.action")]
    [InlineData("rlwn.action", "discrete", "actor.log_std")]
    [InlineData("rlwn.action_low", "[0]", "rlwn.action_low")]
    [InlineData("rlwn.action_low", "[0, 2]", "<=")]
    [InlineData("rlwn.action_high", "{}", "rlwn.action_high")]
    public void Load_WrongMetadata_SaysWhat(string key, string? text, string expected)
    {
        var metadata = ContinuousMetadata();
        metadata.Remove(key);
        if (text is not null)
            metadata[key] = text;

        AssertRefused(ContinuousTensors(), metadata, expected);
    }

    [Fact]
    public void Load_WrongTensors_SaysWhat()
    {
        var tensors = DiscreteTensors();
        var metadata = Policy.DiscreteMetadata([2]);
        TensorData[] Without(string name) => [.. tensors.Where(tensor => tensor.Name != name)];
        TensorData[] With(TensorData replacement) => [.. Without(replacement.Name), replacement];

        AssertRefused([], metadata, "actor.0.weight");
        foreach (var tensor in tensors)
            AssertRefused(Without(tensor.Name), metadata, "actor.");
        AssertRefused([.. tensors, tensors[0]], metadata, "once");
        AssertRefused(With(TensorData.Of("actor.0.weight", [2, 2], new float[4])), metadata, "actor.0.weight_");   // both plain and normalized
        AssertRefused(With(TensorData.Of("actor.0.weight_g", [2], new float[2])), metadata, "[2, 1]");
        AssertRefused(With(TensorData.Of("actor.0.weight_v", [2, 2], new float[4])), metadata, "actor.0.weight_v");  // rows of norm 0
        AssertRefused(With(TensorData.Of("actor.0.bias", [2], [0, float.NaN])), metadata, "NaN");
        AssertRefused(With(TensorData.Of("actor.0.bias", [2], new double[2])), metadata, "F64");
        AssertRefused(With(TensorData.Of("actor.1.weight", [3, 5], new float[15])), metadata, "[out, 2]");
        AssertRefused(With(TensorData.Of("actor.1.weight", [6], new float[6])), metadata, "[out, 2]");
        AssertRefused([.. tensors, TensorData.Of("actor.3.bias", [1], [0f])], metadata, "actor.3.bias");
    }

    [Fact]
    public void BoxMetadata_OtherCulture_IsStillJson()
    {
        var before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo("") { NumberFormat = new NumberFormatInfo { NumberDecimalSeparator = ",", NegativeSign = "~" } };
            var text = Policy.BoxMetadata([1], [-2.5f, float.NegativeInfinity], [1e30f, 0])["rlwn.action_low"];
            Assert.Equal("[-2.5, null]", text);
            using var json = JsonDocument.Parse(text);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    // Pre-activations (1, -3) and logits (h0, h1, 0.7): as they are, h = (1, 0); layer norm gives (1, -1 + 5); root mean square √5 gives (0.447, 0).
    [Theory]
    [InlineData(RowNorm.None, 0)]
    [InlineData(RowNorm.LayerNorm, 1)]
    [InlineData(RowNorm.RmsNorm, 2)]
    public void Load_Normalized_ActsByItAndIsValidated(RowNorm norm, int expected)
    {
        TensorData[] linear =
        [
            TensorData.Of("actor.0.weight", [2, 2], [2f, 0, 0, 5]), TensorData.Of("actor.0.bias", [2], [0f, 0]),
            TensorData.Of("actor.1.weight", [3, 2], [1f, 0, 0, 1, 0, 0]), TensorData.Of("actor.1.bias", [3], [0f, 0, 0.7f]),
        ];
        TensorData weight = TensorData.Of("actor.0_norm.weight", [2], [1f, 1]), bias = TensorData.Of("actor.0_norm.bias", [2], [0f, 5]);
        TensorData[] norms = norm switch { RowNorm.LayerNorm => [weight, bias], RowNorm.RmsNorm => [weight], _ => [] };
        var metadata = Policy.DiscreteMetadata([2], norm);

        using var policy = Policy.FromTensors([.. linear, .. norms], metadata);
        Assert.Equal(expected, policy.Act([0.5f, -0.6f]));
        var path = Path.Combine(folder, "normalized.safetensors");
        policy.Save(path);
        using var loaded = Policy.Load(path);
        Assert.Equal(expected, loaded.Act([0.5f, -0.6f]));

        if (norm == RowNorm.None)
        {
            AssertRefused([.. linear, weight], metadata, "actor.0_norm.weight");
            AssertRefused(linear, new(metadata) { ["rlwn.norm"] = "group_norm" }, "rlwn.norm");
            return;
        }

        AssertRefused(linear, metadata, "actor.0_norm.weight");
        AssertRefused([.. linear, TensorData.Of("actor.0_norm.weight", [3], new float[3]), .. norms[1..]], metadata, "[2]");
        AssertRefused([.. linear, .. norms, TensorData.Of("actor.1_norm.weight", [3], new float[3])], metadata, "actor.1_norm.weight");
        AssertRefused(norm == RowNorm.LayerNorm ? [.. linear, weight] : [.. linear, weight, bias], metadata, "actor.0_norm.bias");
    }

    // Logits (x0, x1, 0) of the first choice and (x1, 0.5) of the second.
    [Fact]
    public void Act_SeveralChoices_AreTheHighestLogitOfEach()
    {
        using var made = SmallMultiDiscrete();
        var path = Path.Combine(folder, "several.safetensors");
        made.Save(path);
        using var policy = Policy.Load(path);
        var action = new int[2];

        Assert.Equal((ActionKind.MultiDiscrete, 2), (policy.Kind, policy.ActionSize));
        Assert.Equal([3, 2], policy.ActionCounts);
        policy.Act([2, 1], action);
        Assert.Equal([0, 0], action);
        policy.Act([-2, 0.25f], action);
        Assert.Equal([1, 1], action);
        var actions = new int[3000];
        policy.Act([.. Enumerable.Repeat((float[])[2, 1, -2, 0.25f, -1, -1], 500).SelectMany(rows => rows)], 1500, actions);
        Assert.Equal(Enumerable.Repeat((int[])[0, 0, 1, 1, 2, 1], 500).SelectMany(rows => rows), actions);

        Assert.Contains("span", Assert.Throws<InvalidOperationException>(() => policy.Act([1, 2])).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => policy.ActionCount);
        Assert.Throws<InvalidOperationException>(() => policy.Act([1, 2], new float[2]));
        Assert.Throws<ArgumentException>(() => policy.Act([1, 2], new int[1]));
        var ofBytes = Policy.MultiDiscreteMetadata([2], [3, 2]);
        Policy.AddBytes(ofBytes, 10);
        using (var bytes = Policy.FromTensors(MultiDiscreteTensors(), ofBytes))
            bytes.ActOnBytes([0, 4], action);   // logits (0, 0.4, 0) and (0.4, 0.5)
        Assert.Equal([1, 1], action);
        using var one = SmallDiscrete();
        one.Act([3, 2], action.AsSpan(0, 1));
        Assert.Equal((0, 3), (action[0], Assert.Single(one.ActionCounts)));
        float[] observation = [2, 1];
        var random = new Random(1);
        Allocations.AssertNone(() =>
        {
            policy.Act(observation, action);
            policy.Sample(observation, random, action);
        });
    }

    [Fact]
    public void Sample_SeveralChoices_AreDrawnApart()
    {
        using var policy = SmallMultiDiscrete();
        var random = new Random(1);
        var (x0, x1) = (MathF.Log(2), MathF.Log(3));   // (⅓, ½, ⅙), and 3 against √e: 0.645
        var drawn = Enumerable.Range(0, 4000).Select(_ =>
        {
            var action = new int[2];
            policy.Sample([x0, x1], random, action);
            return (action[0], action[1]);
        }).ToArray();

        Assert.Equal(0.5 * 0.6453, drawn.Count(pair => pair == (1, 0)) / 4000.0, 0.03);
        Assert.Equal(0.16667 * 0.3547, drawn.Count(pair => pair == (2, 1)) / 4000.0, 0.015);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("[]")]
    [InlineData("[3, 3]")]
    [InlineData("[6, -1]")]
    [InlineData("[2.5, 2.5]")]
    [InlineData("[5, 0]")]
    [InlineData("five")]
    public void Load_DamagedChoices_SaysWhat(string? text)
    {
        var metadata = Policy.MultiDiscreteMetadata([2], [3, 2]);
        metadata.Remove("rlwn.choices");
        if (text is not null)
            metadata["rlwn.choices"] = text;
        AssertRefused(MultiDiscreteTensors(), metadata, "rlwn.choices");
    }

    // Means (x, -x), bounds (-2, 4) and (0, 1): middles 1 and ½, halves 3 and ½.
    [Fact]
    public void Act_Squashed_IsTheTanhOfTheMeanBetweenTheBounds()
    {
        var path = Path.Combine(folder, "squashed.safetensors");
        using (var made = SmallSquashed())
            made.Save(path);
        using var policy = Policy.Load(path);
        var action = new float[2];

        policy.Act([0.5f], action);
        Assert.Equal(1 + (3 * Math.Tanh(0.5)), action[0], 1e-6);
        Assert.Equal(0.5 - (0.5 * Math.Tanh(0.5)), action[1], 1e-6);
        policy.Act([1000], action);
        Assert.Equal([4, 0], action);
        Assert.Equal((ActionKind.Continuous, 2), (policy.Kind, policy.ActionSize));
        Assert.Equal([-2, 0], policy.ActionLow);
        Assert.Equal([4, 1], policy.ActionHigh);

        // Half of all draws lie below the median.
        var random = new Random(1);
        var below = 0;
        for (var i = 0; i < 2000; i++)
        {
            policy.Sample([0.5f], random, action);
            below += action[0] < 1 + (3 * Math.Tanh(0.5)) ? 1 : 0;
            Assert.InRange(action[1], 0, 1);
        }

        Assert.InRange(below, 900, 1100);
    }

    [Fact]
    public void Load_SquashedWithoutBounds_SaysWhat()
    {
        var metadata = ContinuousMetadata();   // [-2, null] and [null, 1]
        Policy.AddTanh(metadata);
        AssertRefused(ContinuousTensors(), metadata, "Expected finite rlwn.action_low and rlwn.action_high");
    }

    // Means 10 and -1, deviations 2 and 0.5, cut off at 3: (14, 0) is seen as (2, 2), (1000, -9) as (3, -3). Logits are (seen0 + 0.5, seen1, 0).
    [Fact]
    public void Load_ObservationScale_ActsOnWhatTheTaskGives()
    {
        var metadata = Policy.DiscreteMetadata([2]);
        Policy.AddObservationScale(metadata, clip: 3);
        TensorData[] tensors =
        [
            TensorData.Of("actor.0.weight", [3, 2], [1f, 0, 0, 1, 0, 0]), TensorData.Of("actor.0.bias", [3], [0.5f, 0, 0]),
            TensorData.Of("actor.obs_mean", [2], [10.0, -1]), TensorData.Of("actor.obs_var", [2], [4.0, 0.25]),
        ];
        var path = Path.Combine(folder, "scaled.safetensors");
        using (var policy = Policy.FromTensors(tensors, metadata))
            policy.Save(path);
        using var loaded = Policy.Load(path);

        Assert.Equal(0, loaded.Act([14, 0]));         // (2.5, 2, 0)
        Assert.Equal(1, loaded.Act([12.5f, 0]));      // (1.75, 2, 0)
        Assert.Equal(0, loaded.Act([1000, 1000]));    // (3.5, 3, 0): both cut off
        Assert.Equal(2, loaded.Act([8, -1.05f]));     // (-0.5, -0.1, 0)
        var actions = new int[3000];
        loaded.Act([.. Enumerable.Repeat((float[])[14, 0, 12.5f, 0, 8, -1.05f], 1000).SelectMany(rows => rows)], 3000, actions);
        Assert.Equal(Enumerable.Repeat((int[])[0, 1, 2], 1000).SelectMany(three => three), actions);
        Assert.Throws<ArgumentException>(() => loaded.Act([float.NaN, 0]));
        float[] observation = [14, 0];
        Allocations.AssertNone(() => loaded.Act(observation));
    }

    [Fact]
    public void Load_DamagedObservationScale_SaysWhat()
    {
        var metadata = Policy.DiscreteMetadata([2]);
        Policy.AddObservationScale(metadata, clip: 3);
        var (mean, variance) = (TensorData.Of("actor.obs_mean", [2], [10.0, -1]), TensorData.Of("actor.obs_var", [2], [4.0, 0.25]));

        AssertRefused([.. DiscreteTensors(), variance], metadata, "actor.obs_mean of F64 [2], got none");
        AssertRefused([.. DiscreteTensors(), mean], metadata, "actor.obs_var of F64 [2], got none");
        AssertRefused([.. DiscreteTensors(), TensorData.Of("actor.obs_mean", [3], [10.0, -1, 0]), variance], metadata, "got F64 [3]");
        AssertRefused([.. DiscreteTensors(), TensorData.Of("actor.obs_mean", [2], [10f, -1]), variance], metadata, "got F32 [2]");
        AssertRefused([.. DiscreteTensors(), TensorData.Of("actor.obs_mean", [2], [double.NaN, -1]), variance], metadata, "NaN");
        AssertRefused([.. DiscreteTensors(), mean, TensorData.Of("actor.obs_var", [2], [4.0, 0])], metadata, "above 0, got 0");
        AssertRefused([.. DiscreteTensors(), mean, variance], Policy.DiscreteMetadata([2]), "actor.obs_mean, actor.obs_var");
        foreach (var text in (string[])["0", "-1", "NaN", "Infinity", "ten", ""])
            AssertRefused([.. DiscreteTensors(), mean, variance], new(metadata) { ["rlwn.observation_clip"] = text }, "rlwn.observation_clip");
    }

    private static TensorData[] DiscreteTensors() =>
    [
        TensorData.Of("actor.0.weight_g", [2, 1], [1f, 1]),
        TensorData.Of("actor.0.weight_v", [2, 2], [2f, 0, 0, 5]),
        TensorData.Of("actor.0.bias", [2], [0f, 0]),
        TensorData.Of("actor.1.weight", [3, 2], [1f, 0, 0, 1, 0, 0]),
        TensorData.Of("actor.1.bias", [3], [0f, 0, 1]),
    ];

    private static TensorData[] ContinuousTensors() =>
    [
        TensorData.Of("actor.0.weight", [2, 1], [1f, -1]),
        TensorData.Of("actor.0.bias", [2], [0f, 0]),
        TensorData.Of("actor.log_std", [2], [MathF.Log(2), MathF.Log(0.5f)]),
    ];

    private static Dictionary<string, string> ContinuousMetadata() =>
        Policy.BoxMetadata([1], [-2, float.NegativeInfinity], [float.PositiveInfinity, 1]);

    // A whole file is of images [2, 6, 6] behind MinAtar's convolution, 16 filters to [16, 4, 4]; each row breaks one thing.
    [Theory]
    [InlineData("rlwn.torso", "vgg", "Expected metadata rlwn.torso = \"min_atar\", \"nature\", \"impala\" or none, got \"vgg\"")]
    [InlineData("rlwn.torso", "", "Expected metadata rlwn.torso")]
    [InlineData("rlwn.torso", null, "Expected a tensor actor.0.weight_v or actor.0.weight, got none")]
    [InlineData("rlwn.torso", "nature", "torso")]
    [InlineData("rlwn.torso", "impala", "Expected tensor actor.torso.stage1")]
    [InlineData("rlwn.torso_depth", null, "Expected metadata rlwn.torso_depth from 1 to 10000, got \"\"")]
    [InlineData("rlwn.torso_depth", "0", "rlwn.torso_depth")]
    [InlineData("rlwn.torso_depth", "-3", "rlwn.torso_depth")]
    [InlineData("rlwn.torso_depth", "9.5", "rlwn.torso_depth")]
    [InlineData("rlwn.torso_depth", "99999999999", "rlwn.torso_depth")]
    [InlineData("rlwn.torso_width", null, "Expected metadata rlwn.torso_width from 1 to 64, got \"\"")]
    [InlineData("rlwn.torso_width", "65", "rlwn.torso_width")]
    [InlineData("rlwn.torso_width", "wide", "rlwn.torso_width")]
    [InlineData("rlwn.torso_width", "2", "Expected tensor actor.torso.conv1.weight")]
    [InlineData("rlwn.observation_shape", null, "rlwn.observation_shape")]
    [InlineData("rlwn.observation_shape", "[72]", "[channels, height, width]")]
    [InlineData("rlwn.observation_shape", "[2, 6, 6.5]", "rlwn.observation_shape")]
    [InlineData("rlwn.observation_shape", "[2, 6, 0]", "rlwn.observation_shape")]
    [InlineData("rlwn.observation_shape", "[2, 6, null]", "rlwn.observation_shape")]
    [InlineData("rlwn.observation_shape", "[2, 6, 100000]", "rlwn.observation_shape")]
    [InlineData("rlwn.observation_shape", "[2, 65536, 65536]", "rlwn.observation_shape")]
    [InlineData("rlwn.observation_shape", "[2, 2, 2]", "torso")]
    [InlineData("rlwn.observation_shape", "[3, 6, 6]", "Expected tensor actor.torso.conv1.weight")]
    [InlineData("rlwn.observation_shape", "[2, 6, 7]", "Expected a layer for the 320 features of the torso, got one for 256")]
    [InlineData("rlwn.observation_high", "0", "rlwn.observation_high")]
    [InlineData("rlwn.observation_high", "256", "rlwn.observation_high")]
    public void Load_DamagedTorso_SaysWhat(string key, string? text, string expected)
    {
        TensorData[] tensors =
        [
            TensorData.Of("actor.torso.conv1.weight", [16, 2, 3, 3], new float[288]), TensorData.Of("actor.torso.conv1.bias", [16], new float[16]),
            TensorData.Of("actor.head.0.weight", [3, 256], new float[768]), TensorData.Of("actor.head.0.bias", [3], [0f, 1, 0]),
        ];
        var metadata = Policy.DiscreteMetadata([2, 6, 6]);
        Policy.AddTorso(metadata, Torso.MinAtar, depth: 9, width: 1);
        Policy.AddBytes(metadata, 255);
        using (var whole = Policy.FromTensors(tensors, metadata))
            Assert.Equal(1, whole.ActOnBytes(new byte[72]));

        metadata.Remove(key);
        if (text is not null)
            metadata[key] = text;
        AssertRefused(tensors, metadata, expected);
    }

    private static TensorData[] MultiDiscreteTensors() =>
    [
        TensorData.Of("actor.0.weight", [5, 2], [1f, 0, 0, 1, 0, 0, 0, 1, 0, 0]),
        TensorData.Of("actor.0.bias", [5], [0f, 0, 0, 0, 0.5f]),
    ];

    private static Policy SmallMultiDiscrete() => Policy.FromTensors(MultiDiscreteTensors(), Policy.MultiDiscreteMetadata([2], [3, 2]));

    private static Policy SmallSquashed()
    {
        var metadata = Policy.BoxMetadata([1], [-2, 0], [4, 1]);
        Policy.AddTanh(metadata);
        return Policy.FromTensors(ContinuousTensors(), metadata);
    }

    private static Policy SmallDiscrete() => Policy.FromTensors(DiscreteTensors(), Policy.DiscreteMetadata([2]));

    private static Policy SmallContinuous(params (string Key, string Text)[] extra)
    {
        var metadata = ContinuousMetadata();
        foreach (var (key, text) in extra)
            metadata[key] = text;
        return Policy.FromTensors(ContinuousTensors(), metadata);
    }

    private static Policy RandomDiscrete()
    {
        var random = new Random(1);
        float[] Uniform(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
        return Policy.FromTensors(
            [
                TensorData.Of("actor.0.weight", [64, 8], Uniform(64 * 8)),
                TensorData.Of("actor.0.bias", [64], Uniform(64)),
                TensorData.Of("actor.1.weight", [4, 64], Uniform(4 * 64)),
                TensorData.Of("actor.1.bias", [4], new float[4]),
            ],
            Policy.DiscreteMetadata([2, 4]));
    }

    private void AssertRefused(TensorData[] tensors, Dictionary<string, string> metadata, string expected)
    {
        Assert.Contains(expected, Assert.Throws<ArgumentException>(() => Policy.FromTensors(tensors, metadata)).Message, StringComparison.Ordinal);

        if (tensors.DistinctBy(tensor => tensor.Name).Count() == tensors.Length)
        {
            var path = Path.Combine(folder, "refused.safetensors");
            Safetensors.Write(path, tensors, metadata);
            var error = Assert.Throws<ModelFileException>(() => Policy.Load(path));
            Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
            Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        }
    }
}
