namespace RlWn.Inference;

/// <summary>Writes files in one step: whoever looks, even after a power cut, finds the old file or the whole new one.</summary>
internal static class WholeFile
{
    /// <summary>How the name of a file ends that is being written, behind the file's own.</summary>
    public const string Unfinished = ".tmp";

    /// <summary>Writes beside the file, down to the disk, and then renames.</summary>
    /// <param name="path">The file, which is replaced if it exists.</param>
    /// <param name="write">Writes all of it.</param>
    /// <exception cref="IOException">It could not be written; what was there is still there.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        path = Path.GetFullPath(path);
        var temporary = $"{path}.{Guid.NewGuid():N}{Unfinished}";   // in the same folder: a rename does not cross file systems
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            if (File.Exists(temporary))
                File.Delete(temporary);
            throw;
        }
    }
}
