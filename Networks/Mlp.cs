using RlWn.Init;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Networks;

/// <summary>A multilayer perceptron: weight-normalized hidden layers, each with a ReLU, and an output layer.</summary>
/// <remarks>Layers are named 0, 1, … in a saved file; the last is the output layer.</remarks>
public sealed class Mlp : Module<Tensor, Tensor>
{
    private readonly Module<Tensor, Tensor>[] layers;

    /// <summary>Makes the network with the proposed initialization: γ = 2 in every hidden layer.</summary>
    /// <param name="inputs">Features of an observation, at least 1.</param>
    /// <param name="hidden">The width of each hidden layer, each at least 1; may be empty.</param>
    /// <param name="outputs">Width of the output layer, at least 1.</param>
    /// <param name="output">How the output layer is built.</param>
    /// <param name="outputScale">The length of each output row at the start.</param>
    /// <param name="init">Where the first values come from.</param>
    public Mlp(long inputs, ReadOnlySpan<int> hidden, long outputs, OutputLayer output, double outputScale, Initializer init) : base(nameof(Mlp))
    {
        layers = new Module<Tensor, Tensor>[hidden.Length + 1];
        var width = inputs;
        for (var i = 0; i < hidden.Length; i++)
        {
            layers[i] = new WeightNormLinear(width, hidden[i], Gain.BeforeRelu, init);
            width = hidden[i];
        }

        layers[^1] = OutputLayers.Make(output, width, outputs, outputScale, init);
        Widths = [(int)inputs, .. hidden, (int)outputs];

        for (var i = 0; i < layers.Length; i++)
            register_module($"{i}", layers[i]);
    }

    /// <summary>The widths from input to output, one more than there are layers.</summary>
    public IReadOnlyList<int> Widths { get; }

    /// <summary>The layers from input to output.</summary>
    internal IReadOnlyList<Module<Tensor, Tensor>> Layers => layers;

    /// <inheritdoc/>
    /// <param name="input">Features, shape [N, D].</param>
    /// <returns>Outputs, shape [N, K].</returns>
    public override Tensor forward(Tensor input)
    {
        var features = input;
        foreach (var layer in layers.AsSpan()[..^1])
            features = functional.relu(layer.forward(features));
        return layers[^1].forward(features);
    }

    /// <inheritdoc/>
    protected override void RegisterComponents() { }
}
