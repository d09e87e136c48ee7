namespace RlWn.Networks;

/// <summary>How the Gaussian that continuous actions come from is brought within their bounds.</summary>
public enum ActionBounds
{
    /// <summary>What is drawn is clipped for the environment, and learned from as drawn. Bounds may be infinite; mean and σ are in units of the action.</summary>
    Clip,

    /// <summary>A tanh squashes what is drawn between the bounds, which must be finite; mean and σ are in units before the tanh, where ±1 is ±0.76 of half the range.</summary>
    Tanh,
}
