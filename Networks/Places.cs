using System.Runtime.CompilerServices;
using RlWn.Init;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>Tells layers where they stand, so that a scheme can be applied to the network they end up in.</summary>
public static class Places
{
    // Beside the layers and not in them: TorchSharp's own cannot be extended. An entry ends with its layer.
    private static readonly ConditionalWeakTable<nn.Module, Place> Known = [];

    /// <summary>Says where a layer stands. Layers made by <see cref="LayerFactory"/> and <see cref="OutputLayers"/> know it already.</summary>
    /// <typeparam name="T">The layer's type.</typeparam>
    /// <param name="layer">A weight-normalized layer, or TorchSharp's Linear or Conv2d.</param>
    /// <param name="place">Its place.</param>
    /// <returns>The layer.</returns>
    public static T At<T>(this T layer, Place place) where T : nn.Module<Tensor, Tensor>
    {
        ArgumentNullException.ThrowIfNull(layer);
        ArgumentNullException.ThrowIfNull(place);
        Known.AddOrUpdate(layer, place);
        return layer;
    }

    /// <summary>Where a layer stands; null where nobody said.</summary>
    /// <param name="layer">Any module.</param>
    public static Place? Of(nn.Module layer)
    {
        ArgumentNullException.ThrowIfNull(layer);
        return Known.TryGetValue(layer, out var place) ? place : null;
    }
}

/// <summary>A layer of a network with its name in the saved file and its place.</summary>
internal sealed record PlacedLayer(string Name, nn.Module<Tensor, Tensor> Layer, Place? Place)
{
    /// <summary>v, or w of a plain layer.</summary>
    public Parameter Weight => Layer switch
    {
        WeightNormLayer layer => layer.weight_v,
        Linear layer => layer.weight,
        Conv2d layer => layer.weight,
        _ => throw new InvalidOperationException($"Expected a linear layer or a convolution, got {Layer.GetName()}."),
    };

    /// <summary>Whether w = g v / ||v||, be g learned, fixed or absent.</summary>
    public bool IsWeightNorm => Layer is WeightNormLayer;

    /// <summary>g; null in a plain layer, and where it is absent.</summary>
    public Parameter? Scale => (Layer as WeightNormLayer)?.weight_g;

    /// <summary>b; null where the layer has none.</summary>
    public Parameter? Bias => Layer switch
    {
        WeightNormLayer layer => layer.bias,
        Linear layer => layer.bias,
        Conv2d layer => layer.bias,
        _ => null,
    };

    /// <summary>The linear layers and convolutions of a network, in the order they were registered.</summary>
    public static IReadOnlyList<PlacedLayer> In(nn.Module network) =>
    [
        .. from module in Modules(network)
           where module.Module is WeightNormLayer or Linear or Conv2d
           select new PlacedLayer(module.Name, (nn.Module<Tensor, Tensor>)module.Module, Places.Of(module.Module)),
    ];

    /// <summary>A network and everything in it, each once, parents first and then child by child: the order in which they are made.</summary>
    public static IEnumerable<(string Name, nn.Module Module)> Modules(nn.Module network)
    {
        var seen = new HashSet<nn.Module>(ReferenceEqualityComparer.Instance);
        var waiting = new Stack<(string Name, nn.Module Module)>([("", network)]);
        while (waiting.TryPop(out var next))
        {
            if (!seen.Add(next.Module))
                continue;

            yield return next;
            foreach (var (name, child) in next.Module.named_children().Reverse())
                waiting.Push((next.Name.Length > 0 ? $"{next.Name}.{name}" : name, child));
        }
    }
}
