using System.Runtime.InteropServices;

namespace RlWn.Init;

/// <summary>Lets glibc keep the memory of large tensors from one step to the next.</summary>
/// <remarks>
/// By default glibc maps blocks above some size anew each time and gives them back at once, so that at every training step the system
/// clears hundreds of megabytes. Other C libraries are left alone.
/// </remarks>
public static unsafe class NativeHeap
{
    private const int TrimThreshold = -1, MmapThreshold = -3;   // M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
    private const int Never = -1, Gigabyte = 1 << 30;

    /// <summary>Keeps freed memory in this process from now on.</summary>
    /// <returns>Whether this is a system with glibc.</returns>
    public static bool KeepFreed()
    {
        if (!OperatingSystem.IsLinux() || !NativeLibrary.TryLoad("libc.so.6", out var libc) || !NativeLibrary.TryGetExport(libc, "gnu_get_libc_version", out _))
            return false;

        var set = (delegate* unmanaged<int, int, int>)NativeLibrary.GetExport(libc, "mallopt");
        return set(MmapThreshold, Gigabyte) != 0 & set(TrimThreshold, Never) != 0;
    }
}
