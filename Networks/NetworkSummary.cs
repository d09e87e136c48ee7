using System.Globalization;
using System.Text;
using RlWn.Init;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>One layer of a <see cref="NetworkSummary"/>.</summary>
/// <param name="Name">Its name in a saved file.</param>
/// <param name="Kind">Its type.</param>
/// <param name="Place">Where it stands; null for a normalization.</param>
/// <param name="Weight">The shape of v, or of a plain weight.</param>
/// <param name="Output">The shape of what it gives; null where no input was named.</param>
/// <param name="Parameters">How many numbers it learns: v, g and b.</param>
/// <param name="ShortestRow">The least length of a row of w: the least |g| where the layer is weight-normalized.</param>
/// <param name="LongestRow">The greatest.</param>
/// <param name="Gamma">γ = g² fan_out / fan_in where all rows have one length, by which the layer, each gate of an LSTM, multiplies the squared norm; else null.</param>
public sealed record LayerSummary(
    string Name, string Kind, Place? Place, IReadOnlyList<long> Weight, IReadOnlyList<long>? Output, long Parameters,
    double? ShortestRow, double? LongestRow, double? Gamma);

/// <summary>A network's layers, shapes, parameters and gains as they are now, as a table.</summary>
public sealed class NetworkSummary
{
    // Rows whose lengths differ by less than float32's rounding have one length.
    private const double Rounding = 1e-5;

    private readonly string network;

    private NetworkSummary(string network, IReadOnlyList<LayerSummary> layers, long parameters) =>
        (this.network, Layers, Parameters) = (network, layers, parameters);

    /// <summary>Linear layers, convolutions and normalizations, in the order they were registered.</summary>
    public IReadOnlyList<LayerSummary> Layers { get; }

    /// <summary>How many numbers the whole network learns, those outside of its layers included.</summary>
    public long Parameters { get; }

    /// <summary>Looks at a network.</summary>
    /// <param name="network">Any network; it stays as it is.</param>
    /// <param name="input">The shape of a batch of inputs, as [1, 3, 32, 32], to say the shapes that come out of each layer; nothing to leave them out.</param>
    public static NetworkSummary Of(nn.Module network, params ReadOnlySpan<long> input)
    {
        ArgumentNullException.ThrowIfNull(network);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var outputs = input.IsEmpty ? [] : Outputs(network, input.ToArray());
        var layers = PlacedLayer.Modules(network)
            .Select(entry => Summarize(entry.Name, entry.Module, outputs.GetValueOrDefault(entry.Module)))
            .OfType<LayerSummary>();
        return new(network.GetName(), [.. layers], network.parameters().Sum(parameter => parameter.NumberOfElements));
    }

    /// <summary>The table: a line for each layer, and the total.</summary>
    public override string ToString()
    {
        string[] titles = ["layer", "kind", "place", "weight", "output", "parameters", "row length", "gamma"];
        var rows = Layers.Select(Cells).Prepend(titles).ToList();
        var widths = titles.Select((_, column) => rows.Max(row => row[column].Length)).ToArray();

        var text = new StringBuilder();
        foreach (var row in rows)
        {
            // Words to the left, numbers to the right; a column that holds nothing is left out.
            var cells = row.Select((cell, column) => column < 5 ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]));
            text.AppendLine(string.Join("  ", cells.Where((_, column) => rows.Skip(1).Any(other => other[column].Length > 0))).TrimEnd());
        }

        return text.Append(CultureInfo.InvariantCulture, $"{network}: {Layers.Count} layers, {Parameters:N0} parameters").AppendLine().ToString();
    }

    private static string[] Cells(LayerSummary layer) =>
    [
        layer.Name, layer.Kind, layer.Place?.ToString() ?? "", Shape(layer.Weight), layer.Output is null ? "" : Shape(layer.Output),
        layer.Parameters.ToString("N0", CultureInfo.InvariantCulture),
        (layer.ShortestRow, layer.LongestRow, layer.Gamma) switch
        {
            (null, _, _) => "",
            ({ } length, _, not null) => Number(length),
            var (shortest, longest, _) => $"{Number(shortest.Value)} to {Number(longest!.Value)}",
        },
        layer.Gamma is { } gamma ? Number(gamma) : "",
    ];

    private static LayerSummary? Summarize(string name, nn.Module module, IReadOnlyList<long>? output)
    {
        var parameters = module.parameters(recurse: false).Sum(parameter => parameter.NumberOfElements);
        if (module is NormBase or LayerNorm or RmsNorm)
            return new(name, module.GetName(), null, module.parameters(recurse: false).First().shape, output, parameters, null, null, null);
        if (module is not (WeightNormLayer or Linear or Conv2d))
            return null;

        var layer = new PlacedLayer(name, (nn.Module<Tensor, Tensor>)module, Places.Of(module));
        var lengths = ((layer.Layer as WeightNormLayer)?.RowLengths.abs() ?? layer.Weight.flatten(1).norm(1)).to(ScalarType.Float64);
        var (shortest, longest) = (lengths.min().item<double>(), lengths.max().item<double>());
        var fans = Fans.Of(layer.Weight.shape);
        var parts = layer.Place?.Parts ?? 1;   // an LSTM's gates are layers of their own in one weight
        double? gamma = longest - shortest <= Rounding * longest ? shortest * shortest * fans.Out / (parts * fans.In) : null;
        return new(name, module.GetName(), layer.Place, layer.Weight.shape, output, parameters, shortest, longest, gamma);
    }

    private static Dictionary<nn.Module, IReadOnlyList<long>> Outputs(nn.Module network, long[] input)
    {
        var shapes = new Dictionary<nn.Module, IReadOnlyList<long>>(ReferenceEqualityComparer.Instance);
        var like = network.parameters().First();
        WatchedPass.Run(network, zeros(input, like.dtype, like.device), (module, _, output) => shapes[module] = output.shape);
        return shapes;
    }

    private static string Shape(IReadOnlyList<long> lengths) => $"[{string.Join(", ", lengths)}]";

    private static string Number(double value) => value.ToString("G4", CultureInfo.InvariantCulture);
}
