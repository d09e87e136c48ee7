using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using RlWn.Experiments.Figures;
using RlWn.Experiments.Runs;
using RlWn.Networks;

namespace RlWn.Experiments.Tables;

/// <summary>The folder that a table's measurements are kept in: written after each, so that what is finished is not made again.</summary>
internal sealed class Table2Results
{
    public const string Csv = "table-2.csv", Configuration = "table-2.json";

    private const string Header = "data,model,scheme,seed,log10_norm,norm,eigenvalue,iterations,residual,converged,loss,seconds";
    private const string Settings = "settings";

    private readonly Dictionary<Table2Cell, Table2Result> results = [];
    private readonly string folder;

    private Table2Results(string folder) => this.folder = folder;

    public Table2Result? this[Table2Cell cell] => results.GetValueOrDefault(cell);

    /// <summary>Makes the folder, or opens one of an earlier run with the same settings.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="settings">What is measured.</param>
    /// <param name="origin">With what.</param>
    /// <exception cref="IOException">The folder holds something else, or cannot be read or written.</exception>
    public static Table2Results Open(string folder, Table2Settings settings, Origin origin)
    {
        var opened = new Table2Results(folder);
        var (configuration, csv) = (Path.Combine(folder, Configuration), Path.Combine(folder, Csv));
        var wanted = JsonSerializer.SerializeToNode(settings, RunFolder.Json)!;
        if (File.Exists(configuration))
        {
            if (!JsonNode.DeepEquals(Read(configuration)?[Settings], wanted))
                throw new IOException($"Expected results of the same settings in '{folder}', found those of others, which were left as they are. Choose another folder with --out.");
            if (File.Exists(csv))
                opened.ReadCsv(csv);
            return opened;
        }

        RunFolder.Guard(folder, () => Directory.CreateDirectory(folder));
        if (File.Exists(csv))
            throw new IOException($"Expected the settings of '{csv}' beside it in {Configuration}, found none. Choose another folder with --out.");
        var content = new JsonObject { [Settings] = wanted, [Origin.Member] = origin.ToJson() };
        RunFolder.WriteWhole(configuration, [.. JsonSerializer.SerializeToUtf8Bytes(content, RunFolder.Json), (byte)'\n']);
        return opened;
    }

    /// <summary>Keeps a result, on disk before this returns.</summary>
    public void Add(Table2Cell cell, Table2Result result)
    {
        results[cell] = result;
        var text = new StringBuilder(Header).Append('\n');
        foreach (var ((data, model, scheme, seed), (loss, norm, seconds)) in results)
        {
            text.Append(CultureInfo.InvariantCulture, $"{data},{model},{scheme},{seed},{Log10(norm):0.####},{norm?.Value:G6},{norm?.Eigenvalue:G6},{norm?.Iterations},");
            text.Append(CultureInfo.InvariantCulture, $"{norm?.Residual:G3},{norm?.HasConverged},{loss:G6},{seconds:0.0}").Append('\n');
        }

        RunFolder.WriteWhole(Path.Combine(folder, Csv), Encoding.UTF8.GetBytes(text.ToString()));
    }

    /// <summary>The table: a line for each column of the paper's, with what the paper has there.</summary>
    public IEnumerable<string[]> Rows(Table2Settings settings) =>
        from row in settings.Rows
        from direction in settings.Directions
        from rule in Table2Settings.Rules.Index()
        let measured = Measured(settings, row, $"{direction}-{rule.Item}")
        let point = Point(measured)
        select new[]
        {
            row.Data, row.Name, $"{direction}-{rule.Item}", $"{point.Sample}",
            $"{measured.Length}", $"{measured.Count(result => result.Norm is { HasConverged: false })}", $"{point.Lost}",
            $"{row.Paper.Log10[rule.Index]} ({row.Paper.Row})",
        };

    public static IReadOnlyList<string> Titles { get; } = ["data", "model", "scheme", "log10 ||H||", "seeds", "unconverged", "overflowed", "paper"];

    /// <summary>The table's picture: a panel for each row of the paper's, its columns from the left to the right, log10 ||H||₂ with its mean and deviation.</summary>
    public IReadOnlyList<Panel> Panels(Table2Settings settings) =>
    [
        .. from row in settings.Rows
           let ways = settings.Directions.Select(direction => new MethodWay(
               $"{(direction == "he" ? "He" : direction)} directions", [.. Table2Settings.Rules.Select(rule => Point(Measured(settings, row, $"{direction}-{rule}")))]))
           select MethodPanel.Of(
               $"{(row.Data == "noise" ? row.Data : row.Data.ToUpperInvariant())}, {row.Name}: the loss's Hessian at the start", "log10 of spectral norm", "how g starts", ["PyTorch default", "data-dependent", "stage-wise Hanin", "proposed"], [.. ways], "overflowed"),
    ];

    private Table2Result[] Measured(Table2Settings settings, Table2Row row, string scheme) =>
        [.. Enumerable.Range(1, settings.Seeds).Select(seed => this[new(row.Data, row.Name, scheme, seed)]).OfType<Table2Result>()];

    private static MethodPoint Point(Table2Result[] measured) =>
        new(Sample.Of([.. measured.Select(result => Log10(result.Norm)).OfType<double>()]), measured.Count(result => result.Norm is null), measured.Length);

    private static double? Log10(SpectralNorm? norm) => norm is null ? null : Math.Log10(norm.Value);

    private static JsonNode? Read(string path)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllBytes(path));
        }
        catch (JsonException failure)
        {
            throw new IOException($"Expected the settings of a table in '{path}', got: {failure.Message.TrimEnd('.')}. Choose another folder with --out.", failure);
        }
    }

    private void ReadCsv(string path)
    {
        foreach (var (number, line) in File.ReadLines(path).Index().Skip(1))
        {
            try
            {
                var cells = line.Split(',');
                var norm = cells[5].Length == 0 ? null : new SpectralNorm(Number(cells[5]), Number(cells[6]), Whole(cells[7]), Number(cells[8]), bool.Parse(cells[9]));
                results.Add(new(cells[0], cells[1], cells[2], Whole(cells[3])), new(Number(cells[10]), norm, Number(cells[11])));
            }
            catch (Exception failure) when (failure is FormatException or IndexOutOfRangeException or ArgumentException)
            {
                throw new IOException($"Expected a measurement in line {number + 1} of '{path}', got '{line}'. Delete the line, or choose another folder with --out.", failure);
            }
        }

        static double Number(string text) => double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
        static int Whole(string text) => int.Parse(text, NumberStyles.Integer, CultureInfo.InvariantCulture);
    }
}
