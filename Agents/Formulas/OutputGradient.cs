namespace RlWn.Agents.Formulas;

/// <summary>The gradient of a loss in the outputs of an actor-critic, to be written.</summary>
internal readonly ref struct OutputGradient
{
    /// <summary>∂L/∂logits or ∂L/∂mean, [B, K].</summary>
    public required Span<float> Output { get; init; }

    /// <summary>∂L/∂V, [B].</summary>
    public required Span<float> Value { get; init; }

    /// <summary>∂L/∂log σ, [K]; empty for choices.</summary>
    public required Span<float> LogStd { get; init; }
}
