using System.Runtime.InteropServices;

namespace RlWn.Envs;

/// <summary>How everything that is <see cref="ISavable"/>, or is saved with it, writes and reads its numbers: their count first, then as they lie in memory.</summary>
public static class Saving
{
    /// <summary>Writes numbers.</summary>
    /// <typeparam name="T">The type of one number.</typeparam>
    /// <param name="writer">Where to.</param>
    /// <param name="numbers">How many there are is written too.</param>
    public static void WriteAll<T>(this BinaryWriter writer, ReadOnlySpan<T> numbers) where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Write(numbers.Length);
        writer.Write(MemoryMarshal.AsBytes(numbers));
    }

    /// <summary>Reads as many numbers as were written.</summary>
    /// <typeparam name="T">The type of one number.</typeparam>
    /// <param name="reader">Where from.</param>
    /// <param name="numbers">Receives them.</param>
    /// <param name="name">What they are, for the error.</param>
    /// <exception cref="InvalidDataException">Another number of them was written.</exception>
    /// <exception cref="EndOfStreamException">The stream ends before.</exception>
    public static void ReadAll<T>(this BinaryReader reader, Span<T> numbers, string name) where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(reader);
        var count = reader.ReadInt32();
        if (count != numbers.Length)
            throw new InvalidDataException($"Expected {numbers.Length} numbers of {name}, got {count}. The state was saved by something of another size.");
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(numbers));
    }

    /// <summary>Writes a generator's state.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="random">The generator.</param>
    public static void Write(this BinaryWriter writer, Rng random)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(random);
        var (s0, s1, s2, s3) = random.State;
        writer.WriteAll<ulong>([s0, s1, s2, s3]);
    }

    /// <summary>Sets a generator to a state that was written.</summary>
    /// <param name="reader">Where from.</param>
    /// <param name="random">The generator.</param>
    /// <exception cref="InvalidDataException">What was read is no generator's state.</exception>
    public static void Read(this BinaryReader reader, Rng random)
    {
        ArgumentNullException.ThrowIfNull(random);
        Span<ulong> state = stackalloc ulong[4];
        reader.ReadAll(state, "a random generator");
        if (!state.ContainsAnyExcept(0ul))
            throw new InvalidDataException("Expected a random generator's state that is not all zeros. It was probably never saved.");
        random.State = (state[0], state[1], state[2], state[3]);
    }
}
