using System.Diagnostics;
using Xunit;

namespace RlWn.Init.Tests;

/// <remarks>A process loads libtorch once, so each case is a process of its own: this assembly, whose first act is to load it.</remarks>
public class TorchLibraryTests
{
    [Fact]
    public async Task Load_FolderWithoutLibtorch_SaysWhichFolderAndWhatToDo()
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var (code, output) = await RunWith(folder.FullName);

            Assert.NotEqual(0, code);
            Assert.Contains($"{nameof(DllNotFoundException)}: Expected libtorch in the folder that RLWN_LIBTORCH names", output, StringComparison.Ordinal);
            Assert.Contains($"'{folder.FullName}'", output, StringComparison.Ordinal);
            Assert.Contains("unset it to use the packaged libtorch", output, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete();
        }
    }

    [Fact]
    public async Task Load_LibraryThatIsNone_SaysWhichFileDoesNotLoad()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The file's name is Linux's.");
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var file = Path.Combine(folder.FullName, "libtorch_cpu.so");
            await File.WriteAllTextAsync(file, "no library", TestContext.Current.CancellationToken);
            var (code, output) = await RunWith(folder.FullName);

            Assert.NotEqual(0, code);
            Assert.Contains($"'{file}' is there but does not load", output, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Load_FolderWithLibtorch_Loads()
    {
        var folder = (AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "").Split(Path.PathSeparator)
            .FirstOrDefault(folder => File.Exists(Path.Combine(folder, "libtorch_cpu.so")));
        Assert.SkipWhen(folder is null, "The packaged libtorch is not beside this test.");
        var (code, output) = await RunWith(folder);

        Assert.True(code == 0, output);
    }

    private static async Task<(int Code, string Output)> RunWith(string folder)
    {
        var host = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        var start = new ProcessStartInfo(host, ["exec", typeof(TorchLibraryTests).Assembly.Location, "-list", "classes"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { [TorchLibrary.PathVariable] = folder },
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output + await error);
    }
}
