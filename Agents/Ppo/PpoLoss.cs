using RlWn.Agents.Data;
using RlWn.Agents.Formulas;

namespace RlWn.Agents.Ppo;

/// <summary>
/// PPO's objective as a loss, L = -L_clip + c_v L_value - c_e H, and its gradient in the network's outputs, in closed form. The
/// network's own gradient is then one backward pass from there.
/// </summary>
/// <remarks>
/// Schulman et al. 2017, arXiv:1707.06347, eq. 7 and 9. Written out instead of recorded op by op: for the small networks of control tasks
/// some thirty operations on a hundred numbers each took longer than the network itself.
/// </remarks>
internal sealed class PpoLoss(PpoOptions options)
{
    private double policyLoss, valueLoss, entropy, approximateKl, clipFraction, gradientNorm;
    private int minibatches;

    /// <summary>KL(π_old || π), averaged since the last <see cref="Clear"/>.</summary>
    public double ApproximateKl => approximateKl / minibatches;

    /// <summary>What the minibatches since the last <see cref="Clear"/> were like, on average.</summary>
    public IEnumerable<Metric> Metrics =>
    [
        new("policy_loss", policyLoss / minibatches),
        new("value_loss", valueLoss / minibatches),
        new("entropy", entropy / minibatches),
        new("approx_kl", ApproximateKl),
        new("clip_fraction", clipFraction / minibatches),
        new("gradient_norm", gradientNorm / minibatches),
    ];

    /// <summary>Starts the averages anew.</summary>
    public void Clear() => (policyLoss, valueLoss, entropy, approximateKl, clipFraction, gradientNorm, minibatches) = (0, 0, 0, 0, 0, 0, 0);

    /// <summary>Counts the norm of the gradient that came of a minibatch, before clipping.</summary>
    public void AddGradientNorm(double norm) => gradientNorm += norm;

    /// <summary>The gradient of the loss over one minibatch.</summary>
    /// <param name="output">Logits or means, [B, K].</param>
    /// <param name="value">V(s), [B].</param>
    /// <param name="logStd">log σ, [K]; empty for choices.</param>
    /// <param name="batch">The transitions.</param>
    /// <param name="clip">ε.</param>
    /// <param name="gradient">Receives the gradients.</param>
    public void Evaluate(
        ReadOnlySpan<float> output, ReadOnlySpan<float> value, ReadOnlySpan<float> logStd, Minibatch batch, double clip, in OutputGradient gradient)
    {
        var count = value.Length;
        var outputs = output.Length / count;
        gradient.LogStd.Clear();
        minibatches++;

        for (var i = 0; i < count; i++)
        {
            var row = output.Slice(i * outputs, outputs);
            var rowGradient = gradient.Output.Slice(i * outputs, outputs);
            var action = batch.Action(i);
            var policy = batch.Distribution.Evaluate(row, logStd, action);
            entropy += policy.Entropy / count;
            var slope = Policy(policy.LogProbability - batch.LogProbability[i], batch.Advantage[i], clip, count);
            batch.Distribution.Gradient(row, logStd, action, policy, slope, -options.EntropyWeight / count, rowGradient, gradient.LogStd);
            gradient.Value[i] = (float)Value(value[i], batch.Value[i], batch.Target[i], count);
        }
    }

    // -min(ρ Â, clip(ρ, 1 - ε, 1 + ε) Â) and its slope in log π. The pessimistic bound: moving ρ beyond 1 ± ε gains nothing.
    private double Policy(double logRatio, double advantage, double clip, int count)
    {
        var ratio = Math.Exp(logRatio);
        var unclipped = ratio * advantage;
        var clipped = Math.Clamp(ratio, 1 - clip, 1 + clip) * advantage;

        policyLoss -= Math.Min(unclipped, clipped) / count;
        approximateKl += (ratio - 1 - logRatio) / count;   // never negative, of low variance (Schulman 2020, "Approximating KL divergence", k3)
        clipFraction += Math.Abs(ratio - 1) > clip ? 1.0 / count : 0;
        return unclipped <= clipped ? -ratio * advantage / count : 0;
    }

    // c_v ½ (V - R)², or of the worse of V and V clipped to V_old ± ε_v, and its slope in V.
    private double Value(double value, double oldValue, double target, int count)
    {
        var error = value - target;
        var slope = error;
        if (options.ValueClip is { } range)
        {
            var moved = Math.Clamp(value - oldValue, -range, range);
            var clippedError = oldValue + moved - target;
            if (clippedError * clippedError > error * error)
                (error, slope) = (clippedError, moved == value - oldValue ? clippedError : 0);
        }

        valueLoss += 0.5 * error * error / count;
        return options.ValueWeight * slope / count;
    }
}
