using System.Text.Json;
using RlWn.Experiments.Cells;
using RlWn.Experiments.Commands;
using RlWn.Experiments.Runs;

namespace RlWn.Experiments.Tests.Cells;

/// <summary>Runs side by side in processes of their own, by the command.</summary>
public sealed class SeedsTests : IDisposable
{
    private static readonly string[] Seeds = ["train", "cartpole-ppo", "--device", "cpu", "--out", "group", "--seeds"];

    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    [Fact]
    public void Seeds_OneFails_TheRestGoesOnAndTheNextTimeTheyAreSkipped()
    {
        Directory.CreateDirectory(scratch["group"]);
        File.WriteAllText(scratch["group/seed-2"], "in the way");

        var (exitCode, output, error) = Rlwn.Run(scratch.Path, [.. Seeds, "3", "--steps", "512", "--resume"]);

        Assert.Equal(1, exitCode);
        Assert.Contains("over 2 seeds", output, StringComparison.Ordinal);
        Assert.Contains("'group/seed-2' failed: rlwn: Expected a folder for the run, got the file", error, StringComparison.Ordinal);

        File.Delete(scratch["group/seed-2"]);
        (exitCode, output, error) = Rlwn.Run(scratch.Path, [.. Seeds, "3", "--steps", "512", "--resume"]);

        Assert.True(exitCode == 0, error);
        Assert.Contains("2 of 3 runs have ended before.", error, StringComparison.Ordinal);
        Assert.Contains("over 3 seeds", output, StringComparison.Ordinal);
        using var summary = JsonDocument.Parse(File.ReadAllBytes(scratch["group/summary.json"]));
        var scores = summary.RootElement.GetProperty("seeds").EnumerateArray().Select(seed => seed.GetProperty("score").GetDouble()).ToArray();
        Assert.Equal(scores.Average(), summary.RootElement.GetProperty("interquartileMean").GetDouble(), 1e-9);   // of three seeds none is dropped
        Assert.Equal(scores, from seed in Enumerable.Range(1, 3) select Read($"group/seed-{seed}/evaluation.json").GetProperty("mean").GetDouble());
    }

    [Fact]
    public void Seeds_TheParentIsKilled_NoChildSurvives()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Looks at /proc.");
        int[] children;
        using (var running = Start())
            children = WaitForChildren();   // then killed: SIGKILL

        for (var wait = 0; children.Any(Rlwn.IsAlive); wait++)
        {
            Assert.True(wait < 200, "A child lived on for 10 seconds.");
            Thread.Sleep(50);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Seeds_Signal_StopsTheChildrenGentlyAlsoWhereTheyGetItToo(bool hasGroup)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Looks at /proc.");
        using var running = Start();
        var children = WaitForChildren();

        running.Signal("INT", hasGroup ? children : []);
        var (exitCode, _, error) = running.Wait();

        Assert.Equal(130, exitCode);
        Assert.Contains("Stopped; the same command with --resume goes on from here.", error, StringComparison.Ordinal);
        Assert.All(children, child => Assert.False(Rlwn.IsAlive(child)));
        Assert.All([1, 2], seed => Assert.Equal("stopped", Read($"group/seed-{seed}/status.json").GetProperty("state").GetString()));
        Assert.All([1, 2], seed => Assert.NotEmpty(Directory.GetFiles(scratch[$"group/seed-{seed}"], "checkpoint-*.ckpt")));
    }

    [Fact]
    public void Table1_SmokeScale_MakesEveryRunAndSkipsThemAfterwards()
    {
        var (exitCode, output, error) = Rlwn.Run(scratch.Path, "table", "1", "--scale", "smoke", "--device", "cpu", "--out", "table");
        Assert.True(exitCode == 0, error);
        Assert.Equal(10, output.TrimEnd().Split('\n').Length);   // five schemes, without and with warm-up
        Assert.Contains("  10 / 10  ", error, StringComparison.Ordinal);

        var again = Rlwn.Run(scratch.Path, "table", "1", "--scale", "smoke", "--device", "cpu", "--out", "table", "--draw-only");

        Assert.Equal((0, output), (again.ExitCode, again.Output));
        Assert.Equal(11, File.ReadAllLines(scratch["table/table-1-runs.csv"]).Length);
    }

