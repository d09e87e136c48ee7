using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace RlWn.Inference;

/// <summary>What kind of action a policy chooses.</summary>
public enum ActionKind
{
    /// <summary>One of N choices.</summary>
    Discrete,

    /// <summary>Numbers, each between bounds of its own or unbounded.</summary>
    Continuous,
}

/// <summary>A trained policy: give it an observation, it gives an action. Needs nothing but this library.</summary>
/// <example>
/// <code>
/// using var policy = Policy.Load("cartpole.safetensors");
/// int action = policy.Act(observation);
/// </code>
/// </example>
/// <remarks>
/// <para>Many threads may act with one policy at once, if each has its own <see cref="Random"/>. Acting allocates nothing.</para>
/// <para>
/// The file is a safetensors file with the tensors' names and shapes of PyTorch, i = 0 for the layer that sees the observation:
/// actor.{i}.weight_g [out, 1], actor.{i}.weight_v [out, in] and actor.{i}.bias [out] of a weight-normalized layer, actor.{i}.weight
/// [out, in] and actor.{i}.bias [out] of a plain one, actor.log_std [A] for continuous actions. Where hidden layers are normalized before their
/// ReLU, actor.{i}_norm.weight [out], and for a layer norm actor.{i}_norm.bias [out]; batch normalization is part of the plain weights.
/// </para>
/// <para>
/// Its metadata says rlwn.format = "1", rlwn.observation_shape = "[4]", rlwn.action = "discrete" or "box", for a box with bounds rlwn.action_low
/// and rlwn.action_high = "[-2, null]", null for none, and rlwn.norm = "layer_norm" or "rms_norm" where hidden layers are normalized, ε = 1e-5.
/// Files without rlwn.norm, as older versions wrote them, have no normalization.
/// </para>
/// <para>
/// Behind a convolutional torso the layers are actor.head.{i}, and the convolutions are actor.torso.{name} with weight_g [out, 1, 1, 1] and weight_v
/// [out, in, k, k], or weight, and bias; metadata then says rlwn.torso = "min_atar", "nature" or "impala", rlwn.torso_depth and rlwn.torso_width.
/// Where the task's observations are bytes, rlwn.observation_high is their greatest value, by which they are divided.
/// </para>
/// </remarks>
public sealed class Policy : IDisposable
{
    private const string FormatKey = "rlwn.format", Format = "1";
    private const string ObservationShapeKey = "rlwn.observation_shape";
    private const string ActionKey = "rlwn.action", DiscreteAction = "discrete", BoxAction = "box";
    private const string ActionLowKey = "rlwn.action_low", ActionHighKey = "rlwn.action_high";
    private const string NormKey = "rlwn.norm", LayerNormText = "layer_norm", RmsNormText = "rms_norm";
    private const string TorsoKey = "rlwn.torso", TorsoDepthKey = "rlwn.torso_depth", TorsoWidthKey = "rlwn.torso_width";
    private const string ObservationHighKey = "rlwn.observation_high";
    private const string Prefix = "actor.", TorsoPrefix = "actor.torso.", HeadPrefix = "actor.head.";

    private const int MostActions = 16_384;     // logits of one row, 64 KiB on the stack
    private const int LogitsTogether = 1_024;   // of the rows of a batch that are computed together

    private const int FeaturesTogether = 4_096; // floats on the stack: bytes as numbers, or a torso's features

    private readonly FoldedTorso? torso;
    private readonly FoldedMlp network;
    private readonly float? byteScale;
    private readonly TensorData[] tensors;      // as they came, for saving
    private readonly float[] logStd;
    private readonly float[] low;
    private readonly float[] high;

