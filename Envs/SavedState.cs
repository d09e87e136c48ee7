using System.Runtime.InteropServices;

namespace RlWn.Envs;

/// <summary>What tasks and vectors save besides plain numbers.</summary>
public static class SavedState
{
    /// <summary>Writes the whole state of a generator.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="random">The generator.</param>
    public static void Write(this BinaryWriter writer, Rng random)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(random);
        var (s0, s1, s2, s3) = random.State;
        writer.Write(s0);
        writer.Write(s1);
        writer.Write(s2);
        writer.Write(s3);
    }

    /// <summary>Reads a generator that goes on where the saved one was.</summary>
    /// <param name="reader">Where from.</param>
    /// <exception cref="InvalidDataException">What was read is no generator's state.</exception>
    public static Rng ReadRng(this BinaryReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        var state = (reader.ReadUInt64(), reader.ReadUInt64(), reader.ReadUInt64(), reader.ReadUInt64());
        return state != default
            ? new Rng(0) { State = state }
            : throw new InvalidDataException("Expected the state of a random generator, got zeros alone. The file is damaged, or holds something else.");
    }

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

    internal static void Write(this BinaryWriter writer, ReadOnlySpan<double> state)
    {
        ArgumentNullException.ThrowIfNull(writer);
        foreach (var number in state)
            writer.Write(number);
    }

    internal static void Read(this BinaryReader reader, Span<double> state)
    {
        ArgumentNullException.ThrowIfNull(reader);
        Span<double> read = stackalloc double[state.Length];
        foreach (ref var number in read)
        {
            number = reader.ReadDouble();
            if (!double.IsFinite(number))
                throw new InvalidDataException($"Expected a state of {state.Length} finite numbers, got {number}. The file is damaged, or holds something else.");
        }

        read.CopyTo(state);
    }

    internal static int ReadCount(this BinaryReader reader, int most, string what)
    {
        ArgumentNullException.ThrowIfNull(reader);
        var count = reader.ReadInt32();
        return count >= 0 && count <= most
            ? count
            : throw new InvalidDataException($"Expected 0 to {most} {what}, got {count}. It was saved under other settings, or the file is damaged.");
    }
}
