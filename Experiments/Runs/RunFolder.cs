using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using RlWn.Inference;

namespace RlWn.Experiments.Runs;

/// <summary>How far a run is.</summary>
internal enum RunState
{
    /// <summary>It goes on, or its process was killed.</summary>
    Running,

    /// <summary>It trained all steps and was evaluated.</summary>
    Done,

    /// <summary>It was asked to stop; all but the evaluation is there.</summary>
    Stopped,

    /// <summary>It failed for the reason given; the metrics up to there are there.</summary>
    Failed,
}

/// <summary>What status.json says.</summary>
/// <param name="State">How far the run is.</param>
/// <param name="Reason">Why it stopped or failed; null otherwise.</param>
/// <param name="Steps">Environment steps done.</param>
/// <param name="Started">When it started.</param>
/// <param name="Ended">When it ended; null while it runs.</param>
/// <param name="WallSeconds">From start to end.</param>
/// <param name="ProcessId">Whose run it is: where that process is gone and the state is running, the process was killed.</param>
internal sealed record RunStatus(RunState State, string? Reason, long Steps, DateTimeOffset Started, DateTimeOffset? Ended, double? WallSeconds, int ProcessId);

/// <summary>The folder of one run. Its logs grow (<see cref="AppendLog"/>); every other file is written in one step.</summary>
internal sealed partial class RunFolder
{
    public const string Settings = "settings.json", Status = "status.json", Metrics = "metrics.csv", Diagnostics = "diagnostics.csv", Policy = "policy.safetensors",
        Evaluation = "evaluation.json", Evaluations = "evaluations.csv", Best = "best.safetensors", LearningCurve = "learning-curve.png";

    /// <summary>How a run's JSON files are written: for people, who read + as +, and for programs.</summary>
    public static readonly JsonSerializerOptions Json = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase), new SchemeName() },
        WriteIndented = true,
    };

    private const string LockName = ".lock";

    private RunFolder(string path) => Path = path;

    /// <summary>The folder, as it was asked for.</summary>
    public string Path { get; }

    /// <summary>The path of a file in the folder.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Makes the folder of a new run.</summary>
    /// <exception cref="IOException">It cannot be made, or it holds something already.</exception>
    public static RunFolder Create(string path)
    {
        if (File.Exists(path))
            throw new IOException($"Expected a folder for the run, got the file '{path}'. Choose another place with --out.");

        Guard(path, () => Directory.CreateDirectory(path));
        if (Directory.EnumerateFileSystemEntries(path).Any(entry => !IsOfKilledStart(System.IO.Path.GetFileName(entry))))
            throw new IOException($"Expected a new or empty folder for the run, got '{path}', which holds files; they were left as they are. Choose another with --out.");
        return new(path);
    }

    /// <summary>A folder of results that are written again whenever there are more; made where it is missing.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    public static RunFolder At(string path)
    {
        Guard(path, () => Directory.CreateDirectory(path));
        return new(path);
    }

    /// <summary>The folder of a run that was started before.</summary>
    /// <exception cref="IOException">There is no run.</exception>
    public static RunFolder Open(string path)
    {
        var folder = new RunFolder(path);
        return File.Exists(folder[Settings])
            ? folder
            : throw new IOException($"Expected the folder of a run, found no {Settings} in '{path}'. Name a folder that 'rlwn train' or 'rlwn supervised' made.");
    }

    /// <summary>What status.json says of how far the run is; null where it was killed before there was one.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public string? ReadState()
    {
        var path = this[Status];
        if (!File.Exists(path))
            return null;

        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            return json.RootElement.GetProperty("state").GetString();
        }
        catch (Exception failure) when (failure is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new IOException($"Expected the status of a run in '{path}', got: {failure.Message.TrimEnd('.')}.", failure);
        }
    }

    /// <summary>Keeps other processes from writing to the run for as long as the result is not disposed. What one that was killed had half written goes.</summary>
    /// <exception cref="IOException">Another process has the run, or nothing can be written there.</exception>
    public IDisposable Lock()
    {
        var path = this[LockName];
        FileStream locked;
        try
        {
            // Released by the system when the process ends, however it ends.
            locked = new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose);
        }
        catch (IOException failure) when (File.Exists(path))
        {
            throw new IOException($"Expected a run that no other process goes on with, got '{Path}': {failure.Message.TrimEnd('.')}. Wait for it, or stop it.", failure);
        }

        foreach (var unfinished in Directory.EnumerateFiles(Path, $"*{WholeFile.Unfinished}"))
            File.Delete(unfinished);
        return locked;
    }

    /// <summary>A folder under <c>runs</c> that does not exist yet: environment, recipe, seed and time.</summary>
    public static string NewPath(RunSettings settings, DateTimeOffset now) => NewPath($"{settings.Env}-{settings.Recipe}-seed{settings.Seed}", now);

    /// <summary>A folder under <c>runs</c> that does not exist yet.</summary>
    /// <param name="what">What the run is.</param>
    /// <param name="now">The time.</param>
    public static string NewPath(string what, DateTimeOffset now)
    {
        var name = NotPlain().Replace($"{what}-{now:yyyyMMdd-HHmmss}", "-");
        var path = System.IO.Path.Combine("runs", name);
        for (var copy = 2; System.IO.Path.Exists(path); copy++)
            path = System.IO.Path.Combine("runs", $"{name}-{copy}");
        return path;
    }

    public void WriteJson<T>(string name, T content) => Write(name, [.. JsonSerializer.SerializeToUtf8Bytes(content, Json), (byte)'\n']);

    /// <summary>Writes a file in one step: whoever looks finds the old one or the whole new one, and a failure leaves the old one.</summary>
    public void Write(string name, byte[] content) => WriteWhole(this[name], content);

    /// <summary>Writes any file in one step, as <see cref="Write"/> does one of the folder.</summary>
    /// <exception cref="IOException">It could not be written.</exception>
    public static void WriteWhole(string path, byte[] content) => Guard(path, () => WholeFile.Write(path, file => file.Write(content)));

    /// <summary>Does something that writes. What the system says when it refuses becomes an error that names the path and says how to go on.</summary>
    /// <exception cref="IOException">It could not be written.</exception>
    public static void Guard(string path, Action write)
    {
        try
        {
            write();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException)   // the last: a file grew too long
        {
            throw new IOException(
                $"Expected to write '{path}', got: {failure.Message.TrimEnd('.')}. Give it room and the right to be written to, or choose another folder with --out.", failure);
        }
    }

    // What a run leaves that was killed before its settings stood there: it never began.
    private static bool IsOfKilledStart(string name) => name == LockName || (name.StartsWith($"{Settings}.", StringComparison.Ordinal) && name.EndsWith(WholeFile.Unfinished, StringComparison.Ordinal));

    [GeneratedRegex(@"[^A-Za-z0-9._-]+")]
    private static partial Regex NotPlain();
}
