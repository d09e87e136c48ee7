using RlWn.Init;
using TorchSharp.Modules;
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
    /// <param name="scale">The length of each row at the start, above 0.</param>
    /// <param name="init">Where the first values come from.</param>
    public static Module<Tensor, Tensor> Make(OutputLayer kind, long inputs, long outputs, double scale, Initializer init)
    {
        ArgumentNullException.ThrowIfNull(init);
        if (!(scale > 0) || !double.IsFinite(scale))
            throw new ArgumentOutOfRangeException(nameof(scale), scale, "Expected a finite output scale above 0, as 0.01 for a policy and 1 for a value.");

        return kind switch
        {
            OutputLayer.WeightNorm => new WeightNormLinear(inputs, outputs, scale, init),
            OutputLayer.Plain => PlainLinear(inputs, outputs, scale, init),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Expected Plain or WeightNorm."),
        };
    }

    private static Linear PlainLinear(long inputs, long outputs, double scale, Initializer init)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var rows = Aten.WeightNorm(init.Directions(outputs, inputs), init.Scales(scale, outputs, inputs));

        // On no device at first: TorchSharp's own first values would be drawn from the global generator.
        var layer = Linear(inputs, outputs, hasBias: true, device: META);
        layer.weight = new Parameter(rows);
        layer.bias = new Parameter(init.Zeros(outputs));
        return layer;
    }
}
