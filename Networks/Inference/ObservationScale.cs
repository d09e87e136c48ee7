namespace RlWn.Inference;

/// <summary>Shifts and scales observations number by number as they were in training, x' = (x - mean) / √variance, cut off at ± clip.</summary>
/// <param name="mean">[D].</param>
/// <param name="variance">[D], each above 0.</param>
/// <param name="clip">Above 0.</param>
internal sealed class ObservationScale(double[] mean, double[] variance, double clip)
{
    private readonly double[] deviation = Array.ConvertAll(variance, Math.Sqrt);

    /// <summary>What is taken away of each number, [D].</summary>
    public IReadOnlyList<double> Mean => mean;

    /// <summary>What the rest is divided by, [D].</summary>
    public IReadOnlyList<double> Deviation => deviation;

    /// <summary>Where the quotient is cut off.</summary>
    public double Clip => clip;

    /// <summary>Normalizes rows. NaN stays NaN, to be found.</summary>
    /// <param name="observations">[N, D].</param>
    /// <param name="normalized">Receives [N, D].</param>
    public void Apply(ReadOnlySpan<float> observations, Span<float> normalized)
    {
        for (var row = 0; row < observations.Length; row += mean.Length)
        {
            for (var i = 0; i < mean.Length; i++)
                normalized[row + i] = (float)Math.Clamp((observations[row + i] - mean[i]) / deviation[i], -clip, clip);
        }
    }
}
