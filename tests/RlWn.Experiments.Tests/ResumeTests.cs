using System.Diagnostics;
using RlWn.Envs;
using RlWn.Experiments.Cells;
using RlWn.Experiments.Tests.Cells;

namespace RlWn.Experiments.Tests;

/// <summary>Runs that are interrupted, and end as they would have without.</summary>
public sealed class ResumeTests : IDisposable
{
    private static readonly string[] Ppo = ["train", "cartpole-ppo", "--quiet", "--device", "cpu", "--seed", "5", "--set", "checkpointEvery=0"];

    private static readonly string[] Dqn =
    [
        "train", "cartpole-dqn", "--quiet", "--device", "cpu", "--seed", "5", "--set", "checkpointEvery=0", "--set", "dqn.bufferSize=3000",
        "--set", "dqn.prioritized=true", "--set", "dqn.steps=3", "--set", "evaluateEvery=2000",
    ];

    private static readonly string[] Impala =
        ["train", "cartpole-impala", "--quiet", "--device", "cpu", "--seed", "5", "--set", "checkpointEvery=0", "--set", "impala.maxLag=0"];

    private static readonly string[] Recurrent =
        ["train", "cartpole-no-vel-recurrent-ppo", "--quiet", "--device", "cpu", "--seed", "5", "--set", "checkpointEvery=0", "--set", "ppo.rolloutSteps=16"];

    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    [Theory]
    [InlineData("ppo", 20)]
    [InlineData("recurrent", 3)]
    [InlineData("dqn", 5)]
    [InlineData("impala", 3)]
    public void Resume_KilledAtRandomMoments_EndsBitByBit(string agent, int kills)
    {
        string[] arguments = agent switch
        {
            "ppo" => [.. Ppo, "--steps", "150000"],
            "recurrent" => [.. Recurrent, "--steps", "12000"],
            "dqn" => [.. Dqn, "--steps", "12000"],
            _ => [.. Impala, "--steps", "150000"],
        };
        Assert.Equal(0, Rlwn.Run(scratch.Path, [.. arguments, "--out", "whole"]).ExitCode);

        KillAfterProgress(kills, _ => [.. arguments, "--out", "cut", "--resume"], latest: 40);
        var (exitCode, _, error) = Rlwn.Run(scratch.Path, "resume", "cut", "--quiet");

        Assert.Equal(0, exitCode);
        Assert.Contains("Going on from step", error, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(scratch["whole/policy.safetensors"]), File.ReadAllBytes(scratch["cut/policy.safetensors"]));
        Assert.Equal(File.ReadAllText(scratch["whole/evaluation.json"]), File.ReadAllText(scratch["cut/evaluation.json"]));
        Assert.Equal(WithoutTimes("whole/metrics.csv", [1, 2]), WithoutTimes("cut/metrics.csv", [1, 2]));
        Assert.Equal(File.ReadAllText(scratch["whole/diagnostics.csv"]), File.ReadAllText(scratch["cut/diagnostics.csv"]));
        Assert.Empty(Directory.GetFiles(scratch["cut"], "*.tmp"));
        if (agent == "dqn")
        {
            Assert.Equal(WithoutTimes("whole/evaluations.csv", [1]), WithoutTimes("cut/evaluations.csv", [1]));
            Assert.Equal(File.ReadAllBytes(scratch["whole/best.safetensors"]), File.ReadAllBytes(scratch["cut/best.safetensors"]));
        }
    }

