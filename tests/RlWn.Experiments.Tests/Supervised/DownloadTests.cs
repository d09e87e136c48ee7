using System.Security.Cryptography;
using RlWn.Envs;
using RlWn.Experiments.Supervised.Data;
using RlWn.Experiments.Terminal;

namespace RlWn.Experiments.Tests.Supervised;

public sealed class DownloadTests : IDisposable
{
    private static readonly byte[] Content = Random(300_000);

    private readonly Scratch scratch = new();
    private readonly Download download = new(pause: TimeSpan.FromMilliseconds(1), patience: TimeSpan.FromSeconds(20));

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        download.Dispose();
        scratch.Dispose();
    }

    [Fact]
    public async Task Fetch_WholeFile_LiesUnderItsNameAlone()
    {
        using var server = new TinyServer(new Answer(Content));
        var seen = new List<DownloadProgress>();

        await download.Fetch(File(server), scratch["file"], seen.Add, Stop);

        Assert.Equal(Content, System.IO.File.ReadAllBytes(scratch["file"]));
        Assert.Equal(scratch["file"], Assert.Single(Directory.GetFileSystemEntries(scratch.Path)));
        Assert.Equal(new(300_000, 300_000), seen[^1]);
    }

    [Fact]
    public async Task Fetch_CutTwice_GoesOnWhereItWasCut()
    {
        using var server = new TinyServer(new Answer(Content, CutAfter: 100_000), new Answer(Content, CutAfter: 50_000), new Answer(Content));

        await download.Fetch(File(server), scratch["file"], null, Stop);

        Assert.Equal(Content, System.IO.File.ReadAllBytes(scratch["file"]));
        Assert.Equal([null, 100_000, 150_000], server.AskedFrom);
    }

    [Fact]
    public async Task Fetch_CutByAServerWithoutRanges_BeginsAgain()
    {
        using var server = new TinyServer(new Answer(Content, CutAfter: 100_000, Ranges: false), new Answer(Content, Ranges: false));

        await download.Fetch(File(server), scratch["file"], null, Stop);

        Assert.Equal(Content, System.IO.File.ReadAllBytes(scratch["file"]));
    }

    [Fact]
    public async Task Fetch_PartOfAnotherFile_IsThrownAway()
    {
        using var server = new TinyServer(new Answer(Content));
        System.IO.File.WriteAllBytes(scratch["file.part"], new byte[1000]);

        await download.Fetch(File(server), scratch["file"], null, Stop);

        Assert.Equal(Content, System.IO.File.ReadAllBytes(scratch["file"]));
        Assert.Equal([1000, null], server.AskedFrom);
    }

    [Fact]
    public async Task Fetch_PartThatIsWhole_IsTaken()
    {
        using var server = new TinyServer(new Answer(Content));
        System.IO.File.WriteAllBytes(scratch["file.part"], Content);

        await download.Fetch(File(server), scratch["file"], null, Stop);

        Assert.Equal([300_000], server.AskedFrom);
        Assert.Equal(Content, System.IO.File.ReadAllBytes(scratch["file"]));
    }

    [Fact]
    public async Task Fetch_WrongBytes_LeavesNothing()
    {
        using var server = new TinyServer(new Answer(Random(1000)));

        var failure = await Assert.ThrowsAsync<IOException>(() => download.Fetch(File(server), scratch["file"], null, Stop));

        Assert.StartsWith($"expected the md5 {Md5(Content)}, got ", failure.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(scratch.Path));
    }

    [Fact]
    public async Task Fetch_CutAgainAndAgainWithoutAByte_GivesUpAndKeepsThePart()
    {
        using var server = new TinyServer(new Answer(Content, CutAfter: 1000), new Answer(Content, CutAfter: 0));

        await Assert.ThrowsAsync<IOException>(() => download.Fetch(File(server), scratch["file"], null, Stop));

        Assert.Equal(5, server.AskedFrom.Count);   // one that brought something, which counts as the first failure, and four more
        Assert.Equal(1000, new FileInfo(scratch["file.part"]).Length);
    }

    [Fact]
    public async Task Fetch_FileThatIsNotThere_IsNotAskedForAgain()
    {
        using var server = new TinyServer(new Answer(Content, Status: 404));

        await Assert.ThrowsAsync<HttpRequestException>(() => download.Fetch(File(server), scratch["file"], null, Stop));

        Assert.Single(server.AskedFrom);
    }

    [Fact]
    public async Task Fetch_ServerThatSaysNothing_IsGivenUp()
    {
        using var hasty = new Download(pause: TimeSpan.FromMilliseconds(1), patience: TimeSpan.FromMilliseconds(200));
        using var server = new TinyServer(new Answer(Content, IsSilent: true));

        await Assert.ThrowsAsync<IOException>(() => hasty.Fetch(File(server), scratch["file"], null, Stop));
    }

    [Fact]
    public async Task Find_Missing_DownloadsUnpacksAndLeavesTheFolderAlone()
    {
        var packed = TinyData.Packed(scratch);
        using var server = new TinyServer(new Answer(packed, CutAfter: packed.Length / 2), new Answer(packed));
        var dataset = TinyData.Cifar(server.Url, Md5(packed));
        var folder = DataFolder.Choose(scratch["cache"]);

        var train = await folder.Read(dataset, isTest: false, download, null, Stop);
        var again = await folder.Find(dataset, download: null, null, Stop);

        Assert.Equal(12, train.Count);
        Assert.Equal(Path.Combine(scratch["cache"], TinyData.Folder), again);
        Assert.Equal([again, scratch[$"cache/{Lock}"]], Directory.GetFileSystemEntries(scratch["cache"]).OrderDescending());
    }

    [Fact]
    public async Task Find_ArchivePutThereByHand_IsUnpackedAndKept()
    {
        var packed = TinyData.Packed(scratch);
        System.IO.File.WriteAllBytes(scratch[TinyData.Archive], packed);

        await DataFolder.Choose(scratch.Path).Find(TinyData.Cifar(md5: Md5(packed)), download: null, null, Stop);

        Assert.True(System.IO.File.Exists(scratch[TinyData.Archive]));
        Assert.Null(TinyData.Cifar().FirstMissing(scratch[TinyData.Folder]));
    }

    [Fact]
    public async Task Find_TheDataSetsOwnFolder_IsTaken()
    {
        TinyData.WriteCifar(scratch.Path);

        Assert.Equal(scratch.Path, await DataFolder.Choose(scratch.Path).Find(TinyData.Cifar(), download: null, null, Stop));
    }

    [Fact]
    public async Task Find_NeitherThereNorToBeHad_SaysWhatToDo()
    {
        using var server = new TinyServer(new Answer([], Status: 404));
        var dataset = TinyData.Cifar(server.Url, "0123");

        var failure = await Assert.ThrowsAsync<IOException>(() => DataFolder.Choose(scratch.Path).Find(dataset, download, null, Stop));

        foreach (var part in (string[])[scratch[TinyData.Folder], $"{server.Url}{TinyData.Archive}", "md5 0123", "404", $"into '{scratch.Path}' by hand", "--data", "RLWN_DATA"])
            Assert.Contains(part, failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Fact]
    public async Task Find_ArchiveWithoutTheFiles_LeavesNoFolder()
    {
        var packed = TinyData.Packed(scratch);
        System.IO.File.WriteAllBytes(scratch[TinyData.Archive], packed);
        var dataset = TinyData.Cifar(md5: Md5(packed));
        dataset = dataset with { Test = dataset.Test with { Parts = [new(new("other.bin"), null, 3)] } };

        var failure = await Assert.ThrowsAsync<IOException>(() => DataFolder.Choose(scratch.Path).Find(dataset, download: null, null, Stop));

        Assert.Contains("other.bin", failure.Message, StringComparison.Ordinal);
        Assert.Equal([scratch[TinyData.Archive], scratch[Lock]], Directory.GetFileSystemEntries(scratch.Path).OrderDescending());
    }

    [Fact]
    public async Task Find_DamagedFileDeletedAsTheErrorSays_IsDownloadedAgainAndTheOthersStay()
    {
        var packed = TinyData.Packed(scratch);
        using var server = new TinyServer(new Answer(packed));
        var dataset = TinyData.Cifar(server.Url, Md5(packed));
        var folder = DataFolder.Choose(scratch["cache"]);
        var files = await folder.Find(dataset, download, null, Stop);
        var two = Path.Combine(files, "two.bin");
        Alter(two);
        System.IO.File.WriteAllText(Path.Combine(files, "mine.txt"), "a note");

        var failure = await Assert.ThrowsAsync<IOException>(() => folder.Read(dataset, isTest: false, download, null, Stop));
        Assert.Contains($"in '{two}'", failure.Message, StringComparison.Ordinal);
        Assert.EndsWith("delete it, and it is downloaded again.", failure.Message, StringComparison.Ordinal);
        System.IO.File.Delete(two);
        var train = await folder.Read(dataset, isTest: false, download, null, Stop);

        Assert.Equal(12, train.Count);
        Assert.Equal(TinyData.Records(6, 6), System.IO.File.ReadAllBytes(two));
        Assert.Equal("a note", System.IO.File.ReadAllText(Path.Combine(files, "mine.txt")));
        Assert.Equal([files, scratch[$"cache/{Lock}"]], Directory.GetFileSystemEntries(scratch["cache"]).OrderDescending());
    }

    [Fact]
    public async Task Find_ArchiveOnDiskOfAnotherMd5_SaysSoAndNothingOfADownload()
    {
        System.IO.File.WriteAllBytes(scratch[TinyData.Archive], [1, 2, 3]);

        var failure = await Assert.ThrowsAsync<IOException>(() => DataFolder.Choose(scratch.Path).Find(TinyData.Cifar(md5: "0123"), download, null, Stop));

        Assert.StartsWith($"Expected the md5 0123, as it is published, of '{scratch[TinyData.Archive]}', got {Md5([1, 2, 3])}.", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("could not download", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Find_WhileAnotherProcessDownloads_WaitsSaysSoAndTakesWhatItBrought()
    {
        var said = new StringWriter();
        using var status = new StatusLine(said, isLive: false);
        Task<string> finding;
        using (HeldLock())
        {
            finding = DataFolder.Choose(scratch.Path).Find(TinyData.Cifar(), download: null, status, Stop);
            await Task.Delay(TimeSpan.FromMilliseconds(500), Stop);
            Assert.False(finding.IsCompleted);
            TinyData.WriteCifar(scratch[TinyData.Folder]);
        }

        Assert.Equal(scratch[TinyData.Folder], await finding);
        Assert.Equal($"Waiting for another process that downloads Tiny into '{scratch.Path}'.", said.ToString().TrimEnd());   // once
    }

    [Fact]
    public async Task Find_StoppedWhileItWaits_Ends()
    {
        using var held = HeldLock();
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => DataFolder.Choose(scratch.Path).Find(TinyData.Cifar(), download, null, stop.Token));
    }

    [Fact]
    public async Task Find_FourAtOnce_DownloadOnce()
    {
        var packed = TinyData.Packed(scratch);
        using var server = new TinyServer(new Answer(packed));
        var dataset = TinyData.Cifar(server.Url, Md5(packed));

        var found = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => DataFolder.Choose(scratch["cache"]).Find(dataset, download, null, Stop))));

        Assert.Equal(Enumerable.Repeat(scratch[$"cache/{TinyData.Folder}"], 4), found);
        Assert.Single(server.AskedFrom);
    }

    [Fact]
    public async Task Find_WhatAKilledUnpackingLeft_IsRemoved()
    {
        var packed = TinyData.Packed(scratch);
        System.IO.File.WriteAllBytes(scratch[TinyData.Archive], packed);
        TinyData.WriteCifar(scratch[$".{TinyData.Folder}.x1y2z3/{TinyData.Folder}"]);

        await DataFolder.Choose(scratch.Path).Find(TinyData.Cifar(md5: Md5(packed)), download: null, null, Stop);

        Assert.Equal(scratch[TinyData.Folder], Assert.Single(Directory.GetDirectories(scratch.Path)));
    }

    [Fact]
    public async Task Read_AlteredPixelWithoutAPublishedMd5_IsRefusedByTheOneOfUnpacking()
    {
        var packed = TinyData.Packed(scratch);
        System.IO.File.WriteAllBytes(scratch[TinyData.Archive], packed);
        var (dataset, folder) = (TinyData.Cifar(md5: Md5(packed)), DataFolder.Choose(scratch.Path));
        await folder.Find(dataset, download: null, null, Stop);
        Alter(scratch[$"{TinyData.Folder}/test.bin"]);

        var failure = await Assert.ThrowsAsync<IOException>(() => folder.Read(dataset, isTest: true, download: null, null, Stop));

        Assert.StartsWith($"Expected data with the md5 {Md5(TinyData.Records(0, 3))} in '", failure.Message, StringComparison.Ordinal);
        Assert.Equal(12, (await folder.Read(dataset, isTest: false, download: null, null, Stop)).Count);
    }

    [Theory]
    [InlineData(true, "")]
    [InlineData(false, "no checksum is known of one.bin, two.bin")]
    public async Task Read_FilesWithoutAPublishedMd5_SaysWhatWasNotChecked(bool isUnpackedHere, string expected)
    {
        var packed = TinyData.Packed(scratch);
        if (isUnpackedHere)
            System.IO.File.WriteAllBytes(scratch[TinyData.Archive], packed);
        else
            TinyData.WriteCifar(scratch[TinyData.Folder]);
        var said = new StringWriter();
        using var status = new StatusLine(said, isLive: false);

        await DataFolder.Choose(scratch.Path).Read(TinyData.Cifar(md5: Md5(packed)), isTest: false, download: null, status, Stop);

        Assert.Contains(expected, said.ToString(), StringComparison.Ordinal);
        Assert.Equal(isUnpackedHere, said.ToString().Length == 0);
    }

    [Theory]
    [InlineData("/asked", "/variable", "/cache", "/asked")]
    [InlineData(null, "/variable", "/cache", "/variable")]
    [InlineData("", "/variable", "/cache", "/variable")]
    [InlineData(" ", "", "/cache", "/cache/rlwn")]
    [InlineData(null, null, "/cache", "/cache/rlwn")]
    [InlineData(null, " ", "", null)]
    [InlineData(null, null, null, null)]
    public void Choose_OptionThenVariableThenCache_EmptyTextsCountAsNone(string? asked, string? variable, string? cache, string? expected)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Its cache is elsewhere.");
        var environment = new Dictionary<string, string?> { ["RLWN_DATA"] = variable, ["XDG_CACHE_HOME"] = cache };

        var folder = DataFolder.Choose(asked, environment.GetValueOrDefault);

        Assert.Equal(expected ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "rlwn"), folder.Root);
    }

    private const string Lock = $".{TinyData.Folder}.lock";

    private FileStream HeldLock() => new(scratch[Lock], FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);

    // A pixel by 1, which neither labels nor the mean of all pixels give away.
    private static void Alter(string path)
    {
        var bytes = System.IO.File.ReadAllBytes(path);
        bytes[5]++;
        System.IO.File.WriteAllBytes(path, bytes);
    }

    private static PublishedFile File(TinyServer server) => new(new($"{server.Url}file"), Md5(Content));

#pragma warning disable CA5351 // the checksum that the sites publish; computed here apart from the code under test
    private static string Md5(byte[] bytes) => Convert.ToHexStringLower(MD5.HashData(bytes));
#pragma warning restore CA5351

    private static byte[] Random(int count)
    {
        var bytes = new byte[count];
        new Rng((ulong)count).NextBytes(bytes);
        return bytes;
    }
}