    private Policy(IReadOnlyList<TensorData> all, IReadOnlyDictionary<string, string> metadata)
    {
        Metadata = metadata.ToDictionary();
        if (Text(FormatKey) != Format)
        {
            throw new ArgumentException(
                $"Expected metadata {FormatKey} = \"{Format}\", got \"{Text(FormatKey)}\". " +
                "Use the version of RlWn that wrote the policy, or a newer one.");
        }

        tensors = [.. all.Where(tensor => tensor.Name.StartsWith(Prefix, StringComparison.Ordinal))];
        var remaining = Remaining(tensors);
        torso = TorsoOf(remaining);
        try
        {
            network = Network(remaining, torso is null ? Prefix : HeadPrefix, NormOfHiddenLayers());
        }
        catch
        {
            torso?.Dispose();
            throw;
        }

        try
        {
            if (torso is not null && network.InputSize != torso.Plan.Features)
                throw new ArgumentException($"Expected a layer for the {torso.Plan.Features} features of the torso, got one for {network.InputSize}.");
            ObservationSize = torso?.Plan.Input.Size ?? network.InputSize;
            ObservationShape = ShapeOfObservation(ObservationSize);
            byteScale = ScaleOfBytes();
            (logStd, low, high) = ([], [], []);
            Kind = Text(ActionKey) switch
            {
                DiscreteAction => ActionKind.Discrete,
                BoxAction => ActionKind.Continuous,
                var other => throw new ArgumentException(
                    $"Expected metadata {ActionKey} = \"{DiscreteAction}\" or \"{BoxAction}\", got \"{other}\"."),
            };

            if (Kind == ActionKind.Continuous)
            {
                var size = network.OutputSize;
                logStd = Take(remaining, $"{Prefix}log_std", size).Floats.ToArray();
                (low, high) = (Bounds(ActionLowKey, size, float.NegativeInfinity), Bounds(ActionHighKey, size, float.PositiveInfinity));
                for (var i = 0; i < size; i++)
                {
                    if (!(low[i] <= high[i]))
                    {
                        throw new ArgumentException(
                            $"Expected {ActionLowKey} <= {ActionHighKey}, got {low[i]} and {high[i]} at index {i}.");
                    }
                }
            }

            if (network.OutputSize > MostActions)
                throw new ArgumentException($"Expected a policy of at most {MostActions} outputs, got {network.OutputSize}.");
            if (remaining.Count > 0)
            {
                throw new ArgumentException(
                    $"Expected no tensor that the policy has no use for, got {string.Join(", ", remaining.Keys.Order())}. " +
                    "A layer's number, bias or weight may be missing.");
            }
        }
        catch
        {
            torso?.Dispose();
            network.Dispose();
            throw;
        }
    }

    /// <summary>Length of each dimension of an observation.</summary>
    public IReadOnlyList<int> ObservationShape { get; }

    /// <summary>D: how many numbers an observation has.</summary>
    public int ObservationSize { get; }

    /// <summary>What kind of action the policy chooses.</summary>
    public ActionKind Kind { get; }

    /// <summary>N: how many choices a discrete policy has.</summary>
    /// <exception cref="InvalidOperationException">The policy is continuous.</exception>
    public int ActionCount => RequireDiscrete().OutputSize;

    /// <summary>A: how many numbers an action of a continuous policy has.</summary>
    /// <exception cref="InvalidOperationException">The policy is discrete.</exception>
    public int ActionSize => RequireContinuous().OutputSize;

    /// <summary>The least value of each number of a continuous action, -∞ where unbounded; empty for discrete policies.</summary>
    public IReadOnlyList<float> ActionLow => low;

    /// <summary>The greatest value of each number of a continuous action, ∞ where unbounded; empty for discrete policies.</summary>
    public IReadOnlyList<float> ActionHigh => high;

    /// <summary>The texts that came with the policy: those of the format, and what the training added, as the task.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Reads a policy from a file.</summary>
    /// <param name="path">A safetensors file as <see cref="Save"/> or the training writes it. Tensors beside the actor are ignored.</param>
    /// <exception cref="ModelFileException">The file is not a policy, is cut off, or was altered.</exception>
    /// <exception cref="IOException">The file could not be read.</exception>
    public static Policy Load(string path)
    {
        var (tensors, metadata) = Safetensors.Read(path);
        try
        {
            return FromTensors(tensors, metadata);
        }
        catch (ArgumentException exception)
        {
            throw new ModelFileException($"{path}: {exception.Message}", exception);
        }
    }