    [Fact]
    public void Resume_SupervisedKilledAtRandomMoments_EndsBitByBit()
    {
        string[] arguments =
        [
            "supervised", "toy-mlp", "--quiet", "--device", "cpu", "--threads", "1", "--epochs", "60", "--set", "model=resnet", "--set", "depth=8", "--set", "width=4", "--set", "images=300",
            "--set", "augmentation=cropAndFlip",
        ];
        Assert.Equal(0, Rlwn.Run(scratch.Path, [.. arguments, "--out", "whole"]).ExitCode);

        const int Kills = 5;
        KillAfterProgress(Kills, kill => kill == 0 ? [.. arguments, "--out", "cut"] : ["supervised", "--resume", "cut", "--quiet"], latest: 60);
        var (exitCode, _, error) = Rlwn.Run(scratch.Path, "resume", "cut", "--quiet");

        Assert.True(exitCode == 0, error);
        Assert.StartsWith("rlwn: Going on from epoch ", Assert.Single(error.TrimEnd().Split('\n')), StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(scratch["whole/model.safetensors"]), File.ReadAllBytes(scratch["cut/model.safetensors"]));
        Assert.Equal(File.ReadAllText(scratch["whole/evaluation.json"]), File.ReadAllText(scratch["cut/evaluation.json"]));
        Assert.Equal(WithoutTimes("whole/metrics.csv", [6, 7, 8, 9]), WithoutTimes("cut/metrics.csv", [6, 7, 8, 9]));
        Assert.Empty(Directory.GetFiles(scratch["cut"], "*.tmp"));
    }

    [Fact]
    public void Resume_DamagedCheckpoint_WarnsAndTakesTheOneBefore()
    {
        Assert.Equal(0, Rlwn.Run(scratch.Path, [.. Ppo, "--out", "run", "--steps", "4096"]).ExitCode);
        var checkpoints = Directory.GetFiles(scratch["run"], "checkpoint-*.ckpt").Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(2, checkpoints.Length);
        var bytes = File.ReadAllBytes(checkpoints[1]);
        File.WriteAllBytes(checkpoints[1], bytes[..(bytes.Length / 2)]);
        File.WriteAllText(scratch["run/status.json"], """{ "state": "running" }""");   // as a kill leaves it
        var policy = File.ReadAllBytes(scratch["run/policy.safetensors"]);

        var (exitCode, _, error) = Rlwn.Run(scratch.Path, "resume", "run", "--quiet");

        Assert.Equal(0, exitCode);
        Assert.Contains(Path.GetFileName(checkpoints[1]), error, StringComparison.Ordinal);
        Assert.Contains("checksum", error, StringComparison.Ordinal);
        Assert.Contains("Going on from step 3,584.", error, StringComparison.Ordinal);   // 4096 less one rollout of 8 · 64
        Assert.Equal(policy, File.ReadAllBytes(scratch["run/policy.safetensors"]));
    }

    [Fact]
    public void Resume_AfterACheckpointThatFoundNoRoom_EndsBitByBit()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/prlimit"), "Needs prlimit.");
        string[] arguments =
        [
            "train", "cartpole-dqn", "--quiet", "--device", "cpu", "--seed", "5", "--steps", "20000", "--set", "checkpointEvery=0", "--set", "dqn.bufferSize=20000",
            "--set", "dqn.updatesPerRound=4", "--set", "dqn.reportEvery=500", "--out",
        ];
        Assert.Equal(0, Rlwn.Run(scratch.Path, [.. arguments, "whole"]).ExitCode);
        const int Most = 400_000;
        var last = new FileInfo(Checkpoints("whole")[^1]).Length;
        Assert.True(last > Most, $"The last checkpoint has {last} bytes.");

        // Like a disk that is full amid a checkpoint: the replay and so the files grow, and from now on none may be longer. (Without the trap the system would end the process.)
        using var running = Rlwn.StartFromShell(scratch.Path, "trap '' XFSZ; exec \"$0\" \"$@\"", [.. arguments, "cut"]);
        running.WaitForLineWith("Training");
        using var limit = Process.Start("/usr/bin/prlimit", ["--pid", $"{running.Id}", $"--fsize={Most}:{Most}"]);
        var (failed, _, message) = running.Wait();

        Assert.Equal(1, failed);
        Assert.StartsWith("rlwn: Expected to write 'cut/checkpoint-", Assert.Single(message.TrimEnd().Split('\n')), StringComparison.Ordinal);
        Assert.Equal(2, Checkpoints("cut").Length);
        Assert.Empty(Directory.GetFiles(scratch["cut"], "*.tmp"));
        var (exitCode, _, error) = Rlwn.Run(scratch.Path, "resume", "cut", "--quiet");

