using RlWn.Init;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>Gives a network that exists new first values, all of it in one call, by a scheme.</summary>
/// <remarks>
/// Layers are visited in the order they were registered, each at the place it was told (<see cref="Places"/>). Values are written into
/// the parameters that are there, so optimizers, flat buffers and views keep them. On any error the network is left as it was, to the bit.
/// Parameters of other modules (a policy's log σ) stay as they are; normalizations start afresh.
/// </remarks>
public static class Initialization
{
    /// <summary>Draws all weights and sets all scales and biases, as if the network had just been made by this scheme and generator.</summary>
    /// <param name="network">Any network whose linear layers and convolutions know their places.</param>
    /// <param name="scheme">The scheme; its normalizations must be those that the network was built with.</param>
    /// <param name="generator">The source of randomness. A CPU generator gives the same weights for every device.</param>
    /// <param name="batch">Inputs as the network takes them, for a data-dependent scheme: 100 or more different ones. Others do not look at it.</param>
    /// <exception cref="ArgumentException">
    /// The scheme does not fit the network, a layer has no place, a row of v is zero, the batch is missing, is not finite, or does not vary.
    /// </exception>
    public static void Apply(nn.Module network, Scheme scheme, Generator generator, Tensor? batch = null)
    {
        ArgumentNullException.ThrowIfNull(generator);
        AllOrNothing(network, scheme, batch, layer => Start(layer, scheme, generator));
    }

    /// <summary>Sets scales and biases by a scheme with weight norm and keeps the directions v, and output layers, as they are.</summary>
    /// <inheritdoc cref="Apply" path="/param[@name != 'generator']|/exception"/>
    public static void ApplyScales(nn.Module network, Scheme scheme, Tensor? batch = null)
    {
        ArgumentNullException.ThrowIfNull(scheme);
        if (!scheme.HasWeightNorm)
        {
            throw new ArgumentException(
                $"Expected a scheme with weight norm, which has scales to set, got {scheme.Name}. Draw plain weights by {nameof(Apply)}.", nameof(scheme));
        }

        AllOrNothing(network, scheme, batch, layer =>
        {
            if (layer.Place!.Kind != PlaceKind.Output)
                SetScale(layer, scheme);
        });
    }

    /// <summary>Gives one layer its first values.</summary>
    internal static void Start(PlacedLayer layer, Scheme scheme, Generator generator)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (layer.Place!.Kind == PlaceKind.Output)
        {
            OutputLayers.Start(layer, scheme.Direction, generator);
            return;
        }

