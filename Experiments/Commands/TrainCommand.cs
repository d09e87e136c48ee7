using System.CommandLine;
using RlWn.Envs;
using RlWn.Experiments.Runs;
using RlWn.Experiments.Terminal;
using Spectre.Console;
using static RlWn.Experiments.Terminal.SummaryLine;

namespace RlWn.Experiments.Commands;

/// <summary><c>rlwn train</c></summary>
internal static class TrainCommand
{
    public const string Examples = """
        rlwn train                                          the default recipe, cartpole-ppo
        rlwn train cartpole-ppo --seed 3 --set ppo.gamma=0.995 --set network.hidden=[128,128]
        rlwn train my-recipe.json --steps 1e6 --out runs/mine
        rlwn train cartpole-ppo --seeds 10 --out runs/ten   ten seeds side by side, and their interquartile mean; with --resume it goes on
        rlwn train my-recipe.json --out runs/mine --resume  goes on where a crash or a kill left it; starts it if there is nothing yet
        """;

    public static Command Make()
    {
        var recipe = new Argument<string>("RECIPE")
        {
            Description = "A recipe's name, as 'rlwn recipes' lists them, or the path of a .json file. A run's settings.json repeats the run.",
            DefaultValueFactory = _ => Recipe.Default,
        };
        var named = new Option<string?>[]
        {
            new("--env") { Description = "The environment, instead of the recipe's.", HelpName = "ID" },
            new("--seed") { Description = "Decides everything that is random. [default: 1]", HelpName = "N" },
            new("--device") { Description = "Where networks learn: auto, cpu, cuda or cuda:N. [default: auto]", HelpName = "NAME" },
            new("--steps") { Description = "Environment steps to train, instead of the recipe's.", HelpName = "N" },
            new("--threads") { Description = "Threads of libtorch; small networks are fastest with 1. [default: 1]", HelpName = "N" },
        };
        var set = new Option<string[]>("--set") { Description = "A setting by its path; may be repeated. 'rlwn recipes NAME' lists all.", HelpName = "PATH=VALUE" };
        var outFolder = new Option<string?>("--out") { Description = "The run's folder, new or empty. [default: runs/ENV-RECIPE-seedN-TIME]", HelpName = "DIR" };
        var resume = new Option<bool>("--resume") { Description = "With --out: go on with the run there if there is one, which keeps its own settings." };
        var seeds = new Option<string?>("--seeds") { Description = "So many seeds side by side, a process and a run folder each, and a summary; --seed is the first.", HelpName = "N" };
        var jobs = PoolOptions.Jobs();
        var quiet = new Option<bool>("--quiet") { Description = "Show no progress, only the summary." };

        var command = new Command("train", "Train an agent, evaluate it, and leave the results in a run folder.") { recipe };
        foreach (var option in (Option[])[.. named, seeds, jobs, set, outFolder, resume, quiet])
            command.Options.Add(option);

        command.SetAction(parsed =>
        {
            var (folder, isQuiet) = (parsed.GetValue(outFolder), parsed.GetValue(quiet));
            var overrides = Options.Overrides(parsed, set, named);
            if (parsed.GetValue(resume) && folder is null)
                throw new UsageException("Expected --out DIR with --resume, the folder of the run to go on with, got none. Or say 'rlwn resume DIR'.");
            int? atOnce = parsed.GetValue(jobs) is null ? null : Options.Read(parsed, jobs!);
            if (parsed.GetValue(seeds) is not null)
                return TrainSeeds.Run(parsed.GetRequiredValue(recipe), overrides, Options.Read(parsed, seeds!), atOnce, folder, parsed.GetValue(resume), isQuiet);
            if (atOnce is not null)
                throw new UsageException("Expected --seeds N with --jobs, got a single run, which is one process.");

            if (parsed.GetValue(resume) && File.Exists(Path.Combine(folder!, RunFolder.Settings)))
                return ResumeCommand.Run(folder!, data: null, isQuiet);
            return Run(Recipe.Load(parsed.GetRequiredValue(recipe)), overrides, folder, isQuiet);
        });
        return command;
    }

    private static int Run(Recipe recipe, IReadOnlyList<Assignment> overrides, string? outFolder, bool quiet)
    {
        using var stop = new StopSignals();
        var settings = RunSettings.Resolve([.. recipe.Assignments, .. overrides]);
        using var run = new TrainingRun(settings);
        var folder = RunFolder.Create(outFolder ?? RunFolder.NewPath(settings, DateTimeOffset.Now));

        Console.Out.WriteLine($"Training {settings.Recipe} in {settings.Env}, seed {settings.Seed}, into {folder.Path}");
        var progress = quiet ? null : new ProgressLine(AnsiConsole.Console, settings.Steps, ProgressLine.IsTerminal);
        return Conclude(run.Run(folder, progress, stop.Token), settings, folder.Path);
    }

    /// <summary>Says what a run came to.</summary>
    /// <returns>The exit code.</returns>
    internal static int Conclude(TrainingResult result, RunSettings settings, string folder)
    {
        Summarize(result, EnvRegistry.Get(settings.Env).RewardThreshold, folder);
        return result.Evaluation is null ? Failures.Stopped : Failures.Done;
    }

    private static void Summarize(TrainingResult result, double? threshold, string folder)
    {
        var (evaluation, reached, steps, seconds) = result;
        if (evaluation is not null)
        {
            var verdict = threshold is null ? "" : evaluation.Mean >= threshold ? $": solved ({threshold} is asked for)" : $": not solved ({threshold} is asked for)";
            Say("evaluation", $"mean return {evaluation.Mean:0.0} ± {evaluation.Deviation:0.0} over {evaluation.Episodes.Count} episodes{verdict}");
        }
        else
        {
            Say("stopped", $"before the end; the policy so far is kept and was not evaluated");
        }

        Say("training", $"{steps:#,0} steps in {seconds:0.00} s, {steps / seconds:#,0} steps/s");
        if (reached is { } first)
            Say("", $"the last {RunStatistics.Window} episodes first averaged {threshold} at step {first.Steps:#,0}, after {first.Seconds:0.00} s");
        Say("run folder", $"{folder}");

        var path = folder.Contains(' ', StringComparison.Ordinal) ? $"\"{folder}\"" : folder;
        Say("next", $"{OwnName.Command} {(evaluation is null ? "resume" : "play")} {path}");
        Say("", $"{OwnName.Command} evaluate {path}");
    }
}
