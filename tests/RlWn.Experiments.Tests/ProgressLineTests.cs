using RlWn.Agents;
using RlWn.Experiments.Terminal;
using Spectre.Console;

namespace RlWn.Experiments.Tests;

public sealed class ProgressLineTests
{
    private static string Show(bool isLive, int width, params IEnumerable<(long Steps, double Seconds)> reports)
    {
        using var output = new StringWriter();
        var console = AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(output), Ansi = isLive ? AnsiSupport.Yes : AnsiSupport.No });
        console.Profile.Width = width;
        var progress = new ProgressLine(console, totalSteps: 1000, isLive);
        foreach (var (steps, seconds) in reports)
            progress.Show(new(new TrainingReport(steps, 0, [], []), seconds, 0, 0, 12.34, 0));
        progress.Close();
        return output.ToString().ReplaceLineEndings("\n");
    }

    [Fact]
    public void Show_Plain_ALineEveryTwoSecondsAndEveryTenth() => Assert.Equal(
        """
                  1 / 1,000 steps    0%         10 steps/s  1:39 left  return 12.3
                 30 / 1,000 steps    3%         13 steps/s  1:14 left  return 12.3
                100 / 1,000 steps   10%         40 steps/s  0:22 left  return 12.3

        """.ReplaceLineEndings("\n"),
        Show(isLive: false, width: 80, (1, 0.1), (2, 0.2), (3, 2.0), (30, 2.3), (31, 2.4), (100, 2.5)));

    [Fact]
    public void Show_HardlyAnyProgress_StaysReadable() => Assert.Contains("999:59:59 left", Show(isLive: false, width: 80, (1, 1e13)), StringComparison.Ordinal);

    [Theory]
    [InlineData(120)]
    [InlineData(80)]
    [InlineData(30)]
    public void Show_Live_RedrawsOneLineWithinTheTerminal(int width)
    {
        var shown = Show(isLive: true, width, (1, 0.1), (2, 0.15), (500, 0.3));

        Assert.DoesNotContain('\n', shown);
        Assert.Equal(3, shown.Split(LineStart).Length - 1);   // the first, the third, and clearing at the end
        foreach (var line in shown.Split(LineStart))
            Assert.True(Visible(line).Length < width, line);
    }

    private const string LineStart = "\e[G";

    private static string Visible(string line) => System.Text.RegularExpressions.Regex.Replace(line, @"\e\[[0-9;?]*[A-Za-z]", "");
}
