using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace RlWn.Envs;

/// <summary>What is asked for: <c>gymnasium:[module:]Id[?name=value,name=value]</c>.</summary>
/// <param name="Text">All of it.</param>
/// <param name="Id">What gymnasium.make is asked for, as ALE/Pong-v5.</param>
/// <param name="Module">The module to import first; null for none.</param>
/// <param name="Arguments">What else gymnasium.make is given.</param>
internal sealed record GymnasiumId(string Text, string Id, string? Module, JsonObject Arguments)
{
    public const string Prefix = "gymnasium:";

    private const string Form = "gymnasium:Id, gymnasium:module:Id or gymnasium:Id?name=value,name=value with values in JSON or plain words";

    /// <summary>Takes an id apart.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static GymnasiumId Parse(string text)
    {
        if (!text.StartsWith(Prefix, StringComparison.Ordinal))
            throw Misformed(text);

        var (name, query) = text[Prefix.Length..].Split('?', 2) is [var before, var after] ? (before, after) : (text[Prefix.Length..], null);
        var colon = name.LastIndexOf(':');
        var (module, id) = colon < 0 ? (null, name) : (name[..colon], name[(colon + 1)..]);
        if (id.Length == 0 || module?.Length == 0 || name.Any(char.IsWhiteSpace))
            throw Misformed(text);

        // Since version 1 Gymnasium no longer looks for Atari's environments by itself.
        if (module is null && id.StartsWith("ALE/", StringComparison.Ordinal))
            module = "ale_py";
        return new(text, id, module, query is null ? [] : ParseArguments(text, query));
    }

    private static JsonObject ParseArguments(string text, string query)
    {
        var arguments = new JsonObject();
        for (var rest = query; rest is not null;)
        {
            var equals = rest.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? "" : rest[..equals].Trim();
            if (name.Length == 0 || arguments.ContainsKey(name))
                throw Misformed(text);

            (var value, rest) = ParseValue(rest[(equals + 1)..]);
            arguments.Add(name, value);
        }

        return arguments;
    }

    // JSON as far as it goes, if a comma or the end follows; else the words up to the next comma.
    private static (JsonNode? Value, string? Others) ParseValue(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        try
        {
            var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { AllowMultipleValues = true });
            if (reader.Read() && reader.TrySkip())
            {
                var end = (int)reader.BytesConsumed;
                var rest = Encoding.UTF8.GetString(bytes, end, bytes.Length - end);
                if (rest.Length == 0 || rest[0] == ',')
                    return (JsonNode.Parse(bytes.AsSpan(0, end)), rest.Length == 0 ? null : rest[1..]);
            }
        }
        catch (JsonException)
        {
        }

        return text.Split(',', 2) is [var word, var others] ? (word, others) : (text, null);
    }

    private static FormatException Misformed(string text) => new($"Expected {Form}, got \"{text}\".");
}