    /// <summary>Makes a policy from its tensors.</summary>
    /// <param name="tensors">Tensors of F32 with the names and shapes of the file; those beside the actor are ignored.</param>
    /// <param name="metadata">What <see cref="DiscreteMetadata"/> or <see cref="BoxMetadata"/> makes, and any other texts.</param>
    /// <exception cref="ArgumentException">Something is missing, superfluous or of the wrong shape, or a number is not finite.</exception>
    public static Policy FromTensors(IReadOnlyList<TensorData> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        ArgumentNullException.ThrowIfNull(metadata);
        return new Policy(tensors, metadata);
    }

    /// <summary>The metadata of a policy of discrete actions, to which other texts can be added.</summary>
    /// <param name="observationShape">Length of each dimension of an observation.</param>
    /// <param name="norm">What normalizes hidden layers.</param>
    public static Dictionary<string, string> DiscreteMetadata(ReadOnlySpan<int> observationShape, RowNorm norm = RowNorm.None) => WithNorm(norm, new()
    {
        [FormatKey] = Format,
        [ObservationShapeKey] = $"[{string.Join(", ", observationShape.ToArray())}]",
        [ActionKey] = DiscreteAction,
    });

    /// <summary>The metadata of a policy of continuous actions, to which other texts can be added.</summary>
    /// <param name="observationShape">Length of each dimension of an observation.</param>
    /// <param name="low">The least value of each number of an action; negative infinity for none.</param>
    /// <param name="high">The greatest value of each number of an action; infinity for none.</param>
    /// <param name="norm">What normalizes hidden layers.</param>
    public static Dictionary<string, string> BoxMetadata(
        ReadOnlySpan<int> observationShape, ReadOnlySpan<float> low, ReadOnlySpan<float> high, RowNorm norm = RowNorm.None) => WithNorm(norm, new()
    {
        [FormatKey] = Format,
        [ObservationShapeKey] = $"[{string.Join(", ", observationShape.ToArray())}]",
        [ActionKey] = BoxAction,
        [ActionLowKey] = BoundsText(low),
        [ActionHighKey] = BoundsText(high),
    });

    /// <summary>Adds to metadata that observations are bytes, which are divided by their greatest value.</summary>
    /// <param name="metadata">What <see cref="DiscreteMetadata"/> or <see cref="BoxMetadata"/> made.</param>
    /// <param name="high">The greatest value; 0 counts as 1.</param>
    public static void AddBytes(IDictionary<string, string> metadata, byte high)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        metadata[ObservationHighKey] = Math.Max(high, (byte)1).ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Adds to metadata which convolutional torso stands before the layers.</summary>
    /// <param name="metadata">What <see cref="DiscreteMetadata"/> or <see cref="BoxMetadata"/> made.</param>
    /// <param name="torso">Which; Mlp adds nothing.</param>
    /// <param name="depth">Of <see cref="Torso.Impala"/>, as 15.</param>
    /// <param name="width">What the channels are multiplied by.</param>
    public static void AddTorso(IDictionary<string, string> metadata, Torso torso, int depth, int width)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        if (torso == Torso.Mlp)
            return;

        metadata[TorsoKey] = torso switch { Torso.MinAtar => "min_atar", Torso.Nature => "nature", _ => "impala" };
        metadata[TorsoDepthKey] = depth.ToString(CultureInfo.InvariantCulture);
        metadata[TorsoWidthKey] = width.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Writes the policy to a file, in one step: an existing file is replaced by a whole new one or not at all.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">The file could not be written.</exception>
    public void Save(string path) => Safetensors.Write(path, tensors, Metadata);

    /// <summary>The most probable action of a discrete policy.</summary>
    /// <param name="observation">The observation, [D].</param>
    /// <returns>The action, from 0 to N - 1.</returns>
    /// <exception cref="ArgumentException">The observation is not of D numbers, or holds NaN or overflowing numbers.</exception>
    /// <exception cref="InvalidOperationException">The policy is continuous.</exception>
    public int Act(ReadOnlySpan<float> observation)
    {
        var action = 0;
        Act(observation, 1, new Span<int>(ref action));
        return action;
    }

