using RlWn.Agents.Data;
using RlWn.Agents.Formulas;

namespace RlWn.Agents.A2c;

/// <summary>
/// The advantage actor-critic's loss, L = -log π(a|s) Â + c_v ½ (V - R)² - c_e H on average over the transitions, and its gradient in the network's
/// outputs, in closed form. A3C and IMPALA have the same; they differ in where Â and R come from.
/// </summary>
/// <param name="valueWeight">c_v.</param>
/// <param name="entropyWeight">c_e.</param>
/// <remarks>Mnih et al. 2016, arXiv:1602.01783, algorithm S3 and section 4; Espeholt et al. 2018, arXiv:1802.01561, section 4.2.</remarks>
internal sealed class A2cLoss(double valueWeight, double entropyWeight)
{
    private double policyLoss, valueLoss, entropy, gradientNorm;
    private int batches;

    /// <summary>What the batches since the last <see cref="Clear"/> were like, on average.</summary>
    public IEnumerable<Metric> Metrics =>
    [
        new("policy_loss", policyLoss / batches),
        new("value_loss", valueLoss / batches),
        new("entropy", entropy / batches),
        new("gradient_norm", gradientNorm / batches),
    ];

    /// <summary>Starts the averages anew.</summary>
    public void Clear() => (policyLoss, valueLoss, entropy, gradientNorm, batches) = (0, 0, 0, 0, 0);

    /// <summary>Adds what another has counted, and clears it.</summary>
    public void Take(A2cLoss other)
    {
        policyLoss += other.policyLoss;
        valueLoss += other.valueLoss;
        entropy += other.entropy;
        gradientNorm += other.gradientNorm;
        batches += other.batches;
        other.Clear();
    }

    /// <summary>Counts the norm of the gradient that came of a batch, before clipping.</summary>
    public void AddGradientNorm(double norm) => gradientNorm += norm;

    /// <summary>The gradient of the loss over one batch.</summary>
    /// <param name="output">Logits or means, [B, K].</param>
    /// <param name="value">V(s), [B].</param>
    /// <param name="logStd">log σ, [K]; empty for choices.</param>
    /// <param name="batch">The transitions, with Â and R: both count as constants.</param>
    /// <param name="gradient">Receives the gradients.</param>
    public void Evaluate(ReadOnlySpan<float> output, ReadOnlySpan<float> value, ReadOnlySpan<float> logStd, Minibatch batch, in OutputGradient gradient)
    {
        var count = value.Length;
        var outputs = output.Length / count;
        var entropySlope = -entropyWeight / count;
        gradient.LogStd.Clear();
        batches++;

        for (var i = 0; i < count; i++)
        {
            var row = output.Slice(i * outputs, outputs);
            var rowGradient = gradient.Output.Slice(i * outputs, outputs);
            var slope = -(double)batch.Advantage[i] / count;
            var action = batch.Action(i);
            var policy = batch.Distribution.Evaluate(row, logStd, action);
            batch.Distribution.Gradient(row, logStd, action, policy, slope, entropySlope, rowGradient, gradient.LogStd);

            var error = (double)value[i] - batch.Target[i];
            gradient.Value[i] = (float)(valueWeight * error / count);
            policyLoss += slope * policy.LogProbability;
            valueLoss += 0.5 * error * error / count;
            entropy += policy.Entropy / count;
        }
    }
}
