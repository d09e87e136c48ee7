namespace RlWn.Envs;

/// <summary>An ended episode.</summary>
/// <param name="Return">The sum of its rewards, undiscounted.</param>
/// <param name="Length">How many steps it had.</param>
public readonly record struct Episode(double Return, int Length);

/// <summary>Return and length of every episode that ends in a vector.</summary>
/// <param name="count">How many environments the vector has, at least 1.</param>
/// <remarks>
/// Ended episodes wait until they are taken; once the longest wait has been seen, nothing more is allocated on the way. In a vector
/// the short episodes end first, so the mean over the first few is lower than that over all.
/// </remarks>
public sealed class EpisodeStatistics(int count)
{
    private readonly double[] returns = count >= 1
        ? new double[count]
        : throw new ArgumentOutOfRangeException(nameof(count), $"Expected at least 1 environment, got {count}.");

    private readonly int[] lengths = new int[count];
    private readonly List<Episode> ended = new(capacity: count);

    /// <summary>Adds the last step of every environment. Call it once after each <see cref="VectorEnv.Step"/>.</summary>
    /// <param name="envs">The vector, of as many environments as these statistics.</param>
    /// <exception cref="ArgumentException">The vector has another number of environments.</exception>
    public void Record(VectorEnv envs)
    {
        ArgumentNullException.ThrowIfNull(envs);
        if (envs.Count != returns.Length)
            throw new ArgumentException($"Expected the {returns.Length} environments that this was made for, got {envs.Count}.", nameof(envs));

        var rewards = envs.Rewards;
        var terminated = envs.Terminated;
        var truncated = envs.Truncated;
        for (var i = 0; i < returns.Length; i++)
        {
            returns[i] += rewards[i];
            lengths[i]++;
            if (terminated[i] | truncated[i])
            {
                ended.Add(new Episode(returns[i], lengths[i]));
                (returns[i], lengths[i]) = (0, 0);
            }
        }
    }

    /// <summary>Hands out the episodes that ended since the last call, in the order they ended.</summary>
    public IReadOnlyList<Episode> Take()
    {
        Episode[] taken = [.. ended];
        ended.Clear();
        return taken;
    }

    /// <summary>Writes the running episodes and those that were not taken yet.</summary>
    /// <param name="writer">Where to.</param>
    public void Save(BinaryWriter writer)
    {
        writer.WriteAll<double>(returns);
        writer.WriteAll<int>(lengths);
        writer.Write(ended.Count);
        foreach (var (@return, length) in ended)
        {
            writer.Write(@return);
            writer.Write(length);
        }
    }

    /// <summary>Takes up what statistics of as many environments have saved.</summary>
    /// <param name="reader">Reads just what <see cref="Save"/> wrote.</param>
    /// <exception cref="InvalidDataException">They were of another number of environments.</exception>
    public void Load(BinaryReader reader)
    {
        reader.ReadAll<double>(returns, "returns of running episodes");
        reader.ReadAll<int>(lengths, "lengths of running episodes");
        ended.Clear();
        for (var left = reader.ReadInt32(); left > 0; left--)
            ended.Add(new Episode(reader.ReadDouble(), reader.ReadInt32()));
    }

    /// <summary>Forgets everything, the running episodes too. Call it when the vector is reset.</summary>
    public void Reset()
    {
        Array.Clear(returns);
        Array.Clear(lengths);
        ended.Clear();
    }
}
