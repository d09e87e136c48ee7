using RlWn.Inference;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>Gives a network the weights that PyTorch saved in a safetensors file, by the names of its parameters and running statistics.</summary>
/// <remarks>
/// <para>
/// A weight-normalized layer takes weight_g and weight_v, as torch.nn.utils.weight_norm names them; parametrizations.weight.original0 and
/// original1, as torch.nn.utils.parametrizations.weight_norm does; or a plain weight w, with v = w and g its rows' lengths. A plain layer takes
/// any of these too, multiplied out. In each case the layer computes the same function afterwards.
/// </para>
/// <para>Numbers of F16, BF16, F32 and F64 are converted to the parameters' type. Batches that were counted (num_batches_tracked) are not looked at.</para>
/// <para>All fits, or nothing is changed: what is missing, superfluous or of another shape is said together.</para>
/// </remarks>
public static class PyTorchWeights
{
    private const string Counted = "num_batches_tracked";

    /// <summary>Loads a file.</summary>
    /// <param name="network">Any network, a layer included.</param>
    /// <param name="path">A safetensors file.</param>
    /// <param name="names">
    /// Names in the file and what they are here, of tensors, layers or whole branches: "net.2" and "1" renames net.2.weight and net.2.bias, and
    /// "actor" and "" leaves the first part of all names away. The longest that fits counts.
    /// </param>
    /// <exception cref="ModelFileException">The file is damaged, or its tensors do not fit.</exception>
    /// <exception cref="IOException">The file could not be read.</exception>
    public static void Load(nn.Module network, string path, IReadOnlyDictionary<string, string>? names = null)
    {
        var (tensors, _) = Safetensors.Read(path);
        try
        {
            Load(network, tensors, names);
        }
        catch (ArgumentException misfit)
        {
            throw new ModelFileException($"{path}: {misfit.Message}", misfit);
        }
    }

    /// <summary>Loads tensors that are in memory already.</summary>
    /// <param name="network">Any network, a layer included.</param>
    /// <param name="tensors">The tensors.</param>
    /// <param name="names">As for a file.</param>
    /// <exception cref="ArgumentException">They do not fit.</exception>
    public static void Load(nn.Module network, IReadOnlyList<TensorData> tensors, IReadOnlyDictionary<string, string>? names = null) => Load(network, tensors, names, leftOut: null);

