using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace RlWn.Envs.Tests;

public sealed class AnimatedPngTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("rlwn-test-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Add_FramesThatChangeAnywhereOrNowhere_ReadBackAsTheyWere()
    {
        var random = new Rng(3);
        var frames = new List<byte[]> { new byte[5 * 7 * 3] };
        random.NextBytes(frames[0]);
        for (var i = 1; i < 40; i++)
        {
            frames.Add([.. frames[^1]]);
            for (var changes = i % 4; changes > 0; changes--)
                frames[^1][random.Next(frames[^1].Length)] ^= 0x55;
        }

        using var stream = new MemoryStream();
        Write(stream, (5, 7), 50, frames);
        var (read, delays) = Read(stream.ToArray(), 5, 7);
        Assert.Equal(frames, read);
        Assert.All(delays, delay => Assert.Equal((20, 1000), delay));
    }

    [Theory]
    [InlineData(3, 333)]
    [InlineData(1e9, 1)]
    [InlineData(0.001, 65535)]
    public void Construct_AnySpeed_IsADelayInMilliseconds(double framesPerSecond, int delay)
    {
        using var stream = new MemoryStream();
        Write(stream, (1, 1), framesPerSecond, [new byte[3]]);
        Assert.Equal((delay, 1000), Assert.Single(Read(stream.ToArray(), 1, 1).Delays));
    }

    [Fact]
    public void Complete_NoFrameOrNonsense_IsRefused()
    {
        using var animation = new AnimatedPng(new MemoryStream(), (2, 2), 10);
        Assert.Throws<InvalidOperationException>(animation.Complete);
        Assert.Throws<ArgumentException>(() => animation.Add(new byte[11]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AnimatedPng(new MemoryStream(), (0, 2), 10));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AnimatedPng(new MemoryStream(), (2, 2), double.NaN));
    }

    [Fact]
    public void FrameRecorder_Completed_LeavesTheFileAloneAndReplacesAnOldOne()
    {
        var path = Path.Combine(folder, "episode.png");
        File.WriteAllText(path, "old");
        var env = new CartPole();
        using (var recorder = new FrameRecorder(path, env))
        {
            recorder.Capture();
            env.State = (1, 0, 0.1, 0);
            recorder.Capture();
            Assert.Equal("old", File.ReadAllText(path));
            recorder.Complete();
        }

        var expected = new byte[200 * 480 * 3];
        env.DrawFrame(expected);
        Assert.Equal(expected, Read(File.ReadAllBytes(path), 200, 480).Frames[1]);
        Assert.Equal([path], Directory.GetFileSystemEntries(folder));
    }

    // CartPole has 50 steps in a second, so one is 20 ms; three of them in one are 60.
    [Theory]
    [InlineData(1, 20)]
    [InlineData(3, 60)]
    public void FrameRecorder_ActionsThatLast_PlaysInTheTasksOwnTime(int times, int milliseconds)
    {
        var path = Path.Combine(folder, "episode.png");
        var env = new TimeLimit<float, int>(new ActionRepeat<float, int>(new CartPole(), times), 500);
        env.Reset(new Rng(0), new float[4]);
        using (var recorder = new FrameRecorder(path, env))
        {
            recorder.Capture();
            recorder.Complete();
        }

        Assert.Equal((milliseconds, 1000), Assert.Single(Read(File.ReadAllBytes(path), 200, 480).Delays));
    }

    [Fact]
    public void FrameRecorder_TaskThatDrawsNothing_IsRefused()
    {
        var refusal = Assert.Throws<ArgumentException>(() => new FrameRecorder(Path.Combine(folder, "a.png"), new SoundEnv()));
        Assert.Contains("got SoundEnv with no IFrameView in it", refusal.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(folder));
    }

    [Fact]
    public void FrameRecorder_NotCompleted_LeavesNothing()
    {
        using (var recorder = new FrameRecorder(Path.Combine(folder, "episode.apng"), new CartPole()))
            recorder.Capture();
        Assert.Empty(Directory.GetFileSystemEntries(folder));
    }

    [Fact]
    public void FrameRecorder_PlaceThatCannotBe_IsRefused()
    {
        Assert.Contains("got 'a.gif'", Assert.Throws<ArgumentException>(() => new FrameRecorder("a.gif", new CartPole())).Message, StringComparison.Ordinal);
        Assert.Throws<DirectoryNotFoundException>(() => new FrameRecorder(Path.Combine(folder, "none", "a.png"), new CartPole()));
        Directory.CreateDirectory(Path.Combine(folder, "b.png"));
        Assert.Throws<IOException>(() => new FrameRecorder(Path.Combine(folder, "b.png"), new CartPole()));
    }

    private static void Write(Stream stream, (int, int) size, double framesPerSecond, IEnumerable<byte[]> frames)
    {
        using var animation = new AnimatedPng(stream, size, framesPerSecond);
        foreach (var frame in frames)
            animation.Add(frame);
        animation.Complete();
    }

    // A reader of its own: chunks with their checksums, and each frame put over the one before.
    private static (List<byte[]> Frames, List<(int, int)> Delays) Read(byte[] file, int height, int width)
    {
        Assert.Equal("89504E470D0A1A0A", Convert.ToHexString(file[..8]));
        var (frames, delays, canvas, names) = (new List<byte[]>(), new List<(int, int)>(), new byte[height * width * 3], new List<string>());
        var (count, sequence, x, y, columns, rows) = (0, 0, 0, 0, 0, 0);
        for (var at = 8; at < file.Length;)
        {
            var length = Int(at);
            var (name, data) = (Encoding.ASCII.GetString(file, at + 4, 4), at + 8);
            Assert.Equal(Crc(file.AsSpan(at + 4, length + 4)), (uint)Int(data + length));
            names.Add(name);
            switch (name)
            {
                case "IHDR":
                    Assert.Equal((width, height), (Int(data), Int(data + 4)));
                    break;
                case "acTL":
                    count = Int(data);
                    break;
                case "fcTL":
                    Assert.Equal(sequence++, Int(data));
                    (columns, rows, x, y) = (Int(data + 4), Int(data + 8), Int(data + 12), Int(data + 16));
                    delays.Add((BinaryPrimitives.ReadUInt16BigEndian(file.AsSpan(data + 20)), BinaryPrimitives.ReadUInt16BigEndian(file.AsSpan(data + 22))));
                    break;
                case "IDAT":
                    Put(data, length);
                    break;
                case "fdAT":
                    Assert.Equal(sequence++, Int(data));
                    Put(data + 4, length - 4);
                    break;
            }

            at = data + length + 4;
        }

        Assert.Equal(["IHDR", "acTL", "fcTL", "IDAT"], names[..4]);
        Assert.Equal("IEND", names[^1]);
        Assert.Equal(count, frames.Count);
        return (frames, delays);

        int Int(int at) => BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(at));

        void Put(int start, int length)
        {
            using var zlib = new ZLibStream(new MemoryStream(file, start, length), CompressionMode.Decompress);
            var above = new byte[columns * 3];
            for (var row = 0; row < rows; row++)
            {
                Assert.Equal(2, zlib.ReadByte());
                var pixels = new byte[columns * 3];
                zlib.ReadExactly(pixels);
                for (var i = 0; i < pixels.Length; i++)
                    pixels[i] += above[i];
                pixels.CopyTo(canvas, (((y + row) * width) + x) * 3);
                above = pixels;
            }

            Assert.Equal(-1, zlib.ReadByte());
            frames.Add([.. canvas]);
        }
    }

    // By the remainder of a polynomial division, most significant bit first on mirrored bytes: not as the writer does it.
    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var remainder = uint.MaxValue;
        foreach (var value in bytes)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                var carry = (remainder >> 31) ^ ((uint)value >> bit & 1);
                remainder = (remainder << 1) ^ (carry * 0x04C11DB7);
            }
        }

        var mirrored = 0u;
        for (var bit = 0; bit < 32; bit++)
            mirrored |= (remainder >> bit & 1) << (31 - bit);
        return ~mirrored;
    }
}
