using System.Buffers.Binary;
using System.IO.Compression;
using RlWn.Networks;

namespace RlWn.Experiments.Supervised.Data;

/// <summary>A file that a site offers.</summary>
/// <param name="Url">Where it is.</param>
/// <param name="Md5">The published checksum, in lower case.</param>
internal sealed record PublishedFile(Uri Url, string Md5)
{
    /// <summary>Its name, as the site calls it.</summary>
    public string Name => Path.GetFileName(Url.AbsolutePath);

    /// <summary>Whether a .tar.gz that holds the data set's folder; other files go into that folder as they are.</summary>
    public bool IsArchive => Name.EndsWith(".tar.gz", StringComparison.Ordinal);
}

/// <summary>A file of a data set on disk: plain, or with .gz after its name.</summary>
/// <param name="Name">Without .gz.</param>
/// <param name="Md5">Of the plain file, in lower case; null where it is not published, and known only from unpacking the archive.</param>
internal sealed record DataFile(string Name, string? Md5 = null);

/// <summary>Images that come together.</summary>
/// <param name="Images">The images; in CIFAR's format each one with its label before it.</param>
/// <param name="Labels">The labels, in MNIST's format; null in CIFAR's.</param>
/// <param name="Count">How many.</param>
internal sealed record DataPart(DataFile Images, DataFile? Labels, int Count);

/// <summary>The training or the test images of a data set, and what is known of them.</summary>
/// <param name="Parts">Their files, in order.</param>
/// <param name="CountOfClass">How many images there are of each class.</param>
/// <param name="MeanPixel">The mean of all pixels, from 0 to 255, met within 1.</param>
internal sealed record DataHalf(IReadOnlyList<DataPart> Parts, IReadOnlyList<int> CountOfClass, double MeanPixel)
{
    public IEnumerable<DataFile> Files => Parts.SelectMany(part => part.Labels is { } labels ? (DataFile[])[part.Images, labels] : [part.Images]);
}

