using RlWn.Init;
using static TorchSharp.torch;

namespace RlWn.Agents.Data;

/// <summary>A tensor in the main memory whose rows are written as spans: what is collected step by step and learned from as a whole.</summary>
internal sealed unsafe class TensorRows : IDisposable
{
    private readonly byte* start;
    private readonly int rows;
    private readonly int bytesPerRow;

    /// <summary>Makes a tensor of zeros.</summary>
    /// <param name="dtype">The type of its numbers.</param>
    /// <param name="shape">[rows, …].</param>
    public TensorRows(ScalarType dtype, params long[] shape)
    {
        Tensor = zeros(shape, dtype).DetachFromDisposeScope();
        start = (byte*)Aten.Address(Tensor);   // a tensor's memory never moves
        rows = (int)shape[0];
        bytesPerRow = checked((int)(Tensor.NumberOfElements * Tensor.ElementSize / rows));
    }

    public Tensor Tensor { get; }

    /// <summary>One row as bytes, for copying whatever the type.</summary>
    public Span<byte> Bytes(int row) => Row<byte>(row);

    /// <summary>One row as numbers.</summary>
    public Span<T> Row<T>(int row) where T : unmanaged
    {
        if ((uint)row >= (uint)rows)
            throw new ArgumentOutOfRangeException(nameof(row), row, $"Expected a row below {rows}.");
        return new(start + ((long)row * bytesPerRow), bytesPerRow / sizeof(T));
    }

    /// <summary>Every row.</summary>
    public Span<T> All<T>() where T : unmanaged => new(start, checked(rows * (bytesPerRow / sizeof(T))));

    public void Dispose() => Tensor.Dispose();
}
