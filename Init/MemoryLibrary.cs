using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace RlWn.Init;

/// <summary>Loads a shared library from bytes, on Linux.</summary>
internal static partial class MemoryLibrary
{
    /// <summary>Loads the library for the rest of the process. It is found again under the name that it carries itself (DT_SONAME).</summary>
    /// <param name="name">A name to show in the process's memory map.</param>
    /// <param name="library">The library's bytes.</param>
    public static void Load(string name, ReadOnlySpan<byte> library)
    {
        // An anonymous file in memory needs no folder that can be written to and leaves nothing behind.
        using var memory = memfd_create(name, 0);
        if (!memory.IsInvalid)
        {
            RandomAccess.Write(memory, library, 0);
            if (NativeLibrary.TryLoad($"/proc/self/fd/{memory.DangerousGetHandle()}", out _))
                return;
        }

        // Some hardened systems refuse to run code from such files. A file that is deleted once it is mapped comes closest.
        var path = Path.Combine(Path.GetTempPath(), $"{Path.GetRandomFileName()}.so");
        try
        {
            File.WriteAllBytes(path, library);
            NativeLibrary.Load(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or DllNotFoundException)
        {
            throw new DllNotFoundException(
                $"Expected to load {name} from memory or from '{Path.GetTempPath()}', got: {failure.Message} "
                + "Let TMPDIR name a folder that can be written to and run from, or install libstdc++ of GCC 13 or later.", failure);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial SafeFileHandle memfd_create(string name, uint flags);
}