    /// <summary>The most probable action of a discrete policy of a task whose observations are bytes.</summary>
    /// <param name="observation">The observation as the task gives it, [D]; it is divided by the greatest value that the file names.</param>
    /// <returns>The action, from 0 to N - 1.</returns>
    /// <exception cref="InvalidOperationException">The policy is continuous, or its observations are no bytes.</exception>
    /// <inheritdoc cref="Act(ReadOnlySpan{float})" path="/exception[@cref='T:System.ArgumentException']"/>
    [SkipLocalsInit]
    public int ActOnBytes(ReadOnlySpan<byte> observation)
    {
        RequireDiscrete();
        Span<float> room = stackalloc float[FeaturesTogether];
        using var rented = new Room(ObservationSize, room);
        return Act(Scaled(observation, rented.Numbers));
    }

    /// <summary>The most probable action of a continuous policy of a task whose observations are bytes: the mean, clipped to the bounds.</summary>
    /// <param name="observation">The observation as the task gives it, [D]; it is divided by the greatest value that the file names.</param>
    /// <param name="action">Receives the action, [A].</param>
    /// <exception cref="ArgumentException">A length is wrong.</exception>
    /// <exception cref="InvalidOperationException">The policy is discrete, or its observations are no bytes.</exception>
    [SkipLocalsInit]
    public void ActOnBytes(ReadOnlySpan<byte> observation, Span<float> action)
    {
        RequireContinuous();
        Span<float> room = stackalloc float[FeaturesTogether];
        using var rented = new Room(ObservationSize, room);
        Act(Scaled(observation, rented.Numbers), action);
    }

    /// <summary>The most probable actions of a discrete policy, one for each observation.</summary>
    /// <param name="observations">The observations, [N, D], row-major.</param>
    /// <param name="batch">N: how many observations there are.</param>
    /// <param name="actions">Receives the actions, [N].</param>
    /// <inheritdoc cref="Act(ReadOnlySpan{float})" path="/exception"/>
    public void Act(ReadOnlySpan<float> observations, int batch, Span<int> actions) => Choose(observations, batch, null, actions);

    /// <summary>The most probable action of a continuous policy: the mean, clipped to the bounds.</summary>
    /// <param name="observation">The observation, [D].</param>
    /// <param name="action">Receives the action, [A].</param>
    /// <exception cref="ArgumentException">A length is wrong, or the observation holds NaN or overflowing numbers.</exception>
    /// <exception cref="InvalidOperationException">The policy is discrete.</exception>
    public void Act(ReadOnlySpan<float> observation, Span<float> action) => Act(observation, 1, action);

    /// <summary>The most probable actions of a continuous policy, one for each observation: the means, clipped to the bounds.</summary>
    /// <param name="observations">The observations, [N, D], row-major.</param>
    /// <param name="batch">N: how many observations there are.</param>
    /// <param name="actions">Receives the actions, [N, A], row-major.</param>
    /// <inheritdoc cref="Act(ReadOnlySpan{float}, Span{float})" path="/exception"/>
    public void Act(ReadOnlySpan<float> observations, int batch, Span<float> actions)
    {
        RequireContinuous();
        Forward(observations, batch, actions);
        RequireFinite(actions);
        Clip(actions);
    }

    /// <summary>Draws an action of a discrete policy.</summary>
    /// <param name="observation">The observation, [D].</param>
    /// <param name="random">The source of randomness.</param>
    /// <returns>The action, from 0 to N - 1.</returns>
    /// <inheritdoc cref="Act(ReadOnlySpan{float})" path="/exception"/>
    public int Sample(ReadOnlySpan<float> observation, Random random)
    {
        var action = 0;
        Sample(observation, 1, random, new Span<int>(ref action));
        return action;
    }

