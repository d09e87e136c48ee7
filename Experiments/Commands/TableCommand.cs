using System.CommandLine;
using System.Globalization;
using RlWn.Experiments.Runs;
using RlWn.Experiments.Supervised.Data;
using RlWn.Experiments.Tables;
using RlWn.Experiments.Terminal;
using RlWn.Init;
using static TorchSharp.torch;

namespace RlWn.Experiments.Commands;

/// <summary><c>rlwn table</c></summary>
internal static class TableCommand
{
    public const string Examples = """
        rlwn table 2 --scale smoke                          in seconds, without data: shows that it works
        rlwn table 2 --data ~/data                          a network a tenth as wide as the paper's, on two cores
        rlwn table 2 --scale paper --device cuda            as in the paper
        """;

    private static readonly string[] Known = ["2"];

    public static Command Make()
    {
        var number = new Argument<string>("TABLE") { Description = "2: the loss's curvature at the start, by initialization." };
        var scale = ScaleOption.Make();
        var data = new Option<string?>("--data") { Description = $"The folder of CIFAR, downloaded there if missing. [default: {DataFolder.Variable}, else the user's cache]", HelpName = "DIR" };
        var outFolder = new Option<string?>("--out") { Description = "The results' folder; a run that was stopped goes on there. [default: results/table-2-SCALE]", HelpName = "DIR" };
        var seeds = new Option<string?>("--seeds") { Description = "How many seeds, instead of the scale's.", HelpName = "N" };
        var device = new Option<string>("--device") { Description = "auto, cpu, cuda or cuda:N.", HelpName = "NAME", DefaultValueFactory = _ => "auto" };
        var threads = Options.Number("--threads", "Threads of libtorch; on a busy machine more are slower.", "1");
        var command = new Command("table", "Repeat a table of the paper.") { number, scale, data, outFolder, seeds, device, threads };
        command.SetAction(parsed =>
        {
            var table = parsed.GetRequiredValue(number);
            if (!Known.Contains(table))
                throw new UsageException($"Expected a table of the paper that can be repeated, {string.Join(", ", Known)}, got '{table}'.");

            var settings = Table2Settings.Of(ScaleOption.Read(parsed, scale));
            if (parsed.GetValue(seeds) is not null)
                settings = settings with { Seeds = Options.Read(parsed, seeds!) };
            return Run(
                settings, parsed.GetValue(data), parsed.GetValue(outFolder) ?? Path.Combine("results", $"table-2-{settings.Scale.Name()}"),
                parsed.GetRequiredValue(device), Options.Read(parsed, threads));
        });
        return command;
    }

    private static int Run(Table2Settings settings, string? data, string folder, string deviceName, int threads)
    {
        using var stop = new StopSignals();
        using var status = StatusLine.OnError();
        var device = Choose(deviceName);
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

                status.Show(what);
                if (!images.TryGetValue(row.Data, out var set))
                    images[row.Data] = set = Load(row, table, data, status, stop.Token);
                var result = table.Measure(row, cell, set);
                results.Add(cell, result);
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

    private static ImageSet Load(Table2Row row, Table2 table, string? data, StatusLine status, CancellationToken stop)
    {
        if (row.Data == "noise")
            return table.Noise();

        using var download = new Download();
        var dataset = row.Data == "cifar-100" ? ImageDataset.Cifar100 : ImageDataset.Cifar10;
        return DataFolder.Choose(data).Read(dataset, isTest: false, download, Show, stop).GetAwaiter().GetResult();

        void Show(string file, DownloadProgress progress) => status.Show(string.Create(
            CultureInfo.InvariantCulture, $"downloading {file}: {progress.Bytes / 1e6:0.0}{(progress.Total is { } total ? $" of {total / 1e6:0.0}" : "")} MB"));
    }

    private static Device Choose(string name)
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
