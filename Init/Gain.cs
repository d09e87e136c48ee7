namespace RlWn.Init;

/// <summary>γ: the factor by which a layer must enlarge the squared norm so that what follows it leaves the norm as it was.</summary>
/// <param name="Gamma">γ, a finite number above 0.</param>
/// <remarks>
/// Arpit, Campos and Bengio 2019, arXiv:1906.02341, theorems 1 to 3. This is the square of what PyTorch's <c>calculate_gain</c>
/// calls a gain: γ = 2 before a ReLU, where PyTorch says √2.
/// </remarks>
public readonly record struct Gain(double Gamma)
{
    /// <summary>γ = 2: a ReLU follows, which halves the squared norm. Also the first layer of a residual block.</summary>
    public static Gain BeforeRelu => new(2);

    /// <summary>γ = 1: nothing follows that changes the norm. Also shortcuts, and the convolution before the first stage.</summary>
    public static Gain Linear => new(1);

    /// <summary>γ = 1/B: the last layer of a block in a stage of B residual blocks, whose sum then stays bounded.</summary>
    /// <param name="blocks">B, at least 1.</param>
    public static Gain LastOfBlock(int blocks)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(blocks, 1);
        return new(1.0 / blocks);
    }
}

/// <summary>The value at which every g of a weight-normalized layer starts.</summary>
/// <remarks>Arpit, Campos and Bengio 2019, arXiv:1906.02341.</remarks>
public static class WeightNormScale
{
    /// <summary>g = √(γ fan_in / fan_out): keeps the norm of the activations from layer to layer. The paper's choice.</summary>
    /// <param name="gain">γ, by what follows the layer.</param>
    /// <param name="fans">The layer's fans.</param>
    /// <exception cref="ArgumentOutOfRangeException">γ or a fan is not positive.</exception>
    /// <remarks>Theorem 1 (plain networks) and theorem 3 (residual networks).</remarks>
    public static double Forward(Gain gain, Fans fans)
    {
        Require(gain);
        ArgumentOutOfRangeException.ThrowIfLessThan(fans.In, 1, nameof(fans));
        ArgumentOutOfRangeException.ThrowIfLessThan(fans.Out, 1, nameof(fans));
        return Math.Sqrt(gain.Gamma * fans.In / fans.Out);
    }

    /// <summary>g = √γ: keeps the norm of the gradients from layer to layer. It equals <see cref="Forward"/> where fan_in = fan_out.</summary>
    /// <param name="gain">γ, by what follows the layer.</param>
    /// <exception cref="ArgumentOutOfRangeException">γ is not positive.</exception>
    /// <remarks>Theorem 2.</remarks>
    public static double Backward(Gain gain)
    {
        Require(gain);
        return Math.Sqrt(gain.Gamma);
    }

    private static void Require(Gain gain)
    {
        if (!(gain.Gamma > 0) || !double.IsFinite(gain.Gamma))
            throw new ArgumentOutOfRangeException(nameof(gain), gain.Gamma, "Expected a finite gain γ above 0, as Gain.BeforeRelu.");
    }
}
