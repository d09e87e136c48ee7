using System.Globalization;
using RlWn.Agents;

namespace RlWn.Experiments.Runs;

/// <summary>A run's checkpoints: files named by their steps, of which the last few are kept.</summary>
/// <param name="folder">The run's folder.</param>
/// <param name="kept">How many are kept, at least 1.</param>
internal sealed class Checkpoints(RunFolder folder, int kept)
{
    private const string Name = "checkpoint-", Extension = ".ckpt";

    /// <summary>Writes one, and deletes those that are more than are kept, the oldest first.</summary>
    /// <exception cref="IOException">It could not be written; all that were there still are.</exception>
    public void Save(long steps, Action<BinaryWriter> write)
    {
        var path = folder[string.Create(CultureInfo.InvariantCulture, $"{Name}{steps:D12}{Extension}")];
        RunFolder.Guard(path, () => Checkpoint.Save(path, write));
        foreach (var old in Newest().Skip(kept))
            File.Delete(old);
    }

    /// <summary>Reads the newest that is whole.</summary>
    /// <param name="read">Reads what was written, and may be called again if that turns out not to fit.</param>
    /// <param name="warn">Told of each that is damaged.</param>
    /// <returns>Whether there was one.</returns>
    public bool Load(Action<BinaryReader> read, Action<string> warn)
    {
        foreach (var path in Newest())
        {
            try
            {
                Checkpoint.Load(path, read);
                return true;
            }
            catch (InvalidDataException damage)
            {
                warn(damage.Message);
            }
        }

        return false;
    }

    private string[] Newest() => [.. Directory.EnumerateFiles(folder.Path, $"{Name}*{Extension}").OrderDescending(StringComparer.Ordinal)];
}
