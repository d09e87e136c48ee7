using System.Diagnostics;

namespace RlWn.Experiments.Cells;

/// <summary>What ties a child process of this program to its parent: the child's standard input. A line asks it to stop soon; the end says that the parent is gone.</summary>
/// <remarks>
/// The system closes the pipe however the parent ends, on every platform. (Linux can signal a child when its parent dies, but means the thread that
/// started it, and those of a pool come and go.)
/// </remarks>
internal static class Tether
{
    private const string Variable = "RLWN_TETHERED", On = "1", StopWord = "stop";

    private static readonly CancellationTokenSource Asked = new();

    /// <summary>In a child: whether the parent asked it to stop.</summary>
    public static CancellationToken AskedToStop => Asked.Token;

    /// <summary>In a child: follows the parent's wishes from now on, and ends at once when the parent is gone. Elsewhere: nothing.</summary>
    public static void Follow()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not On)
            return;

        Environment.SetEnvironmentVariable(Variable, null);   // what this process starts is no such child
        new Thread(Listen) { IsBackground = true, Name = "tether" }.Start();
    }

    /// <summary>In a parent: starts this program as a child, its output and errors redirected.</summary>
    /// <param name="arguments">The child's command line, word by word.</param>
    public static Process Start(IReadOnlyList<string> arguments)
    {
        var start = OwnName.Start(arguments);
        (start.RedirectStandardInput, start.RedirectStandardOutput, start.RedirectStandardError) = (true, true, true);
        start.Environment[Variable] = On;
        return Process.Start(start)!;
    }

    /// <summary>In a parent: asks a child to stop soon.</summary>
    public static void AskToStop(Process child)
    {
        try
        {
            child.StandardInput.WriteLine(StopWord);
            child.StandardInput.Flush();
        }
        catch (IOException)
        {
            // It ended meanwhile, which was the wish.
        }
    }

    private static void Listen()
    {
        using var input = new StreamReader(Console.OpenStandardInput());
        while (input.ReadLine() is { } line)
        {
            if (line == StopWord)
                Asked.Cancel();
        }

        // Not gently: nobody is left to wait, files are whole at any moment, and the run goes on from its last checkpoint.
        Process.GetCurrentProcess().Kill();
    }
}
