using Spectre.Console;

namespace RlWn.Experiments.Terminal;

/// <summary>A list for reading in a terminal, or for the next program in a pipe.</summary>
internal static class Listing
{
    /// <summary>Writes rows: as a table in a terminal, else a line each with tabs between the cells and no header.</summary>
    public static void Write(string[] headers, IEnumerable<string[]> rows)
    {
        if (!ProgressLine.IsTerminal)
        {
            foreach (var row in rows)
                Console.Out.WriteLine(string.Join('\t', row));
            return;
        }

        var table = new Table().Border(TableBorder.Simple);
        foreach (var header in headers)
            table.AddColumn(new TableColumn(Markup.Escape(header)));
        foreach (var row in rows)
            table.AddRow(Array.ConvertAll(row, Markup.Escape));
        AnsiConsole.Write(table);
    }
}
