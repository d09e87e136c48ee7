namespace RlWn.Inference;

/// <summary>The outputs are logits of several choices at once, one after another: see <see cref="MultiCategorical"/>.</summary>
/// <param name="counts">How many each choice has, [A].</param>
internal sealed class MultiCategoricalHead(int[] counts) : ActionHead<int>
{
    /// <summary>How many each choice has.</summary>
    public IReadOnlyList<int> Counts => counts;

    public override ActionKind Kind => ActionKind.MultiDiscrete;

    public override int ActionSize => counts.Length;

    public override string Description => $"{counts.Length} choices at once, of {string.Join(", ", counts)}";

    public override void Choose(ReadOnlySpan<float> outputs, Random? random, Span<int> action)
    {
        if (random is null)
            MultiCategorical.Greedy(outputs, counts, action);
        else
            MultiCategorical.Sample(outputs, counts, random, action, out _);
    }
}
