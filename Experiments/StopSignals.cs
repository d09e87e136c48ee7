using System.Diagnostics;
using System.Runtime.InteropServices;
using RlWn.Experiments.Cells;

namespace RlWn.Experiments;

/// <summary>Ctrl+C and SIGTERM: the first asks to stop soon, a later one ends the process at once, as the system does by itself. A parent may ask too.</summary>
internal sealed class StopSignals : IDisposable
{
    // One wish may come twice: from the terminal to all processes of its group, and from one of them to those that it started.
    private static readonly TimeSpan SameWish = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(Tether.AskedToStop);
    private readonly PosixSignalRegistration interrupt;
    private readonly PosixSignalRegistration terminate;
    private readonly Lock signals = new();
    private long? firstAt;

    public StopSignals()
    {
        interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Ask);
        terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Ask);
    }

    public CancellationToken Token => stop.Token;

    public void Dispose()
    {
        interrupt.Dispose();
        terminate.Dispose();
        stop.Dispose();
    }

    private void Ask(PosixSignalContext context)
    {
        lock (signals)
        {
            firstAt ??= Stopwatch.GetTimestamp();
            context.Cancel = Stopwatch.GetElapsedTime(firstAt.Value) < SameWish;
        }

        stop.Cancel();
    }
}
