using System.Globalization;
using System.Text;

namespace RlWn.Experiments.Figures;

/// <summary>Rows of words and numbers as CSV. A number that is not finite is an empty cell.</summary>
internal sealed class CsvText
{
    private readonly StringBuilder text = new();
    private readonly int columns;

    /// <summary>Begins with the names of the columns.</summary>
    public CsvText(params IReadOnlyList<string> names)
    {
        columns = names.Count;
        text.AppendJoin(',', names).Append('\n');
    }

    /// <summary>Adds a row.</summary>
    /// <param name="cells">As many as there are columns: words, quoted where they hold a comma, a quote or a line's end, and numbers, which are written with six digits.</param>
    public void Add(params IReadOnlyList<object> cells)
    {
        if (cells.Count != columns)
            throw new ArgumentException($"Expected {columns} cells, as there are columns, got {cells.Count}.", nameof(cells));
        text.AppendJoin(',', cells.Select(Cell)).Append('\n');
    }

    public override string ToString() => text.ToString();

    private static string Cell(object cell) => cell switch
    {
        double number => double.IsFinite(number) ? number.ToString("G6", CultureInfo.InvariantCulture) : "",
        IFormattable value => value.ToString(null, CultureInfo.InvariantCulture),
        _ => Quoted(cell.ToString() ?? ""),
    };

    // RFC 4180.
    private static string Quoted(string word) => word.AsSpan().ContainsAny(",\"\r\n") ? $"\"{word.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : word;
}
