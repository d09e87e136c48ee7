using System.Diagnostics;
using System.Text.Json;
using RlWn.Experiments.Runs;
using RlWn.Inference;

namespace RlWn.Experiments.Tests;

/// <summary>Real runs of the command.</summary>
public sealed class TrainTests : IDisposable
{
    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    // Killed or not, what is seen of observations is part of the checkpoint and of the policy.
    [Fact]
    public void Train_Normalized_ResumesBitByBitAndActsOnWhatTheTaskGives()
    {
        string[] arguments =
        [
            "train", "pendulum-ppo", "--quiet", "--seed", "3", "--steps", "8192", "--set", "normalize.observations=true", "--set", "normalize.rewards=true",
            "--set", "checkpointEvery=0", "--set", "evaluateEvery=4096", "--set", "evaluationEpisodes=2",
        ];
        Assert.Equal(0, Rlwn.Run(scratch.Path, [.. arguments, "--out", "whole"]).ExitCode);
        Assert.Equal(0, Rlwn.Run(scratch.Path, [.. arguments, "--out", "cut"]).ExitCode);
        File.Delete(Directory.GetFiles(scratch["cut"], "checkpoint-*.ckpt").Max(StringComparer.Ordinal)!);
        File.WriteAllText(scratch["cut/status.json"], """{ "state": "running" }""");   // as a kill leaves it
        File.Delete(scratch["cut/policy.safetensors"]);

        var (exitCode, _, error) = Rlwn.Run(scratch.Path, "resume", "cut", "--quiet");
        Assert.Equal(0, exitCode);
        Assert.Contains("Going on from step 6,144.", error, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(scratch["whole/policy.safetensors"]), File.ReadAllBytes(scratch["cut/policy.safetensors"]));
        Assert.Equal(File.ReadAllText(scratch["whole/evaluation.json"]), File.ReadAllText(scratch["cut/evaluation.json"]));
        Assert.Equal(0, Rlwn.Run(scratch.Path, "evaluate", "whole", "--episodes", "2").ExitCode);

        Assert.Equal(2, Rlwn.Run(scratch.Path, "train", "breakout-ppo", "--set", "normalize.observations=true", "--out", "bytes").ExitCode);
        Assert.False(Directory.Exists(scratch["bytes"]));
    }