    /// <summary>Draws actions of a discrete policy, one for each observation.</summary>
    /// <param name="observations">The observations, [N, D], row-major.</param>
    /// <param name="batch">N: how many observations there are.</param>
    /// <param name="random">The source of randomness.</param>
    /// <param name="actions">Receives the actions, [N].</param>
    /// <inheritdoc cref="Act(ReadOnlySpan{float})" path="/exception"/>
    public void Sample(ReadOnlySpan<float> observations, int batch, Random random, Span<int> actions)
    {
        ArgumentNullException.ThrowIfNull(random);
        Choose(observations, batch, random, actions);
    }

    /// <summary>Draws an action of a continuous policy, clipped to the bounds.</summary>
    /// <param name="observation">The observation, [D].</param>
    /// <param name="random">The source of randomness.</param>
    /// <param name="action">Receives the action, [A].</param>
    /// <inheritdoc cref="Act(ReadOnlySpan{float}, Span{float})" path="/exception"/>
    public void Sample(ReadOnlySpan<float> observation, Random random, Span<float> action) => Sample(observation, 1, random, action);

    /// <summary>Draws actions of a continuous policy, one for each observation, clipped to the bounds.</summary>
    /// <param name="observations">The observations, [N, D], row-major.</param>
    /// <param name="batch">N: how many observations there are.</param>
    /// <param name="random">The source of randomness.</param>
    /// <param name="actions">Receives the actions, [N, A], row-major.</param>
    /// <inheritdoc cref="Act(ReadOnlySpan{float}, Span{float})" path="/exception"/>
    public void Sample(ReadOnlySpan<float> observations, int batch, Random random, Span<float> actions)
    {
        RequireContinuous();
        Forward(observations, batch, actions);
        RequireFinite(actions);
        for (var row = actions; !row.IsEmpty; row = row[logStd.Length..])
        {
            var action = row[..logStd.Length];
            DiagonalGaussian.Sample(action, logStd, random, action);
        }

        Clip(actions);
    }

    /// <summary>Frees the network's memory.</summary>
    public void Dispose()
    {
        torso?.Dispose();
        network.Dispose();
    }

    /// <summary>Through the torso, if there is one, a few rows at a time, and the layers.</summary>
    [SkipLocalsInit]
    private void Forward(ReadOnlySpan<float> observations, int batch, Span<float> outputs)
    {
        if (torso is null)
        {
            network.Forward(observations, batch, outputs);
            return;
        }

        ArgumentOutOfRangeException.ThrowIfNegative(batch);
        if (observations.Length != (long)batch * ObservationSize || outputs.Length != (long)batch * network.OutputSize)
        {
            throw new ArgumentException(
                $"Expected observations of [{batch}, {ObservationSize}] and outputs of [{batch}, {network.OutputSize}] numbers, got {observations.Length} and {outputs.Length}.");
        }

        var together = Math.Clamp(FeaturesTogether / network.InputSize, 1, Math.Max(batch, 1));
        Span<float> room = stackalloc float[FeaturesTogether];
        using var rented = new Room(together * network.InputSize, room);
        for (var done = 0; done < batch; done += together)
        {
            var rows = Math.Min(together, batch - done);
            var features = rented.Numbers[..(rows * network.InputSize)];
            torso.Forward(observations.Slice(done * ObservationSize, rows * ObservationSize), rows, features);
            network.Forward(features, rows, outputs.Slice(done * network.OutputSize, rows * network.OutputSize));
        }
    }

    private Span<float> Scaled(ReadOnlySpan<byte> observation, Span<float> numbers)
    {
        if (byteScale is not { } scale)
            throw new InvalidOperationException($"Expected a policy whose metadata says {ObservationHighKey}, to act on bytes, got one without. Give it numbers.");
        if (observation.Length != ObservationSize)
            throw new ArgumentException($"Expected an observation of {ObservationSize} bytes, got {observation.Length}.");

        for (var i = 0; i < observation.Length; i++)
            numbers[i] = observation[i] * scale;
        return numbers;
    }

