using System.Buffers.Binary;
using System.Text;
using Xunit;

namespace RlWn.Inference.Tests;

public sealed class SafetensorsTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("rlwn-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Parse_FileByHand_GivesTensorsAndMetadata()
    {
        var (tensors, metadata) = Parse(
            """{"b":{"dtype":"I64","shape":[],"data_offsets":[8,16]},"__metadata__":{"who":"me"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}  """,
            [0, 0, 128, 63, 0, 0, 0, 192, 7, 0, 0, 0, 0, 0, 0, 0]);   // 1, -2, 7

        Assert.Equal(["a", "b"], tensors.Select(tensor => tensor.Name));
        Assert.Equal([2, 1], tensors[0].Shape);
        Assert.Equal([1, -2], tensors[0].Floats);
        Assert.Empty(tensors[1].Shape);
        Assert.Equal([7], tensors[1].Int64s);
        Assert.Equal("me", Assert.Single(metadata).Value);
        Assert.Throws<InvalidOperationException>(() => tensors[1].Floats.Length);
    }

    [Theory]
    [InlineData("{}", 0)]
    [InlineData("""{"a":{"dtype":"F32","shape":[0,3],"data_offsets":[0,0]}}""", 0)]                // no numbers
    [InlineData("""{"a":{"dtype":"BF16","shape":[3],"data_offsets":[0,6],"note":1}}""", 6)]        // keys of later versions
    [InlineData("""{"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"F64","shape":[1],"data_offsets":[1,9]}}""", 9)]
    public void Parse_RareButValid_IsAccepted(string header, int dataLength) => Parse(header, new byte[dataLength]);

    [Theory]
    [InlineData("", 0)]
    [InlineData(" {}", 0)]                                                                          // does not begin with {
    [InlineData("[]", 0)]
    [InlineData("{", 0)]
    [InlineData("{}x", 0)]
    [InlineData("{}", 1)]                                                                           // bytes that no tensor has
    [InlineData("""{"a":1}""", 0)]
    [InlineData("""{"a":{}}""", 0)]
    [InlineData("""{"__metadata__":1}""", 0)]
    [InlineData("""{"__metadata__":{"a":1}}""", 0)]
    [InlineData("""{"__metadata__":{"a":"1","a":"2"}}""", 0)]                                       // duplicate keys
    [InlineData("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 1)]
    [InlineData("""{"a":{"shape":[1],"data_offsets":[0,4]}}""", 4)]
    [InlineData("""{"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}}""", 4)]
    [InlineData("""{"a":{"dtype":"9","shape":[1],"data_offsets":[0,4]}}""", 4)]                     // the number of a name is not a name
    [InlineData("""{"a":{"dtype":9,"shape":[1],"data_offsets":[0,4]}}""", 4)]
    [InlineData("""{"a":{"dtype":"F32","data_offsets":[0,4]}}""", 4)]
    [InlineData("""{"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}}""", 4)]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4)]
    [InlineData("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4)]
    [InlineData("""{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}""", 4)]
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967297],"data_offsets":[0,4]}}""", 4)]          // 1 in 32 bits
    [InlineData("""{"a":{"dtype":"F32","shape":[2147483647,2147483647,4],"data_offsets":[0,4]}}""", 4)]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4)]                   // shape and bytes differ
    [InlineData("""{"a":{"dtype":"F32","shape":[1]}}""", 4)]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}""", 4)]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4)]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}""", 4)]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[9223372036854775803,9223372036854775807]}}""", 4)]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}""", 5)]                   // a hole before
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 5)]                   // a hole after
    [InlineData("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}""", 3)]
    [InlineData("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}""", 3)]
    [InlineData("""{"\ud800":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 1)]               // half a character
    public void Parse_BrokenRule_ThrowsOneLineWithTheFile(string header, int dataLength)
    {
        var error = Assert.Throws<ModelFileException>(() => Parse(header, new byte[dataLength]));
        Assert.StartsWith("by hand: Expected ", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData(100_000_001)]
    [InlineData(3)]
    [InlineData(long.MaxValue)]
    [InlineData(-1)]   // 2^64 - 1
    public void Parse_AbsurdHeaderLength_Throws(long length)
    {
        var file = new byte[10];
        BinaryPrimitives.WriteInt64LittleEndian(file, length);
        (file[8], file[9]) = ((byte)'{', (byte)'}');
        Assert.Throws<ModelFileException>(() => Safetensors.Parse(file, "by hand"));
    }

    [Fact]
    public void Parse_NameWithLineBreak_KeepsTheMessageOnOneLine()
    {
        var error = Assert.Throws<ModelFileException>(() => Parse("""{"a\r\nb\u2028":{}}""", []));
        Assert.Equal(error.Message, error.Message.ReplaceLineEndings(" "));
    }

    [Fact]
    public void Parse_BytesThatAreNotUtf8_Throws()
    {
        byte[] header = [.. "{\""u8, 0xFF, .. "\":{}}"u8];
        Assert.Throws<ModelFileException>(() => Safetensors.Parse(Assemble(header, []), "by hand"));
    }

    [Fact]
    public void Read_TruncatedAtAnyByte_Throws()
    {
        var path = Sample("whole");
        var whole = File.ReadAllBytes(path);
        for (var length = 0; length < whole.Length; length++)
            Assert.Throws<ModelFileException>(() => Safetensors.Parse(whole.AsMemory(0, length), "cut"));
        Safetensors.Parse(whole, "whole");

        File.WriteAllBytes(path, whole[..^1]);
        Assert.StartsWith(path, Assert.Throws<ModelFileException>(() => Safetensors.Read(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_AnyByteOfTheDataAltered_Throws()
    {
        var whole = File.ReadAllBytes(Sample("whole"));
        var dataBegins = 8 + BinaryPrimitives.ReadInt32LittleEndian(whole);
        for (var position = dataBegins; position < whole.Length; position++)
        {
            whole[position] ^= 1;
            Assert.Contains("altered", Assert.Throws<ModelFileException>(() => Safetensors.Parse(whole, "altered")).Message, StringComparison.Ordinal);
            whole[position] ^= 1;
        }
    }

    [Fact]
    public void Read_AnyByteOfTheHeaderAltered_ThrowsNothingElse()
    {
        var whole = File.ReadAllBytes(Sample("whole"));
        var dataBegins = 8 + BinaryPrimitives.ReadInt32LittleEndian(whole);
        for (var position = 0; position < dataBegins; position++)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                whole[position] ^= (byte)(1 << bit);
                try
                {
                    Safetensors.Parse(whole, "altered");   // another letter in a name is another valid file
                }
                catch (ModelFileException)
                {
                }

                whole[position] ^= (byte)(1 << bit);
            }
        }
    }

    [Fact]
    public void Read_NoFile_Throws() => Assert.Throws<FileNotFoundException>(() => Safetensors.Read(Path.Combine(folder, "none")));

    [Fact]
    public void Write_ThenRead_GivesTheSame()
    {
        TensorData[] tensors =
        [
            TensorData.Of("ä\"\n", [2, 2], new float[] { 1, float.NaN, float.NegativeInfinity, -0f }),
            new("bytes", [3], DType.U8, new byte[] { 1, 2, 3 }),
            TensorData.Of("steps", [], new long[] { long.MinValue }),
            TensorData.Of("double", [1], new[] { Math.PI }),
            TensorData.Of("none", [0, 5], Array.Empty<float>()),
        ];
        var path = Path.Combine(folder, "model");
        Safetensors.Write(path, tensors, new Dictionary<string, string> { ["ö"] = "ü\u0001", ["rlwn.sha256"] = "old" });
        var (read, metadata) = Safetensors.Read(path);

        foreach (var tensor in tensors)
        {
            var same = Assert.Single(read, other => other.Name == tensor.Name);
            Assert.Equal(tensor.Type, same.Type);
            Assert.Equal(tensor.Shape, same.Shape);
            Assert.Equal(tensor.Bytes.ToArray(), same.Bytes.ToArray());
        }

        Assert.Equal(new Dictionary<string, string> { ["ö"] = "ü\u0001" }, metadata);
    }

    [Fact]
    public void Write_Header_FollowsTheRulesByteByByte()
    {
        var path = Path.Combine(folder, "model");
        Safetensors.Write(path, [TensorData.Of("a", [1], [1f])], new Dictionary<string, string>());
        var file = File.ReadAllBytes(path);

        // printf '\x00\x00\x80\x3f' | sha256sum
        const string Checksum = "e00e5eb9444182f352323374ef4e08ebcb784725fdd4fd612d7730540b3e0c8c";
        var header = $$$"""{"__metadata__":{"rlwn.sha256":"{{{Checksum}}}"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""";
        header = header.PadRight((header.Length + 7) / 8 * 8);
        Assert.Equal(Assemble(Encoding.UTF8.GetBytes(header), [0, 0, 128, 63]), file);
    }

    [Fact]
    public void Write_SameNameTwiceOrReserved_Throws()
    {
        var path = Path.Combine(folder, "model");
        var tensor = TensorData.Of("a", [1], [1f]);
        var reserved = TensorData.Of("__metadata__", [1], [1f]);
        Assert.Throws<ArgumentException>(() => Safetensors.Write(path, [tensor, tensor], new Dictionary<string, string>()));
        Assert.Throws<ArgumentException>(() => Safetensors.Write(path, [reserved], new Dictionary<string, string>()));
        Assert.Empty(Directory.GetFiles(folder));
    }

    [Fact]
    public void Write_OverAnOldFile_ReplacesItAndLeavesNothingBeside()
    {
        var path = Sample("model");
        Safetensors.Write(path, [TensorData.Of("new", [1], [1f])], new Dictionary<string, string>());
        Assert.Equal("new", Assert.Single(Safetensors.Read(path).Tensors).Name);
        Assert.Equal([path], Directory.GetFiles(folder));
    }

    [Fact]
    public void Write_ThatFailsAtTheRename_LeavesWhatWasThere()
    {
        var path = Path.Combine(folder, "model");   // a folder in the file's place
        Directory.CreateDirectory(path);
        File.WriteAllText(Path.Combine(path, "old"), "old");
        var error = Record.Exception(() => Safetensors.Write(path, [TensorData.Of("new", [1], [1f])], new Dictionary<string, string>()));

        Assert.True(error is IOException or UnauthorizedAccessException, $"{error}");
        Assert.Equal([path], Directory.GetFileSystemEntries(folder));
        Assert.Equal("old", File.ReadAllText(Path.Combine(path, "old")));
    }

    [Fact]
    public void Write_ThatFailsAtTheFirstByte_LeavesWhatWasThere()
    {
        var old = Sample("old");
        var before = File.ReadAllBytes(old);
        Assert.ThrowsAny<IOException>(() => Safetensors.Write(Path.Combine(old, "model"), [], new Dictionary<string, string>()));
        Assert.Equal(before, File.ReadAllBytes(old));
        Assert.Equal([old], Directory.GetFileSystemEntries(folder));
    }

    [Fact]
    public void TensorData_BytesThatDoNotFitTheShape_Throws()
    {
        Assert.Throws<ArgumentException>(() => TensorData.Of("a", [2, 3], new float[5]));
        Assert.Throws<ArgumentException>(() => TensorData.Of("a", [-1, -5], new float[5]));
    }

    private static SafetensorsContent Parse(string header, byte[] data) => Safetensors.Parse(Assemble(Encoding.UTF8.GetBytes(header), data), "by hand");

    private static byte[] Assemble(byte[] header, byte[] data) => [.. BitConverter.GetBytes((long)header.Length), .. header, .. data];

    private string Sample(string name)
    {
        var path = Path.Combine(folder, name);
        Safetensors.Write(
            path,
            [TensorData.Of("a", [2, 2], [1f, 2, 3, 4]), TensorData.Of("b", [1], [5f]), TensorData.Of("c", [1], [6L])],
            new Dictionary<string, string> { ["who"] = "me" });
        return path;
    }
}
