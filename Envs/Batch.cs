using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace RlWn.Envs;

/// <summary>Rows of numbers of one type in one contiguous block, in row-major order: the observations or the actions of many environments.</summary>
/// <remarks>
/// The block is aligned to 64 bytes, starts as zeros and never moves: the same addresses can be handed to SIMD code or to libtorch for as
/// long as the batch is referenced.
/// </remarks>
public sealed class Batch
{
    private const int Alignment = 64;
    private readonly byte[] memory;
    private readonly int start;   // of the aligned part
    private readonly int size;

    private Batch(Type elementType, int elementSize, int rows, int width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        (ElementType, Rows, Width) = (elementType, rows, width);

        var bytes = (long)rows * width * elementSize;
        if (bytes > Array.MaxLength - Alignment)
            throw new ArgumentOutOfRangeException(nameof(rows), $"Expected a batch of less than 2 GiB, got {rows} rows of {width} numbers. Use fewer rows.");

        size = (int)bytes;
        memory = GC.AllocateArray<byte>(size + Alignment, pinned: true);
        start = (int)(-Marshal.UnsafeAddrOfPinnedArrayElement(memory, 0) & (Alignment - 1));
    }

    /// <summary>The type of one number.</summary>
    public Type ElementType { get; }

    /// <summary>How many rows there are, as one for each environment.</summary>
    public int Rows { get; }

    /// <summary>How many numbers a row has.</summary>
    public int Width { get; }

    /// <summary>All rows as bytes, for copying whatever the element type is.</summary>
    public Span<byte> Bytes => memory.AsSpan(start, size);

    /// <summary>Makes a batch of zeros.</summary>
    /// <typeparam name="T">The type of one number.</typeparam>
    /// <param name="rows">How many rows, at least 1.</param>
    /// <param name="width">How many numbers a row has, at least 1.</param>
    public static Batch Of<T>(int rows, int width) where T : unmanaged => new(typeof(T), Unsafe.SizeOf<T>(), rows, width);

    /// <summary>Makes a batch of zeros with one row for each of <paramref name="rows"/> values of a space.</summary>
    /// <param name="space">Whose values the rows hold.</param>
    /// <param name="rows">How many rows, at least 1.</param>
    public static Batch Of(Space space, int rows)
    {
        ArgumentNullException.ThrowIfNull(space);
        return space.ElementType switch
        {
            var type when type == typeof(float) => Of<float>(rows, space.Size),
            var type when type == typeof(byte) => Of<byte>(rows, space.Size),
            var type when type == typeof(int) => Of<int>(rows, space.Size),
            var type => throw new ArgumentException($"Expected a space of float, byte or int, got {type.Name}.", nameof(space)),
        };
    }

    /// <summary>All rows, one after another.</summary>
    /// <typeparam name="T">Must be <see cref="ElementType"/>.</typeparam>
    /// <exception cref="InvalidOperationException">The batch holds another type.</exception>
    public Span<T> All<T>() where T : unmanaged
    {
        if (typeof(T) != ElementType)
            throw new InvalidOperationException($"Expected to be read as {ElementType.Name}, which this batch holds, got {typeof(T).Name}.");
        return MemoryMarshal.Cast<byte, T>(Bytes);
    }

    /// <summary>One row.</summary>
    /// <typeparam name="T">Must be <see cref="ElementType"/>.</typeparam>
    /// <param name="row">Which row, from 0.</param>
    public Span<T> Row<T>(int row) where T : unmanaged => All<T>().Slice(row * Width, Width);
}
