using RlWn.Inference;
using RlWn.Init;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Networks;

/// <summary>
/// The convolutions of an agent's network, images [N, C, H, W] to features [N, F]: those of MinAtar's network, of <see cref="NatureCnn"/> or of
/// <see cref="Impala"/>, under the names they have there.
/// </summary>
public sealed class ImageTorso : Module<Tensor, Tensor>, IOnnxSource
{
    private readonly Dictionary<string, ResidualStage> stages = [];   // by the name of the convolution that they follow
    private readonly List<PlacedLayer> layers;

    internal ImageTorso(TorsoPlan plan, LayerFactory make) : base(nameof(ImageTorso))
    {
        Plan = plan;
        foreach (var layer in plan.Layers.Where(layer => !layer.ReluBefore))
        {
            var place = layer.ReluAfter ? Place.Hidden : Place.Stem;   // the pooled ones have no ReLU of their own
            register_module(layer.Name, make.Convolution(layer.Input.Channels, layer.Output.Channels, layer.Kernel, place, layer.Stride, layer.Padding));
            if (plan.Kind != Torso.Impala)
                continue;

            var stage = new ResidualStage(make, BlockKind.ReluFirst, layer.Output.Channels, layer.Output.Channels, TorsoPlan.Blocks(plan.Depth));
            stages.Add(layer.Name, stage);
            register_module($"stage{stages.Count}", stage);
        }

        var byName = PlacedLayer.In(this).ToDictionary(layer => layer.Name);
        layers = [.. plan.Layers.Select(layer => byName[layer.Name])];
    }

    /// <summary>F: how many features come out.</summary>
    public int Features => Plan.Features;

    /// <summary>Which torso it is.</summary>
    public Torso Kind => Plan.Kind;

    /// <summary>The depth that <see cref="Torso.Impala"/> was asked for, as 15.</summary>
    public int Depth => Plan.Depth;

    /// <summary>What the channels are multiplied by.</summary>
    public int Widening => Plan.Widening;

    internal TorsoPlan Plan { get; }

    /// <summary>The convolutions, in the order of <see cref="Plan"/>.</summary>
    internal IReadOnlyList<PlacedLayer> Layers => layers;

    /// <inheritdoc/>
    /// <param name="input">Images, shape [N, C, H, W].</param>
    /// <returns>Features, shape [N, F], none below 0.</returns>
    public override Tensor forward(Tensor input)
    {
        var (channels, height, width) = Plan.Input;
        Images.RequireShape(input, new(channels, height, width));
        using var scope = NewDisposeScope();
        var features = input;
        foreach (var (layer, module) in Plan.Layers.Zip(layers).Where(entry => !entry.First.ReluBefore))
        {
            features = module.Layer.call(features);
            if (layer.PoolAfter)
                features = functional.max_pool2d(features, 3, stride: 2, padding: 1);
            features = stages.TryGetValue(layer.Name, out var stage) ? stage.call(features) : functional.relu(features);
        }

        return functional.relu(features).flatten(1).MoveToOuterDisposeScope();
    }

    /// <summary>The parameters as they are, but plain weights where g is absent.</summary>
    internal IEnumerable<(string Name, Tensor Value)> ActingTensors()
    {
        foreach (var layer in layers)
        {
            if (layer.Scale is { } g)
            {
                yield return ($"{layer.Name}.weight_g", g);
                yield return ($"{layer.Name}.weight_v", layer.Weight);
            }
            else
            {
                yield return ($"{layer.Name}.weight", Folded(layer));
            }

            yield return ($"{layer.Name}.bias", layer.Bias!);
        }
    }

    /// <summary>W of a convolution, g multiplied in.</summary>
    internal static Tensor Folded(PlacedLayer layer) => layer.Layer is WeightNormLayer normalized ? normalized.Weight() : ((Conv2d)layer.Layer).weight;

    /// <inheritdoc/>
    string IOnnxSource.Export(OnnxExport to, string input)
    {
        var features = input;
        foreach (var (layer, module) in Plan.Layers.Zip(layers).Where(entry => !entry.First.ReluBefore))
        {
            features = to.Call(module.Layer, features);
            if (layer.PoolAfter)
                features = to.Graph.Pool(features);
            features = stages.TryGetValue(layer.Name, out var stage) ? to.Call(stage, features) : to.Graph.Relu(features);
        }

        return to.Graph.Flatten(to.Graph.Relu(features));
    }

    /// <inheritdoc/>
    protected override void RegisterComponents() { }
}
