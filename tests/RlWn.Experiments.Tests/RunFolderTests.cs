using RlWn.Experiments.Runs;

namespace RlWn.Experiments.Tests;

public sealed class RunFolderTests : IDisposable
{
    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    [Fact]
    public void Create_FolderWithFiles_RefusesAndLeavesThem()
    {
        File.WriteAllText(scratch["metrics.csv"], "precious");

        var failure = Assert.Throws<IOException>(() => RunFolder.Create(scratch.Path));

        Assert.StartsWith($"Expected a new or empty folder for the run, got '{scratch.Path}'", failure.Message, StringComparison.Ordinal);
        Assert.Equal("precious", File.ReadAllText(scratch["metrics.csv"]));
    }

    [Fact]
    public void Create_File_Refuses()
    {
        File.WriteAllText(scratch["file"], "precious");

        Assert.StartsWith("Expected a folder for the run, got the file", Assert.Throws<IOException>(() => RunFolder.Create(scratch["file"])).Message, StringComparison.Ordinal);
        Assert.StartsWith("Expected to write", Assert.Throws<IOException>(() => RunFolder.Create(Path.Combine(scratch["file"], "run"))).Message, StringComparison.Ordinal);
        Assert.Equal("precious", File.ReadAllText(scratch["file"]));
    }

    [Fact]
    public void Write_Twice_ReplacesAndLeavesNothingElse()
    {
        var folder = RunFolder.Create(scratch["run"]);

        folder.Write("a", [1, 2, 3]);
        folder.Write("a", [4]);

        Assert.Equal([4], File.ReadAllBytes(folder["a"]));
        Assert.Equal([folder["a"]], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task Write_WhileSomeoneReads_TheReaderSeesAWholeFile()
    {
        var folder = RunFolder.Create(scratch["run"]);
        folder.Write("a", [.. Enumerable.Repeat((byte)0, 100_000)]);
        using var done = new CancellationTokenSource();
        var reader = Task.Run(() =>
        {
            while (!done.IsCancellationRequested)
            {
                var bytes = File.ReadAllBytes(folder["a"]);
                Assert.Equal(100_000, bytes.Length);
                Assert.Equal(-1, bytes.AsSpan().IndexOfAnyExcept(bytes[0]));
            }
        }, TestContext.Current.CancellationToken);

        for (byte value = 1; value < 50; value++)
            folder.Write("a", [.. Enumerable.Repeat(value, 100_000)]);
        await done.CancelAsync();

        await reader;
    }

    [Fact]
    public void Write_ThatFails_LeavesWhatWasThere()
    {
        var folder = RunFolder.Create(scratch["run"]);
        Directory.CreateDirectory(folder["a"]);   // a file cannot replace a folder
        File.WriteAllText(Path.Combine(folder["a"], "inside"), "precious");

        var failure = Assert.Throws<IOException>(() => folder.Write("a", [1]));

        Assert.StartsWith($"Expected to write '{folder["a"]}', got: ", failure.Message, StringComparison.Ordinal);
        Assert.EndsWith("or choose another folder with --out.", failure.Message, StringComparison.Ordinal);
        Assert.Equal([folder["a"]], Directory.GetFileSystemEntries(folder.Path));
        Assert.Equal("precious", File.ReadAllText(Path.Combine(folder["a"], "inside")));
    }

    [Fact]
    public void Lock_FilesThatAKilledProcessHadHalfWritten_GoAndWholeOnesStay()
    {
        var folder = RunFolder.Create(scratch["run"]);
        folder.Write("status.json", [1]);
        File.WriteAllBytes(folder["status.json.0123.tmp"], [1]);

        using (folder.Lock())
            Assert.Equal([folder[".lock"], folder["status.json"]], Directory.GetFileSystemEntries(folder.Path).Order(StringComparer.Ordinal));

        Assert.Equal([folder["status.json"]], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void AppendLog_ExistingFile_Refuses()
    {
        File.WriteAllText(scratch["log"], "precious");

        Assert.Throws<IOException>(() => new AppendLog(scratch["log"]));
        Assert.Equal("precious", File.ReadAllText(scratch["log"]));
    }

    [Fact]
    public void NewPath_StrangeRecipeName_StaysUnderRuns()
    {
        var settings = RunSettings.Resolve([new("env", "CartPole-v1", ""), new("recipe", "../../etc x", "")]);

        Assert.Equal(
            Path.Combine("runs", "CartPole-v1-..-..-etc-x-seed1-20260102-030405"),
            RunFolder.NewPath(settings, new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero)));
    }
}
