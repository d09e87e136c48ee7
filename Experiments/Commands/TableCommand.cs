using System.CommandLine;
using System.Globalization;
using System.Text;
using RlWn.Experiments.Cells;
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
        return pool.Run(parsed, plan, work.Device, quiet, $"{OwnName.Command} table 1 --scale {work.Scale.Name()} --out {folder.Path}", result =>
        {
            folder.Write("table-1.csv", Encoding.UTF8.GetBytes(result.Numbers.ToString()));
            folder.Write("table-1-runs.csv", Encoding.UTF8.GetBytes(result.Runs.ToString()));
            folder.WriteJson("table-1.json", new { Scale = work.Scale.Name(), work.Device, plan.Configuration, Runs = PoolOptions.Describe(plan.Cells), Origin = Origin.Here(started) });
            Listing.Write([.. Table1.Titles], result.Rows);
            Console.Error.WriteLine($"In {folder["table-1.csv"]}, each run in table-1-runs.csv, settings in table-1.json.");
        });
    }

    private static int Run(Table2Settings settings, string? data, string folder, string deviceName, int threads, bool quiet)
    {
        using var stop = new StopSignals();
        using var status = StatusLine.OnError();
        var device = Options.ReadDevice(deviceName);
        settings = settings with { Device = device.ToString() };
        var table = new Table2(settings, device);
        set_num_threads(threads);
        var results = Table2Results.Open(folder, settings, Origin.Here(DateTimeOffset.Now));
        var images = new Dictionary<string, ImageSet>();
        var cells = table.Cells.ToArray();
        try
        {
            foreach (var (index, (row, cell)) in cells.Index())
            {
                stop.Token.ThrowIfCancellationRequested();
                var what = string.Create(CultureInfo.InvariantCulture, $"{index + 1,3} / {cells.Length}  {cell.Data} {cell.Model} {cell.Scheme} seed {cell.Seed}");
                if (results[cell] is not null)
                    continue;

                if (!quiet)
                    status.Show(what);
                if (!images.TryGetValue(row.Data, out var set))
                    images[row.Data] = set = Load(row, table, data, status, stop.Token);
                var result = table.Measure(row, cell, set);
                results.Add(cell, result);
                if (!quiet)
                    status.Say(string.Create(CultureInfo.InvariantCulture, $"{what}: {Describe(result)}, {result.Seconds:0.0} s"));
            }
        }
        catch (OperationCanceledException)
        {
            status.Say($"Stopped; '{OwnName.Command} table 2 --scale {settings.Scale.Name()} --out {folder}' goes on from here.");
            return Failures.Stopped;
        }

        Listing.Write([.. Table2Results.Titles], results.Rows(settings));
        status.Say($"In {Path.Combine(folder, Table2Results.Csv)}, settings in {Table2Results.Configuration}.");
        return Failures.Done;
    }

    private static string Describe(Table2Result result) => result.Norm is not { } norm
        ? "overflowed"
        : string.Create(CultureInfo.InvariantCulture, $"log10 ||H|| = {Math.Log10(norm.Value):0.00} after {norm.Iterations} products{(norm.HasConverged ? "" : ", not converged")}");

    private static ImageSet Load(Table2Row row, Table2 table, string? data, StatusLine status, CancellationToken stop) => row.Data switch
    {
        "noise" => table.Noise(),
        var name => new SupervisedData(data, status).Read(name == "cifar-100" ? DataName.Cifar100 : DataName.Cifar10, isTest: false, stop),
    };
}
