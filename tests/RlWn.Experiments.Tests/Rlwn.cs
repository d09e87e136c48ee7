using System.Diagnostics;

namespace RlWn.Experiments.Tests;

/// <summary>The built command, run as its users run it.</summary>
internal sealed class Rlwn : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private readonly Process process;
    private readonly Task<string> error;
    private string output = "";

    private Rlwn(string file, IEnumerable<string> arguments, string folder)
    {
        var start = new ProcessStartInfo(file, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        process = Process.Start(start)!;
        error = process.StandardError.ReadToEndAsync();
    }

    private static string Program => Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "rlwn.exe" : "rlwn");

    public int Id => process.Id;

    /// <summary>Starts the command in a folder.</summary>
    public static Rlwn Start(string folder, params IEnumerable<string> arguments) => new(Program, arguments, folder);

    /// <summary>Starts the command from a line of the system's shell, which finds it as "$0".</summary>
    public static Rlwn StartFromShell(string folder, string line, params IEnumerable<string> arguments) => new("/bin/sh", ["-c", line, Program, .. arguments], folder);

    /// <summary>Runs the command to its end.</summary>
    public static (int ExitCode, string Output, string Error) Run(string folder, params IEnumerable<string> arguments)
    {
        using var running = Start(folder, arguments);
        return running.Wait();
    }

    /// <summary>On Linux: whether a process is there and has not ended. One that has may stand in the list for a while, as a zombie.</summary>
    public static bool IsAlive(int process)
    {
        try
        {
            return !File.ReadAllText($"/proc/{process}/stat").Contains(") Z ", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    }

    public void WaitForLineWith(string text)
    {
        while (process.StandardOutput.ReadLine() is { } line)
        {
            output += line + "\n";
            if (line.Contains(text, StringComparison.Ordinal))
                return;
        }

        Assert.Fail($"Expected a line with '{text}', got:\n{output}{error.Result}");
    }

    public (int ExitCode, string Output, string Error) Wait()
    {
        output += process.StandardOutput.ReadToEnd();
        Assert.True(process.WaitForExit(Patience), "The command did not end.");
        return (process.ExitCode, output, error.Result);
    }

    /// <summary>Sends a signal of Unix, as "INT", to the command and to others beside it.</summary>
    public void Signal(string name, params IEnumerable<int> others)
    {
        using var kill = Process.Start("kill", [$"-{name}", $"{Id}", .. others.Select(other => $"{other}")]);
        kill.WaitForExit();
    }

    /// <summary>Kills the command where it still runs, and waits for its end: its folder can be deleted then. Its children notice later: stop those by a signal.</summary>
    public void Dispose()
    {
        process.Kill();
        process.WaitForExit();
        process.Dispose();
    }
}
