namespace RlWn.Experiments;

/// <summary>How this command is called from where the user stands, for advice that can be pasted.</summary>
internal static class OwnName
{
    /// <summary><c>rlwn</c> where it is on the path; <c>dotnet run</c> where its source is; else the program's file.</summary>
    public static string Command { get; } = Find();

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