    /// <summary>Discrete actions for all rows: drawn, or the most probable where there is no random source.</summary>
    [SkipLocalsInit]
    private void Choose(ReadOnlySpan<float> observations, int batch, Random? random, Span<int> actions)
    {
        var choices = RequireDiscrete().OutputSize;
        ArgumentOutOfRangeException.ThrowIfNegative(batch);
        if (observations.Length != (long)batch * ObservationSize || actions.Length != batch)
        {
            throw new ArgumentException(
                $"Expected observations of [{batch}, {ObservationSize}] and actions of [{batch}] numbers, " +
                $"got {observations.Length} and {actions.Length}.");
        }

        var blockRows = Math.Min(batch, Math.Max(1, LogitsTogether / choices));
        Span<float> logits = stackalloc float[blockRows * choices];
        for (var done = 0; done < batch; done += blockRows)
        {
            var rows = Math.Min(batch - done, blockRows);
            var block = logits[..(rows * choices)];
            Forward(observations.Slice(done * ObservationSize, rows * ObservationSize), rows, block);
            RequireFinite(block);

            for (var row = 0; row < rows; row++)
            {
                var ofRow = block.Slice(row * choices, choices);
                actions[done + row] = random is null ? Categorical.Greedy(ofRow) : Categorical.Sample(ofRow, random, out _);
            }
        }
    }

    private void Clip(Span<float> actions)
    {
        for (var row = actions; !row.IsEmpty; row = row[low.Length..])
        {
            for (var i = 0; i < low.Length; i++)
                row[i] = Math.Clamp(row[i], low[i], high[i]);
        }
    }

    /// <summary>The weights are finite, so it is the observation if an output is not.</summary>
    private static void RequireFinite(ReadOnlySpan<float> outputs)
    {
        foreach (var output in outputs)
        {
            if (!float.IsFinite(output))
            {
                throw new ArgumentException(
                    $"Expected observations of finite numbers, got some that give {output}. Look for NaN, " +
                    "infinite or huge numbers in them.");
            }
        }
    }

    private FoldedMlp RequireDiscrete() => Kind == ActionKind.Discrete
        ? network
        : throw new InvalidOperationException(
            $"Expected a policy of discrete actions, got one of {network.OutputSize} continuous numbers. " +
            "Use the methods that write the action to a span of float.");

    private FoldedMlp RequireContinuous() => Kind == ActionKind.Continuous
        ? network
        : throw new InvalidOperationException(
            $"Expected a policy of continuous actions, got one of {network.OutputSize} choices. " +
            "Use the methods that give the action as int.");

