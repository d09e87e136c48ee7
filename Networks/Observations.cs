using RlWn.Init;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>A batch of observations in the main memory, row after row: numbers as they are, or bytes that are scaled where they are used.</summary>
/// <remarks>Bytes go to the device as bytes, a quarter of the way; and of bytes it is worth looking which are zero.</remarks>
public readonly ref struct Observations
{
    /// <summary>Takes numbers.</summary>
    /// <param name="numbers">[N, D].</param>
    public Observations(ReadOnlySpan<float> numbers)
    {
        Numbers = numbers;
        Length = numbers.Length;
    }

    /// <summary>Takes bytes.</summary>
    /// <param name="bytes">[N, D].</param>
    /// <param name="scale">What each byte is multiplied by, as 1/255.</param>
    public Observations(ReadOnlySpan<byte> bytes, float scale)
    {
        Bytes = bytes;
        (Scale, Length, AreBytes) = (scale, bytes.Length, true);
    }

    /// <summary>The numbers; empty where there are bytes.</summary>
    public ReadOnlySpan<float> Numbers { get; }

    /// <summary>The bytes; empty where there are numbers.</summary>
    public ReadOnlySpan<byte> Bytes { get; }

    /// <summary>What each byte is multiplied by.</summary>
    public float Scale { get; }

    /// <summary>N D: how many there are.</summary>
    public int Length { get; }

    /// <summary>Whether these are bytes.</summary>
    public bool AreBytes { get; }

    /// <summary>Takes numbers.</summary>
    /// <param name="numbers">[N, D].</param>
    public static implicit operator Observations(ReadOnlySpan<float> numbers) => new(numbers);

    /// <inheritdoc cref="op_Implicit(ReadOnlySpan{float})"/>
    public static implicit operator Observations(Span<float> numbers) => new(numbers);

    /// <inheritdoc cref="op_Implicit(ReadOnlySpan{float})"/>
    public static implicit operator Observations(float[] numbers) => new(numbers);

    /// <summary>Writes some of them as numbers.</summary>
    /// <param name="start">The first, from 0.</param>
    /// <param name="into">Receives as many as it has room for.</param>
    public void CopyTo(int start, Span<float> into)
    {
        if (!AreBytes)
        {
            Numbers.Slice(start, into.Length).CopyTo(into);
            return;
        }

        var bytes = Bytes.Slice(start, into.Length);
        for (var i = 0; i < bytes.Length; i++)
            into[i] = bytes[i] * Scale;
    }

    /// <summary>All of them on a device, in the caller's dispose scope.</summary>
    internal Tensor ToTensor(long rows, long width, ScalarType dtype, Device device)
    {
        if (!AreBytes)
        {
            var numbers = empty([rows, width], ScalarType.Float32);
            Numbers.CopyTo(Aten.Memory<float>(numbers));
            return numbers.to(dtype, device);
        }

        var bytes = empty([rows, width], ScalarType.Byte);
        Bytes.CopyTo(Aten.Memory<byte>(bytes));
        return bytes.to(device).to(dtype).mul_(tensor(Scale, dtype, device));
    }
}
