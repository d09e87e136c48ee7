using System.Runtime.InteropServices;

namespace RlWn.Experiments;

/// <summary>Ctrl+C and SIGTERM: the first asks to stop soon, the second ends the process at once, as the system does by itself.</summary>
internal sealed class StopSignals : IDisposable
{
    private readonly CancellationTokenSource stop = new();
    private readonly PosixSignalRegistration interrupt;
    private readonly PosixSignalRegistration terminate;

    public StopSignals()
    {
        interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, AskOnce);
        terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, AskOnce);
    }

    public CancellationToken Token => stop.Token;

    public void Dispose()
    {
        interrupt.Dispose();
        terminate.Dispose();
        stop.Dispose();
    }

    private void AskOnce(PosixSignalContext context)
    {
        context.Cancel = !stop.IsCancellationRequested;
        stop.Cancel();
    }
}
