using System.Buffers.Binary;
using System.Collections;
using System.Text;

namespace RlWn.Inference;

/// <summary>A message of Protocol Buffers to be written: fields by their numbers, in the order they are added. What is large is not copied.</summary>
/// <remarks>
/// A field is a tag, its number times 8 and its kind, then its value: a whole number in groups of 7 bits, the lowest first (kind 0); a length and as
/// many bytes, for texts, bytes and messages (kind 2); or a float's 4 bytes (kind 5). protobuf.dev/programming-guides/encoding
/// </remarks>
internal sealed class ProtoMessage : IEnumerable<ReadOnlyMemory<byte>>
{
    private const int Whole = 0, Sized = 2, FourBytes = 5;

    private readonly List<ReadOnlyMemory<byte>> pieces = [];

    /// <summary>How many bytes the message has.</summary>
    public long Length { get; private set; }

    /// <summary>Adds an int64, an int32 or an enumeration.</summary>
    public void Add(int field, long number)
    {
        AddVarint(Tag(field, Whole));
        AddVarint((ulong)number);
    }

    /// <summary>Adds a float.</summary>
    public void Add(int field, float number)
    {
        var bytes = new byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, number);
        AddVarint(Tag(field, FourBytes));
        AddPiece(bytes);
    }

    /// <summary>Adds a string.</summary>
    public void Add(int field, string text) => Add(field, Encoding.UTF8.GetBytes(text).AsMemory());

    /// <summary>Adds bytes, which are not copied.</summary>
    public void Add(int field, ReadOnlyMemory<byte> bytes)
    {
        AddVarint(Tag(field, Sized));
        AddVarint((ulong)bytes.Length);
        AddPiece(bytes);
    }

    /// <summary>Adds a message as it is now.</summary>
    public void Add(int field, ProtoMessage message)
    {
        AddVarint(Tag(field, Sized));
        AddVarint((ulong)message.Length);
        pieces.AddRange(message.pieces);
        Length += message.Length;
    }

    /// <summary>Adds a field once for each message.</summary>
    public void Add(int field, IEnumerable<ProtoMessage> messages)
    {
        foreach (var message in messages)
            Add(field, message);
    }

    /// <summary>Adds a field once for each number.</summary>
    public void Add(int field, IEnumerable<long> numbers)
    {
        foreach (var number in numbers)
            Add(field, number);
    }

    /// <summary>Adds a field once for each text.</summary>
    public void Add(int field, IEnumerable<string> texts)
    {
        foreach (var text in texts)
            Add(field, text);
    }

    /// <summary>Writes the message.</summary>
    public void WriteTo(Stream stream)
    {
        foreach (var piece in pieces)
            stream.Write(piece.Span);
    }

    /// <inheritdoc/>
    public IEnumerator<ReadOnlyMemory<byte>> GetEnumerator() => pieces.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static ulong Tag(int field, int kind) => ((ulong)field << 3) | (uint)kind;

    private void AddVarint(ulong number)
    {
        const int Longest = 10, Group = 7;
        const byte More = 1 << Group;
        Span<byte> bytes = stackalloc byte[Longest];
        var count = 0;
        for (; number >= More; number >>= Group)
            bytes[count++] = (byte)(number | More);
        bytes[count++] = (byte)number;
        AddPiece(bytes[..count].ToArray());
    }

    private void AddPiece(ReadOnlyMemory<byte> bytes)
    {
        pieces.Add(bytes);
        Length += bytes.Length;
    }
}
