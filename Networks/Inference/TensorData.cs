using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace RlWn.Inference;

/// <summary>The type of one number of a tensor, under its name in safetensors files.</summary>
public enum DType
{
    /// <summary>One byte: 0 or 1.</summary>
    BOOL,

    /// <summary>Unsigned, 1 byte.</summary>
    U8,

    /// <summary>Signed, 1 byte.</summary>
    I8,

    /// <summary>Signed, 2 bytes.</summary>
    I16,

    /// <summary>Unsigned, 2 bytes.</summary>
    U16,

    /// <summary>Half precision, 2 bytes.</summary>
    F16,

    /// <summary>The upper half of a single, 2 bytes.</summary>
    BF16,

    /// <summary>Signed, 4 bytes.</summary>
    I32,

    /// <summary>Unsigned, 4 bytes.</summary>
    U32,

    /// <summary>Single precision, 4 bytes.</summary>
    F32,

    /// <summary>Double precision, 8 bytes.</summary>
    F64,

    /// <summary>Signed, 8 bytes.</summary>
    I64,

    /// <summary>Unsigned, 8 bytes.</summary>
    U64,
}

/// <summary>A tensor as a file holds it: a name, a shape, and the numbers in row-major order, as little-endian bytes.</summary>
public sealed class TensorData
{
    /// <summary>Makes a tensor of bytes, which are not copied.</summary>
    /// <param name="name">Its name, as "actor.0.bias".</param>
    /// <param name="shape">Length of each dimension, each at least 0; empty for a single number.</param>
    /// <param name="type">The type of one number.</param>
    /// <param name="bytes">The numbers, row-major, little-endian.</param>
    /// <exception cref="ArgumentException">The bytes are not as many as the shape and the type ask for.</exception>
    public TensorData(string name, ReadOnlySpan<int> shape, DType type, ReadOnlyMemory<byte> bytes)
    {
        ArgumentNullException.ThrowIfNull(name);
        (Name, Shape, Type, Bytes) = (name, [.. shape], type, bytes);

        if (SizeInBytes(shape, type) != bytes.Length)
        {
            throw new ArgumentException(
                $"Expected {SizeInBytes(shape, type)} bytes for tensor '{Abbreviate(name)}' of {type} {ShapeText}, got {bytes.Length}.",
                nameof(bytes));
        }
    }

    /// <summary>The tensor's name.</summary>
    public string Name { get; }

    /// <summary>Length of each dimension; empty for a single number.</summary>
    public ImmutableArray<int> Shape { get; }

    /// <summary>The type of one number.</summary>
    public DType Type { get; }

    /// <summary>The numbers, row-major, little-endian.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>The numbers of a tensor of F32, row-major.</summary>
    /// <exception cref="InvalidOperationException">The tensor is of another type.</exception>
    public ReadOnlySpan<float> Floats => As<float>(DType.F32);

    /// <summary>The numbers of a tensor of F64, row-major.</summary>
    /// <exception cref="InvalidOperationException">The tensor is of another type.</exception>
    public ReadOnlySpan<double> Doubles => As<double>(DType.F64);

    /// <summary>The numbers of a tensor of I64, row-major.</summary>
    /// <exception cref="InvalidOperationException">The tensor is of another type.</exception>
    public ReadOnlySpan<long> Int64s => As<long>(DType.I64);

    /// <summary>The shape as messages and files write it: "[64, 4]".</summary>
    internal string ShapeText => $"[{string.Join(", ", Shape)}]";

    /// <summary>Makes a tensor of F32 from a copy of its numbers.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="shape">Length of each dimension; empty for a single number.</param>
    /// <param name="values">The numbers, row-major.</param>
    /// <exception cref="ArgumentException">The numbers are not as many as the shape asks for.</exception>
    public static TensorData Of(string name, ReadOnlySpan<int> shape, ReadOnlySpan<float> values) =>
        new(name, shape, DType.F32, MemoryMarshal.AsBytes(values).ToArray());

    /// <summary>Makes a tensor of F64 from a copy of its numbers.</summary>
    /// <inheritdoc cref="Of(string, ReadOnlySpan{int}, ReadOnlySpan{float})"/>
    public static TensorData Of(string name, ReadOnlySpan<int> shape, ReadOnlySpan<double> values) =>
        new(name, shape, DType.F64, MemoryMarshal.AsBytes(values).ToArray());

    /// <summary>Makes a tensor of I64 from a copy of its numbers.</summary>
    /// <inheritdoc cref="Of(string, ReadOnlySpan{int}, ReadOnlySpan{float})"/>
    public static TensorData Of(string name, ReadOnlySpan<int> shape, ReadOnlySpan<long> values) =>
        new(name, shape, DType.I64, MemoryMarshal.AsBytes(values).ToArray());

    /// <summary>How many bytes one number of a type has.</summary>
    internal static int ElementSize(DType type) => type switch
    {
        DType.BOOL or DType.U8 or DType.I8 => 1,
        DType.I16 or DType.U16 or DType.F16 or DType.BF16 => 2,
        DType.I32 or DType.U32 or DType.F32 => 4,
        DType.F64 or DType.I64 or DType.U64 => 8,
        _ => throw new ArgumentOutOfRangeException(nameof(type), $"Expected a type of safetensors files, got {type}."),
    };

    /// <summary>How many bytes a tensor has; -1 where that is negative or beyond 64 bits.</summary>
    internal static long SizeInBytes(ReadOnlySpan<int> shape, DType type)
    {
        var size = (Int128)ElementSize(type);
        foreach (var length in shape)
        {
            size *= length;
            if (length < 0 || size > long.MaxValue)
                return -1;
        }

        return (long)size;
    }

    /// <summary>A name from a file, fit for a message.</summary>
    internal static string Abbreviate(string name) => name.Length <= 80 ? name : $"{name.AsSpan(0, 77)}...";

    private ReadOnlySpan<T> As<T>(DType type) where T : unmanaged =>
        Type == type
            ? MemoryMarshal.Cast<byte, T>(Bytes.Span)
            : throw new InvalidOperationException(
                $"Expected tensor '{Abbreviate(Name)}' to be read as {Type}, which it holds, got {type}.");
}
