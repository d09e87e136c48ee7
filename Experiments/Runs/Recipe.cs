using System.Reflection;
using System.Text.Json;
using RlWn.Envs;

namespace RlWn.Experiments.Runs;

/// <summary>Where the recipes of one kind lie among the command's resources.</summary>
/// <param name="Folder">Ends in a slash.</param>
internal sealed record RecipeShelf(string Folder)
{
    /// <summary>What 'rlwn train' takes.</summary>
    public static RecipeShelf Agents { get; } = new("Recipes/");

    /// <summary>What 'rlwn supervised' takes.</summary>
    public static RecipeShelf Supervised { get; } = new("SupervisedRecipes/");

    /// <summary>The names of its recipes.</summary>
    public IReadOnlyList<string> Names => field ??=
    [
        .. Assembly.GetExecutingAssembly().GetManifestResourceNames()
            .Where(name => name.StartsWith(Folder, StringComparison.Ordinal))
            .Select(name => name[Folder.Length..^Recipe.Extension.Length])
            .Order(StringComparer.Ordinal),
    ];
}

/// <summary>A recipe: a name, and what differs from the defaults. Reading one needs no libtorch.</summary>
/// <remarks>
/// A run's settings.json is a recipe too, which repeats the run. A recipe may say <c>"extends": "cartpole-ppo"</c>, one that comes with the command, and
/// then what differs from that.
/// </remarks>
internal sealed record Recipe(string Name, IReadOnlyList<Assignment> Assignments)
{
    public const string Default = "cartpole-ppo";

    public const string Extension = ".json";

    private const string ExtendsMember = "extends";

    private static readonly JsonDocumentOptions Options = new()
    {
        CommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        AllowDuplicateProperties = false,
    };

    /// <summary>The names of the recipes for agents.</summary>
    public static IReadOnlyList<string> Names => RecipeShelf.Agents.Names;

    /// <summary>What the recipe says of a setting; empty where it says nothing.</summary>
    public string this[string path] => Assignments.LastOrDefault(assignment => assignment.Path == path)?.Text ?? "";

    /// <summary>Reads a recipe for agents.</summary>
    /// <inheritdoc cref="Load(string, RecipeShelf)"/>
    public static Recipe Load(string name) => Load(name, RecipeShelf.Agents);

    /// <summary>Reads a recipe.</summary>
    /// <param name="name">One of the shelf's names, or the path of a JSON file.</param>
    /// <param name="shelf">Where recipes without a path lie.</param>
    /// <exception cref="UsageException">There is no such recipe, or it is not one.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static Recipe Load(string name, RecipeShelf shelf)
    {
        var isFile = name.EndsWith(Extension, StringComparison.OrdinalIgnoreCase);
        if (!isFile && !shelf.Names.Contains(name))
        {
            throw new UsageException(
                $"Expected a recipe or the path of a .json file, got '{name}'. "
                + (Nearest.Of(name, shelf.Names) is { } nearest ? $"Did you mean '{nearest}'? " : "")
                + $"Recipes are: {string.Join(", ", shelf.Names)}.");
        }

        if (isFile && !File.Exists(name))
            throw new UsageException($"Expected a recipe's file, found none at '{name}'. Recipes that need no file are: {string.Join(", ", shelf.Names)}.");

        using var stream = isFile ? File.OpenRead(name) : Assembly.GetExecutingAssembly().GetManifestResourceStream(shelf.Folder + name + Extension)!;
        return Read(isFile ? Path.GetFileNameWithoutExtension(name) : name, stream, shelf);
    }

    private static Recipe Read(string name, Stream stream, RecipeShelf shelf)
    {
        try
        {
            using var json = JsonDocument.Parse(stream, Options);
            if (json.RootElement.ValueKind != JsonValueKind.Object)
                throw new UsageException($"Expected an object {{ … }} in recipe '{name}', got {json.RootElement.ValueKind}.");
            return new(name, [.. Extended(name, json.RootElement, shelf), new("recipe", name, "its name"), .. Flatten(json.RootElement, "", $"recipe '{name}'")]);
        }
        catch (JsonException failure)
        {
            throw new UsageException($"Expected JSON in recipe '{name}', got: {failure.Message}");
        }
    }

    // What the recipe that this one extends says. Files are not extended, so recipes cannot go round in circles.
    private static IReadOnlyList<Assignment> Extended(string name, JsonElement recipe, RecipeShelf shelf)
    {
        if (!recipe.TryGetProperty(ExtendsMember, out var member))
            return [];
        if (member.ValueKind != JsonValueKind.String || !shelf.Names.Contains(member.GetString()!))
        {
            throw new UsageException(
                $"Expected the name of a recipe after {ExtendsMember} in recipe '{name}', got {member.GetRawText()}. Recipes are: {string.Join(", ", shelf.Names)}.");
        }

        return Load(member.GetString()!, shelf).Assignments;
    }

    private static IEnumerable<Assignment> Flatten(JsonElement section, string prefix, string source)
    {
        foreach (var member in section.EnumerateObject())
        {
            var path = prefix + member.Name;
            if (path is Origin.Member or ExtendsMember)
                continue;

            if (member.Value.ValueKind == JsonValueKind.Object)
            {
                foreach (var assignment in Flatten(member.Value, $"{path}.", source))
                    yield return assignment;
            }
            else
            {
                yield return new(path, member.Value.ValueKind == JsonValueKind.String ? member.Value.GetString()! : member.Value.GetRawText(), source);
            }
        }
    }
}
