using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace RlWn.Experiments.Runs;

/// <summary>A file that only grows: what is written waits in memory until it is flushed, so a record costs no system call.</summary>
internal sealed class AppendLog : IDisposable
{
    private readonly ArrayBufferWriter<byte> waiting = new();
    private readonly string path;
    private SafeFileHandle? file;
    private long length;

    /// <summary>Makes the file, which must not exist: two runs never write to one. Or goes on with one that was interrupted.</summary>
    /// <param name="path">The file.</param>
    /// <param name="end">Where to go on: what stands behind was written after the checkpoint, and is written again. Null makes a new file.</param>
    /// <exception cref="IOException">It exists, or cannot be made, or is shorter than <paramref name="end"/>.</exception>
    public AppendLog(string path, long? end = null)
    {
        this.path = path;
        RunFolder.Guard(path, () => file = File.OpenHandle(path, end is null ? FileMode.CreateNew : FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read));
        if (end is not { } kept)
            return;

        if (RandomAccess.GetLength(file!) < kept)
        {
            file!.Dispose();
            throw new IOException($"Expected at least {kept} bytes in '{path}', as when the checkpoint was written, found fewer. Start the run again in another folder.");
        }

        RunFolder.Guard(path, () => RandomAccess.SetLength(file!, kept));
        length = kept;
    }

    /// <summary>How many bytes were flushed.</summary>
    public long Length => length;

    /// <summary>Takes what is to be written.</summary>
    public IBufferWriter<byte> Waiting => waiting;

    /// <summary>Hands what waits to the system.</summary>
    /// <exception cref="IOException">It could not be written, as on a full disk.</exception>
    public void Flush()
    {
        RunFolder.Guard(path, () => RandomAccess.Write(file!, waiting.WrittenSpan, length));
        length += waiting.WrittenCount;
        waiting.ResetWrittenCount();
    }

    /// <summary>Hands what waits to the system, and has the disk keep it.</summary>
    /// <exception cref="IOException">It could not be written, as on a full disk.</exception>
    public void FlushToDisk()
    {
        Flush();
        RunFolder.Guard(path, () => RandomAccess.FlushToDisk(file!));
    }

    /// <summary>Closes the file without flushing.</summary>
    public void Dispose() => file!.Dispose();
}
