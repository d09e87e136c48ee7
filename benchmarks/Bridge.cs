using System.Diagnostics;
using System.Globalization;
using RlWn.Envs;

namespace RlWn.Benchmarks;

/// <summary>
/// What the way to Python costs: environments that do nothing (benchmarks/python/still_envs.py), stepped by a loop in Python alone and over the bridge, with
/// a process for all of them. Run it in the repository's root; Linux and macOS. Times are the least of five, of 5,000 vector steps each.
/// </summary>
internal static class Bridge
{
    private const int Repeats = 5, Steps = 5_000;
    private const string Script = "benchmarks/python/still_envs.py", StandIn = "tests/RlWn.Envs.Tests/Gymnasium/python";

    private static readonly (string Id, string Observation)[] Envs = [("Floats-v0", "4 floats"), ("Bytes-v0", "4 x 84 x 84 bytes")];

    /// <summary>Prints the table.</summary>
    public static void Run()
    {
        if (!File.Exists(Script))
            throw new IOException($"Expected {Script} here. Start the benchmark in the repository's root.");

        Environment.SetEnvironmentVariable("PYTHONPATH", $"{StandIn}:{Path.GetDirectoryName(Script)}");
        Console.WriteLine("| observation | environments | Python alone, µs | shared memory, µs | overhead a step, µs | pipes, µs | overhead a step, µs |");
        Console.WriteLine("|-------------|-------------:|-----------------:|------------------:|--------------------:|----------:|--------------------:|");
        foreach (var (id, observation) in Envs)
        {
            foreach (var count in (ReadOnlySpan<int>)[1, 8])
            {
                var (alone, shared, pipes) = (Alone(id, count), OverBridge(id, count, isShared: true), OverBridge(id, count, isShared: false));
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {observation} | {count} | {alone:0.00} | {shared:0.0} | {(shared - alone) / count:0.0} | {pipes:0.0} | {(pipes - alone) / count:0.0} |"));
            }
        }
    }

    private static double Alone(string id, int count)
    {
        using var python = Process.Start(new ProcessStartInfo(BridgePython, [Script, id, $"{count}"]) { RedirectStandardOutput = true })!;
        var output = python.StandardOutput.ReadToEnd();
        python.WaitForExit();
        return double.Parse(output, CultureInfo.InvariantCulture);
    }

    private static string BridgePython => Environment.GetEnvironmentVariable(BridgeOptions.PythonVariable) ?? "python3";

    private static double OverBridge(string id, int count, bool isShared)
    {
        using var envs = Gymnasium.MakeVector($"gymnasium:still_envs:{id}", count, new BridgeOptions { Processes = 1, SharedMemory = isShared });
        envs.Reset(1);
        var best = double.MaxValue;
        for (var repeat = 0; repeat < Repeats; repeat++)
        {
            var from = Stopwatch.GetTimestamp();
            for (var step = 0; step < Steps; step++)
                envs.Step();
            best = Math.Min(best, Stopwatch.GetElapsedTime(from).TotalMicroseconds / Steps);
        }

        return best;
    }
}
