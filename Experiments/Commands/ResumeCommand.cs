using System.CommandLine;
using RlWn.Experiments.Runs;
using RlWn.Experiments.Supervised.Data;
using RlWn.Experiments.Terminal;
using Spectre.Console;

namespace RlWn.Experiments.Commands;

/// <summary><c>rlwn resume</c></summary>
internal static class ResumeCommand
{
    public const string Examples = """
        rlwn resume runs/mine                               after Ctrl+C, a crash or a kill
        rlwn train cartpole-ppo --out runs/mine --resume    the same, and starts it if there is nothing yet
        rlwn resume runs/digits --data ~/data               a run of 'rlwn supervised', with its images
        """;

    public static Command Make()
    {
        var run = new Argument<string>("RUN") { Description = "The folder of a run that did not end." };
        var data = new Option<string?>("--data") { Description = $"The folder of the images that a run of 'rlwn supervised' learns from. [default: {DataFolder.Variable}, else the user's cache]", HelpName = "DIR" };
        var quiet = new Option<bool>("--quiet") { Description = "Show no progress, only the summary." };
        var command = new Command(
            "resume", "Go on with an interrupted run from its last whole checkpoint: on the CPU to the very end that it would have had.") { run, data, quiet };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(run), parsed.GetValue(data), parsed.GetValue(quiet)));
        return command;
    }

    /// <summary>Goes on with a run.</summary>
    /// <param name="path">Its folder.</param>
    /// <param name="data">The folder of the images, for a supervised run; null for the usual one.</param>
    /// <param name="quiet">Whether to show the summary alone.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="UsageException">The run ended, or there are images for one that learns from none.</exception>
    /// <exception cref="IOException">There is no run, it cannot be read, or another process has it.</exception>
    public static int Run(string path, string? data, bool quiet)
    {
        var folder = RunFolder.Open(path);
        var recipe = Recipe.Load(folder[RunFolder.Settings]);
        if (recipe["env"].Length == 0)
            return SupervisedCommand.Resume(path, data, quiet);   // no environment: it learns from images

        if (data is not null)
            throw new UsageException($"Expected --data with a run of 'rlwn supervised', got '{path}', which learns in {recipe["env"]}. Leave it out.");

        using var stop = new StopSignals();
        if (folder.ReadState() == "done")
            throw new UsageException($"Expected a run that did not end, got '{path}', which did. '{OwnName.Command} evaluate {path}' says how it does.");

        var settings = RunSettings.Resolve(recipe.Assignments);
        using var run = new TrainingRun(settings);
        Console.Out.WriteLine($"Resuming {settings.Recipe} in {settings.Env}, seed {settings.Seed}, in {folder.Path}");
        if (!run.ResumesExactly)
            Console.Error.WriteLine("rlwn: the environment or the agent cannot save its whole state: nothing learned is lost, but the run will not end exactly as it would have.");

        var progress = quiet ? null : new ProgressLine(AnsiConsole.Console, settings.Steps, ProgressLine.IsTerminal);
        return TrainCommand.Conclude(run.Resume(folder, progress, message => Console.Error.WriteLine($"rlwn: {message}"), stop.Token), settings, folder.Path);
    }
}
