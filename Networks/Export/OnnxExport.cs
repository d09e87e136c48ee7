using RlWn.Inference;
using RlWn.Init;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>A network that says in ONNX's terms what its forward pass does.</summary>
internal interface IOnnxSource
{
    /// <summary>Adds its nodes.</summary>
    /// <param name="to">Where to; its methods stand for calling a module.</param>
    /// <param name="input">The name of the value that comes in.</param>
    /// <returns>The name of the value that goes out.</returns>
    string Export(OnnxExport to, string input);
}

/// <summary>The modules of one network on their way into a graph, their weights under the names of a saved file. Gradients are off meanwhile.</summary>
internal sealed class OnnxExport(OnnxGraph graph, nn.Module network)
{
    private readonly Dictionary<nn.Module, string> names = PlacedLayer.Modules(network).ToDictionary(
        entry => entry.Module, entry => entry.Name, (IEqualityComparer<nn.Module>)ReferenceEqualityComparer.Instance);

    /// <summary>What it goes into, for what is no module.</summary>
    public OnnxGraph Graph => graph;

    /// <summary>What a module makes of a value; the value itself where there is no module.</summary>
    /// <exception cref="NotSupportedException">It is a module that is not known here.</exception>
    public string Call(nn.Module<Tensor, Tensor>? module, string input) => module switch
    {
        null => input,
        IOnnxSource source => source.Export(this, input),
        WeightNormLayer layer => Layer(layer, input, layer.Weight(), layer.bias, layer is WeightNormConv2d convolution ? (convolution.Stride, convolution.Padding) : default),
        Linear layer => Layer(layer, input, layer.weight, layer.bias, default),
        Conv2d layer => Layer(layer, input, layer.weight, layer.bias, (layer.stride![0], layer.padding![0])),
        LayerNorm norm => graph.Normalized(names[norm], input, RowNorm.LayerNorm, Numbers(norm.weight!), Numbers(norm.bias!)),
        RmsNorm norm => graph.Normalized(names[norm], input, RowNorm.RmsNorm, Numbers(norm.weight), []),
        NormBase norm => graph.Normalized(
            names[norm], input, ("weight", Numbers(norm.weight!)), ("bias", Numbers(norm.bias!)),
            ("running_mean", Numbers(norm.running_mean!)), ("running_var", Numbers(norm.running_var!))),
        _ => throw new NotSupportedException($"Expected the layers and networks of this library, which have an ONNX form, got {module.GetName()}."),
    };

    /// <summary>ReLU(layer(x)), normalized before the ReLU where there is a normalization.</summary>
    public string Hidden(nn.Module<Tensor, Tensor> layer, nn.Module<Tensor, Tensor>? norm, string input) => graph.Relu(Call(norm, Call(layer, input)));

    private string Layer(nn.Module layer, string input, Tensor weight, Tensor? bias, (long Stride, long Padding) window)
    {
        var biases = bias is null ? new float[weight.size(0)] : Numbers(bias);
        int[] shape = [.. weight.shape.Select(length => (int)length)];
        return shape.Length == 2
            ? graph.Linear(names[layer], input, Numbers(weight), biases)
            : graph.Convolution(names[layer], input, shape, Numbers(weight), biases, (int)window.Stride, (int)window.Padding);
    }

    private static float[] Numbers(Tensor values)
    {
        using var scope = NewDisposeScope();
        return Aten.Memory<float>(values.detach().to(ScalarType.Float32).cpu().contiguous()).ToArray();
    }
}
