using System.Diagnostics;
using System.Globalization;

namespace RlWn.Experiments.Figures;

/// <summary>Says how far long work is, in a line every two seconds at most.</summary>
/// <param name="output">Where to.</param>
internal sealed class WorkLine(TextWriter output)
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(2);

    private readonly long startedAt = Stopwatch.GetTimestamp();
    private TimeSpan nextAt = Every;

    /// <summary>Says what is done, if it is time to.</summary>
    /// <param name="done">The share of all work that is done, from 0 to 1.</param>
    /// <param name="what">What is being done.</param>
    public void Show(double done, string what)
    {
        var passed = Stopwatch.GetElapsedTime(startedAt);
        if (passed < nextAt)
            return;

        nextAt = passed + Every;
        var left = done > 0 ? $"{passed * ((1 - done) / done):h\\:mm\\:ss} left" : "";
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {100 * done,3:0}%  {left}  {what}"));
    }
}
