namespace RlWn.Agents.Formulas;

/// <summary>What a sequence of rewards was worth for another policy than the one that acted.</summary>
public static class VTrace
{
    /// <summary>V-trace targets of the values, and the advantages for the policy gradient.</summary>
    /// <param name="logRatio">log π(aₜ|sₜ) - log μ(aₜ|sₜ) of the policy that learns and the one that acted, shape [T, N], all spans in row-major order.</param>
    /// <param name="reward">rₜ, shape [T, N]: T steps of N environments.</param>
    /// <param name="value">V(sₜ), shape [T, N].</param>
    /// <param name="nextValue">V(sₜ₊₁), shape [T, N]: zero where the task ended, the last state's value where it was cut off.</param>
    /// <param name="ended">Whether the episode ended at step t for either reason, shape [T, N]: nothing flows back across an end.</param>
    /// <param name="environments">N, at least 1; the spans' common length is a multiple of it.</param>
    /// <param name="gamma">Discount γ per step, in [0, 1].</param>
    /// <param name="lambda">λ, in [0, 1], a factor of every cₜ: 0 gives one-step targets, 1 those of eq. 1.</param>
    /// <param name="rhoBar">ρ̄, above 0: how much a ratio may weigh a temporal difference. It decides which policy's value is learned.</param>
    /// <param name="cBar">c̄, in [0, ρ̄]: how much it may weigh what comes after. It decides how fast.</param>
    /// <param name="target">Receives vₜ, what V(sₜ) is to learn, shape [T, N].</param>
    /// <param name="advantage">Receives ρₜ (rₜ + γ vₜ₊₁ - V(sₜ)), shape [T, N].</param>
    /// <exception cref="ArgumentException">The spans do not share one length, or it is not a multiple of N.</exception>
    /// <remarks>
    /// Espeholt et al. 2018, arXiv:1802.01561, eq. 1 in the recursive form of remark 1, vₜ = V(sₜ) + ρₜ δₜ + γ cₜ (vₜ₊₁ - V(sₜ₊₁)) with
    /// ρₜ = min(ρ̄, ratio) and cₜ = λ min(c̄, ratio) (remark 2), and the policy gradient of section 4.2. On policy, with ρ̄ and c̄ at
    /// least 1 and λ = 1, targets are n-step returns.
    /// </remarks>
    public static void Targets(
        ReadOnlySpan<float> logRatio, ReadOnlySpan<float> reward, ReadOnlySpan<float> value, ReadOnlySpan<float> nextValue, ReadOnlySpan<bool> ended,
        int environments, double gamma, double lambda, double rhoBar, double cBar, Span<float> target, Span<float> advantage)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(environments, 1);
        var length = reward.Length;
        if (logRatio.Length != length || value.Length != length || nextValue.Length != length || ended.Length != length
            || target.Length != length || advantage.Length != length || length % environments != 0)
        {
            throw new ArgumentException(
                $"Expected seven spans of one length, a multiple of {environments} environments, got logRatio {logRatio.Length}, reward {length}, value {value.Length}, "
                + $"nextValue {nextValue.Length}, ended {ended.Length}, target {target.Length} and advantage {advantage.Length}.");
        }

        for (var i = length - 1; i >= 0; i--)
        {
            var ratio = Math.Exp(logRatio[i]);
            var (rho, c) = (Math.Min(rhoBar, ratio), lambda * Math.Min(cBar, ratio));
            var flowsOn = !ended[i] && i + environments < length;
            var nextTarget = flowsOn ? target[i + environments] : nextValue[i];

            var delta = rho * (reward[i] + (gamma * nextValue[i]) - value[i]);
            target[i] = (float)(value[i] + delta + (gamma * c * (nextTarget - nextValue[i])));
            advantage[i] = (float)(rho * (reward[i] + (gamma * nextTarget) - value[i]));
        }
    }
}
