using System.Numerics;

namespace RlWn.Envs;

/// <summary>
/// A random generator that can be saved: xoshiro256**, whose whole state is four numbers. Wherever RlWn asks for a
/// <see cref="Random"/>, this is what it hands in itself.
/// </summary>
/// <remarks>
/// Blackman and Vigna 2021, "Scrambled linear pseudorandom number generators", arXiv:1805.01407; seeded by SplitMix64 as they advise.
/// Not thread-safe: give each thread, and each environment, a stream of its own.
/// </remarks>
public sealed class Rng : Random
{
    private ulong s0, s1, s2, s3;

    /// <summary>Makes the generator of one stream of a seed: different streams of one seed are independent of each other.</summary>
    /// <param name="seed">Any number; the same seed and stream give the same draws on every machine.</param>
    /// <param name="stream">Which stream of the seed, as the index of an environment in a vector.</param>
    public Rng(ulong seed, ulong stream = 0) : base(0)
    {
        // The stream is mixed before it meets the seed, so that (seed, stream + 1) and (seed + 1, stream) have nothing in common.
        var mixer = seed ^ Mix(stream + 0x9E3779B97F4A7C15);
        s0 = Mix(mixer += 0x9E3779B97F4A7C15);
        s1 = Mix(mixer += 0x9E3779B97F4A7C15);
        s2 = Mix(mixer += 0x9E3779B97F4A7C15);
        s3 = Mix(mixer + 0x9E3779B97F4A7C15);
    }

    /// <summary>The whole state: setting it replays exactly what followed when it was read.</summary>
    /// <exception cref="ArgumentException">All four numbers are zero, a state that no generator reaches.</exception>
    public (ulong S0, ulong S1, ulong S2, ulong S3) State
    {
        get => (s0, s1, s2, s3);
        set
        {
            if (value == default)
                throw new ArgumentException("Expected a generator's state that is not all zeros. It was probably never saved.", nameof(value));
            (s0, s1, s2, s3) = value;
        }
    }

    /// <summary>64 random bits.</summary>
    public ulong NextUInt64()
    {
        var result = BitOperations.RotateLeft(s1 * 5, 7) * 9;
        var t = s1 << 17;
        s2 ^= s0;
        s3 ^= s1;
        s1 ^= s2;
        s0 ^= s3;
        s2 ^= t;
        s3 = BitOperations.RotateLeft(s3, 45);
        return result;
    }

    /// <inheritdoc/>
    public override double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <inheritdoc/>
    public override float NextSingle() => (NextUInt64() >> 40) * (1.0f / (1u << 24));

    /// <inheritdoc/>
    public override int Next() => Next(int.MaxValue);

    /// <inheritdoc/>
    public override int Next(int maxValue)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxValue);
        return maxValue == 0 ? 0 : (int)Below((uint)maxValue);
    }

    /// <inheritdoc/>
    public override int Next(int minValue, int maxValue) => (int)NextInt64(minValue, maxValue);

    /// <inheritdoc/>
    public override long NextInt64() => NextInt64(long.MaxValue);

    /// <inheritdoc/>
    public override long NextInt64(long maxValue)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxValue);
        return NextInt64(0, maxValue);
    }

    /// <inheritdoc/>
    public override long NextInt64(long minValue, long maxValue)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minValue, maxValue);
        var range = (ulong)(maxValue - minValue);
        return range == 0 ? minValue : minValue + (long)Below(range);
    }

    /// <inheritdoc/>
    public override void NextBytes(byte[] buffer) => NextBytes(buffer.AsSpan());

    /// <inheritdoc/>
    public override void NextBytes(Span<byte> buffer)
    {
        while (buffer.Length >= sizeof(ulong))
        {
            BitConverter.TryWriteBytes(buffer, NextUInt64());
            buffer = buffer[sizeof(ulong)..];
        }

        for (var bits = NextUInt64(); !buffer.IsEmpty; bits >>= 8, buffer = buffer[1..])
            buffer[0] = (byte)bits;
    }

    /// <inheritdoc/>
    protected override double Sample() => NextDouble();

    // Unbiased: a 128-bit product, drawn again in the rare case that its low half falls short (Lemire 2019, arXiv:1805.10941).
    private ulong Below(ulong range)
    {
        var high = Math.BigMul(NextUInt64(), range, out ulong low);
        if (low < range)
        {
            for (var threshold = (0 - range) % range; low < threshold;)
                high = Math.BigMul(NextUInt64(), range, out low);
        }

        return high;
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}

/// <summary>Draws that <see cref="Random"/> lacks.</summary>
public static class RandomDraws
{
    /// <summary>A number from U[low, high).</summary>
    public static double NextUniform(this Random random, double low, double high) => low + ((high - low) * random.NextDouble());

    /// <summary>A number from the standard normal distribution N(0, 1), by Box and Muller's transform of two uniform draws.</summary>
    public static double NextNormal(this Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(Math.Tau * random.NextDouble());
}
