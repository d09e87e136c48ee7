using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace RlWn.Envs;

/// <summary>Rows of numbers of one type in one contiguous block, in row-major order: the observations or the actions of many environments.</summary>
/// <remarks>
/// The block is aligned to 64 bytes, starts as zeros and never moves: the same addresses can be handed to SIMD code or to libtorch for as
/// long as the batch is referenced.
/// </remarks>
public sealed unsafe class Batch
{
    private const int Alignment = 64;
    private readonly byte[]? memory;
    private readonly int start;   // of the aligned part
    private readonly int size;
    private readonly nint address;   // in memory that is not the runtime's own

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

    private Batch(Type elementType, int elementSize, int rows, int width, nint address, SafeHandle owner)
    {
        (ElementType, Rows, Width, size) = (elementType, rows, width, checked(rows * width * elementSize));
        (this.address, Owner) = (address, owner);
    }

    /// <summary>The type of one number.</summary>
    public Type ElementType { get; }

    /// <summary>How many rows there are, as one for each environment.</summary>
    public int Rows { get; }

    /// <summary>How many numbers a row has.</summary>
    public int Width { get; }

    /// <summary>What keeps memory that is not the runtime's own for as long as the batch is referenced; null where it is the runtime's.</summary>
    internal SafeHandle? Owner { get; }

    /// <summary>All rows as bytes, for copying whatever the element type is.</summary>
    public Span<byte> Bytes => memory is null ? new Span<byte>((void*)address, size) : memory.AsSpan(start, size);

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
        return new(space.ElementType, ElementSize(space), rows, space.Size);
    }

    /// <summary>A batch in memory that is there already, as it is shared with another process. It must be aligned to 64 bytes and hold zeros.</summary>
    /// <param name="space">Whose values the rows hold.</param>
    /// <param name="rows">How many rows, at least 1.</param>
    /// <param name="address">Where the first row begins.</param>
    /// <param name="owner">Frees the memory when nothing references it any more.</param>
    internal static Batch Over(Space space, int rows, nint address, SafeHandle owner) =>
        new(space.ElementType, ElementSize(space), rows, space.Size, address, owner);

    /// <summary>How many bytes a number of a space has.</summary>
    internal static int ElementSize(Space space) => space.ElementType switch
    {
        var type when type == typeof(float) => sizeof(float),
        var type when type == typeof(byte) => sizeof(byte),
        var type when type == typeof(int) => sizeof(int),
        var type => throw new ArgumentException($"Expected a space of float, byte or int, got {type.Name}.", nameof(space)),
    };

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
