using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace RlWn.Envs;

/// <summary>Rows of numbers of one type in one contiguous block, in row-major order: the observations or the actions of many environments.</summary>
/// <remarks>
/// The block lies in native memory, aligned to 64 bytes and zeroed, and never moves: the same addresses can be handed to SIMD code,
/// to libtorch, or to another process.
/// </remarks>
public sealed unsafe class Batch : IDisposable
{
    private const int Alignment = 64;
    private readonly int elementSize;
    private void* memory;

    private Batch(Type elementType, int elementSize, int rows, int width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        (ElementType, this.elementSize, Rows, Width) = (elementType, elementSize, rows, width);

        var size = checked((nuint)rows * (nuint)width * (nuint)elementSize);
        if (size > int.MaxValue)
            throw new ArgumentOutOfRangeException(nameof(rows), $"Expected a batch of less than 2 GiB, got {rows} rows of {width} numbers. Use fewer rows.");

        memory = NativeMemory.AlignedAlloc((size + Alignment - 1) / Alignment * Alignment, Alignment);
        NativeMemory.Clear(memory, size);
    }

    /// <summary>Frees a batch that nobody disposed.</summary>
    ~Batch() => Free();

    /// <summary>The type of one number.</summary>
    public Type ElementType { get; }

    /// <summary>How many rows there are, as one for each environment.</summary>
    public int Rows { get; }

    /// <summary>How many numbers a row has.</summary>
    public int Width { get; }

    /// <summary>All rows as bytes, for copying whatever the element type is.</summary>
    public Span<byte> Bytes => new(Live(), Rows * Width * elementSize);

    /// <summary>Makes a batch of zeros.</summary>
    /// <typeparam name="T">The type of one number.</typeparam>
    /// <param name="rows">How many rows, at least 1.</param>
    /// <param name="width">How many numbers a row has, at least 1.</param>
    public static Batch Of<T>(int rows, int width) where T : unmanaged => new(typeof(T), sizeof(T), rows, width);

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
        return new(Live(), Rows * Width);
    }

    /// <summary>One row.</summary>
    /// <typeparam name="T">Must be <see cref="ElementType"/>.</typeparam>
    /// <param name="row">Which row, from 0.</param>
    public Span<T> Row<T>(int row) where T : unmanaged => All<T>().Slice(row * Width, Width);

    /// <summary>Frees the memory. Spans handed out before must no longer be used.</summary>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void* Live()
    {
        ObjectDisposedException.ThrowIf(memory is null, this);
        return memory;
    }

    private void Free()
    {
        NativeMemory.AlignedFree(memory);
        memory = null;
    }
}
