namespace RlWn.Networks;

/// <summary>
/// A normalization of the pre-activations of each hidden layer, beside weight norm: after the linear map and before the ReLU.
/// </summary>
/// <remarks>
/// Before the ReLU, because there it sees numbers of both signs around a mean, which it can center; after it, half of them are zero, and centering
/// would undo the ReLU for the next layer. It is where Ioffe and Szegedy 2015, arXiv:1502.03167, put it, and where the schemes bn and wn-bn have it.
/// </remarks>
public enum NormPartner
{
    /// <summary>None; the schemes bn and wn-bn have batch normalization all the same.</summary>
    None,

    /// <summary>Mean 0 and deviation 1 over the units of a layer, in each sample (Ba, Kiros and Hinton 2016, arXiv:1607.06450).</summary>
    LayerNorm,

    /// <summary>Root mean square 1 over the units of a layer, in each sample (Zhang and Sennrich 2019, arXiv:1910.07467).</summary>
    RmsNorm,

    /// <summary>Mean 0 and deviation 1 of each unit over the batch in learning; by running statistics in acting.</summary>
    BatchNorm,
}
