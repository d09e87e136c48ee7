namespace RlWn.Envs;

/// <summary>Mean and variance of each number of all rows seen so far.</summary>
/// <remarks>
/// Chan, Golub and LeVeque 1983, "Algorithms for computing the sample variance": the statistics of two sets are joined without going through
/// either again. It begins, as Gymnasium and Stable-Baselines3 do, with mean 0 and variance 1 that count for 0.0001 of a row.
/// </remarks>
public sealed class RunningStatistics
{
    private readonly double[] mean, variance;
    private readonly double[] batchMean;

    /// <summary>Makes the statistics of rows of so many numbers.</summary>
    /// <param name="width">How many numbers a row has, at least 1.</param>
    public RunningStatistics(int width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        (mean, variance, batchMean) = (new double[width], new double[width], new double[width]);
        Array.Fill(variance, 1);
    }

    /// <summary>How many rows have been seen, and 0.0001.</summary>
    public double Count { get; private set; } = 1e-4;

    /// <summary>The mean of each number.</summary>
    public ReadOnlySpan<double> Mean => mean;

    /// <summary>The variance of each number: the mean square of the distance from the mean.</summary>
    public ReadOnlySpan<double> Variance => variance;

    /// <summary>Adds rows.</summary>
    /// <param name="rows">Row after row, as many numbers each as <see cref="Mean"/> has.</param>
    /// <exception cref="ArgumentException">The numbers do not make up whole rows, at least one.</exception>
    public void Add(ReadOnlySpan<float> rows)
    {
        var width = mean.Length;
        if (rows.Length == 0 || rows.Length % width != 0)
            throw new ArgumentException($"Expected whole rows of {width} numbers, got {rows.Length} numbers.", nameof(rows));

        var added = rows.Length / width;
        Array.Clear(batchMean);
        for (var i = 0; i < rows.Length; i++)
            batchMean[i % width] += rows[i];
        for (var column = 0; column < width; column++)
            batchMean[column] /= added;

        // From variances to sums of squares and back; the last term is what the two means lie apart.
        var total = Count + added;
        for (var column = 0; column < width; column++)
        {
            var apart = batchMean[column] - mean[column];
            var squares = (variance[column] * Count) + (apart * apart * Count * added / total);
            for (var i = column; i < rows.Length; i += width)
                squares += (rows[i] - batchMean[column]) * (rows[i] - batchMean[column]);

            mean[column] += apart * added / total;
            variance[column] = squares / total;
        }

        Count = total;
    }

    /// <summary>Writes the statistics.</summary>
    /// <param name="writer">Where to.</param>
    public void Save(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Write(Count);
        writer.Write(mean);
        writer.Write(variance);
    }

    /// <summary>Reads what <see cref="Save"/> of statistics of as many numbers wrote.</summary>
    /// <param name="reader">Where from.</param>
    /// <exception cref="InvalidDataException">What was read cannot be such statistics.</exception>
    public void Load(BinaryReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        var count = reader.ReadDouble();
        reader.Read(mean);
        reader.Read(variance);
        if (!(count > 0 && double.IsFinite(count)) || Array.Exists(variance, number => number < 0))
            throw new InvalidDataException("Expected a positive count and variances of at least 0. The file is damaged, or holds something else.");
        Count = count;
    }
}
