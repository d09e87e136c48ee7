using static TorchSharp.torch;

namespace RlWn.Init;

/// <summary>How tensors are written into a saved state and read back, bit by bit, on whatever device they are.</summary>
public static unsafe class TensorSaving
{
    private const int BlockBytes = 1 << 24;   // a span holds less than 2 GiB, a tensor may hold more

    /// <summary>Writes a tensor's numbers, after its type and how many they are.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="tensor">The tensor.</param>
    public static void Write(this BinaryWriter writer, Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(tensor);
        using var scope = NewDisposeScope();
        var numbers = tensor.detach().cpu().contiguous();
        writer.Write((int)numbers.dtype);
        writer.Write(numbers.NumberOfElements);
        foreach (var (start, length) in Blocks(numbers))
            writer.Write(new ReadOnlySpan<byte>((void*)(Aten.Address(numbers) + (nint)start), length));
        GC.KeepAlive(numbers);
    }

    /// <summary>Reads what was written of a tensor of the same type and size into this one.</summary>
    /// <param name="reader">Where from.</param>
    /// <param name="tensor">Receives the numbers; its shape, device and graph stay.</param>
    /// <param name="name">What it is, for the error.</param>
    /// <exception cref="InvalidDataException">A tensor of another type or size was written.</exception>
    /// <exception cref="EndOfStreamException">The stream ends before.</exception>
    public static void Read(this BinaryReader reader, Tensor tensor, string name)
    {
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(tensor);
        var (type, count) = ((ScalarType)reader.ReadInt32(), reader.ReadInt64());
        if (type != tensor.dtype || count != tensor.NumberOfElements)
            throw new InvalidDataException($"Expected {name} as {tensor.NumberOfElements} numbers of {tensor.dtype}, got {count} of {type}. It was saved by something built otherwise.");

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var numbers = empty(tensor.shape, tensor.dtype);
        foreach (var (start, length) in Blocks(numbers))
            reader.BaseStream.ReadExactly(new Span<byte>((void*)(Aten.Address(numbers) + (nint)start), length));
        tensor.copy_(numbers);
    }

    private static IEnumerable<(long Start, int Length)> Blocks(Tensor tensor)
    {
        var bytes = tensor.NumberOfElements * tensor.ElementSize;
        for (var start = 0L; start < bytes; start += BlockBytes)
            yield return (start, (int)Math.Min(BlockBytes, bytes - start));
    }
}
