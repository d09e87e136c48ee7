namespace RlWn.Inference;

/// <summary>The outputs are logits of N choices: see <see cref="Categorical"/>.</summary>
/// <param name="choices">N.</param>
internal sealed class CategoricalHead(int choices) : ChoiceHead(choices)
{
    public override void Choose(ReadOnlySpan<float> outputs, Random? random, Span<int> action) =>
        action[0] = random is null ? Categorical.Greedy(outputs) : Categorical.Sample(outputs, random, out _);
}
