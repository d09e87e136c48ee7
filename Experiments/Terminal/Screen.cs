using RlWn.Envs;
using Spectre.Console;

namespace RlWn.Experiments.Terminal;

/// <summary>Draws a task in place, at a steady pace, and gives the terminal back at the end.</summary>
internal sealed class Screen : IDisposable
{
    private readonly IAnsiConsole console;
    private readonly ITextView view;
    private readonly TimeSpan pause;
    private readonly CancellationToken stop;
    private int lines;

    /// <summary>Begins to draw.</summary>
    /// <param name="console">The terminal.</param>
    /// <param name="view">What is drawn.</param>
    /// <param name="speed">Pictures in a second.</param>
    /// <param name="stop">Cuts the waiting short.</param>
    public Screen(IAnsiConsole console, ITextView view, int speed, CancellationToken stop)
    {
        (this.console, this.view, this.stop) = (console, view, stop);
        pause = TimeSpan.FromSeconds(1.0 / speed);
        console.Cursor.Hide();
    }

    /// <summary>Draws the task over the picture before, a line of text above it, and waits for the next picture's time.</summary>
    public void Show(string caption)
    {
        var picture = $"{caption}\n{view.DrawText()}".Split('\n');
        console.Write(new ControlCode($"{Home()}{string.Join("\e[K\n", picture)}\e[K\n\e[J"));
        lines = picture.Length;
        stop.WaitHandle.WaitOne(pause);
    }

    /// <summary>Removes the picture.</summary>
    public void Clear()
    {
        console.Write(new ControlCode($"{Home()}\e[J"));
        lines = 0;
    }

    public void Dispose()
    {
        Clear();
        console.Cursor.Show();
    }

    private string Home() => lines > 0 ? $"\e[{lines}A\e[G" : "";
}