    private float? ScaleOfBytes()
    {
        if (!Metadata.TryGetValue(ObservationHighKey, out var text))
            return null;
        return byte.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var high) && high > 0
            ? 1f / high
            : throw new ArgumentException($"Expected metadata {ObservationHighKey} from 1 to 255, got \"{TensorData.Abbreviate(text)}\".");
    }

    /// <summary>The torso that the metadata names, with its tensors; null where it names none.</summary>
    private FoldedTorso? TorsoOf(Dictionary<string, TensorData> remaining)
    {
        if (!Metadata.TryGetValue(TorsoKey, out var name))
            return null;

        var kind = name switch
        {
            "min_atar" => Torso.MinAtar,
            "nature" => Torso.Nature,
            "impala" => Torso.Impala,
            _ => throw new ArgumentException(
                $"Expected metadata {TorsoKey} = \"min_atar\", \"nature\", \"impala\" or none, got \"{TensorData.Abbreviate(name)}\". " +
                "Use the version of RlWn that wrote the policy, or a newer one."),
        };
        var lengths = Numbers(ObservationShapeKey);
        if (!Array.TrueForAll(lengths, length => length is >= 1 and <= 65_536 && double.IsInteger(length)))
            throw new ArgumentException($"Expected metadata {ObservationShapeKey} = [channels, height, width], got \"{TensorData.Abbreviate(Text(ObservationShapeKey))}\".");

        var plan = new TorsoPlan(kind, Array.ConvertAll(lengths, length => (int)length), Whole(TorsoDepthKey, 10_000), Whole(TorsoWidthKey, 64));
        var folded = new FoldedTorso(plan);
        try
        {
            for (var i = 0; i < plan.Layers.Count; i++)
            {
                var layer = plan.Layers[i];
                var path = TorsoPrefix + layer.Name;
                int[] shape = [layer.Output.Channels, layer.Input.Channels, layer.Kernel, layer.Kernel];
                var isPlain = remaining.ContainsKey($"{path}.weight");
                var weightName = isPlain ? $"{path}.weight" : $"{path}.weight_v";
                var weight = Take(remaining, weightName, shape).Floats.ToArray();
                if (!isPlain)
                    Fold(Take(remaining, $"{path}.weight_g", shape[0], 1, 1, 1), weight, weightName);
                folded.SetLayer(i, weight, Take(remaining, $"{path}.bias", shape[0]).Floats);
            }
        }
        catch
        {
            folded.Dispose();
            throw;
        }

        return folded;
    }

    private int Whole(string key, int most) =>
        int.TryParse(Text(key), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= most
            ? number
            : throw new ArgumentException($"Expected metadata {key} from 1 to {most}, got \"{TensorData.Abbreviate(Text(key))}\".");

    private string Text(string key) => Metadata.GetValueOrDefault(key, "");

    /// <summary>The numbers of a JSON array in the metadata, NaN for null.</summary>
    private double[] Numbers(string key)
    {
        try
        {
            using var json = JsonDocument.Parse(Text(key));
            return [.. json.RootElement.EnumerateArray()
                .Select(number => number.ValueKind == JsonValueKind.Null ? double.NaN : number.GetDouble())];
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException)
        {
            throw new ArgumentException(
                $"Expected metadata {key} to be an array of numbers, got \"{TensorData.Abbreviate(Text(key))}\".", exception);
        }
    }

    private int[] ShapeOfObservation(int size)
    {
        var lengths = Numbers(ObservationShapeKey);
        var isShape = Array.TrueForAll(lengths, length => length >= 1 && double.IsInteger(length));
        if (!isShape || lengths.Aggregate(1.0, (product, length) => product * length) != size)
        {
            throw new ArgumentException(
                $"Expected metadata {ObservationShapeKey} of {size} numbers, as many as the first layer takes, " +
                $"got \"{TensorData.Abbreviate(Text(ObservationShapeKey))}\".");
        }

        return Array.ConvertAll(lengths, length => (int)length);
    }

    private float[] Bounds(string key, int size, float unbounded)
    {
        if (!Metadata.ContainsKey(key))
            return [.. Enumerable.Repeat(unbounded, size)];

        var bounds = Numbers(key);
        return bounds.Length == size
            ? Array.ConvertAll(bounds, bound => double.IsNaN(bound) ? unbounded : (float)bound)
            : throw new ArgumentException($"Expected {size} numbers or nulls in metadata {key}, as the action has, got {bounds.Length}.");
    }

    private static string BoundsText(ReadOnlySpan<float> bounds)
    {
        var texts = bounds.ToArray().Select(bound => float.IsFinite(bound) ? bound.ToString(CultureInfo.InvariantCulture) : "null");
        return $"[{string.Join(", ", texts)}]";
    }

    private static Dictionary<string, string> WithNorm(RowNorm norm, Dictionary<string, string> metadata)
    {
        if (norm != RowNorm.None)
            metadata[NormKey] = norm == RowNorm.LayerNorm ? LayerNormText : RmsNormText;
        return metadata;
    }

    private RowNorm NormOfHiddenLayers() => Metadata.GetValueOrDefault(NormKey) switch
    {
        null => RowNorm.None,
        LayerNormText => RowNorm.LayerNorm,
        RmsNormText => RowNorm.RmsNorm,
        var other => throw new ArgumentException(
            $"Expected metadata {NormKey} = \"{LayerNormText}\", \"{RmsNormText}\" or none, got \"{TensorData.Abbreviate(other)}\". " +
            "Use the version of RlWn that wrote the policy, or a newer one."),
    };

    private static Dictionary<string, TensorData> Remaining(TensorData[] tensors)
    {
        var byName = new Dictionary<string, TensorData>();
        foreach (var tensor in tensors)
        {
            if (!byName.TryAdd(tensor.Name, tensor))
                throw new ArgumentException($"Expected every tensor's name once, got '{tensor.Name}' again.");
        }

        return byName;
    }

    /// <summary>Takes the layers out of the tensors and folds them into a network.</summary>
    private static FoldedMlp Network(Dictionary<string, TensorData> remaining, string prefix, RowNorm norm)
    {
        var layers = new List<(float[] Weight, float[] Bias)>();
        var widths = new List<int>();
        while (true)
        {
            var layer = $"{prefix}{layers.Count}";
            var isPlain = remaining.ContainsKey($"{layer}.weight");
            var weightName = isPlain ? $"{layer}.weight" : $"{layer}.weight_v";
            if (!remaining.TryGetValue(weightName, out var tensor))
                break;

            if (tensor.Shape is not [> 0 and var outputs, > 0 and var inputs] || (widths.Count > 0 && inputs != widths[^1]))
            {
                throw new ArgumentException(
                    $"Expected tensor {weightName} of [out, {(widths.Count > 0 ? widths[^1] : "in")}], got {tensor.ShapeText}.");
            }

            var weight = Take(remaining, weightName, outputs, inputs).Floats.ToArray();
            if (!isPlain)
                Fold(Take(remaining, $"{layer}.weight_g", outputs, 1), weight, weightName);

            if (widths.Count == 0)
                widths.Add(inputs);
            widths.Add(outputs);
            layers.Add((weight, Take(remaining, $"{layer}.bias", outputs).Floats.ToArray()));
        }

        if (layers.Count == 0)
        {
            throw new ArgumentException(
                $"Expected a tensor {prefix}0.weight_v or {prefix}0.weight, got none. The file holds no policy, " +
                "or one that was not saved for acting.");
        }

        var norms = norm == RowNorm.None ? [] : widths.Skip(1).SkipLast(1).Select((width, i) => (
            Weight: Take(remaining, $"{prefix}{i}_norm.weight", width).Floats.ToArray(),
            Bias: norm == RowNorm.RmsNorm ? [] : Take(remaining, $"{prefix}{i}_norm.bias", width).Floats.ToArray())).ToArray();

        var network = new FoldedMlp([.. widths]);
        for (var i = 0; i < layers.Count; i++)
            network.SetLayer(i, layers[i].Weight, layers[i].Bias);
        for (var i = 0; i < norms.Length; i++)
            network.SetNorm(i, norm, norms[i].Weight, norms[i].Bias);
        return network;
    }

    private static void Fold(TensorData g, float[] v, string name)
    {
        try
        {
            FoldedMlp.Fold(g.Floats, v, v);
        }
        catch (ArgumentException exception)
        {
            throw new ArgumentException($"Tensor {name}: {exception.Message}", exception);
        }
    }

    private static TensorData Take(Dictionary<string, TensorData> remaining, string name, params ReadOnlySpan<int> shape)
    {
        var expected = $"Expected tensor {name} of F32 [{string.Join(", ", shape.ToArray())}]";
        if (!remaining.Remove(name, out var tensor))
            throw new ArgumentException($"{expected}, got none.");
        if (tensor.Type != DType.F32 || !tensor.Shape.AsSpan().SequenceEqual(shape))
            throw new ArgumentException($"{expected}, got {tensor.Type} {tensor.ShapeText}.");

        foreach (var value in tensor.Floats)
        {
            if (!float.IsFinite(value))
            {
                throw new ArgumentException(
                    $"{expected} with finite numbers, got {value}. The training has diverged; take an earlier checkpoint.");
            }
        }

        return tensor;
    }

    /// <summary>Memory for one call: the stack's, or where that is too small, the heap's beside the managed one.</summary>
    private unsafe ref struct Room
    {
        private readonly void* rented;

        public Room(int count, Span<float> stack)
        {
            if (count <= stack.Length)
            {
                Numbers = stack[..count];
                return;
            }

            rented = NativeMemory.Alloc((nuint)count, sizeof(float));
            Numbers = new(rented, count);
        }

        public Span<float> Numbers { get; }

        public readonly void Dispose() => NativeMemory.Free(rented);
    }
}
