using System.Globalization;
using RlWn.Experiments.Runs;
using Spectre.Console;

namespace RlWn.Experiments.Terminal;

/// <summary>Shows how far training is: one line that is redrawn in a terminal, a line about every 2 seconds elsewhere.</summary>
internal sealed class ProgressLine
{
    private const double RedrawEvery = 0.1, LineEvery = 2;   // seconds
    private const double LongestLeft = 1000 * 3600 - 1;      // seconds: shown as 999:59:59, as is all that takes longer
    private const string LineStart = "\e[G";                 // Spectre.Console would make a line break of \r
    private const int WidestBar = 30, NarrowestBar = 8;

    private readonly IAnsiConsole console;
    private readonly long totalSteps;
    private readonly bool isLive;
    private double nextAt;
    private long tenths;

    /// <summary>Begins to show.</summary>
    /// <param name="console">Where to.</param>
    /// <param name="totalSteps">Steps of the whole run.</param>
    /// <param name="isLive">Whether the line can be redrawn.</param>
    public ProgressLine(IAnsiConsole console, long totalSteps, bool isLive)
    {
        (this.console, this.totalSteps, this.isLive) = (console, totalSteps, isLive);
        if (isLive)
            console.Cursor.Hide();
    }

    /// <summary>Whether a terminal is there that can redraw lines and may be coloured.</summary>
    public static bool IsTerminal =>
        !Console.IsOutputRedirected
        && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
        && Environment.GetEnvironmentVariable("TERM") is not "dumb";

    /// <summary>Shows a report, if it is time to.</summary>
    public void Show(in MetricsRow row)
    {
        var tenth = 10 * row.Report.Steps / totalSteps;
        if (row.Seconds < nextAt && (isLive || tenth == tenths))
            return;

        tenths = tenth;
        nextAt = row.Seconds + (isLive ? RedrawEvery : LineEvery);
        if (isLive)
            Redraw(row);
        else
            console.Profile.Out.Writer.WriteLine(Text(row));
    }

    /// <summary>Ends the showing: the redrawn line goes.</summary>
    public void Close()
    {
        if (!isLive)
            return;

        console.Write(new ControlCode($"{LineStart}\e[2K"));
        console.Cursor.Show();
    }

    private void Redraw(in MetricsRow row)
    {
        var text = Text(row);
        var width = console.Profile.Width;
        var columns = Math.Min(WidestBar, width - text.Length - 3);
        if (columns < NarrowestBar)
        {
            console.Write(new ControlCode($"{LineStart}{text[..Math.Min(text.Length, width - 1)]}\e[K"));
            return;
        }

        var done = (int)(columns * Share(row));
        console.Write(new ControlCode($"{LineStart}  \e[36m{new string('━', done)}\e[90m{new string('━', columns - done)}\e[0m{text}\e[K"));
    }

    private string Text(in MetricsRow row)
    {
        var stepsPerSecond = row.Report.Steps / Math.Max(row.Seconds, 1e-9);
        var left = TimeSpan.FromSeconds(Math.Min(Math.Max(totalSteps - row.Report.Steps, 0) / stepsPerSecond, LongestLeft));
        var time = left.TotalHours >= 1 ? $@"{(int)left.TotalHours}:{left:mm\:ss}" : $@"{left:m\:ss}";
        var steps = string.Create(CultureInfo.InvariantCulture, $"{row.Report.Steps,11:#,0} / {totalSteps:#,0} steps {100 * Share(row),4:0}%");
        var mean = double.IsNaN(row.ReturnMean) ? "-" : string.Create(CultureInfo.InvariantCulture, $"{row.ReturnMean:0.0}");
        return string.Create(CultureInfo.InvariantCulture, $"{steps}  {stepsPerSecond,9:#,0} steps/s  {time} left  return {mean}");
    }

    private double Share(in MetricsRow row) => Math.Min((double)row.Report.Steps / totalSteps, 1);
}
