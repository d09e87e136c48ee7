using RlWn.Experiments.Runs;

namespace RlWn.Experiments.Tests.Comparing;

/// <summary>The command, on run folders made by hand.</summary>
public sealed class CompareTests : IDisposable
{
    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    [Fact]
    public void Compare_TwoRecipes_WritesTableCurvesAndNumbers()
    {
        foreach (var seed in Enumerable.Range(1, 4))
        {
            Make($"runs/good/seed-{seed}", "good", seed, 480 + seed);
            Make($"runs/bad/seed-{seed}", "bad", seed, seed);
        }

        var (exitCode, output, error) = Rlwn.Run(scratch.Path, "compare", "runs/good", "runs/bad", "--out", "out");

        Assert.Equal((0, ""), (exitCode, error));
        var lines = output.TrimEnd().Split('\n');
        Assert.StartsWith("good\t4\t482.5 ± 1.3\t482.5\t482.5\t48", lines[0], StringComparison.Ordinal);   // 481 … 484: s² = 5 / 3
        Assert.EndsWith("\t4 of 4\t2,000 (2,000 to 2,000)", lines[0], StringComparison.Ordinal);
        Assert.EndsWith("\t0 of 4\tnever", lines[1], StringComparison.Ordinal);
        Assert.Equal("good over bad\t1.00\t1.00 to 1.00", lines[2]);
        Assert.Equal(
            ["curves.csv", "curves.png", "curves.svg", "improvement.csv", "runs.csv", "table.csv"],
            Directory.GetFiles(scratch["out"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));

        // Every seed's return is 100 until step 1,999 and its score from 2,000; the mean of the middle two is 482.5.
        var curve = File.ReadAllLines(scratch[Path.Combine("out", "curves.csv")]).Where(line => line.StartsWith("good,", StringComparison.Ordinal)).ToArray();
        Assert.Equal(200, curve.Length);
        Assert.StartsWith("good,1990,100,100,100", curve[198], StringComparison.Ordinal);
        Assert.StartsWith("good,2000,482.5,", curve[199], StringComparison.Ordinal);
    }

    [Fact]
    public void Compare_NotEvaluated_SaysWhichAndTrainingReturnsDo()
    {
        Make("a", "a", 1, 7);
        File.Delete(scratch["a/" + RunFolder.Evaluation]);

        Refuses(1, "rlwn: Expected each run to have been evaluated, but 'a' has no evaluation.json", "a");
        var (exitCode, output, _) = Rlwn.Run(scratch.Path, "compare", "mine=a", "--metric", "training", "--out", "out");

        Assert.Equal(0, exitCode);
        Assert.StartsWith("mine\t1\t7.0 ± -\t7.0\t7.0\t-\t", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Compare_WhatDoesNotCompare_IsOneLine()
    {
        Directory.CreateDirectory(scratch["empty"]);
        Make("one", "r", 1, 1);
        Make("again", "r", 1, 1);
        Make("other", "r", 2, 1, gamma: 0.5);
        Make("task", "r", 3, 1, env: "Acrobot-v1");

        Refuses(1, "rlwn: Expected a run folder, or a folder of runs, found none at 'none'.", "none");
        Refuses(1, "rlwn: Expected runs in 'empty', found no folder there with settings.json.", "empty");
        Refuses(2, "rlwn: Expected each seed of r once, got seed 1 in 'one' and in 'again'.", "one", "again");
        Refuses(2, "rlwn: Expected the runs of r to differ in the seed alone, but 'one' has ppo.gamma=0.9 and 'other' 0.5.", "one", "other");
        Refuses(2, "rlwn: Expected runs in one environment, as returns of different ones do not compare, got CartPole-v1 ('one') and Acrobot-v1 ('task').", "one", "task");
        Refuses(2, "rlwn: Expected --metric evaluation or training, got 'x'.", "one", "--metric", "x");
    }

    [Fact]
    public void Compare_SeedsWithOtherThreadsOfNetworks_AreOneGroup()   // the results are the same to the bit
    {
        Make("one", "r", 1, 1, networkThreads: 1);
        Make("two", "r", 2, 3, networkThreads: 2);

        var (exitCode, output, error) = Rlwn.Run(scratch.Path, "compare", "one", "two", "--out", "out");

        Assert.Equal((0, ""), (exitCode, error));
        Assert.StartsWith("r\t2\t2.0 ± 1.4\t", output, StringComparison.Ordinal);   // √2
    }

    private void Refuses(int exitCode, string message, params string[] arguments)
    {
        var result = Rlwn.Run(scratch.Path, ["compare", .. arguments]);

        Assert.Equal((exitCode, ""), (result.ExitCode, result.Output));
        Assert.StartsWith(message, Assert.Single(result.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    private void Make(string folder, string recipe, int seed, double score, double gamma = 0.9, string env = "CartPole-v1", int networkThreads = 1)
    {
        Directory.CreateDirectory(scratch[folder]);
        File.WriteAllText(scratch[$"{folder}/{RunFolder.Settings}"], FormattableString.Invariant($$"""{"recipe":"{{recipe}}","env":"{{env}}","seed":{{seed}},"origin":{},"ppo":{"gamma":{{gamma}} },"network":{"threads":{{networkThreads}} } }"""));
        File.WriteAllText(scratch[$"{folder}/{RunFolder.Evaluation}"], FormattableString.Invariant($$"""{"mean":{{score}}}"""));
        File.WriteAllText(
            scratch[$"{folder}/{RunFolder.Metrics}"],
            FormattableString.Invariant($"steps,seconds,episodes,return_mean\n5,0,0,\n10,1,120,100\n2000,2,200,{score}\n3000,3,2"));   // the last row is not whole
    }
}
