using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using TorchSharp;

namespace RlWn.Experiments.Runs;

/// <summary>What a run was made with, beside its settings.</summary>
internal sealed record Origin(
    string Rlwn, string Commit, string DotNet, string TorchSharp, string Libtorch, int TorchThreads,
    string OperatingSystem, string Processor, int ProcessorCount, DateTimeOffset Started)
{
    /// <summary>The name of the member of settings.json that holds this.</summary>
    public const string Member = "origin";

    public JsonNode ToJson() => JsonSerializer.SerializeToNode(this, RunFolder.Json)!;

    public static Origin Here(DateTimeOffset started)
    {
        // The build appends the commit: 0.1.0+4f2a….
        var version = Version(typeof(Origin).Assembly).Split('+', 2);
        return new(
            Rlwn: version[0],
            Commit: version is [_, var commit] ? commit : "unknown",
            DotNet: RuntimeInformation.FrameworkDescription,
            TorchSharp: Version(typeof(torch).Assembly).Split('+')[0],
            Libtorch: torch.__version__,
            TorchThreads: torch.get_num_threads(),
            OperatingSystem: $"{RuntimeInformation.OSDescription}, {RuntimeInformation.RuntimeIdentifier}",
            Processor: ProcessorName(),
            ProcessorCount: Environment.ProcessorCount,
            Started: started);
    }

    private static string Version(Assembly assembly) => assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    private static string ProcessorName()
    {
        const string Described = "/proc/cpuinfo";
        var line = File.Exists(Described) ? File.ReadLines(Described).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line?.Split(':', 2)[1].Trim() ?? Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? $"{RuntimeInformation.ProcessArchitecture}";
    }
}
