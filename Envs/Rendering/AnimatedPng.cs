using System.Buffers.Binary;
using System.IO.Compression;

namespace RlWn.Envs;

/// <summary>Writes frames one after another as an animated PNG, which browsers and viewers play and which any PNG reader opens at its first frame.</summary>
/// <remarks>
/// "Portable Network Graphics (PNG) Specification (Third Edition)", W3C 2025, of which animation is a part. After the first, only the
/// rectangle that changed is written.
/// </remarks>
public sealed class AnimatedPng : IDisposable
{
    private const int AnimationControlAt = 33;   // after the signature (8 bytes) and IHDR (25)
    private readonly Stream output;
    private readonly (int Height, int Width) size;
    private readonly ushort delay;               // of a frame, ms
    private readonly byte[] last;
    private readonly MemoryStream chunk = new();
    private uint frames;
    private uint sequence;
    private bool isComplete;

    /// <summary>Begins the file.</summary>
    /// <param name="output">Where to; must seek, because the number of frames stands at the beginning. It stays open.</param>
    /// <param name="size">Rows and columns of every frame, at least 1.</param>
    /// <param name="framesPerSecond">How fast it plays, above 0; the delay between frames is rounded to a millisecond, and is one at least.</param>
    public AnimatedPng(Stream output, (int Height, int Width) size, double framesPerSecond)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentOutOfRangeException.ThrowIfLessThan(size.Height, 1, nameof(size));
        ArgumentOutOfRangeException.ThrowIfLessThan(size.Width, 1, nameof(size));
        if (!(framesPerSecond > 0))
            throw new ArgumentOutOfRangeException(nameof(framesPerSecond), $"Expected more than 0 frames per second, got {framesPerSecond}.");
        if (!output.CanSeek)
            throw new ArgumentException("Expected a stream that can seek, as a file, got one that cannot.", nameof(output));

        (this.output, this.size) = (output, size);
        delay = (ushort)Math.Clamp(Math.Round(1000 / framesPerSecond), 1, ushort.MaxValue);
        last = new byte[checked(size.Height * size.Width * 3)];

        output.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);
        Put((uint)size.Width);
        Put((uint)size.Height);
        chunk.Write([8, 2, 0, 0, 0]);   // 8 bits each of red, green and blue; the only compression and filtering there are; not interlaced
        WriteChunk("IHDR"u8);
        WriteAnimationControl();
    }

    /// <summary>Adds a frame.</summary>
    /// <param name="rgb">The frame, [height, width, 3], as <see cref="IFrameView.DrawFrame"/> writes it.</param>
    /// <exception cref="ArgumentException">It has another length.</exception>
    public void Add(ReadOnlySpan<byte> rgb)
    {
        if (rgb.Length != last.Length)
            throw new ArgumentException($"Expected {last.Length} bytes for a frame of [{size.Height}, {size.Width}, 3], got {rgb.Length}.", nameof(rgb));

        var (top, left, height, width) = frames == 0 ? (0, 0, size.Height, size.Width) : Changed(rgb);
        rgb.CopyTo(last);

        Put(sequence++);
        Put((uint)width);
        Put((uint)height);
        Put((uint)left);
        Put((uint)top);
        PutShort(delay);
        PutShort(1000);
        chunk.Write([0, 0]);            // leave the frame there; put the next one over it
        WriteChunk("fcTL"u8);

        if (frames > 0)
            Put(sequence++);
        Compress(top, left, height, width);
        WriteChunk(frames == 0 ? "IDAT"u8 : "fdAT"u8);
        frames++;
    }

    /// <summary>Ends the file.</summary>
    /// <exception cref="InvalidOperationException">It has no frame.</exception>
    public void Complete()
    {
        if (frames == 0)
            throw new InvalidOperationException("Expected at least one frame before the end of an animation, got none.");
        if (isComplete)
            return;

        WriteChunk("IEND"u8);
        output.Position = AnimationControlAt;
        WriteAnimationControl();
        output.Seek(0, SeekOrigin.End);
        isComplete = true;
    }

    /// <summary>Frees the buffers. A file that was not completed is not a PNG.</summary>
    public void Dispose() => chunk.Dispose();

    // The least rectangle that holds every pixel that differs from the last frame; where none does, the first pixel.
    private (int Top, int Left, int Height, int Width) Changed(ReadOnlySpan<byte> rgb)
    {
        var (top, left, bottom, right) = (size.Height, size.Width, 0, 0);
        for (var row = 0; row < size.Height; row++)
        {
            var now = Row(rgb, row);
            var before = Row(last, row);
            var same = now.CommonPrefixLength(before);
            if (same == now.Length)
                continue;

            var end = now.Length;
            while (now[end - 1] == before[end - 1])
                end--;
            (top, bottom) = (Math.Min(top, row), row + 1);
            (left, right) = (Math.Min(left, same / 3), Math.Max(right, (end + 2) / 3));
        }

        return bottom == 0 ? (0, 0, 1, 1) : (top, left, bottom - top, right - left);
    }

    // Each row as what it adds to the one above: flat areas become zeros.
    private void Compress(int top, int left, int height, int width)
    {
        using var zlib = new ZLibStream(chunk, CompressionLevel.Optimal, leaveOpen: true);
        var difference = new byte[1 + (width * 3)];
        difference[0] = 2;   // the filter "Up"
        for (var row = top; row < top + height; row++)
        {
            var pixels = Row(last, row).Slice(left * 3, width * 3);
            var above = row > top ? Row(last, row - 1).Slice(left * 3, width * 3) : default;
            for (var i = 0; i < pixels.Length; i++)
                difference[1 + i] = (byte)(pixels[i] - (above.IsEmpty ? 0 : above[i]));
            zlib.Write(difference);
        }
    }

    private ReadOnlySpan<byte> Row(ReadOnlySpan<byte> rgb, int row) => rgb.Slice(row * size.Width * 3, size.Width * 3);

    private void WriteAnimationControl()
    {
        Put(frames);
        Put(0);              // plays: without end
        WriteChunk("acTL"u8);
    }

    private void Put(uint number)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, number);
        chunk.Write(bytes);
    }

    private void PutShort(ushort number) => chunk.Write([(byte)(number >> 8), (byte)number]);

    // Length, name, what was put, and the checksum of name and what was put.
    private void WriteChunk(ReadOnlySpan<byte> name)
    {
        var data = chunk.GetBuffer().AsSpan(0, (int)chunk.Length);
        Span<byte> number = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        output.Write(number);
        output.Write(name);
        output.Write(data);
        BinaryPrimitives.WriteUInt32BigEndian(number, ~Crc(Crc(uint.MaxValue, name), data));
        output.Write(number);
        chunk.SetLength(0);
    }

    // CRC-32 of ISO 3309, bit by bit.
    private static uint Crc(uint crc, ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ (0xEDB88320 & (0 - (crc & 1)));
        }

        return crc;
    }
}
