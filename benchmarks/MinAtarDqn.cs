using System.Diagnostics;
using System.Globalization;
using RlWn.Agents.Dqn;
using RlWn.Envs;
using RlWn.Inference;
using RlWn.Networks;
using static TorchSharp.torch;

namespace RlWn.Benchmarks;

/// <summary>DQN on MinAtar's Breakout by MinAtar's settings, an update of 32 transitions a frame. Times are of five frames at once: the least are those that no other work met.</summary>
internal static class MinAtarDqn
{
    private const int Frames = 8_000, LearningStarts = 1_000, Warm = 3_000, Together = 5;

    public static void Run(int threads)
    {
        using var envs = EnvRegistry.MakeVector("MinAtar/Breakout-v1", 1);
        var options = new DqnOptions
        {
            Environments = 1, BufferSize = 100_000, BatchSize = 32, LearningStarts = LearningStarts, TrainEvery = 1, UpdatesPerRound = 1, SyncTargetEvery = 1000,
            EpsilonEnd = 0.1, ExplorationFraction = 0.2, ReportEvery = Together,
        };
        using var agent = new DqnAgent(envs, options, new NetworkOptions { Torso = Torso.MinAtar, Threads = threads }, seed: 1, CPU, Frames);
        var times = new List<double>();
        var since = Stopwatch.GetTimestamp();
        foreach (var report in agent.Train())
        {
            if (report.Steps > Warm)
                times.Add(Stopwatch.GetElapsedTime(since).TotalMicroseconds / Together);
            since = Stopwatch.GetTimestamp();
        }

        times.Sort();
        foreach (var percent in (int[])[1, 5, 10, 25, 50])
        {
            var time = times[times.Count * percent / 100];
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{percent,2}% of frames took at most {time:F0} µs, {1e6 / time:#,0} frames/s"));
        }
    }
}
