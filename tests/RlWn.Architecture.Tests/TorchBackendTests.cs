using System.Diagnostics;
using System.Text.Json;

namespace RlWn.Architecture.Tests;

/// <summary>Which packages bring libtorch, as the build itself says.</summary>
public class TorchBackendTests
{
    [Theory]
    [InlineData("cpu", "linux-x64", "libtorch-cpu-linux-x64")]
    [InlineData("cpu", "win-x64", "libtorch-cpu-win-x64")]
    [InlineData("cuda", "linux-x64", "TorchSharp-cuda-linux")]
    [InlineData("external", "linux-x64", null)]
    public void Backend_BringsItsOwnPackageAndNoOther(string backend, string platform, string? package)
    {
        var (exitCode, output) = Msbuild("-getItem:PackageReference", $"-p:TorchBackend={backend}", $"-p:TorchPlatform={platform}");
        Assert.Equal(0, exitCode);

        using var json = JsonDocument.Parse(output);
        var packages = json.RootElement.GetProperty("Items").GetProperty("PackageReference").EnumerateArray().Select(item => item.GetProperty("Identity").GetString()!);
        string?[] expected = package is null ? [] : [package];
        Assert.Equal(expected, packages.Where(name => name.StartsWith("libtorch", StringComparison.Ordinal) || name.Contains("cuda", StringComparison.Ordinal)));
    }

    [Fact]
    public void Backend_Unknown_EndsTheBuildAndNamesTheKnown()
    {
        var (exitCode, output) = Msbuild("-t:CheckTorchBackend", "-p:TorchBackend=rocm");

        Assert.NotEqual(0, exitCode);
        Assert.Contains("Expected TorchBackend to be cpu, cuda or external, got 'rocm'.", output, StringComparison.Ordinal);
    }

    private static (int ExitCode, string Output) Msbuild(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", ["msbuild", Path.Combine(Repository.Root, "Init", "RlWn.Init.csproj"), .. arguments]) { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output);
    }
}
