using System.CommandLine;
using RlWn.Experiments.Runs;
using RlWn.Experiments.Supervised;
using RlWn.Experiments.Supervised.Data;
using RlWn.Experiments.Terminal;
using static RlWn.Experiments.Terminal.SummaryLine;

namespace RlWn.Experiments.Commands;

/// <summary><c>rlwn supervised</c></summary>
internal static class SupervisedCommand
{
    public const string Examples = """
        rlwn supervised                                     all recipes
        rlwn supervised mnist-mlp --seed 3 --set depth=100 --set scheme=orthogonal-data-dependent
        rlwn supervised cifar10-resnet20 --epochs 10 --data ~/data --out runs/mine
        rlwn supervised mnist-mlp --seeds 5 --out runs/five   five seeds side by side, and their mean error
        rlwn supervised mnist-mlp --seeds 5 --resume runs/five   goes on with those that have not ended
        rlwn supervised --resume runs/mine                  after Ctrl+C, a crash or a kill
        rlwn supervised runs/mine/settings.json --set validationShare=0   again, on the validation images too
        """;

    public static Command Make()
    {
        var recipe = new Argument<string?>("RECIPE")
        {
            Description = "A recipe's name, or the path of a .json file. A run's settings.json repeats the run. Left out: lists all.",
            DefaultValueFactory = _ => null,
        };
        var named = new Option<string?>[]
        {
            new("--seed") { Description = "Decides everything that is random. [default: 1]", HelpName = "N" },
            new("--device") { Description = "Where the network learns: auto, cpu, cuda or cuda:N. [default: auto]", HelpName = "NAME" },
            new("--epochs") { Description = "Epochs to train, instead of the recipe's.", HelpName = "N" },
            new("--threads") { Description = "Threads of libtorch. [default: as many as the machine has; with --seeds 1]", HelpName = "N" },
        };
        var set = new Option<string[]>("--set") { Description = "A setting by its name; may be repeated. 'rlwn recipes mnist-mlp' lists all.", HelpName = "NAME=VALUE" };
        var data = new Option<string?>("--data") { Description = $"The folder of the images, downloaded there if missing. [default: {DataFolder.Variable}, else the user's cache]", HelpName = "DIR" };
        var outFolder = new Option<string?>("--out") { Description = "The run's folder, new or empty. [default: runs/RECIPE-seedN-TIME]", HelpName = "DIR" };
        var resume = new Option<string?>("--resume") { Description = "Go on with the run in this folder, from its last checkpoint; with RECIPE and --seeds, with the group in it.", HelpName = "RUN" };
        var seeds = new Option<string?>("--seeds") { Description = "So many seeds side by side, a process and a run folder each, and a summary; --seed is the first.", HelpName = "N" };
        var jobs = PoolOptions.Jobs();
        var quiet = new Option<bool>("--quiet") { Description = "Show no progress, only the summary." };
        var command = new Command("supervised", "Train one of the paper's networks on images, and test it once.") { recipe };
        foreach (var option in (Option[])[.. named, seeds, jobs, set, data, outFolder, resume, quiet])
            command.Options.Add(option);

        command.SetAction(parsed =>
        {
            var overrides = Options.Overrides(parsed, set, named);
            var (chosen, again, isQuiet) = (parsed.GetValue(recipe), parsed.GetValue(resume), parsed.GetValue(quiet));
            int? atOnce = parsed.GetValue(jobs) is null ? null : Options.Read(parsed, jobs!);
            if (parsed.GetValue(seeds) is not null)
            {
                if (chosen is null)
                    throw new UsageException("Expected a recipe with --seeds, got none. 'rlwn supervised' lists all.");
                if (again is not null && parsed.GetValue(outFolder) is not null)
                    throw new UsageException("Expected --out for a new group or --resume for one that goes on, got both.");
                return SupervisedSeeds.Run(chosen, overrides, Options.Read(parsed, seeds!), atOnce, parsed.GetValue(data), parsed.GetValue(outFolder), again, isQuiet);
            }

            if (atOnce is not null)
                throw new UsageException("Expected --seeds N with --jobs, got a single run, which is one process.");
            if (again is not null)
            {
                if (chosen is not null || overrides.Count > 0 || parsed.GetValue(outFolder) is not null)
                    throw new UsageException("Expected nothing but --data and --quiet beside --resume, which goes on with a run as it was begun, got more.");
                return Resume(again, parsed.GetValue(data), isQuiet);
            }

            if (chosen is null)
                return List();
            var settings = SupervisedSettings.Resolve([.. Recipe.Load(chosen, RecipeShelf.Supervised).Assignments, .. overrides]);
            return Run(settings, parsed.GetValue(data), parsed.GetValue(outFolder), isQuiet);
        });
        return command;
    }

