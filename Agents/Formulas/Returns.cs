namespace RlWn.Agents.Formulas;

/// <summary>What a sequence of rewards was worth.</summary>
public static class Returns
{
    /// <summary>Generalized advantage estimates: how much better each action was than the value expected of its state.</summary>
    /// <param name="reward">rₜ, shape [T, N]: T steps of N environments, all spans in row-major order.</param>
    /// <param name="value">V(sₜ), shape [T, N].</param>
    /// <param name="nextValue">V(sₜ₊₁), shape [T, N]: zero where the task ended, the last state's value where it was cut off.</param>
    /// <param name="ended">Whether the episode ended at step t for either reason, shape [T, N]: nothing flows back across an end.</param>
    /// <param name="environments">N, at least 1; the spans' common length is a multiple of it.</param>
    /// <param name="gamma">Discount γ per step, in [0, 1].</param>
    /// <param name="lambda">λ, in [0, 1]: 0 gives the one-step TD error, 1 the Monte Carlo return minus V.</param>
    /// <param name="advantage">Receives Âₜ, shape [T, N].</param>
    /// <exception cref="ArgumentException">The spans do not share one length, or it is not a multiple of N.</exception>
    /// <remarks>Schulman et al. 2016, arXiv:1506.02438, eq. 16, summed backwards in time.</remarks>
    public static void Gae(
        ReadOnlySpan<float> reward, ReadOnlySpan<float> value, ReadOnlySpan<float> nextValue, ReadOnlySpan<bool> ended,
        int environments, double gamma, double lambda, Span<float> advantage)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(environments, 1);
        if (value.Length != reward.Length || nextValue.Length != reward.Length || ended.Length != reward.Length
            || advantage.Length != reward.Length || reward.Length % environments != 0)
        {
            throw new ArgumentException(
                $"Expected five spans of one length, a multiple of {environments} environments, got reward {reward.Length}, value {value.Length}, "
                + $"nextValue {nextValue.Length}, ended {ended.Length} and advantage {advantage.Length}.");
        }

        for (var i = reward.Length - 1; i >= 0; i--)
        {
            var following = ended[i] || i + environments >= reward.Length ? 0 : advantage[i + environments];
            var delta = reward[i] + (gamma * nextValue[i]) - value[i];
            advantage[i] = (float)(delta + (gamma * lambda * following));
        }
    }

    /// <summary>n-step returns: the rewards up to the end of the episode or of the rollout, and from there on what the last state is worth.</summary>
    /// <param name="reward">rₜ, shape [T, N]: T steps of N environments, all spans in row-major order.</param>
    /// <param name="nextValue">V(sₜ₊₁), shape [T, N]: zero where the task ended, the last state's value where it was cut off. Read at ends and at step T only.</param>
    /// <param name="ended">Whether the episode ended at step t for either reason, shape [T, N]: nothing flows back across an end.</param>
    /// <param name="environments">N, at least 1; the spans' common length is a multiple of it.</param>
    /// <param name="gamma">Discount γ per step, in [0, 1].</param>
    /// <param name="target">Receives Rₜ = rₜ + γ Rₜ₊₁, shape [T, N]: <see cref="Gae"/> with λ = 1, plus V.</param>
    /// <exception cref="ArgumentException">The spans do not share one length, or it is not a multiple of N.</exception>
    /// <remarks>Mnih et al. 2016, arXiv:1602.01783, algorithm S3: R ← rᵢ + γR, from the last step back.</remarks>
    public static void NStep(
        ReadOnlySpan<float> reward, ReadOnlySpan<float> nextValue, ReadOnlySpan<bool> ended, int environments, double gamma, Span<float> target)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(environments, 1);
        if (nextValue.Length != reward.Length || ended.Length != reward.Length || target.Length != reward.Length || reward.Length % environments != 0)
        {
            throw new ArgumentException(
                $"Expected four spans of one length, a multiple of {environments} environments, got reward {reward.Length}, nextValue {nextValue.Length}, "
                + $"ended {ended.Length} and target {target.Length}.");
        }

        for (var i = reward.Length - 1; i >= 0; i--)
        {
            var following = ended[i] || i + environments >= reward.Length ? nextValue[i] : target[i + environments];
            target[i] = (float)(reward[i] + (gamma * following));
        }
    }

    /// <summary>The share of the returns' variance that the values explain: 1 is perfect, 0 no better than a constant, below 0 worse.</summary>
    /// <param name="value">V(s), predicted before the returns were known.</param>
    /// <param name="target">The returns, as many.</param>
    /// <returns>1 - Var(target - value) / Var(target); NaN where all targets are equal.</returns>
    public static double ExplainedVariance(ReadOnlySpan<float> value, ReadOnlySpan<float> target)
    {
        if (value.Length != target.Length)
            throw new ArgumentException($"Expected as many values as targets, got {value.Length} and {target.Length}.", nameof(value));

        var (sum, sumOfSquares, errorSum, errorSumOfSquares) = (0.0, 0.0, 0.0, 0.0);
        for (var i = 0; i < target.Length; i++)
        {
            var fromFirst = (double)target[i] - target[0];   // a shift: equal targets then have a variance of exactly zero
            var error = fromFirst - value[i];
            sum += fromFirst;
            sumOfSquares += fromFirst * fromFirst;
            errorSum += error;
            errorSumOfSquares += error * error;
        }

        var variance = sumOfSquares - (sum * sum / target.Length);
        return variance > 0 ? 1 - ((errorSumOfSquares - (errorSum * errorSum / target.Length)) / variance) : double.NaN;
    }
}
