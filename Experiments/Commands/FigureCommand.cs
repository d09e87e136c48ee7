using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using RlWn.Experiments.Figures;
using RlWn.Experiments.Runs;
using RlWn.Init;
using TorchSharp;

namespace RlWn.Experiments.Commands;

/// <summary><c>rlwn figure</c></summary>
internal static class FigureCommand
{
    public const string Examples = """
        rlwn figure                                         all figures
        rlwn figure 1                                       the paper's figure 1, in minutes
        rlwn figure widths --scale smoke --out /tmp/widths
        rlwn figure scale-or-direction --scale paper --device cuda --seed 3
        """;

    public static Command Make()
    {
        var name = new Argument<string?>("NAME") { Description = "Which figure. Left out: lists all.", DefaultValueFactory = _ => null };
        var scale = ScaleOption.Make();
        var device = new Option<string>("--device") { Description = "Where everything is computed: auto, cpu, cuda or cuda:N.", HelpName = "NAME", DefaultValueFactory = _ => "auto" };
        var seed = new Option<string?>("--seed") { Description = "Decides everything that is random. [default: 1]", HelpName = "N" };
        var outFolder = new Option<string?>("--out") { Description = "The folder for the results, new or empty. [default: results/figure-NAME]", HelpName = "DIR" };
        var quiet = new Option<bool>("--quiet") { Description = "Show no progress, only the summary." };
        var command = new Command("figure", "Make a figure: the picture, its numbers, and what they were made with.") { name, scale, device, seed, outFolder, quiet };
        command.SetAction(parsed => parsed.GetValue(name) is { } chosen
            ? Run(
                Figure.Get(chosen), ScaleOption.Read(parsed, scale), parsed.GetRequiredValue(device), Options.ReadSeed(parsed, seed) ?? 1,
                parsed.GetValue(outFolder), parsed.GetValue(quiet))
            : List());
        return command;
    }

    private static int List()
    {
        Terminal.Listing.Write(["figure", "what it shows"], Figure.All.Select(figure => new[] { figure.Name, figure.Summary }));
        return Failures.Done;
    }

    private static int Run(Figure figure, Scale scale, string deviceName, ulong seed, string? outFolder, bool quiet)
    {
        var device = Choose(deviceName);
        torch.set_num_threads(1);   // the same numbers on every machine, and fast beside other work; the GPU does not care
        var folder = RunFolder.Create(outFolder ?? Path.Combine("results", $"figure-{figure.Name}"));
        Console.Out.WriteLine($"Making figure {figure.Name} at {scale.Name()} scale, seed {seed}, on {device}, into {folder.Path}");

        var (started, startedAt) = (DateTimeOffset.Now, Stopwatch.GetTimestamp());
        using var generator = new torch.Generator(seed, device);
        var result = figure.Make(new(scale, device, generator, quiet ? null : new WorkLine(Console.Out)));
        var seconds = Stopwatch.GetElapsedTime(startedAt).TotalSeconds;

        var file = $"figure-{figure.Name}";
        folder.Write($"{file}.csv", Encoding.UTF8.GetBytes(result.Numbers.ToString()));
        folder.Write($"{file}.svg", SmallMultiples.Svg(result.Panels, result.Columns, result.RowHeight));
        folder.Write($"{file}.png", SmallMultiples.Png(result.Panels, result.Columns, result.RowHeight));
        folder.WriteJson($"{file}.json", new
        {
            Figure = figure.Name,
            Scale = scale.Name(),
            Seed = seed,
            Device = device.ToString(),
            result.Configuration,
            WallSeconds = seconds,
            Origin = Origin.Here(started),
        });
        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Done in {seconds:0.0} s: {folder[file]}.png, .svg, .csv and .json"));
        return Failures.Done;
    }

    private static torch.Device Choose(string name)
    {
        try
        {
            return TorchDevice.Choose(name);
        }
        catch (ArgumentException unknown)
        {
            throw new UsageException(Failures.WithoutParameter(unknown));
        }
    }
}
