using TorchSharp;
using static TorchSharp.torch;

namespace RlWn.Agents.Ppo;

/// <summary>What the minibatches of an epoch were like, on average.</summary>
internal sealed class Averages
{
    private static readonly string[] Names = ["policy_loss", "value_loss", "entropy", "approx_kl", "clip_fraction", "gradient_norm"];
    private readonly double[] sums = new double[Names.Length];
    private int count;

    public double ApproximateKl => sums[3] / count;

    public IEnumerable<Metric> Metrics => Names.Zip(sums, (name, sum) => new Metric(name, sum / count));

    public void Clear()
    {
        Array.Clear(sums);
        count = 0;
    }

    /// <summary>Adds one minibatch. Belongs to the caller's dispose scope; one transfer from the device.</summary>
    public void Add(Tensor policyLoss, Tensor valueLoss, Tensor entropy, Tensor logRatio, Tensor ratio, Scalar clip, Tensor gradientNorm)
    {
        using var noGrad = no_grad();

        // KL(π_old || π) ≈ E[(ρ - 1) - log ρ]: never negative and of low variance (Schulman 2020, "Approximating KL divergence", k3).
        var one = ones_like(ratio);
        var distance = ratio - one;
        var approximateKl = (distance - logRatio).mean();
        var clipFraction = distance.abs().gt(clip).to(ratio.dtype).mean();
        var numbers = stack([policyLoss, valueLoss, entropy, approximateKl, clipFraction, gradientNorm]).cpu().data<float>();
        for (var i = 0; i < sums.Length; i++)
            sums[i] += numbers[i];
        count++;
    }

    public void RequireFinite(long steps)
    {
        foreach (var (name, value) in Metrics)
        {
            if (!double.IsFinite(value))
            {
                throw new TrainingDivergedException(
                    $"Expected a finite {name}, got {value} after {steps} environment steps. Lower ppo.learningRate or ppo.maxGradientNorm, or look for huge rewards.");
            }
        }
    }
}
