using Xunit;

namespace RlWn.Inference.Tests;

public class ProtoMessageTests
{
    [Fact]
    public void Add_WholeNumbers_InGroupsOf7Bits()
    {
        // Tag 1 << 3 | 0; 0, 127, 128 = 0b1_0000000, 300 = 0b10_0101100, and -1 as 64 ones in ten groups.
        Assert.Equal([0x08, 0x00], Bytes(new() { { 1, 0 } }));
        Assert.Equal([0x08, 0x7F], Bytes(new() { { 1, 127 } }));
        Assert.Equal([0x08, 0x80, 0x01], Bytes(new() { { 1, 128 } }));
        Assert.Equal([0x08, 0xAC, 0x02], Bytes(new() { { 1, 300 } }));
        Assert.Equal([0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], Bytes(new() { { 1, -1 } }));
        Assert.Equal([0xA0, 0x01, 0x07], Bytes(new() { { 20, 7 } }));   // 20 << 3 = 160 = 0b1_0100000
    }

    [Fact]
    public void Add_TextsFloatsAndMessages_WithTheirLengths()
    {
        Assert.Equal([0x12, 0x02, 0xC3, 0xA9], Bytes(new() { { 2, "é" } }));
        Assert.Equal([0x15, 0x00, 0x00, 0x80, 0xBF], Bytes(new() { { 2, -1f } }));   // tag 2 << 3 | 5; -1 = 0xBF800000
        Assert.Equal([0x3A, 0x02, 0x10, 0x11], Bytes(new() { { 7, new ProtoMessage { { 2, 17 } } } }));
        Assert.Equal([0x40, 0x03, 0x40, 0x04], Bytes(new() { { 8, (long[])[3, 4] } }));
    }

    private static byte[] Bytes(ProtoMessage message)
    {
        using var stream = new MemoryStream();
        message.WriteTo(stream);
        Assert.Equal(stream.Length, message.Length);
        return stream.ToArray();
    }
}
