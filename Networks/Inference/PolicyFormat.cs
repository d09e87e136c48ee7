using System.Globalization;
using System.Text.Json;

namespace RlWn.Inference;

/// <summary>The metadata of a policy's file: its keys, how each is written, and what each may say. <see cref="Policy"/> describes the whole file.</summary>
/// <param name="metadata">The texts as they came.</param>
internal sealed class PolicyFormat(IReadOnlyDictionary<string, string> metadata)
{
    private const string FormatKey = "rlwn.format", Format = "1";
    private const string ObservationShapeKey = "rlwn.observation_shape", ObservationHighKey = "rlwn.observation_high", ObservationClipKey = "rlwn.observation_clip";
    private const string NormKey = "rlwn.norm", LayerNormText = "layer_norm", RmsNormText = "rms_norm";
    private const string TorsoKey = "rlwn.torso", TorsoDepthKey = "rlwn.torso_depth", TorsoWidthKey = "rlwn.torso_width";
    private const string LstmKey = "rlwn.lstm";
    private const string MinAtarText = "min_atar", NatureText = "nature", ImpalaText = "impala";
    private const string ActionKey = "rlwn.action", DiscreteText = "discrete", BoxText = "box", ReturnsText = "return_distribution";
    private const string MultiDiscreteText = "multi_discrete", TanhBoxText = "tanh_box", ChoicesKey = "rlwn.choices";
    private const string ActionLowKey = "rlwn.action_low", ActionHighKey = "rlwn.action_high";
    private const string AtomsKey = "rlwn.atoms", ReturnLowKey = "rlwn.return_low", ReturnHighKey = "rlwn.return_high";

    private const int MostDepth = 10_000, MostWidth = 64, MostUnits = 65_536, MostAtoms = 1_000, MostNumbers = 1 << 24;

    public static Dictionary<string, string> Discrete(ReadOnlySpan<int> observationShape, RowNorm norm) => Of(observationShape, norm, DiscreteText);

    public static Dictionary<string, string> Box(ReadOnlySpan<int> observationShape, ReadOnlySpan<float> low, ReadOnlySpan<float> high, RowNorm norm)
    {
        var metadata = Of(observationShape, norm, BoxText);
        metadata[ActionLowKey] = BoundsText(low);
        metadata[ActionHighKey] = BoundsText(high);
        return metadata;
    }

    public static Dictionary<string, string> MultiDiscrete(ReadOnlySpan<int> observationShape, ReadOnlySpan<int> choices, RowNorm norm)
    {
        var metadata = Of(observationShape, norm, MultiDiscreteText);
        metadata[ChoicesKey] = $"[{string.Join(", ", choices.ToArray())}]";
        return metadata;
    }

    public static void AddTanh(IDictionary<string, string> metadata) => metadata[ActionKey] = TanhBoxText;   // readers that know no such thing refuse it

    public static void AddBytes(IDictionary<string, string> metadata, byte high) =>
        metadata[ObservationHighKey] = Math.Max(high, (byte)1).ToString(CultureInfo.InvariantCulture);

    public static void AddReturnDistribution(IDictionary<string, string> metadata, int atoms, double low, double high)
    {
        metadata[ActionKey] = ReturnsText;   // readers that know no such thing refuse it
        metadata[AtomsKey] = atoms.ToString(CultureInfo.InvariantCulture);
        metadata[ReturnLowKey] = low.ToString(CultureInfo.InvariantCulture);
        metadata[ReturnHighKey] = high.ToString(CultureInfo.InvariantCulture);
    }

    public static void AddObservationScale(IDictionary<string, string> metadata, double clip) =>
        metadata[ObservationClipKey] = clip.ToString(CultureInfo.InvariantCulture);

    public static void AddTorso(IDictionary<string, string> metadata, Torso torso, int depth, int width)
    {
        if (torso == Torso.Mlp)
            return;

        metadata[TorsoKey] = torso switch { Torso.MinAtar => MinAtarText, Torso.Nature => NatureText, _ => ImpalaText };
        metadata[TorsoDepthKey] = depth.ToString(CultureInfo.InvariantCulture);
        metadata[TorsoWidthKey] = width.ToString(CultureInfo.InvariantCulture);
    }

    public static void AddLstm(IDictionary<string, string> metadata, int units) => metadata[LstmKey] = units.ToString(CultureInfo.InvariantCulture);

