using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Agents.Formulas;

/// <summary>Log-probabilities, entropies and losses of policy-gradient methods, as parts of the autograd graph.</summary>
/// <remarks>Numbers that enter an operation are handed in as <see cref="Scalar"/>s that the caller holds: a temporary one could be collected during the call.</remarks>
public static class PolicyGradient
{
    private static readonly Scalar HalfLogTau = (0.5 * Math.Log(Math.Tau)).ToScalar();
    private static readonly Scalar EntropyOfUnitGaussian = (0.5 + (0.5 * Math.Log(Math.Tau))).ToScalar();
    private static readonly Scalar MinusHalf = (-0.5).ToScalar();

    /// <summary>log π(a|s) and the entropy of a categorical policy.</summary>
    /// <param name="logits">Unnormalized log-probabilities, shape [N, A]. They are normalized here, once.</param>
    /// <param name="action">The actions taken, int64, shape [N, 1].</param>
    /// <returns>log π(a|s), shape [N], and the entropy of each state's policy, shape [N].</returns>
    public static (Tensor LogProbability, Tensor Entropy) Categorical(Tensor logits, Tensor action)
    {
        ArgumentNullException.ThrowIfNull(logits);
        ArgumentNullException.ThrowIfNull(action);
        Require(logits.dim() == 2 && action.dim() == 2 && action.size(0) == logits.size(0) && action.size(1) == 1, "logits [N, A] and action [N, 1]", logits, action);

        var logProbabilities = functional.log_softmax(logits, 1);
        return (logProbabilities.gather(1, action).squeeze(-1), -(logProbabilities.exp() * logProbabilities).sum(1));
    }

    /// <summary>log π(a|s) and the entropy of a diagonal Gaussian policy; the action is unbounded.</summary>
    /// <param name="mean">μ(s), shape [N, A].</param>
    /// <param name="logStd">log σ, the same in every state, shape [A].</param>
    /// <param name="action">The actions drawn, before any clipping, shape [N, A].</param>
    /// <returns>log π(a|s), shape [N], and the entropy, shape [N]: the same number for every state.</returns>
    public static (Tensor LogProbability, Tensor Entropy) DiagonalGaussian(Tensor mean, Tensor logStd, Tensor action)
    {
        ArgumentNullException.ThrowIfNull(mean);
        ArgumentNullException.ThrowIfNull(logStd);
        ArgumentNullException.ThrowIfNull(action);
        Require(mean.dim() == 2 && mean.shape.AsSpan().SequenceEqual(action.shape) && logStd.dim() == 1 && logStd.size(0) == mean.size(1), "mean and action [N, A]", mean, action);

        var standardized = (action - mean) * (-logStd).exp();
        var logProbability = (standardized.square().mul(MinusHalf) - logStd).sub(HalfLogTau).sum(1);
        return (logProbability, logStd.add(EntropyOfUnitGaussian).sum().expand(mean.size(0)));
    }

    /// <summary>PPO's clipped surrogate, as a loss: the negative of what is to grow.</summary>
    /// <param name="ratio">ρ = π(a|s) / π_old(a|s), shape [N].</param>
    /// <param name="advantage">Â, shape [N], outside any graph.</param>
    /// <param name="low">1 - ε.</param>
    /// <param name="high">1 + ε.</param>
    /// <returns>One number.</returns>
    public static Tensor ClippedSurrogate(Tensor ratio, Tensor advantage, Scalar low, Scalar high)
    {
        ArgumentNullException.ThrowIfNull(ratio);
        ArgumentNullException.ThrowIfNull(advantage);
        Require(ratio.dim() == 1 && ratio.size(0) == advantage.NumberOfElements && advantage.dim() == 1, "ratio and advantage [N]", ratio, advantage);

        // The pessimistic bound: moving ρ beyond 1 ± ε gains nothing (Schulman et al. 2017, arXiv:1707.06347, eq. 7).
        return -minimum(ratio * advantage, ratio.clamp(low, high) * advantage).mean();
    }

    /// <summary>Half the mean squared error of the values; with clipping, of the worse of the value and its clipped version.</summary>
    /// <param name="value">V(s), shape [N].</param>
    /// <param name="target">The returns, shape [N], outside any graph.</param>
    /// <param name="half">½, held by the caller.</param>
    /// <param name="clipping">The value before the update, shape [N], and how far the new one may move from it, as -ε and ε; null for none.</param>
    /// <returns>One number.</returns>
    /// <remarks>The clipped form is that of PPO's first implementation (Huang et al. 2022, detail 9); it is not in the paper.</remarks>
    public static Tensor ValueLoss(Tensor value, Tensor target, Scalar half, (Tensor Old, Scalar Low, Scalar High)? clipping = null)
    {
        ArgumentNullException.ThrowIfNull(value);
        ArgumentNullException.ThrowIfNull(target);
        Require(value.dim() == 1 && target.dim() == 1 && value.size(0) == target.size(0), "value and target [N]", value, target);

        if (clipping is not { } clip)
            return functional.mse_loss(value, target).mul(half);

        var clipped = clip.Old + (value - clip.Old).clamp(clip.Low, clip.High);
        return maximum((value - target).square(), (clipped - target).square()).mean().mul(half);
    }

    private static void Require(bool condition, string expected, Tensor first, Tensor second)
    {
        if (!condition)
            throw new ArgumentException($"Expected {expected}, got [{string.Join(", ", first.shape)}] and [{string.Join(", ", second.shape)}].");
    }
}
