using RlWn.Envs;
using RlWn.Experiments.Runs;

namespace RlWn.Experiments.Comparing;

/// <summary>What a run is judged by.</summary>
internal enum Metric
{
    /// <summary>The mean return of the episodes played after training, without exploration.</summary>
    Evaluation,

    /// <summary>The mean return of the last 100 training episodes.</summary>
    Training,
}

/// <summary>Runs that differ in their seed alone, or that somebody put together under a label.</summary>
/// <param name="Name">The recipe's name, or the label.</param>
/// <param name="Runs">At least one, by seed.</param>
internal sealed record RunGroup(string Name, IReadOnlyList<RunResult> Runs)
{
    // What may differ between runs of one group: what no result depends on, but for the seed.
    private static readonly string[] Indifferent = ["seed", "device", "threads", "network.threads", "description", "diagnosticsEvery", "evaluateEvery", "evaluationEpisodes", "checkpointEvery", "checkpointsKept"];

    /// <summary>The groups that the arguments of a command mean, in their order.</summary>
    /// <param name="arguments">Run folders, and folders that hold some at any depth; each may have a label, as <c>name=PATH</c>.</param>
    /// <exception cref="IOException">A folder is missing or damaged, or there is no run in it.</exception>
    /// <exception cref="UsageException">The runs cannot be compared: different environments, or a group of different settings or of equal seeds.</exception>
    public static IReadOnlyList<RunGroup> Collect(IReadOnlyList<string> arguments)
    {
        var found = arguments.SelectMany(Find).DistinctBy(run => (run.Label, Path.GetFullPath(run.Result.Folder))).ToArray();
        RequireOneEnvironment([.. found.Select(run => run.Result)]);

        var groups = new List<RunGroup>();
        foreach (var same in found.GroupBy(run => run.Label ?? run.Result.Recipe))
        {
            var runs = same.Select(run => run.Result).OrderBy(run => run.Seed).ToArray();
            var isLabelled = same.All(run => run.Label is not null);
            if (!isLabelled && runs.Select(run => (Run: run, Setting: Difference(runs[0], run))).FirstOrDefault(run => run.Setting is not null) is { Setting: { } setting } other)
            {
                throw new UsageException(
                    $"Expected the runs of {same.Key} to differ in the seed alone, but '{runs[0].Folder}' has {setting}={runs[0].Settings[setting]} "
                    + $"and '{other.Run.Folder}' {other.Run.Settings[setting]}. Name them apart, as {setting}-{runs[0].Settings[setting]}=PATH.");
            }

            RequireEachSeedOnce(same.Key, runs);
            groups.Add(new(same.Key, runs));
        }

        return groups;
    }

    /// <summary>Each run's score.</summary>
    /// <exception cref="IOException">A run has none.</exception>
    public double[] Scores(Metric metric) => [.. Runs.Select(run => metric switch
    {
        Metric.Evaluation => run.Evaluation ?? throw new IOException(
            $"Expected each run to have been evaluated, but '{run.Folder}' has no {RunFolder.Evaluation}: it was stopped, failed or still goes on. "
            + "Leave it out, or compare the last training returns with --metric training."),
        _ => run.LastReturn ?? throw new IOException($"Expected each run to have ended an episode, but '{run.Folder}' has no return in {RunFolder.Metrics}. Leave it out."),
    })];

    /// <summary>The mean return that counts as solved, where the environment has one.</summary>
    public double? Threshold => EnvRegistry.All.FirstOrDefault(spec => spec.Id == Runs[0].Env)?.RewardThreshold;

    private static IEnumerable<(string? Label, RunResult Result)> Find(string argument)
    {
        var (label, path) = !Directory.Exists(argument) && argument.Split('=', 2) is [{ Length: > 0 } name, { Length: > 0 } rest] ? (name, rest) : (null, argument);
        if (!Directory.Exists(path))
            throw new IOException($"Expected a run folder, or a folder of runs, found none at '{path}'. Name one that 'rlwn train' made; they are under 'runs' unless --out said otherwise.");

        var folders = Folders(path).ToArray();
        return folders.Length > 0 ? folders.Select(folder => (label, RunResult.Read(folder)))
            : throw new IOException($"Expected runs in '{path}', found no folder there with {RunFolder.Settings}. Name one that 'rlwn train' made.");
    }

    private static IEnumerable<string> Folders(string folder) => RunResult.IsRun(folder)
        ? [folder]
        : Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal).SelectMany(Folders);

    private static void RequireOneEnvironment(RunResult[] runs)
    {
        if (Array.Find(runs, run => run.Env != runs[0].Env) is { } other)
        {
            throw new UsageException(
                $"Expected runs in one environment, as returns of different ones do not compare, got {runs[0].Env} ('{runs[0].Folder}') and {other.Env} ('{other.Folder}'). "
                + "Compare them apart.");
        }
    }

    // Runs that are the same but for their folder would count twice and make a result look surer than it is.
    private static void RequireEachSeedOnce(string name, RunResult[] runs)
    {
        var twice = runs.Zip(runs.Skip(1)).Where(pair => pair.First.Seed == pair.Second.Seed && pair.First.Recipe == pair.Second.Recipe && Difference(pair.First, pair.Second) is null);
        foreach (var (first, second) in twice)
        {
            throw new UsageException(
                $"Expected each seed of {name} once, got seed {first.Seed} in '{first.Folder}' and in '{second.Folder}'. Leave one of them out.");
        }
    }

    private static string? Difference(RunResult run, RunResult other) => run.Settings.Keys
        .Except(Indifferent)
        .FirstOrDefault(path => other.Settings.TryGetValue(path, out var text) && text != run.Settings[path]);
}
