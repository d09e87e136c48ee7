namespace RlWn.Experiments.Terminal;

/// <summary>Says on standard error what goes on: one line that is redrawn in a terminal, else nothing but the lines that are to stay.</summary>
internal sealed class StatusLine(TextWriter output, bool isLive) : IDisposable
{
    private const string Clear = "\r\e[2K";

    /// <summary>On standard error, redrawn if that is a terminal.</summary>
    public static StatusLine OnError() => new(Console.Error, !Console.IsErrorRedirected && Environment.GetEnvironmentVariable("TERM") is not "dumb");

    /// <summary>Shows what goes on right now, until the next text.</summary>
    public void Show(string text)
    {
        if (isLive)
            output.Write($"{Clear}{text}");
    }

    /// <summary>Writes a line that stays.</summary>
    public void Say(string text) => output.WriteLine(isLive ? $"{Clear}{text}" : text);

    public void Dispose()
    {
        if (isLive)
            output.Write(Clear);
    }
}
