using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using TorchSharp;

namespace RlWn.Init;

/// <summary>Finds and loads libtorch and TorchSharp's native library before TorchSharp itself looks for them.</summary>
/// <remarks>
/// <para>
/// Every project that rests on RlWn.Init, and every program that references its package, calls <see cref="Load"/> from a module
/// initializer, so nobody needs to; only a program that references the project and uses TorchSharp first calls it itself. Three
/// things are better this way. libtorch may lie in the package cache, beside the program, or wherever <see cref="PathVariable"/> says.
/// Systems whose libstdc++ is older than GCC 13's (Debian 12, Ubuntu 22.04) can load the library all the same. And what cannot be
/// loaded is named with its cause.
/// </para>
/// <para>
/// TorchSharp's Linux library asks for the symbol version GLIBCXX_3.4.32 for the sake of one symbol, a marker that is never called
/// (std::ios_base_library_init). Where the system lacks it, a copy of the library that asks weakly is loaded from memory; no file is changed.
/// </para>
/// </remarks>
public static partial class TorchLibrary
{
    /// <summary>The environment variable that names a folder with an installed libtorch, as pip's torch brings one (…/torch/lib).</summary>
    public const string PathVariable = "RLWN_LIBTORCH";

    private const string NeededLibtorch = "2.10";
    private const string MarkerVersion = "GLIBCXX_3.4.32";

    private static readonly Lazy<nint> TorchCpu = new(LoadAll);

    /// <summary>Loads the native libraries once per process; later calls do nothing.</summary>
    /// <exception cref="DllNotFoundException">A library is missing or does not fit this system; the message says which, why, and what to do.</exception>
    public static void Load() => _ = TorchCpu.Value;

    /// <summary>The address of a function that libtorch's CPU library exports.</summary>
    internal static nint Export(string name) => NativeLibrary.GetExport(TorchCpu.Value, name);

    private static nint LoadAll()
    {
        var chosen = Environment.GetEnvironmentVariable(PathVariable);
        var folders = string.IsNullOrWhiteSpace(chosen) ? SearchedFolders() : [chosen];
        var (prefix, suffix) = OperatingSystem.IsWindows() ? ("", ".dll") : OperatingSystem.IsMacOS() ? ("lib", ".dylib") : ("lib", ".so");

        var libtorch = folders.FirstOrDefault(folder => File.Exists(Path.Combine(folder, $"{prefix}torch_cpu{suffix}")));
        if (libtorch is null)
        {
            throw new DllNotFoundException(string.IsNullOrWhiteSpace(chosen)
                ? $"Expected libtorch {NeededLibtorch} (the file {prefix}torch_cpu{suffix}), found none in {string.Join(", ", folders)}. "
                    + $"Add the package libtorch-cpu-linux-x64 (or -win-x64, -osx-arm64), or point {PathVariable} at a folder that holds it, as pip's …/torch/lib."
                : $"Expected libtorch in the folder that {PathVariable} names, found no {prefix}torch_cpu{suffix} in '{chosen}'. "
                    + "Point it at the lib folder inside the torch package, or unset it to use the packaged libtorch.");
        }

        // In the order of their needs: the loader then finds each one's dependencies by name among those already there.
        // torch_cuda comes with a CUDA build only; TorchDevice reports a missing one when CUDA is asked for.
        foreach (var name in (ReadOnlySpan<string>)["c10", "torch_cpu", "c10_cuda", "torch_cuda", "torch"])
        {
            var path = Path.Combine(libtorch, $"{prefix}{name}{suffix}");
            if (!File.Exists(path))
                continue;
            if (!name.Contains("cuda", StringComparison.Ordinal))
                LoadFile(path);
            else if (NativeLibrary.TryLoad(path, out _) == false)
                CudaFailure = ReasonNotToLoad(path);
        }

        var binding = SearchedFolders().Prepend(libtorch).Select(folder => Path.Combine(folder, $"{prefix}LibTorchSharp{suffix}")).FirstOrDefault(File.Exists)
            ?? throw new DllNotFoundException(
                $"Expected TorchSharp's native library {prefix}LibTorchSharp{suffix}, found it in none of {string.Join(", ", SearchedFolders())}. "
                + "Publish with its runtimes folder, or run where the TorchSharp package is restored.");
        LoadBinding(binding, libtorch);
        return NativeLibrary.Load(Path.Combine(libtorch, $"{prefix}torch_cpu{suffix}"));
    }

    /// <summary>Why a CUDA library that lies beside libtorch could not be loaded; null where it loaded or there is none.</summary>
    internal static string? CudaFailure { get; private set; }

    private static void LoadBinding(string path, string libtorch)
    {
        if (NativeLibrary.TryLoad(path, out _))
            return;

        var reason = ReasonNotToLoad(path);
        var versions = MissingVersion().Matches(reason).Select(match => match.Groups[1].Value).Distinct().ToArray();
        if (OperatingSystem.IsLinux() && versions is [MarkerVersion])
        {
            var bytes = File.ReadAllBytes(path);
            if (ElfVersions.MakeWeak(bytes, MarkerVersion))
            {
                MemoryLibrary.Load("libLibTorchSharp.so", bytes);
                return;
            }
        }

        throw new DllNotFoundException(
            $"TorchSharp's native library does not load with the libtorch in '{libtorch}': {reason} "
            + $"It needs libtorch {NeededLibtorch}; another version, as a system's own python3-torch, does not fit.");
    }

    private static void LoadFile(string path)
    {
        if (!NativeLibrary.TryLoad(path, out _))
            throw new DllNotFoundException($"'{path}' is there but does not load: {ReasonNotToLoad(path)}");
    }

    private static string ReasonNotToLoad(string path)
    {
        try
        {
            NativeLibrary.Free(NativeLibrary.Load(path));
            return "it loaded at the second try.";
        }
        catch (Exception failure) when (failure is DllNotFoundException or BadImageFormatException)
        {
            // The runtime's general advice comes first, then what the system's loader said of each name that was tried.
            var lines = failure.Message.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            return lines.Skip(1).FirstOrDefault() ?? lines[0];
        }
    }

    // Where the host would look, then where a package's files lie in an application folder.
    private static string[] SearchedFolders()
    {
        var host = (AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return [.. host, .. ApplicationFolders().SelectMany(folder => (string[])[folder, Path.Combine(folder, "runtimes", RuntimeInformation.RuntimeIdentifier, "native")])];

        static IEnumerable<string> ApplicationFolders()
        {
            yield return AppContext.BaseDirectory;
            if (Path.GetDirectoryName(typeof(torch).Assembly.Location) is { Length: > 0 } folder && folder != AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar))
                yield return folder;
        }
    }

    [GeneratedRegex(@"version [`'](\S+?)' not found")]
    private static partial Regex MissingVersion();
}
