using System.CommandLine;
using System.Text;
using RlWn.Experiments.Cells;
using RlWn.Experiments.Figures;
using RlWn.Experiments.Runs;
using RlWn.Experiments.Supervised;
using RlWn.Experiments.Supervised.Data;
using RlWn.Experiments.Tables;
using RlWn.Experiments.Terminal;
using static TorchSharp.torch;

namespace RlWn.Experiments.Commands;

/// <summary><c>rlwn table</c></summary>
internal static class TableCommand
{
    public const string Examples = """
        rlwn table 1 --scale smoke                          in seconds, without data: shows that it works
        rlwn table 1 --data ~/data --jobs 2                 ResNet-20 and -56 on a twentieth of CIFAR-10; after a stop the same command goes on
        rlwn table 2 --data ~/data                          a network a tenth as wide as the paper's, on two cores
        rlwn table 2 --scale paper --device cuda            as in the paper
        """;

    private static readonly string[] Known = ["1", "2"];

    public static Command Make()
    {
        var number = new Argument<string>("TABLE") { Description = "1: test errors of residual networks, by method. 2: the loss's curvature at the start, by initialization." };
        var scale = ScaleOption.Make();
        var outFolder = new Option<string?>("--out") { Description = "The results' folder; a run that was stopped goes on there. [default: results/table-TABLE-SCALE]", HelpName = "DIR" };
        var seeds = new Option<string?>("--seeds") { Description = "How many seeds, instead of the scale's.", HelpName = "N" };
        var device = new Option<string>("--device") { Description = "auto, cpu, cuda or cuda:N.", HelpName = "NAME", DefaultValueFactory = _ => "auto" };
        var threads = new Option<string?>("--threads") { Description = "Threads of libtorch for table 2; on a busy machine more are slower. [default: 1]", HelpName = "N" };
        var quiet = new Option<bool>("--quiet") { Description = "Show no progress, only the summary." };
        var pool = new PoolOptions();
        var command = new Command("table", "Repeat a table of the paper.") { number, scale, outFolder, seeds, device, threads, quiet };
        foreach (var option in pool.All)
            command.Options.Add(option);
        command.SetAction(parsed =>
        {
            var table = parsed.GetRequiredValue(number);
            if (!Known.Contains(table))
                throw new UsageException($"Expected a table of the paper that can be repeated, {string.Join(", ", Known)}, got '{table}'.");

            var size = ScaleOption.Read(parsed, scale);
            int? count = parsed.GetValue(seeds) is null ? null : Options.Read(parsed, seeds!);
            var (folder, where, isQuiet) = (parsed.GetValue(outFolder) ?? Path.Combine("results", $"table-{table}-{size.Name()}"), parsed.GetRequiredValue(device), parsed.GetValue(quiet));
            if (table == "1")
            {
                if (parsed.GetValue(threads) is not null)
                    throw new UsageException("Expected no --threads for table 1, whose runs have one each, got some. Say with --jobs how many run at a time.");
                return Run(parsed, pool, new(size, Seed: 1, where, folder) { SeedCount = count }, isQuiet);
            }

            pool.Refuse(parsed, "table 2");
            var settings = Table2Settings.Of(size);
            return Run(
                settings with { Seeds = count ?? settings.Seeds }, pool.Data(parsed), folder, where,
                parsed.GetValue(threads) is null ? 1 : Options.Read(parsed, threads!), isQuiet);
        });
        return command;
    }

    private static int Run(ParseResult parsed, PoolOptions pool, RunsWork work, bool quiet)
    {
        var started = DateTimeOffset.Now;
        var folder = RunFolder.At(work.Folder);
        var plan = Table1.Plan(work);
        Console.Error.WriteLine($"Making table 1 at {work.Scale.Name()} scale of {plan.Cells.Count} runs, in {folder.Path}");
        return pool.Run(parsed, plan, work.Device, quiet, $"{OwnName.Command} table 1 --scale {work.Scale.Name()}{(work.SeedCount is { } seeds ? $" --seeds {seeds}" : "")} --out {folder.Path}", result =>
        {
            folder.Write("table-1.csv", Encoding.UTF8.GetBytes(result.Numbers.ToString()));
            folder.Write("table-1-runs.csv", Encoding.UTF8.GetBytes(result.Runs.ToString()));
            folder.WriteJson("table-1.json", new { Scale = work.Scale.Name(), work.Device, plan.Configuration, Runs = PoolOptions.Describe(plan.Cells), Origin = Origin.Here(started) });
            Draw(folder, "table-1", result.Panels);
            Listing.Write([.. Table1.Titles], result.Rows);
            Console.Error.WriteLine($"In {folder["table-1.csv"]}, each run in table-1-runs.csv, drawn in table-1.png and .svg, settings in table-1.json.");
        });
    }

    private static int Run(Table2Settings settings, string? data, string folder, string deviceName, int threads, bool quiet)
    {
        using var stop = new StopSignals();
        using var status = StatusLine.OnError();
        var device = Options.ReadDevice(deviceName);
        settings = settings with { Device = device.ToString() };
        set_num_threads(threads);
        var (table, results) = (new Table2(settings, device), Table2Results.Open(folder, settings, Origin.Here(DateTimeOffset.Now)));
        var again = $"'{OwnName.Command} table 2 --scale {settings.Scale.Name()} --seeds {settings.Seeds} --device {settings.Device} --out {folder}'";   // of other settings it would be refused
        IReadOnlyList<Table2Failure> failures;
        try
        {
            // Before the first measurement: where they are not to be had, nothing is begun.
            var images = table.Cells.Where(entry => results[entry.Cell] is null).Select(entry => entry.Cell.Data).Distinct().ToArray()
                .ToDictionary(name => name, name => Load(name, table, data, status, stop.Token));
            failures = table.MeasureMissing(results, images, quiet ? null : status, stop.Token);
        }
        catch (OperationCanceledException)
        {
            status.Say($"Stopped; {again} goes on from here.");
            return Failures.Stopped;
        }

        Draw(RunFolder.At(folder), "table-2", results.Panels(settings));
        Listing.Write([.. Table2Results.Titles], results.Rows(settings));
        status.Say($"In {Path.Combine(folder, Table2Results.Csv)}, drawn in table-2.png and .svg, settings in {Table2Results.Configuration}.");
        foreach (var (cell, message) in failures)
            status.Say($"rlwn: '{cell}' failed: {message}");
        if (failures.Count > 0)
            status.Say($"{again} makes these again.");
        return failures.Count > 0 ? Failures.Failed : Failures.Done;
    }

    private static void Draw(RunFolder folder, string name, IReadOnlyList<Panel> panels)
    {
        folder.Write($"{name}.svg", SmallMultiples.Svg(panels, columns: 1, MethodPanel.RowHeight));
        folder.Write($"{name}.png", SmallMultiples.Png(panels, columns: 1, MethodPanel.RowHeight));
    }

    private static ImageSet Load(string name, Table2 table, string? data, StatusLine status, CancellationToken stop) => name == "noise"
        ? table.Noise()
        : new SupervisedData(data, status).Read(name == "cifar-100" ? DataName.Cifar100 : DataName.Cifar10, isTest: false, stop);
}
