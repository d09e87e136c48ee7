using System.Text.Json;
using System.Text.Json.Nodes;
using RlWn.Experiments.Runs;
using RlWn.Experiments.Supervised;

namespace RlWn.Experiments.Cells;

/// <summary>Which command makes a run.</summary>
internal enum CellKind
{
    /// <summary><c>rlwn supervised</c></summary>
    Supervised,

    /// <summary><c>rlwn train</c></summary>
    Train,
}

/// <summary>One run among many: a configuration and a run folder, and nothing more. Whoever has this program can make it, here or elsewhere.</summary>
/// <param name="Kind">Which command makes it.</param>
/// <param name="Recipe">The recipe's name, or the path of a .json file.</param>
/// <param name="Differences">What differs from the recipe, in order.</param>
/// <param name="Folder">The run's folder; it may exist.</param>
internal sealed record Cell(CellKind Kind, string Recipe, IReadOnlyList<Assignment> Differences, string Folder)
{
    private const string Done = "done", Diverged = "diverged", Device = "device", Network = "network", Threads = "threads";

    /// <summary>A supervised run with one thread, so that as many fit on a machine as it has cores.</summary>
    /// <param name="recipe">The recipe's name.</param>
    /// <param name="folder">The run's folder.</param>
    /// <param name="differences">Settings and their values.</param>
    public static Cell Supervised(string recipe, string folder, params IEnumerable<(string Setting, object Value)> differences) => new(
        CellKind.Supervised, recipe,
        [.. from difference in differences.Append(("threads", 1)) select new Assignment(difference.Setting, Setting.Text(difference.Value), "the experiment")],
        folder);

    /// <summary>All settings of a supervised cell.</summary>
    /// <exception cref="UsageException">A setting does not exist or does not fit.</exception>
    public SupervisedSettings ResolveSupervised() => SupervisedSettings.Resolve([.. Runs.Recipe.Load(Recipe, RecipeShelf.Supervised).Assignments, .. Differences]);

    /// <summary>How much work it is, in a unit that cells of one experiment share.</summary>
    public double Work => Kind == CellKind.Train
        ? RunSettings.Resolve([.. Runs.Recipe.Load(Recipe).Assignments, .. Differences]).Steps
        : ResolveSupervised() is var settings ? (double)settings.Depth * settings.Epochs * (settings.Images ?? AllImages) : 0;

    /// <summary>Whether the run has ended: it is done, or diverged, which is a result too.</summary>
    /// <exception cref="IOException">The folder holds a run of other settings, or cannot be read.</exception>
    public bool HasEnded => IsBegun && ReadStatus() is { } status && (string?)status["state"] is Done or Diverged;

    /// <summary>The command line that makes the run, from its start or from its last checkpoint.</summary>
    /// <param name="data">The folder of the images, for supervised runs; null for the usual one.</param>
    /// <exception cref="IOException">The folder holds a run of other settings, or cannot be read.</exception>
    public IReadOnlyList<string> Arguments(string? data) =>
    [
        .. (Kind, IsBegun) switch
        {
            (CellKind.Supervised, true) => (string[])["supervised", "--resume", Folder],
            (CellKind.Train, true) => ["resume", Folder],
            _ => [Setting.Text(Kind), Recipe, .. Differences.SelectMany(difference => (string[])["--set", $"{difference.Path}={difference.Text}"]), "--out", Folder],
        },
        .. Kind == CellKind.Supervised && data is not null ? (string[])["--data", data] : [],
        "--quiet",
    ];

    /// <summary>What status.json says; null where the run never began.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public JsonObject? ReadStatus() => Read(RunFolder.Status);

    /// <summary>A JSON file of the run folder; null where there is none.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public JsonObject? Read(string name)
    {
        var path = Path.Combine(Folder, name);
        try
        {
            return File.Exists(path) ? JsonNode.Parse(File.ReadAllBytes(path))!.AsObject() : null;
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException or UnauthorizedAccessException)
        {
            throw new IOException($"Expected a run's {name} in '{path}', got: {failure.Message.TrimEnd('.')}. Delete the folder, and the run is made again.", failure);
        }
    }

    private const int AllImages = 50_000;

    // Whether the run's settings stand there. Those of another run are not silently taken for this one's.
    private bool IsBegun
    {
        get
        {
            var path = Path.Combine(Folder, RunFolder.Settings);
            if (!File.Exists(path))
                return false;

            var (wanted, found) = (Resolve(Runs.Recipe.Load(Recipe, Shelf).Assignments.Concat(Differences)), Resolve(Runs.Recipe.Load(path, Shelf).Assignments));
            var other = wanted.Select(setting => setting.Key).FirstOrDefault(name => !JsonNode.DeepEquals(wanted[name], found[name]));
            return other is null ? true : throw new IOException(
                $"Expected in '{Folder}' the run that is to be made, found one with another {other}: {Text(found[other])} instead of {Text(wanted[other])}. Choose another folder with --out.");
        }
    }

    private RecipeShelf Shelf => Kind == CellKind.Supervised ? RecipeShelf.Supervised : RecipeShelf.Agents;

    // Without what no result depends on: the device, and an agent's network.threads, which give the same to the bit.
    private JsonObject Resolve(IEnumerable<Assignment> assignments)
    {
        var settings = Kind == CellKind.Supervised ? SupervisedSettings.Resolve(assignments).ToJson() : RunSettings.Resolve(assignments).ToJson();
        settings.Remove(Device);
        (settings[Network] as JsonObject)?.Remove(Threads);
        return settings;
    }

    private static string Text(JsonNode? node) => node?.ToJsonString() ?? "null";
}
