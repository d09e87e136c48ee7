using System.Text.Json;

namespace RlWn.Envs;

/// <summary>Spaces as the Python side describes them.</summary>
internal static class GymnasiumSpaces
{
    public static Space Read(JsonElement description) => description.GetProperty("kind").GetString() switch
    {
        "discrete" => new Discrete(Whole(description, "counts")[0]),
        "multidiscrete" => new MultiDiscrete(Whole(description, "counts")),
        "bytes" => new ByteBox(Whole(description, "shape"), description.GetProperty("high").GetByte()),
        "box" => ReadBox(description),
        var kind => throw new JsonException($"Unknown kind of space \"{kind}\"."),
    };

    private static Box ReadBox(JsonElement description)
    {
        var shape = Whole(description, "shape");
        var size = shape.Aggregate(1, (product, length) => checked(product * length));
        return new([.. shape], Bounds("low", float.NegativeInfinity), Bounds("high", float.PositiveInfinity));

        float[] Bounds(string name, float infinite)
        {
            float[] bounds = [.. description.GetProperty(name).EnumerateArray().Select(bound => bound.ValueKind == JsonValueKind.Null ? infinite : (float)bound.GetDouble())];
            return bounds.Length == 1 ? [.. Enumerable.Repeat(bounds[0], size)] : bounds;
        }
    }

    private static int[] Whole(JsonElement description, string name) => [.. description.GetProperty(name).EnumerateArray().Select(number => number.GetInt32())];
}
