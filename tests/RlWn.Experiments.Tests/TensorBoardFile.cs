using System.Buffers.Binary;
using Tensorboard;

namespace RlWn.Experiments.Tests;

/// <summary>Reads what TensorBoard reads, by the description of the format alone.</summary>
internal static class TensorBoardFile
{
    /// <summary>The events, by the format's description: length, masked CRC of the length, data, masked CRC of the data.</summary>
    public static IEnumerable<Event> Read(string path)
    {
        var file = File.ReadAllBytes(path);
        for (var at = 0; at < file.Length;)
        {
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at));
            Assert.Equal(Masked(file.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 8)));
            Assert.Equal(Masked(file.AsSpan(at + 12, length)), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 12 + length)));
            yield return Event.Parser.ParseFrom(file, at + 12, length);
            at += 12 + length + 4;
        }
    }

    private static uint Masked(ReadOnlySpan<byte> data)
    {
        var crc = Crc32C(data);
        return unchecked(((crc >> 15) | (crc << 17)) + 0xa282ead8u);
    }

    /// <summary>Bit by bit, with Castagnoli's polynomial reversed.</summary>
    public static uint Crc32C(ReadOnlySpan<byte> data)
    {
        var crc = 0xFFFFFFFFu;
        foreach (var value in data)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ ((crc & 1) * 0x82F63B78u);
        }

        return ~crc;
    }
}