    [Fact]
    public void SupervisedSeeds_OneDiverges_IsCountedApartAndTheGroupGoesOn()
    {
        string[] command = ["supervised", "toy-mlp", "--device", "cpu", "--epochs", "1", "--set", "images=100", "--seeds"];
        Assert.Equal(0, Rlwn.Run(scratch.Path, [.. command, "1", "--out", "group"]).ExitCode);
        MadeRun.Diverged(new(CellKind.Supervised, "toy-mlp", Differences(seed: 2), scratch["group/seed-2"]), "NaN");

        var (exitCode, output, error) = Rlwn.Run(scratch.Path, [.. command, "3", "--resume", "group"]);

        Assert.True(exitCode == 0, error);
        Assert.Contains("2 of 3 runs have ended before.", error, StringComparison.Ordinal);
        Assert.Contains("over 2 seeds", output, StringComparison.Ordinal);
        Assert.Contains("diverged    1 of 3", output, StringComparison.Ordinal);
        double[] errors = [.. from seed in (int[])[1, 3] select 100 * (1 - Read($"group/seed-{seed}/evaluation.json").GetProperty("accuracy").GetDouble())];
        Assert.Equal(errors.Average(), Read("group/summary.json").GetProperty("errorPercentMean").GetDouble(), 1e-9);
        Assert.Equal(JsonValueKind.Null, Read("group/summary.json").GetProperty("seeds")[1].GetProperty("errorPercent").ValueKind);
        Assert.Equal(1, Read("group/seed-3/settings.json").GetProperty("threads").GetInt32());

        static Assignment[] Differences(int seed) =>
            [.. from difference in (string[])["device=cpu", "epochs=1", "images=100", "threads=1", $"seed={seed}"] select Assignment.Parse(difference)];
    }

    [Fact]
    public void SupervisedSeeds_ImagesThatCannotBeHad_AreSaidOnceBeforeAnySeedBegins()
    {
        const string Mnist = "f68b3c2dcbeaaa9fbdd348bbdeb94873";
        Directory.CreateDirectory(scratch["data/mnist"]);
        File.WriteAllText(scratch["data/mnist/train-images-idx3-ubyte.gz"], "altered");   // which no download may replace

        var (exitCode, _, error) = Rlwn.Run(scratch.Path, "supervised", "mnist-mlp", "--device", "cpu", "--data", "data", "--seeds", "2", "--out", "group");

        Assert.Equal(1, exitCode);
        Assert.StartsWith($"rlwn: Expected the md5 {Mnist}, as it is published, of '{scratch["data/mnist/train-images-idx3-ubyte.gz"]}', got ", Assert.Single(error.TrimEnd().Split('\n')), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(scratch["group"]));
    }

    [Fact]
    public void SupervisedSeeds_ThreadsInAnyLetters_AreThoseAskedFor()
    {
        var (exitCode, _, error) = Rlwn.Run(
            scratch.Path, "supervised", "toy-mlp", "--device", "cpu", "--epochs", "1", "--set", "images=100", "--set", "Threads=2", "--seeds", "1", "--out", "group");

        Assert.True(exitCode == 0, error);
        Assert.Equal(2, Read("group/seed-1/settings.json").GetProperty("threads").GetInt32());
    }

    [Fact]
    public void SupervisedSeeds_ResumeOfAFolderThatIsNotThere_IsRefusedAndBeginsNothing()
    {
        var (exitCode, output, error) = Rlwn.Run(scratch.Path, "supervised", "toy-mlp", "--seeds", "2", "--resume", "tpyo");

        Assert.Equal((1, ""), (exitCode, output));
        Assert.StartsWith("rlwn: Expected the folder of a group of seeds to go on with, found none at 'tpyo'.", Assert.Single(error.TrimEnd().Split('\n')), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(scratch.Path));
    }

