using System.Text;

namespace RlWn.Envs;

/// <summary>A picture of characters, each twice as high as wide. What lies outside is left out.</summary>
internal sealed class TextGrid
{
    private readonly char[][] rows;

    public TextGrid(int rows, int columns)
    {
        this.rows = new char[rows][];
        for (var row = 0; row < rows; row++)
            this.rows[row] = [.. Enumerable.Repeat(' ', columns)];
    }

    /// <summary>Sets the character at a place, rounded to the nearest.</summary>
    public void Set(double row, double column, char mark)
    {
        var (i, j) = ((int)Math.Round(row), (int)Math.Round(column));
        if (i >= 0 && i < rows.Length && j >= 0 && j < rows[i].Length)
            rows[i][j] = mark;
    }

    /// <summary>Sets the characters along a line, both ends included.</summary>
    public void Line(double fromRow, double fromColumn, double toRow, double toColumn, char mark)
    {
        var points = (int)Math.Ceiling(Math.Max(1, Math.Max(Math.Abs(toRow - fromRow), Math.Abs(toColumn - fromColumn))));
        for (var point = 0; point <= points; point++)
        {
            var along = (double)point / points;
            Set(fromRow + (along * (toRow - fromRow)), fromColumn + (along * (toColumn - fromColumn)), mark);
        }
    }

    /// <summary>A caption and the rows below it, without spaces at their ends.</summary>
    public string Under(string caption)
    {
        var text = new StringBuilder(caption);
        foreach (var row in rows)
            text.Append('\n').Append(new string(row).TrimEnd());
        return text.ToString();
    }
}
