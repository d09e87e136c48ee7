using System.Buffers.Binary;
using System.Formats.Tar;
using System.IO.Compression;
using RlWn.Envs;
using RlWn.Experiments.Supervised.Data;
using RlWn.Networks;

namespace RlWn.Experiments.Tests.Supervised;

/// <summary>Data sets of a few images in the official formats, and the files to go with them.</summary>
internal static class TinyData
{
    public static readonly ImageShape Shape = new(3, 4, 5);

    public const string Archive = "tiny-binary.tar.gz", Folder = "tiny-batches-bin";

    /// <summary>Twelve training images of 3 classes in two files and three test images, after two label bytes like CIFAR-100's.</summary>
    public static ImageDataset Cifar(string url = "http://127.0.0.1:9/", string md5 = "") => new(
        "Tiny", Folder, Shape, LabelBytes: 2,
        [new(new($"{url}{Archive}"), md5)],
        new([new(new("one.bin"), null, 6), new(new("two.bin"), null, 6)], [4, 4, 4], MeanPixel: 88.5),
        new([new(new("test.bin"), null, 3)], [1, 1, 1], MeanPixel: 88.5));

    /// <summary>Two training images and one test image of 2 classes, in MNIST's format.</summary>
    public static ImageDataset Idx(string? imagesMd5 = null) => new(
        "TinyDigits", "digits", new(1, 2, 3), LabelBytes: 0, [new(new("http://127.0.0.1:9/train-images.gz"), "")],
        new([new(new("train-images", imagesMd5), new("train-labels"), 2)], [1, 1], MeanPixel: 6.5),
        new([new(new("test-images"), new("test-labels"), 1)], [0, 1], MeanPixel: 4));

    /// <summary>Records: coarse label 9, fine label i mod 3, 59 pixels of 90 and a last one of i.</summary>
    public static byte[] Records(int first, int count)
    {
        var bytes = new List<byte>();
        for (var i = first; i < first + count; i++)
            bytes.AddRange([9, (byte)(i % 3), .. Enumerable.Repeat((byte)90, 59), (byte)i]);
        return [.. bytes];
    }

    public static void WriteCifar(string folder)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllBytes(Path.Combine(folder, "one.bin"), Records(0, 6));
        File.WriteAllBytes(Path.Combine(folder, "two.bin"), Records(6, 6));
        File.WriteAllBytes(Path.Combine(folder, "test.bin"), Records(0, 3));
    }

    public static byte[] Packed(Scratch scratch)
    {
        WriteCifar(scratch[Folder]);
        using var packed = new MemoryStream();
        using (var zipped = new GZipStream(packed, CompressionLevel.NoCompression, leaveOpen: true))
            TarFile.CreateFromDirectory(scratch[Folder], zipped, includeBaseDirectory: true);
        Directory.Delete(scratch[Folder], recursive: true);
        return packed.ToArray();
    }

    public static byte[] IdxFile(byte[] numbers, params int[] dimensions)
    {
        var bytes = new byte[4 + (4 * dimensions.Length) + numbers.Length];
        (bytes[2], bytes[3]) = (8, (byte)dimensions.Length);
        for (var i = 0; i < dimensions.Length; i++)
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4 + (4 * i)), dimensions[i]);
        numbers.CopyTo(bytes, 4 + (4 * dimensions.Length));
        return bytes;
    }

    /// <summary>Images of chance, with labels i mod 10.</summary>
    public static ImageSet Noise(int count, ImageShape shape, ulong seed = 1)
    {
        var pixels = new byte[count * shape.Channels * shape.Height * shape.Width];
        new Rng(seed).NextBytes(pixels);
        return new(pixels, [.. Enumerable.Range(0, count).Select(i => (byte)(i % 10))], shape, 10);
    }
}
