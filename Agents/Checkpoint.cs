using System.Security.Cryptography;
using System.Text;
using RlWn.Inference;

namespace RlWn.Agents;

/// <summary>A file of saved state that is either whole or recognized as damaged.</summary>
/// <remarks>
/// The bytes are: "RLWNCKPT", the format's number (4 bytes), what was written, its length (8 bytes) and the SHA-256 of all before
/// (32 bytes); numbers are little-endian. A file is written under a temporary name in the same folder, flushed to the disk and renamed: a
/// process that is killed, or a disk that is full, leaves what was there before.
/// </remarks>
public static class Checkpoint
{
    private const int Format = 1;
    private const int HeaderBytes = 8 + sizeof(int), FooterBytes = sizeof(long) + SHA256.HashSizeInBytes;
    private const int BufferBytes = 1 << 20;

    /// <summary>Writes a checkpoint in one step.</summary>
    /// <param name="path">The file; one that exists is replaced.</param>
    /// <param name="write">Writes the state.</param>
    /// <exception cref="IOException">It could not be written; what was there before is still there.</exception>
    public static void Save(string path, Action<BinaryWriter> write)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(write);
        WholeFile.Write(path, file => WriteAll(file, write));
    }

    /// <summary>Reads a checkpoint. The whole file is checked before the first byte of state is handed out.</summary>
    /// <param name="path">The file.</param>
    /// <param name="read">Reads what was written, all of it.</param>
    /// <exception cref="InvalidDataException">The file is no checkpoint, was cut off or altered, or holds another state.</exception>
    /// <exception cref="IOException">The file could not be read.</exception>
    public static void Load(string path, Action<BinaryReader> read)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(read);
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, BufferBytes);
        Verify(file, path);

        file.Position = HeaderBytes;
        using var reader = new BinaryReader(file, Encoding.UTF8);
        try
        {
            read(reader);
        }
        catch (EndOfStreamException failure)
        {
            throw Damaged(path, "it ends too early", failure);
        }

        if (file.Position != file.Length - FooterBytes)
            throw Damaged(path, $"{file.Length - FooterBytes - file.Position} bytes of state were left over");
    }

    private static void WriteAll(Stream file, Action<BinaryWriter> write)
    {
        using var hash = SHA256.Create();
        using (var hashing = new CryptoStream(file, hash, CryptoStreamMode.Write, leaveOpen: true))
        using (var buffered = new BufferedStream(hashing, BufferBytes))
        using (var writer = new BinaryWriter(buffered, Encoding.UTF8))
        {
            writer.Write("RLWNCKPT"u8);
            writer.Write(Format);
            write(writer);
            writer.Flush();
            buffered.Flush();
            writer.Write(file.Position - HeaderBytes);
        }

        file.Write(hash.Hash!);
    }

    private static void Verify(FileStream file, string path)
    {
        Span<byte> header = stackalloc byte[HeaderBytes];
        if (file.Length < HeaderBytes + FooterBytes)
            throw Damaged(path, $"it has {file.Length} bytes");

        file.ReadExactly(header);
        if (!header.StartsWith("RLWNCKPT"u8))
            throw Damaged(path, "it does not begin as one");
        if (BitConverter.ToInt32(header[8..]) is var format and not Format)
            throw new InvalidDataException($"Expected a checkpoint of format {Format} in '{path}', got format {format}. Use the version of RlWn that wrote it.");

        file.Position = 0;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var block = new byte[BufferBytes];
        for (var left = file.Length - SHA256.HashSizeInBytes; left > 0;)
        {
            var read = file.Read(block.AsSpan(0, (int)Math.Min(left, block.Length)));
            hash.AppendData(block, 0, read);
            left -= read;
        }

        Span<byte> expected = stackalloc byte[SHA256.HashSizeInBytes];
        file.ReadExactly(expected);
        if (!expected.SequenceEqual(hash.GetHashAndReset()))
            throw Damaged(path, "its checksum is another");
    }

    private static InvalidDataException Damaged(string path, string why, Exception? cause = null) =>
        new($"Expected a whole checkpoint in '{path}', but {why}. Use the one before it.", cause);
}
