using System.Collections.Concurrent;
using System.Diagnostics;

namespace RlWn.Envs;

/// <summary>Starts processes from one thread that never ends.</summary>
/// <remarks>A child that asks Linux to die with its parent (PR_SET_PDEATHSIG) dies with the thread that started it. Threads of the pool, and of tests, come and go.</remarks>
internal static class PythonStarter
{
    private static readonly BlockingCollection<(ProcessStartInfo Info, TaskCompletionSource<Process> Started)> Wanted = [];

    static PythonStarter() => new Thread(Serve) { IsBackground = true, Name = "RlWn starts Python" }.Start();

    /// <summary>Starts a process.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">It cannot be started.</exception>
    public static Process Start(ProcessStartInfo info)
    {
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        Wanted.Add((info, started));
        return started.Task.GetAwaiter().GetResult();
    }

    private static void Serve()
    {
        foreach (var (info, started) in Wanted.GetConsumingEnumerable())
        {
            try
            {
                started.SetResult(Process.Start(info)!);
            }
            catch (Exception failure)
            {
                started.SetException(failure);
            }
        }
    }
}
