using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;

namespace RlWn.Inference;

/// <summary>What a safetensors file holds.</summary>
/// <param name="Tensors">The tensors in the order of their bytes.</param>
/// <param name="Metadata">The texts that go with them, without the checksum.</param>
public sealed record SafetensorsContent(IReadOnlyList<TensorData> Tensors, IReadOnlyDictionary<string, string> Metadata);

/// <summary>Reads and writes safetensors files: named tensors and texts, which Python reads too and which run no code.</summary>
/// <remarks>
/// <para>
/// The format (huggingface/safetensors): 8 bytes, the length of the header, little-endian; the header, JSON that begins with '{' and
/// may be padded with spaces; then the tensors' bytes, without holes or overlap to the last byte of the file.
/// </para>
/// <para>
/// A file written here carries the SHA-256 of the tensors' bytes in its metadata, which is verified on reading; files without one are
/// read too. Files up to 2 GiB, on little-endian machines.
/// </para>
/// </remarks>
public static class Safetensors
{
    private const string MetadataKey = "__metadata__";
    private const string ChecksumKey = "rlwn.sha256";
    private const int LengthBytes = sizeof(ulong);
    private const int LongestHeader = 100_000_000;   // bytes, as in the official reader
    private const string OtherFormat = "It is probably a file of another format; save the model as safetensors.";
    private const string Restore = "Restore the file from a backup, or save the model again.";

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="ModelFileException">The file breaks a rule of the format, is cut off, or was altered.</exception>
    /// <exception cref="IOException">The file could not be read.</exception>
    public static SafetensorsContent Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Parse(File.ReadAllBytes(path), path);
    }

    /// <summary>Reads a file that is in memory already, as a resource of an application.</summary>
    /// <param name="file">All bytes of the file. The tensors refer to them, so they must not change afterwards.</param>
    /// <param name="source">What messages call the file.</param>
    /// <exception cref="ModelFileException">The file breaks a rule of the format, is cut off, or was altered.</exception>
    public static SafetensorsContent Parse(ReadOnlyMemory<byte> file, string source)
    {
        try
        {
            return Parse(file);
        }
        catch (FormatException exception)
        {
            throw new ModelFileException($"{source}: {exception.Message}", exception);
        }
    }

    /// <summary>
    /// Writes a file in one step: whoever looks, even after a power cut, finds the old file or the whole new one. If writing fails,
    /// what was there stays as it was.
    /// </summary>
    /// <param name="path">The file, which is replaced if it exists.</param>
    /// <param name="tensors">The tensors, each name once. Those of wider numbers are written first, so that all are aligned.</param>
    /// <param name="metadata">Texts to go with them. The key "rlwn.sha256" is set here.</param>
    /// <exception cref="ArgumentException">Two tensors have one name, or one has the name "__metadata__".</exception>
    /// <exception cref="IOException">The file could not be written.</exception>
    public static void Write(string path, IReadOnlyList<TensorData> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(tensors);
        ArgumentNullException.ThrowIfNull(metadata);

        TensorData[] ordered = [.. tensors.OrderByDescending(tensor => TensorData.ElementSize(tensor.Type))];
        var names = new HashSet<string> { MetadataKey };
        foreach (var tensor in ordered)
        {
            if (!names.Add(tensor.Name))
            {
                throw new ArgumentException(
                    $"Expected every tensor's name once and none called {MetadataKey}, got '{tensor.Name}' again.", nameof(tensors));
            }
        }

        var header = Header(ordered, metadata);
        WholeFile.Write(path, stream =>
        {
            stream.Write(header);
            foreach (var tensor in ordered)
                stream.Write(tensor.Bytes.Span);
        });
    }

    private static SafetensorsContent Parse(ReadOnlyMemory<byte> file)
    {
        if (file.Length < LengthBytes)
            throw Invalid($"Expected a safetensors file, which begins with {LengthBytes} bytes of length, got {file.Length} bytes.");

        var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(file.Span);
        if (headerLength > LongestHeader)
            throw Invalid($"Expected a safetensors header of at most {LongestHeader} bytes, got a length of {headerLength}.", OtherFormat);
        if (headerLength > (ulong)(file.Length - LengthBytes))
            throw Invalid($"Expected a header of {headerLength} bytes, got {file.Length - LengthBytes}: the file was cut off.");

        var header = file.Slice(LengthBytes, (int)headerLength);
        var data = file[(LengthBytes + header.Length)..];
        if (header.IsEmpty || header.Span[0] != (byte)'{')
            throw Invalid("Expected a safetensors header, which begins with '{', got none.", OtherFormat);

        try
        {
            using var json = JsonDocument.Parse(header, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return Parse(json.RootElement, data);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)   // the latter: not Unicode
        {
            throw Invalid($"Expected a header of valid JSON, got an error in it: {exception.Message}");
        }
    }

    private static SafetensorsContent Parse(JsonElement header, ReadOnlyMemory<byte> data)
    {
        var metadata = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var entries = new List<(string Name, int[] Shape, DType Type, long Begin, long End)>();
        foreach (var property in header.EnumerateObject())
        {
            if (property.Name == MetadataKey)
                ParseMetadata(property.Value, metadata);
            else
                entries.Add(ParseEntry(property.Name, property.Value));
        }

        var tensors = new List<TensorData>(entries.Count);
        var position = 0L;
        foreach (var (name, shape, type, begin, end) in entries.OrderBy(entry => (entry.Begin, entry.End)))
        {
            if (begin != position)
                throw Invalid($"Expected tensor {Quote(name)} to begin at byte {position}, where the one before it ends, got {begin}.");
            if (end > data.Length)
                throw Invalid($"Expected tensor {Quote(name)} to end within {data.Length} bytes of data, got {end}: the file was cut off.");

            tensors.Add(new TensorData(name, shape, type, data[(int)begin..(int)end]));
            position = end;
        }

        if (position != data.Length)
            throw Invalid($"Expected {position} bytes of data, as the header says, got {data.Length}.");

        if (metadata.Remove(ChecksumKey, out var expected) && Checksum([data]) is var actual && actual != expected)
            throw Invalid($"Expected data of SHA-256 {Quote(expected)}, got {actual}: the file was altered.");

        return new SafetensorsContent(tensors, metadata);
    }

    private static void ParseMetadata(JsonElement texts, SortedDictionary<string, string> metadata)
    {
        if (texts.ValueKind != JsonValueKind.Object)
            throw Invalid($"Expected {MetadataKey} to be an object of texts, got {texts.ValueKind}.");

        foreach (var text in texts.EnumerateObject())
        {
            metadata[text.Name] = text.Value.ValueKind == JsonValueKind.String
                ? text.Value.GetString()!
                : throw Invalid($"Expected a text under {Quote(text.Name)} in {MetadataKey}, got {text.Value.ValueKind}.");
        }
    }

    private static (string Name, int[] Shape, DType Type, long Begin, long End) ParseEntry(string name, JsonElement entry)
    {
        if (entry.ValueKind != JsonValueKind.Object)
            throw Invalid($"Expected dtype, shape and data_offsets for tensor {Quote(name)}, got {entry.ValueKind}.");

        var typeName = entry.TryGetProperty("dtype", out var text) && text.ValueKind == JsonValueKind.String ? text.GetString()! : "none";
        if (!Enum.GetNames<DType>().Contains(typeName))
        {
            throw Invalid(
                $"Expected a dtype of {string.Join(", ", Enum.GetNames<DType>())} for tensor {Quote(name)}, got {Quote(typeName)}.",
                "Save the tensor in one of these types.");
        }

        var type = Enum.Parse<DType>(typeName);
        var shape = Numbers(entry, "shape");
        var offsets = Numbers(entry, "data_offsets");
        if (shape is null || Array.Exists(shape, length => length > int.MaxValue))
            throw Invalid($"Expected a shape of numbers from 0 to {int.MaxValue} for tensor {Quote(name)}, got {Text(entry, "shape")}.");
        if (offsets is not [var begin, var end] || begin > end)
            throw Invalid($"Expected data_offsets [begin, end] for tensor {Quote(name)}, got {Text(entry, "data_offsets")}.");

        var lengths = Array.ConvertAll(shape, length => (int)length);
        if (TensorData.SizeInBytes(lengths, type) != end - begin)
            throw Invalid($"Expected the bytes of {type} {Text(entry, "shape")} for tensor {Quote(name)}, got {end - begin}.");

        return (name, lengths, type, begin, end);
    }

    /// <summary>The numbers of an array, or null if it is no array of numbers from 0 to 2^63 - 1.</summary>
    private static long[]? Numbers(JsonElement entry, string key)
    {
        if (!entry.TryGetProperty(key, out var array) || array.ValueKind != JsonValueKind.Array)
            return null;

        var numbers = new long[array.GetArrayLength()];
        var i = 0;
        foreach (var element in array.EnumerateArray())
        {
            if (element.ValueKind != JsonValueKind.Number || !element.TryGetInt64(out numbers[i]) || numbers[i++] < 0)
                return null;
        }

        return numbers;
    }

    private static byte[] Header(TensorData[] tensors, IReadOnlyDictionary<string, string> metadata)
    {
        using var stream = new MemoryStream();
        stream.Write(stackalloc byte[LengthBytes]);
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteStartObject(MetadataKey);
            foreach (var (key, text) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))   // same content, same bytes
            {
                if (key != ChecksumKey)
                    json.WriteString(key, text);
            }

            json.WriteString(ChecksumKey, Checksum(tensors.Select(tensor => tensor.Bytes)));
            json.WriteEndObject();

            var position = 0L;
            foreach (var tensor in tensors)
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.Type.ToString());
                WriteNumbers(json, "shape", tensor.Shape.Select(length => (long)length));
                WriteNumbers(json, "data_offsets", [position, position += tensor.Bytes.Length]);
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        while (stream.Length % LengthBytes != 0)
            stream.WriteByte((byte)' ');

        var header = stream.ToArray();
        if (header.Length - LengthBytes > LongestHeader)
        {
            throw new ArgumentException(
                $"Expected names and texts of at most {LongestHeader} bytes, got {header.Length - LengthBytes}. " +
                "Keep large texts elsewhere.");
        }

        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)(header.Length - LengthBytes));
        return header;
    }

    private static void WriteNumbers(Utf8JsonWriter json, string key, IEnumerable<long> numbers)
    {
        json.WriteStartArray(key);
        foreach (var number in numbers)
            json.WriteNumberValue(number);
        json.WriteEndArray();
    }

    private static string Checksum(IEnumerable<ReadOnlyMemory<byte>> parts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var part in parts)
            hash.AppendData(part.Span);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static FormatException Invalid(string whatCame, string whatToDo = Restore) => new($"{whatCame} {whatToDo}");

    private static string Quote(string name) => $"'{TensorData.Abbreviate(name)}'";

    private static string Text(JsonElement entry, string key) =>
        entry.TryGetProperty(key, out var value) ? TensorData.Abbreviate(value.GetRawText()) : "none";
}
