using RlWn.Init;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Networks;

/// <summary>y = W x + b with W = g v / ||v||, row by row.</summary>
public sealed class WeightNormLinear : WeightNormLayer
{
    /// <summary>Makes a layer with the proposed initialization, g = √(γ fan_in / fan_out), b = 0.</summary>
    /// <param name="inputs">Features of x, at least 1.</param>
    /// <param name="outputs">Features of y, at least 1.</param>
    /// <param name="gain">γ, by what follows the layer.</param>
    /// <param name="init">Where the first values come from.</param>
    /// <param name="bias">Whether there is a b.</param>
    /// <param name="scale">Whether g learns, stays, or is not there at all.</param>
    public WeightNormLinear(long inputs, long outputs, Gain gain, Initializer init, bool bias = true, ScaleMode scale = ScaleMode.Learnable)
        : this(inputs, outputs, WeightNormScale.Forward(gain, Fans.Of(outputs, inputs)), init, bias, scale) { }

    /// <summary>Makes a layer whose rows start at a length of the caller's choice.</summary>
    /// <param name="inputs">Features of x, at least 1.</param>
    /// <param name="outputs">Features of y, at least 1.</param>
    /// <param name="g">The length of each row.</param>
    /// <param name="init">Where the first values come from.</param>
    /// <param name="bias">Whether there is a b.</param>
    /// <param name="scale">Whether g learns, stays, or is not there at all.</param>
    public WeightNormLinear(long inputs, long outputs, double g, Initializer init, bool bias = true, ScaleMode scale = ScaleMode.Learnable)
        : base(nameof(WeightNormLinear), [outputs, inputs], g, bias, init, scale) => (Inputs, Outputs) = (inputs, outputs);

    /// <summary>Makes a layer whose values are yet to be given.</summary>
    internal WeightNormLinear(long inputs, long outputs, Initializer init, ScaleMode scale = ScaleMode.Learnable)
        : base(nameof(WeightNormLinear), [outputs, inputs], init, scale) => (Inputs, Outputs) = (inputs, outputs);

    /// <summary>Features of x.</summary>
    public long Inputs { get; }

    /// <summary>Features of y.</summary>
    public long Outputs { get; }

    /// <inheritdoc/>
    /// <param name="input">x, shape […, <see cref="Inputs"/>].</param>
    /// <returns>y, shape […, <see cref="Outputs"/>].</returns>
    public override Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.dim() == 0 || input.size(-1) != Inputs)
            throw new ArgumentException($"Expected an input of shape […, {Inputs}], got [{string.Join(", ", input.shape)}].", nameof(input));

        return functional.linear(input, WeightLike(input), BiasLike(input));
    }
}
