using RlWn.Envs;
using RlWn.Init;
using static TorchSharp.torch;

namespace RlWn.Agents.Tests;

public sealed class CheckpointTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("rlwn-checkpoint-").FullName;

    private string File => Path.Combine(folder, "state.ckpt");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Load_AfterSave_ReadsWhatWasWritten()
    {
        using var tensor = arange(5, ScalarType.Float64);
        using var copy = zeros(5, ScalarType.Float64);
        var (random, other) = (new Rng(3), new Rng(4));
        var numbers = new float[3];

        Checkpoint.Save(File, writer =>
        {
            writer.Write(17L);
            writer.Write(tensor);
            writer.Write(random);
            writer.WriteAll<float>([1, 2, 3]);
        });
        Checkpoint.Load(File, reader =>
        {
            Assert.Equal(17L, reader.ReadInt64());
            reader.Read(copy, "a tensor");
            other.State = reader.ReadRng().State;
            reader.ReadAll<float>(numbers, "numbers");
        });

        Assert.Equal([0.0, 1, 2, 3, 4], copy.data<double>().ToArray());
        Assert.Equal(random.NextUInt64(), other.NextUInt64());
        Assert.Equal([1f, 2, 3], numbers);
        Assert.Equal([File], Directory.GetFiles(folder));
    }

    [Fact]
    public void Load_LongState_SpansBuffers()
    {
        var block = new byte[3_000_001];
        new Rng(1).NextBytes(block);
        var read = new byte[block.Length];

        Checkpoint.Save(File, writer => writer.WriteAll<byte>(block));
        Checkpoint.Load(File, reader => reader.ReadAll<byte>(read, "bytes"));

        Assert.Equal(block, read);
    }

    [Fact]
    public void Load_CutAnywhere_IsRecognized()
    {
        Checkpoint.Save(File, writer => writer.WriteAll<int>([1, 2, 3]));
        var whole = System.IO.File.ReadAllBytes(File);

        for (var length = 0; length < whole.Length; length++)
        {
            System.IO.File.WriteAllBytes(File, whole[..length]);
            var failure = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(File, _ => Assert.Fail("nothing of a damaged file is handed out")));
            Assert.Contains(File, failure.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Load_AnyByteAltered_IsRecognized()
    {
        Checkpoint.Save(File, writer => writer.WriteAll<int>([1, 2, 3]));
        var whole = System.IO.File.ReadAllBytes(File);

        for (var at = 0; at < whole.Length; at++)
        {
            var altered = whole.ToArray();
            altered[at] ^= 0x10;
            System.IO.File.WriteAllBytes(File, altered);
            Assert.Throws<InvalidDataException>(() => Checkpoint.Load(File, _ => Assert.Fail("nothing of a damaged file is handed out")));
        }
    }

    [Fact]
    public void Load_StateOfAnotherKind_IsRefused()
    {
        Checkpoint.Save(File, writer => writer.Write(1L));

        Assert.Contains("ends too early", Assert.Throws<InvalidDataException>(() => Checkpoint.Load(File, reader => reader.ReadBytesExactly(60))).Message, StringComparison.Ordinal);
        Assert.Contains("left over", Assert.Throws<InvalidDataException>(() => Checkpoint.Load(File, reader => reader.ReadInt32())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Save_WritingFails_LeavesTheOldFileAndNothingElse()
    {
        Checkpoint.Save(File, writer => writer.Write(1));

        Assert.Throws<InvalidOperationException>(() => Checkpoint.Save(File, writer =>
        {
            writer.Write(2);
            throw new InvalidOperationException();
        }));

        Assert.Equal([File], Directory.GetFiles(folder));
        Checkpoint.Load(File, reader => Assert.Equal(1, reader.ReadInt32()));
    }
}

file static class Reading
{
    public static void ReadBytesExactly(this BinaryReader reader, int count) => reader.BaseStream.ReadExactly(new byte[count]);
}
