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

    /// <summary>Makes the file, which must not exist: two runs never write to one.</summary>
    /// <exception cref="IOException">It exists, or cannot be made.</exception>
    public AppendLog(string path)
    {
        this.path = path;
        RunFolder.Guard(path, () => file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read));
    }

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

    /// <summary>Closes the file without flushing.</summary>
    public void Dispose() => file!.Dispose();
}