        Assert.Equal(0, exitCode);
        Assert.StartsWith("rlwn: Going on from step ", Assert.Single(error.TrimEnd().Split('\n')), StringComparison.Ordinal);   // and warns of none that is damaged
        Assert.Equal(File.ReadAllBytes(scratch["whole/policy.safetensors"]), File.ReadAllBytes(scratch["cut/policy.safetensors"]));
        Assert.Equal(File.ReadAllText(scratch["whole/evaluation.json"]), File.ReadAllText(scratch["cut/evaluation.json"]));
    }

    [Fact]
    public void Resume_RunThatIsDoneOrGoingOnOrNone_IsRefused()
    {
        Assert.Equal(0, Rlwn.Run(scratch.Path, [.. Ppo, "--out", "done", "--steps", "512"]).ExitCode);
        Refused(2, "Expected a run that did not end", "resume", "done");
        Refused(1, "Expected the folder of a run, found no settings.json in 'nowhere'. Name a folder that 'rlwn train' or 'rlwn supervised' made.", "resume", "nowhere");
        Refused(2, "Expected --data with a run of 'rlwn supervised', got 'done', which learns in CartPole-v1.", "resume", "done", "--data", "images");
        Refused(2, "Expected --out DIR with --resume", "train", "--resume");

        using var running = Rlwn.Start(scratch.Path, [.. Ppo, "--out", "mine", "--steps", "1e8"]);
        running.WaitForLineWith("Training");
        for (var wait = 0; !File.Exists(scratch["mine/status.json"]) && wait < 1000; wait++)
            Thread.Sleep(10);
        Refused(1, "Expected a run that no other process goes on with", "resume", "mine");
    }

    [Fact]
    public void Resume_SupervisedWithData_LooksForImagesThere()
    {
        MadeRun.Done(new(CellKind.Supervised, "mnist-mlp", [], scratch["run"]), 0.5);
        File.WriteAllText(scratch["run/status.json"], """{ "state": "stopped" }""");
        Directory.CreateDirectory(scratch["images/mnist"]);
        File.WriteAllText(scratch["images/mnist/train-images-idx3-ubyte.gz"], "altered");   // which no download may replace

        Refused(1, $"as it is published, of '{scratch["images/mnist/train-images-idx3-ubyte.gz"]}', got ", "resume", "run", "--data", "images");
    }

    // Each time at some moment after it got further: while it acts, learns, or writes the next checkpoint.
    private void KillAfterProgress(int kills, Func<int, string[]> command, int latest)
    {
        var random = new Rng(seed: 17);
        for (var kill = 0; kill < kills; kill++)
        {
            using var running = Rlwn.Start(scratch.Path, command(kill));
            var before = Newest();
            for (var wait = 0; Newest() == before; wait++)
            {
                Assert.True(wait < 6_000, "The run did not get on.");
                Thread.Sleep(10);
            }

            Thread.Sleep(random.Next(0, latest));
        }   // killed: SIGKILL on Unix
    }

    private string[] Checkpoints(string run) => [.. Directory.GetFiles(scratch[run], "checkpoint-*.ckpt").Order(StringComparer.Ordinal)];

    private string? Newest() => Directory.Exists(scratch["cut"]) ? Directory.GetFiles(scratch["cut"], "checkpoint-*.ckpt").Max(StringComparer.Ordinal) : null;

    private void Refused(int code, string message, params string[] arguments)
    {
        var (exitCode, _, error) = Rlwn.Run(scratch.Path, arguments);
        Assert.Equal(code, exitCode);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    private IEnumerable<string> WithoutTimes(string file, int[] columns) => File.ReadLines(scratch[file])
        .Select(line => string.Join(',', line.Split(',').Where((_, column) => !columns.Contains(column))));
}
