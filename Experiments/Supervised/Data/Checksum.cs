using System.Security.Cryptography;
using System.Text;

namespace RlWn.Experiments.Supervised.Data;

/// <summary>Checksums as sites publish them, and a list of them beside files whose checksums no site publishes.</summary>
internal static class Checksum
{
    /// <summary>The name of the list in a folder, as <c>md5sum</c> writes and checks it: a checksum, two spaces and a name in each line.</summary>
    public const string List = "md5sums.txt";

    private const string Between = "  ";

    // MD5 tells cut or broken files from whole ones, which is all that is asked of it; it is what the sites publish.
#pragma warning disable CA5351 // a checksum against accidents, not against forgery
    public static string Of(byte[] content) => Convert.ToHexStringLower(MD5.HashData(content));

    public static string OfFile(string path)
    {
        using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(MD5.HashData(file));
    }
#pragma warning restore CA5351

    /// <summary>Writes the list of a folder's files.</summary>
    /// <param name="folder">Where they lie.</param>
    /// <param name="names">Their names.</param>
    public static void WriteList(string folder, IEnumerable<string> names) =>
        File.WriteAllText(Path.Combine(folder, List), string.Concat(names.Select(name => $"{OfFile(Path.Combine(folder, name))}{Between}{name}\n")), new UTF8Encoding(false));

    /// <summary>The checksums of a folder's list by name; none where there is no list.</summary>
    /// <exception cref="IOException">There is a list that cannot be read.</exception>
    public static Dictionary<string, string> ReadList(string folder)
    {
        var path = Path.Combine(folder, List);
        return File.Exists(path) ? File.ReadLines(path).Where(line => line.Length > 0).Select(Entry).ToDictionary() : [];

        KeyValuePair<string, string> Entry(string line) => line.Split(Between) is [{ Length: 32 } md5, { Length: > 0 } name]
            ? new(name, md5)
            : throw new IOException($"Expected a checksum and a file's name in each line of '{path}', got '{line}'. It was cut or altered: delete the folder, and it is downloaded again.");
    }
}
