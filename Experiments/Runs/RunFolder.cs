using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace RlWn.Experiments.Runs;

/// <summary>How far a run is.</summary>
internal enum RunState
{
    Running,
    Done,
    Stopped,
    Failed,
}

/// <summary>What status.json says.</summary>
/// <param name="Reason">Why it stopped or failed; null otherwise.</param>
internal sealed record RunStatus(RunState State, string? Reason, long Steps, DateTimeOffset Started, DateTimeOffset? Ended, double? WallSeconds, int ProcessId);

/// <summary>The folder of one run. Whatever is written here whole is written in one step; logs grow through <see cref="AppendLog"/>.</summary>
internal sealed partial class RunFolder
{
    public const string Settings = "settings.json", Status = "status.json", Metrics = "metrics.csv", Policy = "policy.safetensors",
        Evaluation = "evaluation.json", LearningCurve = "learning-curve.png";

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
        WriteIndented = true,
    };

    private RunFolder(string path) => Path = path;

    /// <summary>The folder, as it was asked for.</summary>
    public string Path { get; }

    /// <summary>The path of a file in the folder.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Makes the folder of a new run.</summary>
    /// <exception cref="IOException">It cannot be made, or it holds something already.</exception>
    public static RunFolder Create(string path) => Guard(path, () =>
    {
        if (File.Exists(path))
            throw new IOException($"Expected a folder for the run, got the file '{path}'. Choose another place with --out.");

        Directory.CreateDirectory(path);
        if (Directory.EnumerateFileSystemEntries(path).Any())
            throw new IOException($"Expected a new or empty folder for the run, got '{path}', which holds files. Nothing was changed: choose another with --out, or remove it.");
        return new RunFolder(path);
    });

    /// <summary>A folder under <c>runs</c> that does not exist yet: environment, recipe, seed and time.</summary>
    public static string NewPath(RunSettings settings, DateTimeOffset now)
    {
        var name = NotPlain().Replace($"{settings.Env}-{settings.Recipe}-seed{settings.Seed}-{now:yyyyMMdd-HHmmss}", "-");
        var path = System.IO.Path.Combine("runs", name);
        for (var copy = 2; System.IO.Path.Exists(path); copy++)
            path = System.IO.Path.Combine("runs", $"{name}-{copy}");
        return path;
    }

    /// <summary>Opens a log that must not exist yet.</summary>
    public AppendLog Append(string name) => Guard(this[name], () => new AppendLog(this[name]));

    public void WriteJson<T>(string name, T content) => Write(name, path => File.WriteAllText(path, JsonSerializer.Serialize(content, Json) + "\n"));

    /// <summary>Writes a whole file in one step: readers see the old one or the new one, and a failure leaves the old one.</summary>
    /// <param name="name">The file's name.</param>
    /// <param name="write">Writes to the path that it is given, of a temporary file.</param>
    public void Write(string name, Action<string> write) => Guard(this[name], () =>
    {
        var temporary = this[$".{System.IO.Path.GetRandomFileName()}-{name}"];
        try
        {
            write(temporary);
            using (var file = File.OpenHandle(temporary, FileMode.Open, FileAccess.ReadWrite))
                RandomAccess.FlushToDisk(file);
            File.Move(temporary, this[name], overwrite: true);
            return true;
        }
        finally
        {
            File.Delete(temporary);
        }
    });

    /// <summary>Runs something that writes, and says which path it was about when the system refuses.</summary>
    internal static T Guard<T>(string path, Func<T> write)
    {
        try
        {
            return write();
        }
        catch (Exception failure) when (failure is UnauthorizedAccessException or (IOException and not FolderException))
        {
            throw failure.Message.StartsWith("Expected", StringComparison.Ordinal)
                ? failure
                : new IOException($"Expected to write '{path}', got: {failure.Message} Free some space, or choose another folder with --out.", failure);
        }
    }

    [GeneratedRegex(@"[^A-Za-z0-9._-]+")]
    private static partial Regex NotPlain();
}