    /// <summary>Refuses another version of the format.</summary>
    public void RequireFormat()
    {
        if (Text(FormatKey) != Format)
            throw new ArgumentException($"Expected metadata {FormatKey} = \"{Format}\", got \"{Text(FormatKey)}\". Use the version of RlWn that wrote the policy, or a newer one.");
    }

    /// <summary>What normalizes hidden layers.</summary>
    public RowNorm Norm() => metadata.GetValueOrDefault(NormKey) switch
    {
        null => RowNorm.None,
        LayerNormText => RowNorm.LayerNorm,
        RmsNormText => RowNorm.RmsNorm,
        _ => throw Unknown(NormKey, $"\"{LayerNormText}\", \"{RmsNormText}\" or none"),
    };

    /// <summary>The torso; null where there is none.</summary>
    public TorsoPlan? TorsoPlan()
    {
        if (!metadata.TryGetValue(TorsoKey, out var name))
            return null;

        var kind = name switch
        {
            MinAtarText => Torso.MinAtar,
            NatureText => Torso.Nature,
            ImpalaText => Torso.Impala,
            _ => throw Unknown(TorsoKey, $"\"{MinAtarText}\", \"{NatureText}\", \"{ImpalaText}\" or none"),
        };
        var lengths = Numbers(ObservationShapeKey);
        if (!Array.TrueForAll(lengths, length => length is >= 1 and <= 65_536 && double.IsInteger(length)))
            throw new ArgumentException($"Expected metadata {ObservationShapeKey} = [channels, height, width], got \"{Shown(ObservationShapeKey)}\".");

        var plan = new TorsoPlan(kind, Array.ConvertAll(lengths, length => (int)length), Whole(TorsoDepthKey, MostDepth), Whole(TorsoWidthKey, MostWidth));
        return plan.Layers.All(layer => Size(layer.Input) <= MostNumbers && Size(layer.Output) <= MostNumbers)
            ? plan
            : throw new ArgumentException($"Expected metadata {ObservationShapeKey} of images for which no convolution makes more than {MostNumbers} numbers, got \"{Shown(ObservationShapeKey)}\".");

        static long Size(MapShape shape) => (long)shape.Channels * shape.Height * shape.Width;
    }

    /// <summary>H: units of the LSTM; null where there is none.</summary>
    public int? Lstm() => metadata.ContainsKey(LstmKey) ? Whole(LstmKey, MostUnits) : null;

    /// <summary>The shape of an observation of so many numbers.</summary>
    public int[] ObservationShape(int size)
    {
        var lengths = Numbers(ObservationShapeKey);
        var isShape = Array.TrueForAll(lengths, length => length >= 1 && double.IsInteger(length));
        if (!isShape || lengths.Aggregate(1.0, (product, length) => product * length) != size)
        {
            throw new ArgumentException(
                $"Expected metadata {ObservationShapeKey} of {size} numbers, as many as the first layer takes, got \"{Shown(ObservationShapeKey)}\".");
        }

        return Array.ConvertAll(lengths, length => (int)length);
    }

    /// <summary>What the bytes of an observation are multiplied by; null where observations are numbers.</summary>
    public float? ByteScale()
    {
        if (!metadata.ContainsKey(ObservationHighKey))
            return null;
        return byte.TryParse(Text(ObservationHighKey), NumberStyles.None, CultureInfo.InvariantCulture, out var high) && high > 0
            ? 1f / high
            : throw new ArgumentException($"Expected metadata {ObservationHighKey} from 1 to 255, got \"{Shown(ObservationHighKey)}\".");
    }

    /// <summary>What normalizes observations; null where nothing does.</summary>
    /// <param name="size">D.</param>
    /// <param name="tensors">Where to take mean and variance from.</param>
    public ObservationScale? ObservationScale(int size, PolicyTensors tensors)
    {
        if (!metadata.ContainsKey(ObservationClipKey))
            return null;
        if (!(double.TryParse(Text(ObservationClipKey), NumberStyles.Float, CultureInfo.InvariantCulture, out var clip) && clip > 0 && double.IsFinite(clip)))
            throw new ArgumentException($"Expected metadata {ObservationClipKey} to be a number above 0, got \"{Shown(ObservationClipKey)}\".");

        var (mean, variance) = (tensors.TakeDoubles("obs_mean", size).ToArray(), tensors.TakeDoubles("obs_var", size).ToArray());
        return Array.TrueForAll(variance, number => number > 0)
            ? new(mean, variance, clip)
            : throw new ArgumentException($"Expected tensor actor.obs_var with numbers above 0, got {variance.Min()}.");
    }

