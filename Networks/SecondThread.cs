using System.Diagnostics;
using System.Runtime.ExceptionServices;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>
/// A thread that does one piece of work beside the caller's, again and again, for pieces of some 20 µs and more: it looks out for the next one for a while
/// before it rests. Who does which piece changes no bit of the results.
/// </summary>
/// <remarks>
/// On a busy machine, where it is not given a processor in time, the caller does both pieces, one after the other; and where it loses its processor amid a piece,
/// the caller does the next thousand alone. Libtorch computes on it alone, but settings of a thread, as <c>no_grad</c>, are not the caller's. One caller at a time.
/// </remarks>
public sealed class SecondThread : IDisposable
{
    private const int Idle = 0, Waiting = 1, Taken = 2, Done = 3;   // of the piece of work
    private const int AloneAfterStall = 1_000;                      // pieces
    private const int Longer = 4;                                   // than the caller's own piece took, and Stall, is too long to wait
    private static readonly TimeSpan Stall = TimeSpan.FromMicroseconds(500);
    private static readonly TimeSpan Patience = TimeSpan.FromMicroseconds(300);   // between two pieces: longer than a step of learning is

    private readonly AutoResetEvent wake = new(false);
    private readonly Thread thread;
    private Action work = () => { };
    private Exception? failure;
    private int state;
    private int alone;   // pieces that the caller is still to do by itself
    private volatile bool isResting;
    private volatile bool isOver;

    /// <summary>Starts the thread.</summary>
    public SecondThread()
    {
        thread = new(Work) { Name = nameof(SecondThread), IsBackground = true };
        thread.Start();
    }

    /// <summary>Does two pieces of work at once and returns when both are done.</summary>
    /// <param name="beside">What this thread does, or the caller after its own.</param>
    /// <param name="own">What the caller does.</param>
    /// <exception cref="Exception">What either has thrown; the caller's own goes first.</exception>
    public void Run(Action beside, Action own)
    {
        ArgumentNullException.ThrowIfNull(beside);
        ArgumentNullException.ThrowIfNull(own);
        if (alone > 0)
        {
            alone--;
            own();
            beside();
            return;
        }

        (work, failure) = (beside, null);
        var since = Stopwatch.GetTimestamp();
        Interlocked.Exchange(ref state, Waiting);   // a full fence: either it is seen, or the thread is seen resting
        if (isResting)
            wake.Set();

        var isLeft = true;
        try
        {
            own();
        }
        finally
        {
            isLeft = Interlocked.CompareExchange(ref state, Idle, Waiting) == Waiting;
            if (!isLeft)
                WaitUntilDone(Stopwatch.GetElapsedTime(since));
        }

        if (isLeft)
            beside();
        else if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
    }

    /// <summary>Ends the thread.</summary>
    public void Dispose()
    {
        isOver = true;
        wake.Set();
        thread.Join();
        wake.Dispose();
    }

    private void WaitUntilDone(TimeSpan ownTook)
    {
        var (since, spin) = (Stopwatch.GetTimestamp(), default(SpinWait));
        while (Volatile.Read(ref state) != Done)
            spin.SpinOnce(sleep1Threshold: -1);   // lets other threads go first, but never sleeps
        Volatile.Write(ref state, Idle);
        if (Stopwatch.GetElapsedTime(since) > Stall + (Longer * ownTook))
            alone = AloneAfterStall;
    }

    private void Work()
    {
        set_num_threads(1);
        while (!isOver)
        {
            var since = Stopwatch.GetTimestamp();
            while (Volatile.Read(ref state) != Waiting && !isOver)
            {
                Thread.SpinWait(8);
                Thread.Yield();   // to whoever has something to do
                if (Stopwatch.GetElapsedTime(since) > Patience)
                    Rest();
            }

            if (Interlocked.CompareExchange(ref state, Taken, Waiting) != Waiting)
                continue;

            try
            {
                work();
            }
            catch (Exception cause)   // handed to the caller
            {
                failure = cause;
            }

            Volatile.Write(ref state, Done);
        }
    }

    private void Rest()
    {
        isResting = true;
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref state) != Waiting && !isOver)
            wake.WaitOne();
        isResting = false;
    }
}
