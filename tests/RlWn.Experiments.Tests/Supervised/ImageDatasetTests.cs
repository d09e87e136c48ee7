using System.IO.Compression;
using System.Security.Cryptography;
using RlWn.Experiments.Supervised.Data;

namespace RlWn.Experiments.Tests.Supervised;

public sealed class ImageDatasetTests : IDisposable
{
    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    [Fact]
    public void Read_CifarRecords_GivesFineLabelsAndPixelsInOrder()
    {
        TinyData.WriteCifar(scratch.Path);
        var dataset = TinyData.Cifar();

        var train = dataset.Read(scratch.Path, dataset.Train);
        var test = dataset.Read(scratch.Path, dataset.Test);

        Assert.Equal([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2], train.Labels);
        Assert.Equal(12 * 60, train.Pixels.Length);
        for (var i = 0; i < 12; i++)
            Assert.Equal((90, i), (train.Pixels[i * 60], train.Pixels[(i * 60) + 59]));   // the first and the last pixel of image i
        Assert.Equal((3, 3), (test.Count, test.Classes));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Read_IdxFiles_PlainOrZipped_GivesImagesAndLabels(bool zipped)
    {
        Write("train-images", TinyData.IdxFile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 2, 2, 3), zipped);
        Write("train-labels", TinyData.IdxFile([1, 0], 2), zipped);
        var dataset = TinyData.Idx();

        var train = dataset.Read(scratch.Path, dataset.Train);

        Assert.Equal([1, 0], train.Labels);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], train.Pixels);
    }

    [Fact]
    public void Read_IdxHeaderOfAnotherShape_IsRefused()
    {
        Write("train-images", TinyData.IdxFile(new byte[12], 2, 3, 2), false);

        // 0000 08 03, then 2, 2, 3 as four bytes each.
        Refuses(TinyData.Idx(), "Expected a header for 2 x 2 x 3 bytes (00000803000000020000000200000003) in '");
    }

    [Fact]
    public void Read_CutZippedFile_IsRefused()
    {
        Write("train-images", TinyData.IdxFile(new byte[12], 2, 2, 3), true);
        var zipped = File.ReadAllBytes(scratch["train-images.gz"]);
        File.WriteAllBytes(scratch["train-images.gz"], zipped[..(zipped.Length / 2)]);

        Refuses(TinyData.Idx(), "Expected 28 bytes of data in '");
    }

    [Fact]
    public void Read_AlteredByte_IsRefusedByItsChecksum()
    {
        var bytes = TinyData.IdxFile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 2, 2, 3);
#pragma warning disable CA5351 // the checksum that the sites publish; computed here apart from the code under test
        var md5 = Convert.ToHexStringLower(MD5.HashData(bytes));
#pragma warning restore CA5351
        bytes[20]++;
        Write("train-images", bytes, false);

        Refuses(TinyData.Idx(md5), $"Expected data with the md5 {md5} in '");
    }

    [Theory]
    [InlineData(-1, "Expected 372 bytes of data in '", "got 371.")]
    [InlineData(1, "Expected 372 bytes of data in '", "got more.")]
    public void Read_WrongSize_IsRefused(int change, string start, string end)
    {
        TinyData.WriteCifar(scratch.Path);
        var bytes = TinyData.Records(6, 6);
        Array.Resize(ref bytes, bytes.Length + change);
        File.WriteAllBytes(scratch["two.bin"], bytes);

        Refuses(TinyData.Cifar(), start, end);
    }

    [Theory]
    [InlineData(1, 3, "Expected labels from 0 to 2 in '", "got 3.")]
    [InlineData(1, 1, "Expected 4 images of class 0 in '", "got 3.")]
    public void Read_WrongLabel_IsRefused(int offset, byte label, string start, string end)
    {
        TinyData.WriteCifar(scratch.Path);
        var bytes = TinyData.Records(0, 6);
        bytes[offset] = label;
        File.WriteAllBytes(scratch["one.bin"], bytes);

        Refuses(TinyData.Cifar(), start, end);
    }

    [Fact]
    public void Read_OtherPixels_AreRefusedByTheirMean()
    {
        TinyData.WriteCifar(scratch.Path);
        var bytes = TinyData.Records(0, 6);
        bytes.AsSpan(2, 59).Fill(150);   // 59 of 720 pixels by 60 more: a mean of 88.6 + 4.9
        File.WriteAllBytes(scratch["one.bin"], bytes);

        Refuses(TinyData.Cifar(), "Expected a mean pixel near 88.5 in '", "got 93.5.");
    }

    [Fact]
    public void Published_DataSets_AreConsistent()
    {
        foreach (var (dataset, train, test) in ((ImageDataset, int, int)[])[(ImageDataset.Mnist, 60_000, 10_000), (ImageDataset.Cifar10, 50_000, 10_000), (ImageDataset.Cifar100, 50_000, 10_000)])
        {
            Assert.Equal((train, test), (dataset.Train.CountOfClass.Sum(), dataset.Test.CountOfClass.Sum()));
            Assert.Equal((train, test), (dataset.Train.Parts.Sum(part => part.Count), dataset.Test.Parts.Sum(part => part.Count)));
            Assert.All(dataset.Published, file => Assert.Matches("^[0-9a-f]{32}$", file.Md5));
        }
    }

    [Fact]
    public void Split_TenPercent_IsDisjointCompleteAndRepeatable()
    {
        var set = TinyData.Noise(200, TinyData.Shape);

        var (train, validation) = set.Split(seed: 7);

        Assert.Equal((180, 20), (train.Length, validation.Length));
        Assert.Equal(set.All(), train.Concat(validation).Order());
        Assert.Equal(validation, set.Split(seed: 7).Validation);
        Assert.NotEqual(validation, set.Split(seed: 8).Validation);
    }

    private void Write(string name, byte[] content, bool zipped)
    {
        using var file = File.Create(scratch[zipped ? $"{name}.gz" : name]);
        using var stream = zipped ? new GZipStream(file, CompressionLevel.Fastest) : (Stream)file;
        stream.Write(content);
    }

    private void Refuses(ImageDataset dataset, string start, string end = "")
    {
        var failure = Assert.Throws<IOException>(() => dataset.Read(scratch.Path, dataset.Train));

        Assert.StartsWith(start, failure.Message, StringComparison.Ordinal);
        Assert.Contains($"{end} It was cut or altered", failure.Message, StringComparison.Ordinal);
    }
}
