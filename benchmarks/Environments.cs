using System.Diagnostics;
using System.Globalization;
using RlWn.Envs;

namespace RlWn.Benchmarks;

/// <summary>
/// Steps a second of every built-in environment in a vector on the calling thread, random actions, resets and observations included; and whether two threads
/// of their own pay for the dear ones. Numbers are the greatest of five tries of a third of a second.
/// </summary>
internal static class Environments
{
    private const int Tries = 5, Prepared = 64;
    private static readonly TimeSpan Try = TimeSpan.FromSeconds(0.33);

    /// <summary>Prints the tables.</summary>
    public static void Run()
    {
        Console.WriteLine("| environment | in a vector of | steps/s |");
        Console.WriteLine("|-------------|---------------:|--------:|");
        foreach (var spec in EnvRegistry.All)
        {
            var count = IsPixels(spec) ? 8 : spec.Id.StartsWith("MinAtar", StringComparison.Ordinal) ? 64 : 1_024;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {spec.Id} | {count:#,0} | {StepsPerSecond(spec, count, workers: 0):#,0} |"));
        }

        Console.WriteLine();
        Console.WriteLine("| environment | in a vector of | calling thread, steps/s | 2 threads, steps/s | ratio |");
        Console.WriteLine("|-------------|---------------:|------------------------:|-------------------:|------:|");
        foreach (var (spec, count) in EnvRegistry.All.Where(IsPixels).Select(spec => (spec, 16)).Append((EnvRegistry.Get("Acrobot-v1"), 1_024)))
        {
            var (one, two) = (StepsPerSecond(spec, count, workers: 0), StepsPerSecond(spec, count, workers: 2));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {spec.Id} | {count:#,0} | {one:#,0} | {two:#,0} | {two / one:0.00} |"));
        }
    }

    private static bool IsPixels(EnvSpec spec) => spec.Id.StartsWith("RlWnPong", StringComparison.Ordinal);

    private static double StepsPerSecond(EnvSpec spec, int count, int workers)
    {
        using var envs = spec.CreateVector(count, workers);
        envs.Reset(1);
        var actions = RandomActions(envs);
        var (best, next) = (0.0, 0);
        for (var i = 0; i <= Tries; i++)   // the first warms up
        {
            var (from, steps) = (Stopwatch.GetTimestamp(), 0L);
            while (Stopwatch.GetElapsedTime(from) < Try)
            {
                for (var burst = 0; burst < 16; burst++, steps += count, next = (next + 1) % Prepared)
                {
                    actions[next].CopyTo(envs.Actions.Bytes);
                    envs.Step();
                }
            }

            if (i > 0)
                best = Math.Max(best, steps / Stopwatch.GetElapsedTime(from).TotalSeconds);
        }

        return best;
    }

    private static byte[][] RandomActions(VectorEnv envs)
    {
        var random = new Rng(2);
        var prepared = new byte[Prepared][];
        for (var i = 0; i < Prepared; i++)
        {
            for (var row = 0; row < envs.Count; row++)
            {
                if (envs.ActionSpace is Discrete choices)
                    choices.Sample(random, envs.Actions.Row<int>(row));
                else
                    ((Box)envs.ActionSpace).Sample(random, envs.Actions.Row<float>(row));
            }

            prepared[i] = envs.Actions.Bytes.ToArray();
        }

        return prepared;
    }
}
