using RlWn.Init;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Networks;

/// <summary>A multilayer perceptron: hidden layers, weight-normalized in most schemes, each with a ReLU, and an output layer.</summary>
/// <remarks>
/// Layers are named 0, 1, … in a saved file; the last is the output layer. Batch normalizations, where the scheme has them, are 0_norm, 1_norm, ….
/// </remarks>
public sealed class Mlp : Module<Tensor, Tensor>
{
    private readonly Module<Tensor, Tensor>[] layers;
    private readonly Module<Tensor, Tensor>?[] norms;   // of each hidden layer; null where the scheme has none

    /// <summary>Makes the network.</summary>
    /// <param name="inputs">Features of an observation, at least 1.</param>
    /// <param name="hidden">The width of each hidden layer, each at least 1; may be empty.</param>
    /// <param name="outputs">Width of the output layer, at least 1.</param>
    /// <param name="output">How the output layer is built.</param>
    /// <param name="outputScale">The length of each output row at the start.</param>
    /// <param name="init">Where the first values come from.</param>
    /// <param name="scheme">How hidden layers are built and start; by default as proposed, with the initializer's directions: γ = 2 in each.</param>
    public Mlp(
        long inputs, ReadOnlySpan<int> hidden, long outputs, OutputLayer output, double outputScale, Initializer init, Scheme? scheme = null) : base(nameof(Mlp))
    {
        ArgumentNullException.ThrowIfNull(init);
        var make = new LayerFactory(scheme ?? new(init.Direction, ScaleRule.Proposed), init);
        layers = new Module<Tensor, Tensor>[hidden.Length + 1];
        norms = new Module<Tensor, Tensor>?[hidden.Length];
        var width = inputs;
        for (var i = 0; i < hidden.Length; i++)
        {
            layers[i] = make.Linear(width, hidden[i], Place.Hidden);
            norms[i] = make.Norm1d(hidden[i]);
            width = hidden[i];
        }

        layers[^1] = make.Output(output, width, outputs, outputScale);
        Widths = [(int)inputs, .. hidden, (int)outputs];

        for (var i = 0; i < layers.Length; i++)
            register_module($"{i}", layers[i]);
        for (var i = 0; i < norms.Length; i++)
        {
            if (norms[i] is { } norm)
                register_module($"{i}_norm", norm);
        }
    }

    /// <summary>The widths from input to output, one more than there are layers.</summary>
    public IReadOnlyList<int> Widths { get; }

    /// <summary>The layers from input to output, which are the whole network but for its ReLUs.</summary>
    internal IReadOnlyList<Module<Tensor, Tensor>> Layers => norms.All(norm => norm is null)
        ? layers
        : throw new NotSupportedException("Expected a network without batch normalization: only such a one is folded or computed in plain C#.");

    /// <inheritdoc/>
    /// <param name="input">Features, shape [N, D].</param>
    /// <returns>Outputs, shape [N, K].</returns>
    public override Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.dim() == 0 || input.size(-1) != Widths[0])
            throw new ArgumentException($"Expected an input of shape […, {Widths[0]}], got [{string.Join(", ", input.shape)}].", nameof(input));

        using var scope = NewDisposeScope();
        var features = input;
        for (var i = 0; i < norms.Length; i++)
            features = Hidden.Forward(layers[i], norms[i], features);
        return layers[^1].call(features).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    protected override void RegisterComponents() { }
}
