using System.Globalization;

namespace RlWn.Experiments.Terminal;

/// <summary>The lines that a command ends with, on standard output: what it came to.</summary>
internal static class SummaryLine
{
    /// <summary>Writes one.</summary>
    /// <param name="what">What it says, in at most eleven letters; empty to go on with the line before.</param>
    /// <param name="text">The text, as English writes numbers.</param>
    public static void Say(string what, FormattableString text) => Console.Out.WriteLine($"  {what,-12}{text.ToString(CultureInfo.InvariantCulture)}");
}
