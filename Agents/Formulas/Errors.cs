namespace RlWn.Agents.Formulas;

/// <summary>What an error costs.</summary>
public static class Errors
{
    /// <summary>½ e² up to κ, and from there a line; over κ, so that the line's slope is 1. With κ = 0, |e|; with κ = ∞, ½ e².</summary>
    /// <param name="error">e.</param>
    /// <param name="threshold">κ, at least 0.</param>
    /// <remarks>Huber 1964; with the slope of 1, as DQN clips its error (Mnih et al. 2015) and as Dabney et al. 2018, eq. 10, has it.</remarks>
    public static double Huber(double error, double threshold)
    {
        var size = Math.Abs(error);
        return double.IsInfinity(threshold) ? 0.5 * error * error
            : size > threshold || threshold == 0 ? size - (0.5 * threshold)
            : 0.5 * error * error / threshold;
    }

    /// <summary>∂/∂e of <see cref="Huber"/>.</summary>
    /// <param name="error">e.</param>
    /// <param name="threshold">κ, at least 0.</param>
    public static double HuberSlope(double error, double threshold) =>
        double.IsInfinity(threshold) ? error
        : threshold == 0 ? Math.Sign(error)
        : Math.Clamp(error / threshold, -1, 1);
}
