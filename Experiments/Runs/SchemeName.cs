using System.Text.Json;
using System.Text.Json.Serialization;
using RlWn.Init;

namespace RlWn.Experiments.Runs;

/// <summary>Writes a scheme to JSON as its name.</summary>
internal sealed class SchemeName : JsonConverter<Scheme>
{
    public override Scheme Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Scheme.Parse(reader.GetString()!);

    public override void Write(Utf8JsonWriter writer, Scheme value, JsonSerializerOptions options) => writer.WriteStringValue(value.Name);
}
