using System.Diagnostics;

namespace RlWn.Envs.Tests;

/// <summary>This machine's Python with a stand-in for Gymnasium on its path.</summary>
internal static class FakeGymnasium
{
    // Past the script that some machines have for python3: it takes longer to start than Python.
    private static readonly Lazy<string> Executable = new(() =>
    {
        using var python = Process.Start(new ProcessStartInfo("python3", ["-c", "import sys; print(sys.executable)"]) { RedirectStandardOutput = true })!;
        return python.StandardOutput.ReadLine()!;
    });

    /// <summary>Skips the test where it cannot be run; called by the constructor of every class of them.</summary>
    public static void Require()
    {
        Environment.SetEnvironmentVariable("PYTHONPATH", Path.Combine(AppContext.BaseDirectory, "python"));
        Environment.SetEnvironmentVariable("PYTHONDONTWRITEBYTECODE", "1");
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Was not tried on Windows.");
        Assert.SkipUnless(Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(folder => File.Exists(Path.Combine(folder, "python3"))), "Needs python3.");
        Environment.SetEnvironmentVariable(BridgeOptions.PythonVariable, Executable.Value);
    }

    public static BridgeOptions Shared { get; } = new() { Processes = 2 };

    public static BridgeOptions Piped { get; } = new() { Processes = 2, SharedMemory = false };

    public static BridgeOptions Hasty { get; } = new() { StepTimeout = TimeSpan.FromSeconds(0.5) };

    public static GymnasiumVectorEnv Vector(string id, int count = 1, BridgeOptions? options = null) => Gymnasium.MakeVector($"gymnasium:{id}", count, options ?? Shared);

    public static IEnv<TObservation, TAction> Env<TObservation, TAction>(string id)
        where TObservation : unmanaged
        where TAction : unmanaged =>
        (IEnv<TObservation, TAction>)Gymnasium.Make($"gymnasium:{id}");

    /// <summary>Writes a script of the shell that can stand for an interpreter.</summary>
    public static string Interpreter(string lines)
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("rlwn-python-").FullName, "python");
        File.WriteAllText(path, $"#!/bin/sh\n{lines}\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return path;
    }

    /// <summary>Whether a process is there and has not ended, waiting a while for it to end.</summary>
    public static bool IsAlive(int process)
    {
        for (var since = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(since) < TimeSpan.FromSeconds(10); Thread.Sleep(20))
        {
            var status = $"/proc/{process}/status";
            try
            {
                if (!File.Exists(status) || File.ReadAllText(status).Contains("State:\tZ", StringComparison.Ordinal))
                    return false;
            }
            catch (IOException)   // ended while it was read
            {
                return false;
            }
        }

        return true;
    }
}
