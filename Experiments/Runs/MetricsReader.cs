using System.Globalization;
using System.Text;

namespace RlWn.Experiments.Runs;

/// <summary>Where a run stood with a report: what runs are followed and compared by.</summary>
/// <param name="Steps">Environment steps so far.</param>
/// <param name="Episodes">Training episodes so far.</param>
/// <param name="ReturnMean">Mean return of the last 100 training episodes; NaN before the first.</param>
internal readonly record struct TrainingPoint(long Steps, long Episodes, double ReturnMean);

/// <summary>Reads what <see cref="MetricsCsv"/> wrote, also while it writes. A line that is not whole yet does not count.</summary>
internal static class MetricsReader
{
    private static readonly string[] Columns = ["steps", "episodes", "return_mean"];

    /// <summary>All reports, in order.</summary>
    /// <param name="path">A run's metrics.csv.</param>
    /// <exception cref="IOException">It is not there, cannot be read, or holds something else.</exception>
    public static IReadOnlyList<TrainingPoint> Read(string path)
    {
        using var file = Open(path);
        using var reader = new StreamReader(file, Encoding.UTF8);
        var lines = reader.ReadToEnd().Split('\n')[..^1];   // what follows the last line break is not whole
        if (lines.Length == 0)
            return [];

        var columns = ColumnsOf(path, lines[0]);
        return [.. lines.Skip(1).Select((line, index) => Parse(line, columns) ?? throw new IOException(
            $"Expected a row of metrics in line {index + 2} of '{path}', got '{line}'. Leave this run out, or train it again."))];
    }

    private static FileStream Open(string path)
    {
        try
        {
            return new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"Expected the metrics of a run in '{path}', got: {failure.Message.TrimEnd('.')}. Name a folder that 'rlwn train' made.", failure);
        }
    }

    private static int[] ColumnsOf(string path, string header)
    {
        var names = header.Split(',');
        var columns = Array.ConvertAll(Columns, name => Array.IndexOf(names, name));
        return !columns.Contains(-1) ? columns
            : throw new IOException($"Expected the columns {string.Join(", ", Columns)} in '{path}', got '{header}'. Name a folder that 'rlwn train' made.");
    }

    private static TrainingPoint? Parse(string line, int[] columns)
    {
        var cells = line.Split(',');
        return columns.Max() < cells.Length
            && long.TryParse(cells[columns[0]], NumberStyles.None, CultureInfo.InvariantCulture, out var steps)
            && long.TryParse(cells[columns[1]], NumberStyles.None, CultureInfo.InvariantCulture, out var episodes)
            && TryRead(cells[columns[2]], out var mean)
            ? new(steps, episodes, mean)
            : null;
    }

    private static bool TryRead(string cell, out double number)
    {
        number = double.NaN;
        return cell.Length == 0 || double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out number);
    }
}
