using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using RlWn.Experiments.Cells;
using RlWn.Experiments.Figures;
using RlWn.Experiments.Runs;
using TorchSharp;

namespace RlWn.Experiments.Commands;

/// <summary><c>rlwn figure</c></summary>
internal static class FigureCommand
{
    public const string Examples = """
        rlwn figure                                         all figures
        rlwn figure 1                                       the paper's figure 1, in minutes
        rlwn figure 2 --jobs 2                              many runs, two at a time; after a stop the same command goes on
        rlwn figure widths --scale smoke --out /tmp/widths
        rlwn figure scale-or-direction --scale paper --device cuda --seed 3
        """;

    public static Command Make()
    {
        var name = new Argument<string?>("NAME") { Description = "Which figure. Left out: lists all.", DefaultValueFactory = _ => null };
        var scale = ScaleOption.Make();
        var device = new Option<string>("--device") { Description = "Where everything is computed: auto, cpu, cuda or cuda:N.", HelpName = "NAME", DefaultValueFactory = _ => "auto" };
        var seed = new Option<string?>("--seed") { Description = "Decides everything that is random; figures of many runs count their seeds from it. [default: 1]", HelpName = "N" };
        var outFolder = new Option<string?>("--out")
        {
            Description = "The folder for the results, new or empty; a figure of many runs goes on there. [default: results/figure-NAME, or results/figure-NAME-SCALE]", HelpName = "DIR",
        };
        var quiet = new Option<bool>("--quiet") { Description = "Show no progress, only the summary." };
        var pool = new PoolOptions();
        var command = new Command("figure", "Make a figure: the picture, its numbers, and what they were made with.") { name, scale, device, seed, outFolder, quiet };
        foreach (var option in pool.All)
            command.Options.Add(option);
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(name) is not { } chosen)
                return List();

            var (size, from, where, isQuiet) = (ScaleOption.Read(parsed, scale), Options.ReadSeed(parsed, seed) ?? 1, parsed.GetRequiredValue(device), parsed.GetValue(quiet));
            if (Figure.Get(chosen) is MeasuredFigure)
                pool.Refuse(parsed, $"figure {chosen}");
            return Figure.Get(chosen) switch
            {
                MeasuredFigure figure => Measure(figure, size, where, from, parsed.GetValue(outFolder), isQuiet),
                RunsFigure figure => Run(parsed, pool, figure, new(size, from, where, parsed.GetValue(outFolder) ?? Path.Combine("results", $"figure-{figure.Name}-{size.Name()}")), isQuiet),
                var other => throw new InvalidOperationException($"Expected a figure that is measured or made of runs, got {other.GetType().Name}."),
            };
        });
        return command;
    }

    private static int List()
    {
        Terminal.Listing.Write(["figure", "what it shows"], Figure.All.Select(figure => new[] { figure.Name, figure.Summary }));
        return Failures.Done;
    }

    private static int Measure(MeasuredFigure figure, Scale scale, string deviceName, ulong seed, string? outFolder, bool quiet)
    {
        var device = Options.ReadDevice(deviceName);
        torch.set_num_threads(1);   // the same numbers on every machine, and fast beside other work; the GPU does not care
        var folder = RunFolder.Create(outFolder ?? Path.Combine("results", $"figure-{figure.Name}"));
        Console.Out.WriteLine($"Making figure {figure.Name} at {scale.Name()} scale, seed {seed}, on {device}, into {folder.Path}");

        var (started, startedAt) = (DateTimeOffset.Now, Stopwatch.GetTimestamp());
        using var generator = new torch.Generator(seed, device);
        var result = figure.Make(new(scale, device, generator, quiet ? null : new WorkLine(Console.Out)));
        Write(figure, folder, result, new
        {
            Figure = figure.Name,
            Scale = scale.Name(),
            Seed = seed,
            Device = device.ToString(),
            result.Configuration,
            WallSeconds = Stopwatch.GetElapsedTime(startedAt).TotalSeconds,
            Origin = Origin.Here(started),
        }, Stopwatch.GetElapsedTime(startedAt));
        return Failures.Done;
    }

    private static int Run(ParseResult parsed, PoolOptions pool, RunsFigure figure, RunsWork work, bool quiet)
    {
        var (started, startedAt) = (DateTimeOffset.Now, Stopwatch.GetTimestamp());
        var folder = RunFolder.At(work.Folder);
        var plan = figure.Plan(work);
        Console.Out.WriteLine($"Making figure {figure.Name} at {work.Scale.Name()} scale of {plan.Cells.Count} runs, in {folder.Path}");
        return pool.Run(
            parsed, plan, work.Device, quiet, $"{OwnName.Command} figure {figure.Name} --scale {work.Scale.Name()} --seed {work.Seed} --out {folder.Path}",
            result => Write(figure, folder, result, new
            {
                Figure = figure.Name,
                Scale = work.Scale.Name(),
                work.Seed,
                work.Device,
                plan.Configuration,
                Runs = PoolOptions.Describe(plan.Cells),
                Origin = Origin.Here(started),
            }, Stopwatch.GetElapsedTime(startedAt)));
    }

    private static void Write(Figure figure, RunFolder folder, FigureResult result, object madeWith, TimeSpan took)
    {
        var file = $"figure-{figure.Name}";
        folder.Write($"{file}.csv", Encoding.UTF8.GetBytes(result.Numbers.ToString()));
        folder.Write($"{file}.svg", SmallMultiples.Svg(result.Panels, result.Columns, result.RowHeight));
        folder.Write($"{file}.png", SmallMultiples.Png(result.Panels, result.Columns, result.RowHeight));
        folder.WriteJson($"{file}.json", madeWith);
        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Done in {took.TotalSeconds:0.0} s: {folder[file]}.png, .svg, .csv and .json"));
    }
}
