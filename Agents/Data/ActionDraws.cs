using RlWn.Envs;
using RlWn.Inference;

namespace RlWn.Agents.Data;

/// <summary>Actions drawn from a policy, for all environments of a vector.</summary>
/// <remarks>
/// Continuous actions come from an unbounded Gaussian. What the environment gets is clipped to its bounds; what is kept is the action as drawn.
/// </remarks>
internal static class ActionDraws
{
    /// <summary>Draws a ~ π(·|s) in every environment, writes it where the vector's next step takes it from, and keeps it with its log-probability.</summary>
    /// <param name="envs">The environments; their actions are written.</param>
    /// <param name="policy">Logits or means, [N, K].</param>
    /// <param name="logStd">log σ, [K]; empty for choices.</param>
    /// <param name="random">The source of randomness.</param>
    /// <param name="choices">Receives a, where it is a choice, [N].</param>
    /// <param name="numbers">Receives a, where it is continuous, before clipping, [N, K].</param>
    /// <param name="logProbability">Receives log π(a|s), [N].</param>
    public static void Draw(
        VectorEnv envs, ReadOnlySpan<float> policy, ReadOnlySpan<float> logStd, Rng random,
        Span<int> choices, Span<float> numbers, Span<float> logProbability)
    {
        var outputs = policy.Length / envs.Count;
        for (var i = 0; i < envs.Count; i++)
        {
            var output = policy.Slice(i * outputs, outputs);
            if (envs.ActionSpace is Box bounds)
            {
                var action = numbers.Slice(i * outputs, outputs);
                DiagonalGaussian.Sample(output, logStd, random, action, out logProbability[i]);
                bounds.Clip(action, envs.Actions.Row<float>(i));
            }
            else
            {
                choices[i] = envs.Actions.All<int>()[i] = Categorical.Sample(output, random, out logProbability[i]);
            }
        }
    }
}
