using System.Globalization;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace RlWn.Envs;

/// <summary>Memory that child processes can map too. It has no name in any file system: nothing of it stays behind, however the processes end.</summary>
/// <remarks>The view is unmapped when nothing references its handle any more, not on dispose: batches may still be read.</remarks>
internal sealed class SharedMemory : IDisposable
{
    private readonly MemoryMappedFile file;

    private SharedMemory(MemoryMappedFile file, string path, long size)
    {
        var view = file.CreateViewAccessor(0, size);
        (this.file, Path, Owner, Address) = (file, path, view.SafeMemoryMappedViewHandle, view.SafeMemoryMappedViewHandle.DangerousGetHandle());
    }

    /// <summary>Where a child may open it.</summary>
    public string Path { get; }

    /// <summary>Where it begins here.</summary>
    public nint Address { get; }

    /// <summary>Keeps it mapped here.</summary>
    public SafeHandle Owner { get; }

    /// <summary>Makes memory of zeros, or null where the system has no way to share it without a name.</summary>
    public static SharedMemory? TryCreate(long size)
    {
        if (!OperatingSystem.IsLinux())
            return null;

        var file = MemoryMappedFile.CreateNew(null, size);
        var descriptor = file.SafeMemoryMappedFileHandle.DangerousGetHandle();
        var path = string.Create(CultureInfo.InvariantCulture, $"/proc/{Environment.ProcessId}/fd/{descriptor}");
        if (File.Exists(path) || new FileInfo(path).LinkTarget is not null)
            return new(file, path, size);

        file.Dispose();
        return null;
    }

    public void Dispose() => file.Dispose();
}