        var weight = layer.Weight;
        weight.copy_(scheme.Directions(layer.Place, weight.shape, generator, weight.dtype, weight.device));
        SetScale(layer, scheme);
    }

    private static void SetScale(PlacedLayer layer, Scheme scheme)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (layer.Layer is WeightNormLayer normalized)
        {
            RequireOneLength(layer, scheme);
            normalized.SetRowLengths(scheme.Scales(layer.Weight, layer.Place!));
        }

        layer.Bias?.zero_();
        if (layer.Place!.Kind == PlaceKind.Gates)
            Lstm.OpenForgetGate(layer.Bias!);
    }

    private static void AllOrNothing(nn.Module network, Scheme scheme, Tensor? batch, Action<PlacedLayer> start)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(scheme);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var layers = PlacedLayer.In(network);
        var norms = PlacedLayer.Modules(network).Select(entry => entry.Module).Where(module => module is NormBase or LayerNorm or RmsNorm).ToArray();
        RequireFit(scheme, layers, norms.Any(norm => norm is NormBase));
        RequireBatch(scheme, batch);

        var before = network.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.clone());
        var lengths = layers.Select(layer => layer.Layer).OfType<WeightNormLayer>().Select(layer => (Layer: layer, Before: layer.RowLengths.clone())).ToArray();
        try
        {
            foreach (var layer in layers)
                start(layer);
            foreach (var norm in norms)
                Restart(norm);
            if (scheme.NeedsBatch)
                Walk(network, [.. layers.Where(layer => layer.Place!.Kind != PlaceKind.Output)], batch!);
        }
        catch
        {
            foreach (var (name, tensor) in network.state_dict())
                tensor.copy_(before[name]);
            foreach (var (layer, length) in lengths)   // where g is absent, the state has none
                layer.SetRowLengths(length);
            throw;
        }
    }

    private static void RequireFit(Scheme scheme, IReadOnlyList<PlacedLayer> layers, bool hasBatchNorm)
    {
        if (layers.FirstOrDefault(layer => layer.Place is null) is { } lost)
        {
            throw new ArgumentException(
                $"Expected every layer to know its place, got {Describe(lost)} without one. "
                + $"Make it by {nameof(LayerFactory)}, or say {nameof(Places.At)}(Place.Hidden).");
        }

        var hidden = layers.Where(layer => layer.Place!.Kind != PlaceKind.Output).ToArray();
        if (hidden.FirstOrDefault(layer => layer.IsWeightNorm != scheme.HasWeightNorm) is { } other)
        {
            throw new ArgumentException(
                $"Expected {(scheme.HasWeightNorm ? "weight-normalized" : "plain")} layers for {scheme.Name}, got {Describe(other)}. "
                + "Build the network with this scheme.", nameof(scheme));
        }

        foreach (var layer in hidden)
            RequireOneLength(layer, scheme);

        if (scheme.HasBatchNorm != hasBatchNorm)
        {
            throw new ArgumentException(
                $"Expected a network {(scheme.HasBatchNorm ? "with" : "without")} batch normalization for {scheme.Name}. "
                + "Build the network with this scheme.", nameof(scheme));
        }

        if (scheme.Rule == ScaleRule.Hanin && !hidden.Any(layer => layer.Place!.Kind == PlaceKind.LastOfBlock))
        {
            throw new ArgumentException(
                $"Expected a network of residual blocks for {scheme.Name}, got a plain one. "
                + $"Take {new Scheme(scheme.Direction, ScaleRule.Proposed).Name}.", nameof(scheme));
        }

        if (scheme.NeedsBatch && hidden.FirstOrDefault(layer => layer.Bias is null) is { } unbiased)
            throw new ArgumentException($"Expected layers with a bias for {scheme.Name}, got {Describe(unbiased)} without.", nameof(scheme));
    }

    private static void RequireOneLength(PlacedLayer layer, Scheme scheme)
    {
        if (layer.Layer is WeightNormLayer { RowLength: not null } && !scheme.HasOneLength)
        {
            throw new ArgumentException(
                $"Expected a scheme that gives all rows of a layer one length where g is absent, as {Scheme.Proposed.Name}, got {scheme.Name}, which needs a g. "
                + $"Build the network with {nameof(ScaleMode)}.{nameof(ScaleMode.Fixed)} or {nameof(ScaleMode)}.{nameof(ScaleMode.Learnable)}.", nameof(scheme));
        }
    }

    private static void RequireBatch(Scheme scheme, Tensor? batch)
    {
        if (!scheme.NeedsBatch)
            return;
        if (batch is null)
            throw new ArgumentException($"Expected a batch of inputs for {scheme.Name}, got none.", nameof(batch));
        if (!batch.isfinite().all().item<bool>())
            throw new ArgumentException($"Expected a batch of finite numbers for {scheme.Name}, got NaN or infinity.", nameof(batch));
    }

    private static string Describe(PlacedLayer layer) => $"{layer.Layer.GetName()}{(layer.Name.Length > 0 ? $" '{layer.Name}'" : "")}";

    private static void Restart(nn.Module module)
    {
        switch (module)
        {
            case NormBase norm:
                Set(norm.weight, 1);
                Set(norm.bias, 0);
                Set(norm.running_mean, 0);
                Set(norm.running_var, 1);
                Set(norm.num_batches_tracked, 0);
                break;
            case LayerNorm norm:
                Set(norm.weight, 1);
                Set(norm.bias, 0);
                break;
            case RmsNorm norm:
                Set(norm.weight, 1);
                break;
        }

        static void Set(Tensor? tensor, double value) => tensor?.copy_(full(tensor.shape, value, tensor.dtype, tensor.device));
    }

    // One forward pass: each layer, when its turn comes, is normalized on what reaches it and computes again.
    private static void Walk(nn.Module network, IReadOnlyList<PlacedLayer> layers, Tensor batch)
    {
        var waiting = layers.ToHashSet();
        var remove = new List<Action>();
        try
        {
            foreach (var layer in layers)
            {
                remove.Add(layer.Layer.register_forward_hook((_, input, preactivation) =>
                {
                    if (!waiting.Remove(layer))
                        return preactivation;   // a layer that is used twice keeps what its first use gave it

                    Normalize(layer, preactivation);
                    return layer.Layer.forward(input);
                }).remove);
            }

            Run(network, Like(batch, layers[0].Weight));
        }
        finally
        {
            foreach (var hook in remove)
                hook();
        }

        if (waiting.Count > 0)
        {
            throw new ArgumentException(
                $"Expected the network's forward pass to call every layer, got none of {Describe(waiting.First())}. "
                + "Say layer.call(x), not layer.forward(x).", nameof(network));
        }
    }

    private static void Normalize(PlacedLayer layer, Tensor preactivation)
    {
        using var scope = NewDisposeScope();
        var units = layer.Weight.size(0);
        var y = layer.Layer is WeightNormConv2d ? preactivation.movedim([1], [-1]) : preactivation;
        try
        {
            var (g, b) = DataDependent.Scale(y.reshape(-1, units));
            layer.Scale!.copy_(g.view(layer.Scale.shape));
            layer.Bias!.copy_(b);
        }
        catch (ArgumentException error)
        {
            throw new ArgumentException($"{Describe(layer)}: {error.Message}", error);
        }
    }

    private static Tensor Like(Tensor batch, Parameter weight) =>
        batch.is_floating_point() ? batch.to(weight.dtype, weight.device) : batch.to(weight.device);

    /// <summary>One forward pass, whose result is of no interest.</summary>
    internal static void Run(nn.Module network, Tensor batch)
    {
        switch (network)
        {
            case nn.Module<Tensor, Tensor> module:
                module.call(batch);
                break;
            case nn.Module<Tensor, (Tensor, Tensor)> module:
                module.call(batch);
                break;
            default:
                throw new ArgumentException($"Expected a network from a tensor to one or two tensors, got {network.GetName()}.", nameof(network));
        }
    }
}
