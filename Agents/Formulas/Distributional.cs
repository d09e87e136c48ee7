namespace RlWn.Agents.Formulas;

/// <summary>Distributions of returns instead of their means.</summary>
public static class Distributional
{
    /// <summary>Moves a distribution on fixed atoms by reward and discount and spreads it over the atoms again.</summary>
    /// <param name="probability">p of each of M atoms, which lie evenly from <paramref name="low"/> to <paramref name="high"/>, both included.</param>
    /// <param name="reward">r.</param>
    /// <param name="discount">γ, or γⁿ; 0 where the task ended.</param>
    /// <param name="low">The lowest atom V_min.</param>
    /// <param name="high">The highest atom V_max, above <paramref name="low"/>.</param>
    /// <param name="projected">Receives M probabilities. Their mean is r + γ times the mean of p as far as that lies between the atoms.</param>
    /// <exception cref="ArgumentException">The spans differ in length, there are fewer than 2 atoms, or the bounds are out of order.</exception>
    /// <remarks>Bellemare, Dabney and Munos 2017, arXiv:1707.06887, eq. 7 and algorithm 1.</remarks>
    public static void Project(ReadOnlySpan<float> probability, double reward, double discount, double low, double high, Span<float> projected)
    {
        var atoms = probability.Length;
        if (atoms < 2 || projected.Length != atoms || !(low < high))
            throw new ArgumentException($"Expected as many probabilities out as in, at least 2, and low < high, got {projected.Length} and {atoms} from {low} to {high}.");

        projected.Clear();
        var distance = (high - low) / (atoms - 1);
        for (var j = 0; j < atoms; j++)
        {
            var moved = Math.Clamp(reward + (discount * (low + (j * distance))), low, high);
            var position = Math.Clamp((moved - low) / distance, 0, atoms - 1);
            var below = (int)position;
            var above = Math.Min(below + 1, atoms - 1);
            var share = position - below;   // 0 on an atom, which then gets all
            projected[below] += (float)(probability[j] * (1 - share));
            projected[above] += (float)(probability[j] * share);
        }
    }

    /// <summary>The quantile regression loss of M predicted quantiles towards M' samples of the return, and its slope in each quantile.</summary>
    /// <param name="quantiles">θ, [M]: the predicted quantile at (i + ½)/M.</param>
    /// <param name="targets">Samples T θ', [M'].</param>
    /// <param name="threshold">κ of the Huber loss, at least 0; 0 is the plain quantile loss.</param>
    /// <param name="slope">Receives ∂L/∂θ, [M].</param>
    /// <returns>L = Σᵢ Eⱼ ρ_κ(targetⱼ - θᵢ): summed over quantiles, averaged over samples.</returns>
    /// <remarks>Dabney et al. 2018, arXiv:1710.10044, eq. 9 and 10, and algorithm 1.</remarks>
    public static double QuantileLoss(ReadOnlySpan<float> quantiles, ReadOnlySpan<float> targets, double threshold, Span<float> slope)
    {
        if (quantiles.IsEmpty || targets.IsEmpty || slope.Length != quantiles.Length || threshold < 0)
            throw new ArgumentException($"Expected quantiles, targets, as many slopes as quantiles and a threshold of at least 0, got {quantiles.Length}, {targets.Length}, {slope.Length} and {threshold}.");

        var loss = 0.0;
        for (var i = 0; i < quantiles.Length; i++)
        {
            var fraction = (i + 0.5) / quantiles.Length;
            var sum = 0.0;
            foreach (var target in targets)
            {
                var error = (double)target - quantiles[i];
                var weight = error < 0 ? 1 - fraction : fraction;   // |τ - 1[error < 0]|
                loss += weight * Errors.Huber(error, threshold) / targets.Length;
                sum -= weight * Errors.HuberSlope(error, threshold);
            }

            slope[i] = (float)(sum / targets.Length);
        }

        return loss;
    }
}
