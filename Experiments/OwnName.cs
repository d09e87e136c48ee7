using System.Diagnostics;

namespace RlWn.Experiments;

/// <summary>How this program is called: by the user from where they stand, in advice that can be pasted, and by itself.</summary>
internal static class OwnName
{
    /// <summary><c>rlwn</c> where it is on the path; <c>dotnet run</c> where its source is; else the program's file.</summary>
    public static string Command { get; } = Find();

    /// <summary>How this very program is started again, whether it was started by its own name or by <c>dotnet rlwn.dll</c>.</summary>
    /// <param name="arguments">The command line, word by word.</param>
    public static ProcessStartInfo Start(IEnumerable<string> arguments)
    {
        var program = Environment.ProcessPath ?? throw new IOException("Expected the system to say which file this program is, got nothing. Start it by its path.");
        var isHost = Path.GetFileNameWithoutExtension(program).Equals("dotnet", StringComparison.OrdinalIgnoreCase);
        return new(program, isHost ? [Environment.GetCommandLineArgs()[0], .. arguments] : arguments);
    }

    private static string Find()
    {
        var program = OperatingSystem.IsWindows() ? "rlwn.exe" : "rlwn";
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        if (folders.Any(folder => File.Exists(Path.Combine(folder, program))))
            return "rlwn";
        return File.Exists(Path.Combine("Experiments", "RlWn.Experiments.csproj"))
            ? "dotnet run -c Release --project Experiments --"
            : Environment.ProcessPath ?? "rlwn";
    }
}
