using static TorchSharp.torch;

namespace RlWn.Agents.Tests;

/// <summary>Policies op by op, for autograd to differentiate.</summary>
internal static class Reference
{
    /// <summary>Numbers as a tensor of float64, [B] or [B, columns].</summary>
    public static Tensor Float64(ReadOnlySpan<float> numbers, long columns = 0)
    {
        var flat = tensor(numbers.ToArray(), ScalarType.Float64);
        return columns == 0 ? flat : flat.view(-1, columns);
    }

    /// <summary>log π(a|s), [B], and the mean entropy of logits, [B, K], given choices, [B].</summary>
    public static (Tensor LogProbability, Tensor Entropy) Choices(Tensor logits, int[] choices)
    {
        var all = nn.functional.log_softmax(logits, -1);
        return (all.gather(1, tensor(choices, ScalarType.Int64).unsqueeze(-1)).squeeze(-1), -(all.exp() * all).sum(-1).mean());
    }

    /// <summary>The same of means, [B, K], and log σ, [K], given numbers, [B, K].</summary>
    public static (Tensor LogProbability, Tensor Entropy) Numbers(Tensor mean, Tensor logStd, Tensor numbers)
    {
        var variance = (2 * logStd).exp();
        var logProbability = (-((numbers - mean).square() / (2 * variance)) - logStd - (0.5 * Math.Log(2 * Math.PI))).sum(-1);
        return (logProbability, (0.5 * (2 * Math.PI * Math.E * variance).log()).sum());
    }
}