    [Fact]
    public void SupervisedSeeds_Signal_SaysACommandThatGoesOn()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Sends a signal.");
        string[] command = ["supervised", "toy-mlp", "--device", "cpu", "--epochs", "1000000", "--seeds", "2", "--jobs", "2"];
        using var running = Rlwn.Start(scratch.Path, [.. command, "--out", "group"]);
        WaitForChildren();

        running.Signal("INT");
        var (exitCode, _, error) = running.Wait();

        Assert.Equal(130, exitCode);
        Assert.Contains("Stopped; the same command with --resume group instead of --out group goes on from here.", error, StringComparison.Ordinal);
        using var again = Rlwn.Start(scratch.Path, [.. command, "--resume", "group"]);
        for (var wait = 0; ((int[])[1, 2]).Any(seed => Read($"group/seed-{seed}/status.json").GetProperty("state").GetString() != "running"); wait++)
        {
            Assert.True(wait < 1_200, "The seeds did not go on.");
            Thread.Sleep(50);
        }

        again.Signal("INT");
        Assert.Equal(130, again.Wait().ExitCode);
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(1, 2, 2)]   // as in breakout-dqn
    [InlineData(4, 2, 4)]
    public void BusyThreads_LibtorchsAndTheNetworks_AreTheGreater(int threads, int networkThreads, int expected)
    {
        var settings = RunSettings.Resolve([.. Recipe.Load("breakout-dqn").Assignments, new("threads", $"{threads}", ""), new("network.threads", $"{networkThreads}", "")]);

        Assert.Equal(expected, TrainSeeds.BusyThreads(settings));
    }

    [Theory]
    [InlineData("cartpole-ppo", 1)]
    [InlineData("cartpole-a3c", 6)]      // workers
    [InlineData("cartpole-impala", 3)]   // two actors and a learner
    public void BusyThreads_AgentsOfSeveralThreads_AreCounted(string recipe, int expected) =>
        Assert.Equal(expected, TrainSeeds.BusyThreads(RunSettings.Resolve([.. Recipe.Load(recipe).Assignments])));

    [Fact]
    public void DefaultJobs_CellsThatKeepEveryCoreBusy_AreMadeOneByOne() => Assert.Equal(1, CellPool.DefaultJobs(TorchSharp.torch.CPU, Environment.ProcessorCount));

    [Theory]
    [InlineData("--seeds 2", "rlwn: Expected a recipe with --seeds, got none.")]
    [InlineData("toy-mlp --jobs 2", "rlwn: Expected --seeds N with --jobs, got a single run, which is one process.")]
    [InlineData("toy-mlp --seeds 2 --out a --resume b", "rlwn: Expected --out for a new group or --resume for one that goes on, got both.")]
    [InlineData("toy-mlp --seeds 0", "rlwn: Expected --seeds to be a whole number of at least 1, got '0'.")]
    public void SupervisedSeeds_WhatCannotBe_IsOneLine(string arguments, string message)
    {
        var (exitCode, output, error) = Rlwn.Run(scratch.Path, ["supervised", .. arguments.Split(' ')]);

        Assert.Equal((2, ""), (exitCode, output));
        Assert.StartsWith(message, Assert.Single(error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    private Rlwn Start() => Rlwn.Start(scratch.Path, [.. Seeds, "2", "--jobs", "2", "--steps", "1e9"]);

    private int[] WaitForChildren()
    {
        string[] files = [scratch["group/seed-1/status.json"], scratch["group/seed-2/status.json"]];
        for (var wait = 0; !files.All(File.Exists); wait++)
        {
            Assert.True(wait < 1_200, "The seeds did not begin.");
            Thread.Sleep(50);
        }

        return [.. files.Select(file => JsonDocument.Parse(File.ReadAllBytes(file)).RootElement.GetProperty("processId").GetInt32())];
    }

    private JsonElement Read(string file) => JsonDocument.Parse(File.ReadAllBytes(scratch[file])).RootElement;
}
