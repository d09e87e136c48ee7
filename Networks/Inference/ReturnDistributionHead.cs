namespace RlWn.Inference;

/// <summary>
/// The outputs are logits of a distribution of the return of each of N choices, over atoms that lie evenly between two bounds. Chosen is what has the
/// highest mean; drawn, as of values that are no distributions, with the means as logits.
/// </summary>
/// <remarks>Bellemare, Dabney and Munos 2017, arXiv:1707.06887, algorithm 1.</remarks>
/// <param name="choices">N.</param>
/// <param name="atoms">M, at least 2; a row of outputs is [N, M].</param>
/// <param name="low">The lowest atom.</param>
/// <param name="high">The highest.</param>
internal sealed class ReturnDistributionHead(int choices, int atoms, double low, double high) : ChoiceHead(choices)
{
    /// <summary>The returns that the logits stand for, [M], from the lowest to the highest.</summary>
    public float[] Atoms() => [.. Enumerable.Range(0, atoms).Select(m => (float)(low + ((high - low) / (atoms - 1) * m)))];

    public override void Choose(ReadOnlySpan<float> outputs, Random? random, Span<int> action)
    {
        Span<float> means = stackalloc float[Choices];
        for (var choice = 0; choice < means.Length; choice++)
            means[choice] = Mean(outputs.Slice(choice * atoms, atoms));
        action[0] = random is null ? Categorical.Greedy(means) : Categorical.Sample(means, random, out _);
    }

    private float Mean(ReadOnlySpan<float> logits)
    {
        var highest = float.NegativeInfinity;
        foreach (var logit in logits)
            highest = Math.Max(highest, logit);

        var (sum, weighted) = (0.0, 0.0);
        for (var m = 0; m < logits.Length; m++)
        {
            var probability = Math.Exp(logits[m] - (double)highest);
            sum += probability;
            weighted += probability * m;
        }

        return (float)(low + ((high - low) / (atoms - 1) * (weighted / sum)));
    }
}
