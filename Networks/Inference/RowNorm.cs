namespace RlWn.Inference;

/// <summary>What normalizes the pre-activations of a hidden layer, row by row, before its ReLU; ε = 1e-5 in both.</summary>
public enum RowNorm
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>w (y - mean(y)) / √(variance(y) + ε) + b (Ba, Kiros and Hinton 2016, arXiv:1607.06450).</summary>
    LayerNorm,

    /// <summary>w y / √(mean(y²) + ε) (Zhang and Sennrich 2019, arXiv:1910.07467).</summary>
    RmsNorm,
}