/// <summary>A data set of small images in the layout of its official site; a description, which reads what is there.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Folder">The folder that its files lie in.</param>
/// <param name="Shape">The shape of one image.</param>
/// <param name="LabelBytes">Bytes before each image in CIFAR's format, the last of which is the label.</param>
/// <param name="Published">What the site offers.</param>
/// <param name="Train">The training images.</param>
/// <param name="Test">The test images.</param>
internal sealed record ImageDataset(
    string Name, string Folder, ImageShape Shape, int LabelBytes, IReadOnlyList<PublishedFile> Published, DataHalf Train, DataHalf Test)
{
    private const double MeanTolerance = 1;

    /// <summary>60,000 and 10,000 handwritten digits (Y. LeCun, C. Cortes, C. Burges). Their own site no longer gives the files out; PyTorch's copy does.</summary>
    public static ImageDataset Mnist { get; } = new(
        "MNIST", "mnist", new(1, 28, 28), LabelBytes: 0,
        [
            MnistFile("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
            MnistFile("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
            MnistFile("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
            MnistFile("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
        ],
        new(
            [new(new("train-images-idx3-ubyte", "6bbc9ace898e44ae57da46a324031adb"), new("train-labels-idx1-ubyte", "a25bea736e30d166cdddb491f175f624"), 60_000)],
            [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949], MeanPixel: 33.3),
        new(
            [new(new("t10k-images-idx3-ubyte", "2646ac647ad5339dbf082846283269ea"), new("t10k-labels-idx1-ubyte", "27ae3e4e09519cfbb04c329615203637"), 10_000)],
            [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009], MeanPixel: 33.8));

    /// <summary>50,000 and 10,000 photographs of 10 things (A. Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images"), binary version.</summary>
    public static ImageDataset Cifar10 { get; } = new(
        "CIFAR-10", "cifar-10-batches-bin", new(3, 32, 32), LabelBytes: 1,
        [new(new("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"), "c32a1d4ab5d03f1284b67883e8d87530")],
        new(
            [
                CifarPart("data_batch_1.bin", 10_000, "5dd7e06a14cb22eb9f671a540d1b7c25"),
                CifarPart("data_batch_2.bin", 10_000, "5ea93a67294ea407fff1d09f752e9692"),
                CifarPart("data_batch_3.bin", 10_000, "942cd6a4bcdd0dd3c604fbe906cb4421"),
                CifarPart("data_batch_4.bin", 10_000, "ae636b3ba5c66a11e91e8cb52e771fcb"),
                CifarPart("data_batch_5.bin", 10_000, "53f37980c15c3d472c316c40844f3f0d"),
            ],
            [.. Enumerable.Repeat(5000, 10)], MeanPixel: 120.7),
        new([CifarPart("test_batch.bin", 10_000, "803d5f7f4d78ea53de84dbe85f74fb6d")], [.. Enumerable.Repeat(1000, 10)], MeanPixel: 121.5));

    /// <summary>The same of 100 things, the fine label counted; the coarse one, of 20, is passed over.</summary>
    public static ImageDataset Cifar100 { get; } = new(
        "CIFAR-100", "cifar-100-binary", new(3, 32, 32), LabelBytes: 2,
        [new(new("https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"), "03b5dce01913d631647c71ecec9e9cb8")],
        new([CifarPart("train.bin", 50_000)], [.. Enumerable.Repeat(500, 100)], MeanPixel: 121.9),
        new([CifarPart("test.bin", 10_000)], [.. Enumerable.Repeat(100, 100)], MeanPixel: 122.2));

    public int Classes => Train.CountOfClass.Count;

    /// <summary>The files of both halves.</summary>
    public IEnumerable<DataFile> Files => Train.Files.Concat(Test.Files);

    private int ImageBytes => (int)(Shape.Channels * Shape.Height * Shape.Width);

    /// <summary>The first file that a folder lacks; null where it has them all, plain or as .gz.</summary>
    public string? FirstMissing(string folder) =>
        Files.Select(file => Path.Combine(folder, file.Name)).FirstOrDefault(path => !File.Exists(path) && !File.Exists($"{path}.gz"));

    /// <summary>The names of those files whose checksum neither the site published nor the unpacking left in the folder.</summary>
    public static string[] WithoutChecksum(string folder, DataHalf half)
    {
        var sums = Checksum.ReadList(folder);
        return [.. half.Files.Where(file => file.Md5 is null && !sums.ContainsKey(file.Name)).Select(file => file.Name)];
    }

    /// <summary>Reads the training or the test images and checks sizes, checksums, labels and pixels against what is known of them.</summary>
    /// <param name="folder">The folder that the files lie in.</param>
    /// <param name="half"><see cref="Train"/> or <see cref="Test"/>.</param>
    /// <exception cref="IOException">A file cannot be read, or is not the published one; the message says in what.</exception>
    public ImageSet Read(string folder, DataHalf half)
    {
        var count = half.Parts.Sum(part => part.Count);
        var set = new ImageSet(GC.AllocateUninitializedArray<byte>(count * ImageBytes), new byte[count], Shape, Classes);
        var first = 0;
        foreach (var part in half.Parts)
        {
            var pixels = set.Pixels.AsSpan(first * ImageBytes, part.Count * ImageBytes);
            var labels = set.Labels.AsSpan(first, part.Count);
            if (part.Labels is { } labelFile)
            {
                ReadIdx(folder, part.Images, [part.Count, (int)Shape.Height, (int)Shape.Width], pixels);
                ReadIdx(folder, labelFile, [part.Count], labels);
            }
            else
            {
                ReadRecords(folder, part, pixels, labels);
            }

            first += part.Count;
        }

        RequireKnown(set, half, folder);
        return set;
    }

    private static PublishedFile MnistFile(string name, string md5) => new(new($"https://ossci-datasets.s3.amazonaws.com/mnist/{name}"), md5);

    private static DataPart CifarPart(string name, int count, string? md5 = null) => new(new(name, md5), Labels: null, count);

    // Each image with its label, or labels, before it.
    private void ReadRecords(string folder, DataPart part, Span<byte> pixels, Span<byte> labels)
    {
        var record = LabelBytes + ImageBytes;
        var content = ReadWhole(folder, part.Images, part.Count * record);
        for (var i = 0; i < part.Count; i++)
        {
            var image = (i * record) + LabelBytes;
            labels[i] = content[image - 1];
            content.AsSpan(image, ImageBytes).CopyTo(pixels[(i * ImageBytes)..]);
        }
    }

    // IDX: two zeros, the type (8: unsigned bytes), the number of dimensions, each dimension as a big-endian int, the numbers.
    private static void ReadIdx(string folder, DataFile file, ReadOnlySpan<int> dimensions, Span<byte> numbers)
    {
        var header = new byte[4 * (1 + dimensions.Length)];
        (header[2], header[3]) = (8, (byte)dimensions.Length);
        for (var i = 0; i < dimensions.Length; i++)
            BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4 * (i + 1)), dimensions[i]);

        var content = ReadWhole(folder, file, header.Length + numbers.Length);
        if (!content.AsSpan(0, header.Length).SequenceEqual(header))
        {
            throw Unlike(
                Path.Combine(folder, file.Name), $"a header for {string.Join(" x ", dimensions.ToArray())} bytes ({Convert.ToHexString(header)})",
                Convert.ToHexString(content.AsSpan(0, header.Length)));
        }

        content.AsSpan(header.Length).CopyTo(numbers);
    }

    private static byte[] ReadWhole(string folder, DataFile file, int length)
    {
        var path = Path.Combine(folder, file.Name);
        var isPlain = File.Exists(path);
        path = isPlain ? path : $"{path}.gz";
        var content = GC.AllocateUninitializedArray<byte>(length);
        int read;
        bool isLonger;
        try
        {
            using var stored = File.OpenRead(path);
            using var stream = isPlain ? (Stream)stored : new GZipStream(stored, CompressionMode.Decompress);
            read = stream.ReadAtLeast(content, length, throwOnEndOfStream: false);
            isLonger = read == length && stream.ReadByte() >= 0;
        }
        catch (Exception failure) when (failure is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw Unlike(path, $"{length:N0} bytes of data", failure.Message.TrimEnd('.'), failure);
        }

        if (read < length || isLonger)
            throw Unlike(path, $"{length:N0} bytes of data", isLonger ? "more" : $"{read:N0}");
        if ((file.Md5 ?? Checksum.ReadList(folder).GetValueOrDefault(file.Name)) is { } expected && Checksum.Of(content) is var md5 && md5 != expected)
            throw Unlike(path, $"data with the md5 {expected}", md5);
        return content;
    }

    private void RequireKnown(ImageSet set, DataHalf half, string folder)
    {
        var counts = new int[Classes];
        foreach (var label in set.Labels)
        {
            if (label >= Classes)
                throw Unlike(folder, $"labels from 0 to {Classes - 1}", $"{label}");
            counts[label]++;
        }

        for (var i = 0; i < Classes; i++)
        {
            if (counts[i] != half.CountOfClass[i])
                throw Unlike(folder, $"{half.CountOfClass[i]} images of class {i}", $"{counts[i]}");
        }

        var sum = 0L;
        foreach (var pixel in set.Pixels)
            sum += pixel;
        var mean = (double)sum / set.Pixels.Length;
        if (Math.Abs(mean - half.MeanPixel) > MeanTolerance)
            throw Unlike(folder, $"a mean pixel near {half.MeanPixel}", $"{mean:0.0}");
    }

    private static IOException Unlike(string path, string expected, string actual, Exception? cause = null) =>
        new($"Expected {expected} in '{path}', got {actual}. It was cut or altered: delete it, and it is downloaded again.", cause);
}