    /// <summary>Goes on with a run.</summary>
    /// <returns>The exit code.</returns>
    public static int Resume(string path, string? data, bool quiet)
    {
        using var stop = new StopSignals();
        using var status = StatusLine.OnError();
        Console.Out.WriteLine($"Resuming {path}");
        return Summarize(
            SupervisedRun.Resume(path, new(data, status), quiet ? null : new SupervisedProgress(status), message => status.Say($"rlwn: {message}"), stop.Token), path, data);
    }

    private static int List()
    {
        Listing.Write(
            ["recipe", "data", "model", "what it does"],
            from recipe in RecipeShelf.Supervised.Names.Select(name => Recipe.Load(name, RecipeShelf.Supervised))
            select new[] { recipe.Name, recipe["data"], recipe["model"], recipe["description"] });
        return Failures.Done;
    }

    private static int Run(SupervisedSettings settings, string? data, string? outFolder, bool quiet)
    {
        using var stop = new StopSignals();
        using var status = StatusLine.OnError();
        var images = new SupervisedData(data, status);
        using var run = new SupervisedRun(settings, images.Read(settings.Data, isTest: false, stop.Token), images.Read(settings.Data, isTest: true, stop.Token));
        var folder = RunFolder.Create(outFolder ?? RunFolder.NewPath($"{settings.Recipe}-seed{settings.Seed}", DateTimeOffset.Now));

        Console.Out.WriteLine($"Training {settings.Recipe}, {settings.Scheme}, seed {settings.Seed}, into {folder.Path}");
        return Summarize(run.Run(folder, quiet ? null : new SupervisedProgress(status), stop.Token), folder.Path, data);
    }

    // A run that diverged is done: that it did is its result.
    private static int Summarize(SupervisedResult result, string folder, string? data)
    {
        var best = result.Chosen > 0 ? result.Epochs[result.Chosen - 1].Validation : null;
        if (result.Test is { } test)
            Say("test", $"error {100 * (1 - test.Accuracy):0.00}%, accuracy {test.Accuracy:0.0000}, loss {test.Loss:0.0000}, with the network of epoch {result.Chosen}");
        else
            Say(result.Outcome == Outcome.Diverged ? "diverged" : "stopped", $"{result.Reason}; not tested");
        if (best is { } validation)
            Say("validation", $"accuracy {validation.Accuracy:0.0000} after epoch {result.Chosen}, the best of {result.Epochs.Count}");
        if (result.Epochs is [.., var last])
            Say("training", $"{last.Seconds:0.0} s, {result.Epochs.Average(epoch => epoch.ImagesPerSecond):#,0} images/s, {result.Epochs.Average(epoch => epoch.Waiting):P1} of it waiting for images, whose making took {result.Epochs.Average(epoch => epoch.Preparing):P1} on a thread of its own");
        Say("run folder", $"{folder}");
        if (result.Outcome == Outcome.Stopped)
            Say("next", $"{OwnName.Command} supervised --resume {folder}{(data is null ? "" : $" --data {data}")}");
        return result.Outcome == Outcome.Stopped ? Failures.Stopped : Failures.Done;
    }
}