    /// <summary>Loads tensors but for those that go by some name here.</summary>
    /// <param name="network">Any network, a layer included.</param>
    /// <param name="tensors">The tensors.</param>
    /// <param name="names">As for a file.</param>
    /// <param name="leftOut">What names, as they are here, begin with; null leaves out none.</param>
    /// <exception cref="ArgumentException">They do not fit.</exception>
    internal static void Load(nn.Module network, IReadOnlyList<TensorData> tensors, IReadOnlyDictionary<string, string>? names, string? leftOut)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(tensors);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var import = new Import(tensors, names ?? new Dictionary<string, string>(), leftOut);
        foreach (var layer in PlacedLayer.In(network))
            import.SetWeight(layer);
        foreach (var (name, value) in network.state_dict())
            import.Set(name, value);
        import.Apply(network.GetName());
    }

    /// <summary>Collects what is to be set and what does not fit.</summary>
    private sealed class Import
    {
        private readonly Dictionary<string, TensorData> remaining = [];
        private readonly HashSet<string> known = [];   // what SetWeight has seen to
        private readonly List<Action> changes = [];
        private readonly List<string> problems = [];

        public Import(IReadOnlyList<TensorData> tensors, IReadOnlyDictionary<string, string> names, string? leftOut)
        {
            var prefixes = names.OrderByDescending(entry => entry.Key.Length).ToArray();
            foreach (var tensor in tensors)
            {
                var name = Renamed(tensor.Name, prefixes);
                if (leftOut is not null && name.StartsWith(leftOut, StringComparison.Ordinal))
                    continue;
                if (!remaining.TryAdd(name, tensor))
                    problems.Add($"{tensor.Name} and {remaining[name].Name} both stand for {name}");
            }
        }

        public void SetWeight(PlacedLayer layer)
        {
            var (path, shape) = (layer.Name.Length > 0 ? $"{layer.Name}." : "", layer.Weight.shape);
            known.UnionWith([$"{path}weight", $"{path}weight_g", $"{path}weight_v"]);

            if (remaining.ContainsKey($"{path}weight_v") || (layer.IsWeightNorm && !remaining.ContainsKey($"{path}weight")))
            {
                var g = Take($"{path}weight_g", [shape[0], .. shape.Skip(1).Select(_ => 1L)]);
                var v = Take($"{path}weight_v", shape);
                if (g is not null && v is not null)
                    SetWeight(layer, path, g, v);
            }
            else if (Take($"{path}weight", shape) is { } weight)
            {
                SetWeight(layer, path, Lengths(weight), weight);
            }
        }

        public void Set(string name, Tensor target)
        {
            if (!known.Contains(name) && !name.EndsWith(Counted, StringComparison.Ordinal) && Take(name, target.shape) is { } value)
                changes.Add(() => target.copy_(value));
        }

        public void Apply(string network)
        {
            problems.AddRange(
                from entry in remaining
                where !entry.Key.EndsWith(Counted, StringComparison.Ordinal)
                select $"superfluous {entry.Value.Name} {entry.Value.ShapeText}{(entry.Key == entry.Value.Name ? "" : $", here {entry.Key}")}");
            if (problems.Count > 0)
            {
                throw new ArgumentException(
                    $"Expected the tensors of {network}, got {problems.Count} that do not fit; nothing was changed: {string.Join("; ", problems)}. "
                    + "Where only names differ, say what they are here.");
            }

            foreach (var change in changes)
                change();
        }

        private void SetWeight(PlacedLayer layer, string path, Tensor g, Tensor v)
        {
            var lengths = Lengths(v);
            if (layer.Layer is not WeightNormLayer normalized)
            {
                changes.Add(() => layer.Weight.copy_(v.mul(g).div(lengths).nan_to_num(0)));   // 0 / 0 where a row is nothing
                return;
            }

            if (layer.Scale is { } scale)
            {
                changes.Add(() => scale.copy_(g));
            }
            else if (IsOneLength(g))
            {
                changes.Add(() => normalized.SetRowLengths(g));
            }
            else
            {
                problems.Add($"{path}weight with rows of different lengths, where the layer has one length for all");
                return;
            }

            // A row of zeros has no direction: it keeps the one that it has, with a length of 0.
            changes.Add(() => layer.Weight.copy_(v.where(lengths.greater(tensor(0.0)), layer.Weight.to(ScalarType.Float64).cpu())));
        }

        private Tensor? Take(string name, long[] shape)
        {
            var wanted = $"[{string.Join(", ", shape)}]";
            if (!remaining.Remove(name, out var data))
                problems.Add($"missing {name} {wanted}");
            else if (!data.Shape.Select(length => (long)length).SequenceEqual(shape))
                problems.Add($"{data.Name} of {data.ShapeText}, where {wanted} is wanted");
            else if (Numbers(data) is not { } numbers)
                problems.Add($"{data.Name} of {data.Type}, where F16, BF16, F32 or F64 is wanted");
            else if (!numbers.isfinite().all().item<bool>())
                problems.Add($"{data.Name} with NaN or infinite numbers");
            else
                return numbers;
            return null;
        }

        private static Tensor? Numbers(TensorData data)
        {
            ScalarType? type = data.Type switch
            {
                DType.F16 => ScalarType.Float16,
                DType.BF16 => ScalarType.BFloat16,
                DType.F32 => ScalarType.Float32,
                DType.F64 => ScalarType.Float64,
                _ => null,
            };
            if (type is null)
                return null;

            var numbers = empty([.. data.Shape.Select(length => (long)length)], type.Value);
            numbers.bytes = data.Bytes.ToArray();
            return numbers.to(ScalarType.Float64);
        }

        // Of each row, [out, 1, …, 1].
        private static Tensor Lengths(Tensor weight) => weight.square().sum([.. Enumerable.Range(1, (int)weight.dim() - 1).Select(i => (long)i)], keepdim: true).sqrt();

        private static bool IsOneLength(Tensor g)
        {
            const double Rounding = 1e-5;   // of lengths in single precision
            var (least, greatest) = (g.min().item<double>(), g.max().item<double>());
            return greatest - least <= Rounding * Math.Abs(greatest);
        }

        private static string Renamed(string name, IEnumerable<KeyValuePair<string, string>> prefixes)
        {
            foreach (var (from, to) in prefixes)
            {
                if (name == from)
                    return Parametrized(to);
                if (name.StartsWith($"{from}.", StringComparison.Ordinal))
                    return Parametrized(to.Length > 0 ? $"{to}{name[from.Length..]}" : name[(from.Length + 1)..]);
            }

            return Parametrized(name);
        }

        private static string Parametrized(string name) => name
            .Replace("parametrizations.weight.original0", "weight_g", StringComparison.Ordinal)
            .Replace("parametrizations.weight.original1", "weight_v", StringComparison.Ordinal);
    }
}
