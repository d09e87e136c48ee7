using RlWn.Init;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Networks;

/// <summary>How a network's last layer, the logits or the value, is built.</summary>
public enum OutputLayer
{
    /// <summary>A plain linear layer; rows start orthogonal with a length of the scale.</summary>
    Plain,

    /// <summary>A weight-normalized layer; it starts from the same weights, with g at the scale.</summary>
    WeightNorm,

    /// <summary>A plain linear layer as PyTorch starts it: weights and biases uniform within ±1/√inputs. The paper's networks end in it.</summary>
    PyTorchDefault,
}

/// <summary>Makes output layers.</summary>
/// <remarks>
/// <para>
/// The proposed gain keeps the norm of the features, which is right between hidden layers and wrong at the end of a policy: with
/// features of norm √d the first logits would be of that order, and the first policy far from uniform. So an output layer has a
/// scale of its own, the length of its rows: 0.01 for a policy (near uniform), 1 for a value. These are the scales that PPO's
/// implementations share (Huang et al. 2022, "The 37 implementation details of PPO", detail 2).
/// </para>
/// <para>
/// The paper leaves the output layer plain, and that is the default. A weight-normalized one starts from the very same function
/// but learns differently: ∂L/∂v = (g/||v||) P ∂L/∂w, so at g = 0.01 a direction's gradient is a hundredth of a plain row's, while
/// Adam makes its steps just as long; a row's length is one number that all its inputs share.
/// </para>
/// </remarks>
public static class OutputLayers
{
    /// <summary>Makes an output layer.</summary>
    /// <param name="kind">Plain or weight-normalized.</param>
    /// <param name="inputs">Features, at least 1.</param>
    /// <param name="outputs">Logits, means or values, at least 1.</param>
    /// <param name="scale">The length of each row at the start, above 0; without effect for PyTorchDefault.</param>
    /// <param name="init">Where the first values come from.</param>
    public static Module<Tensor, Tensor> Make(OutputLayer kind, long inputs, long outputs, double scale, Initializer init)
    {
        ArgumentNullException.ThrowIfNull(init);
        var place = Place.Output(kind == OutputLayer.PyTorchDefault ? null : scale);
        Fans.Of(outputs, inputs);   // refuses sizes that are none
        Module<Tensor, Tensor> layer = kind switch
        {
            OutputLayer.WeightNorm => new WeightNormLinear(inputs, outputs, init),
            OutputLayer.Plain or OutputLayer.PyTorchDefault => LayerFactory.PlainLinear(inputs, outputs, init),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Expected Plain, WeightNorm or PyTorchDefault."),
        };
        Start(new("", layer.At(place), place), init.Direction, init.Generator);
        return layer;
    }

    /// <summary>Gives an output layer its first values.</summary>
    internal static void Start(PlacedLayer layer, Direction direction, Generator generator)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var weight = layer.Weight;
        if (layer.Place!.RowLength is not { } length)
        {
            // Uniform within ±1/√fan_in, weights first, then biases (torch.nn.Linear.reset_parameters).
            var bound = tensor(1 / Math.Sqrt(weight.size(1)), ScalarType.Float64, generator.device);
            weight.copy_(Uniform(weight.shape));
            layer.Bias?.copy_(Uniform(weight.size(0)));
            return;

            Tensor Uniform(params long[] shape) => (rand(shape, ScalarType.Float64, generator.device, generator: generator) * (bound + bound)) - bound;
        }

        var directions = Directions.Draw(direction, weight.shape, generator, weight.dtype, weight.device);
        var lengths = full([weight.size(0), 1], length, weight.dtype, weight.device);
        weight.copy_(layer.Scale is null ? Aten.WeightNorm(directions, lengths) : directions);
        layer.Scale?.copy_(lengths);
        layer.Bias?.zero_();
    }
}