    /// <summary>What the network's outputs stand for.</summary>
    /// <param name="outputs">K.</param>
    /// <param name="tensors">Where to take its own tensors from.</param>
    public ActionHead Head(int outputs, PolicyTensors tensors) => Text(ActionKey) switch
    {
        DiscreteText => new CategoricalHead(outputs),
        MultiDiscreteText => MultiCategorical(outputs),
        BoxText or TanhBoxText => Continuous(outputs, tensors),
        ReturnsText => ReturnDistribution(outputs),
        _ => throw Unknown(ActionKey, $"\"{DiscreteText}\", \"{MultiDiscreteText}\", \"{BoxText}\", \"{TanhBoxText}\" or \"{ReturnsText}\""),
    };

    private static Dictionary<string, string> Of(ReadOnlySpan<int> observationShape, RowNorm norm, string action)
    {
        var metadata = new Dictionary<string, string>
        {
            [FormatKey] = Format,
            [ObservationShapeKey] = $"[{string.Join(", ", observationShape.ToArray())}]",
            [ActionKey] = action,
        };
        if (norm != RowNorm.None)
            metadata[NormKey] = norm == RowNorm.LayerNorm ? LayerNormText : RmsNormText;
        return metadata;
    }

    private MultiCategoricalHead MultiCategorical(int outputs)
    {
        var counts = Numbers(ChoicesKey);
        return counts.Length > 0 && Array.TrueForAll(counts, count => count >= 1 && double.IsInteger(count)) && counts.Sum() == outputs
            ? new(Array.ConvertAll(counts, count => (int)count))
            : throw new ArgumentException($"Expected metadata {ChoicesKey} of whole numbers from 1 that make up the {outputs} outputs, got \"{Shown(ChoicesKey)}\".");
    }

    private ContinuousHead Continuous(int outputs, PolicyTensors tensors)
    {
        var logStd = tensors.Take("log_std", outputs).ToArray();
        var (low, high) = (Bounds(ActionLowKey, outputs, float.NegativeInfinity), Bounds(ActionHighKey, outputs, float.PositiveInfinity));
        for (var i = 0; i < outputs; i++)
        {
            if (!(low[i] <= high[i]))
                throw new ArgumentException($"Expected {ActionLowKey} <= {ActionHighKey}, got {low[i]} and {high[i]} at index {i}.");
        }

        if (Text(ActionKey) == BoxText)
            return new GaussianHead(logStd, low, high);
        for (var i = 0; i < outputs; i++)
        {
            if (!float.IsFinite(low[i]) || !float.IsFinite(high[i]))
                throw new ArgumentException($"Expected finite {ActionLowKey} and {ActionHighKey} with {ActionKey} = \"{TanhBoxText}\", got {low[i]} and {high[i]} at index {i}.");
        }

        return new TanhGaussianHead(logStd, low, high);
    }

    private ReturnDistributionHead ReturnDistribution(int outputs)
    {
        var (atoms, low, high) = (Whole(AtomsKey, MostAtoms), Number(ReturnLowKey), Number(ReturnHighKey));
        if (atoms < 2 || outputs % atoms != 0)
            throw new ArgumentException($"Expected metadata {AtomsKey} of at least 2, as many for each choice of the {outputs} outputs, got {atoms}.");
        return low < high
            ? new(outputs / atoms, atoms, low, high)
            : throw new ArgumentException($"Expected {ReturnLowKey} < {ReturnHighKey}, got \"{Shown(ReturnLowKey)}\" and \"{Shown(ReturnHighKey)}\".");
    }

    private double Number(string key) => double.TryParse(Text(key), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
        ? number
        : throw new ArgumentException($"Expected a finite number in metadata {key}, got \"{Shown(key)}\".");

    private float[] Bounds(string key, int size, float unbounded)
    {
        if (!metadata.ContainsKey(key))
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

    private int Whole(string key, int most) =>
        int.TryParse(Text(key), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= most
            ? number
            : throw new ArgumentException($"Expected metadata {key} from 1 to {most}, got \"{Shown(key)}\".");

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
            throw new ArgumentException($"Expected metadata {key} to be an array of numbers, got \"{Shown(key)}\".", exception);
        }
    }

    private string Text(string key) => metadata.GetValueOrDefault(key, "");

    /// <summary>A text fit for a message.</summary>
    private string Shown(string key) => TensorData.Abbreviate(Text(key));

    private ArgumentException Unknown(string key, string expected) => new(
        $"Expected metadata {key} = {expected}, got \"{Shown(key)}\". Use the version of RlWn that wrote the policy, or a newer one.");
}