    [Fact]
    public void Train_ToTheEnd_LeavesAWholeRunFolder()
    {
        var (exitCode, output, error) = Rlwn.Run(scratch.Path, "train", "--steps", "4096", "--seed", "3", "--set", "network.hidden=[32,32]");

        Assert.Equal((0, ""), (exitCode, error));
        Assert.Contains("mean return", output, StringComparison.Ordinal);
        Assert.Contains("over 100 episodes", output, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', output);

        var folder = Assert.Single(Directory.GetDirectories(scratch["runs"]));
        Assert.StartsWith("CartPole-v1-cartpole-ppo-seed3-", Path.GetFileName(folder), StringComparison.Ordinal);
        Assert.Equal(
            [RunFolder.Diagnostics, RunFolder.Evaluation, "events.out.tfevents", RunFolder.LearningCurve, RunFolder.Metrics, RunFolder.Policy, RunFolder.Settings, RunFolder.Status],
            Directory.GetFiles(folder).Select(Path.GetFileName).Select(name => name!.StartsWith("events.", StringComparison.Ordinal) ? "events.out.tfevents" : name).Order(StringComparer.Ordinal));

        using var settings = Read(folder, RunFolder.Settings);
        Assert.Equal(3, settings.RootElement.GetProperty("seed").GetInt32());
        Assert.Equal(1, settings.RootElement.GetProperty("origin").GetProperty("torchThreads").GetInt32());
        Assert.Equal("[32,32]", settings.RootElement.GetProperty("network").GetProperty("hidden").GetRawText().Replace(" ", "", StringComparison.Ordinal).ReplaceLineEndings(""));
        using var status = Read(folder, RunFolder.Status);
        Assert.Equal("done", status.RootElement.GetProperty("state").GetString());
        using var evaluation = Read(folder, RunFolder.Evaluation);
        var returns = evaluation.RootElement.GetProperty("returns").EnumerateArray().Select(value => value.GetDouble()).ToArray();
        Assert.Equal(100, returns.Length);
        Assert.Equal(returns.Average(), evaluation.RootElement.GetProperty("mean").GetDouble(), 9);

        var metrics = File.ReadAllLines(Path.Combine(folder, RunFolder.Metrics));
        Assert.StartsWith("4096,", metrics[^1], StringComparison.Ordinal);
        Assert.All(metrics, line => Assert.Equal(metrics[0].Count(letter => letter == ','), line.Count(letter => letter == ',')));

        // Reports come every 8 · 64 steps, so there are 8, and by default the twentieth would be the first to be diagnosed.
        Assert.Single(File.ReadAllLines(Path.Combine(folder, RunFolder.Diagnostics)));

        using var policy = Policy.Load(Path.Combine(folder, RunFolder.Policy));
        Assert.Equal((4, 2), (policy.ObservationSize, policy.ActionCount));

        // What evaluate says of the folder, and of the policy file alone, is what training said.
        var said = Rlwn.Run(scratch.Path, "evaluate", folder);
        Assert.Equal((0, ""), (said.ExitCode, said.Error));
        Assert.Contains($"mean return {returns.Average():0.0} ± ", said.Output, StringComparison.Ordinal);
        Assert.Equal(said.Output, Rlwn.Run(scratch.Path, "evaluate", Path.Combine(folder, RunFolder.Policy)).Output);

        var played = Rlwn.Run(scratch.Path, "play", folder, "--episodes", "2");
        Assert.Equal((0, ""), (played.ExitCode, played.Error));
        Assert.Matches(@"^episode 1: return (\d+) in \1 steps\nepisode 2: return (\d+) in \2 steps\nmean return \d+(\.\d+)? over 2 episodes, seed 1000003\n$", played.Output.ReplaceLineEndings("\n"));
    }

    [Fact]
    public void Train_FromTheSettingsOfARun_RepeatsItBitByBit()
    {
        Assert.Equal(0, Rlwn.Run(scratch.Path, "train", "--steps", "2048", "--seed", "5", "--quiet", "--out", "first").ExitCode);
        Assert.Equal(0, Rlwn.Run(scratch.Path, "train", Path.Combine("first", RunFolder.Settings), "--quiet", "--out", "second").ExitCode);

        Assert.Equal(File.ReadAllBytes(scratch[Path.Combine("first", RunFolder.Policy)]), File.ReadAllBytes(scratch[Path.Combine("second", RunFolder.Policy)]));
        Assert.Equal(File.ReadAllBytes(scratch[Path.Combine("first", RunFolder.Evaluation)]), File.ReadAllBytes(scratch[Path.Combine("second", RunFolder.Evaluation)]));
    }

    [Fact]
    public void Train_DiagnosticsEvery_DiagnosesThoseReportsAndNone()
    {
        Assert.Equal(0, Rlwn.Run(scratch.Path, "train", "--steps", "2048", "--quiet", "--out", "second", "--set", "diagnosticsEvery=2").ExitCode);   // 4 reports
        Assert.Equal(0, Rlwn.Run(scratch.Path, "train", "--steps", "512", "--quiet", "--out", "none", "--set", "diagnosticsEvery=0").ExitCode);

        var rows = File.ReadAllLines(scratch[Path.Combine("second", RunFolder.Diagnostics)]).Skip(1).Select(line => line.Split(',')[..2]);
        Assert.Equal(
            from steps in new[] { "1024", "2048" }
            from layer in new[] { "actor.0", "actor.1", "actor.2", "critic.0", "critic.1", "critic.2" }
            select new[] { steps, layer },
            rows);
        Assert.False(File.Exists(scratch[Path.Combine("none", RunFolder.Diagnostics)]));
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public void Train_Signal_StopsSoonWithAValidRunFolder(string signal)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such signals.");
        using var running = Rlwn.Start(scratch.Path, "train", "--steps", "1e9", "--out", "run");
        running.WaitForLineWith("steps/s");

        var since = Stopwatch.GetTimestamp();
        running.Signal(signal);
        var (exitCode, output, error) = running.Wait();

        Assert.Equal((130, ""), (exitCode, error));
        Assert.True(Stopwatch.GetElapsedTime(since) < TimeSpan.FromSeconds(5), "A stop takes a second or two, on a busy machine no more than five.");
        Assert.Contains("stopped", output, StringComparison.Ordinal);
        using var status = Read(scratch["run"], RunFolder.Status);
        Assert.Equal("stopped", status.RootElement.GetProperty("state").GetString());
        Assert.False(File.Exists(scratch[Path.Combine("run", RunFolder.Evaluation)]));
        Assert.True(File.Exists(scratch[Path.Combine("run", RunFolder.LearningCurve)]));
        Assert.Equal(0, Rlwn.Run(scratch.Path, "evaluate", "run").ExitCode);

        var steps = status.RootElement.GetProperty("steps").GetInt64();
        Assert.StartsWith($"{steps},", File.ReadAllLines(scratch[Path.Combine("run", RunFolder.Metrics)])[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void Train_DiskThatFillsUp_IsOneLineAndExitCode1()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/prlimit"), "Needs prlimit.");

        // Like a full disk, but for one process: from now on no file may grow beyond 8 kB. (Without the trap the system would end the process.)
        using var running = Rlwn.StartFromShell(scratch.Path, "trap '' XFSZ; exec \"$0\" \"$@\"", "train", "--steps", "1e9", "--out", "run");
        running.WaitForLineWith("steps/s");
        using var limit = Process.Start("/usr/bin/prlimit", ["--pid", $"{running.Id}", "--fsize=8000:8000"]);
        var (exitCode, _, error) = running.Wait();

        Assert.Equal(1, exitCode);
        Assert.StartsWith("rlwn: Expected to write 'run/", Assert.Single(error.TrimEnd().Split('\n')), StringComparison.Ordinal);
        using var status = Read(scratch["run"], RunFolder.Status);
        Assert.Equal("failed", status.RootElement.GetProperty("state").GetString());
        using var settings = Read(scratch["run"], RunFolder.Settings);
    }

    private static JsonDocument Read(string folder, string name) => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, name)));
}
