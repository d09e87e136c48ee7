using System.Diagnostics;
using System.Runtime.ExceptionServices;
using RlWn.Init;

namespace RlWn.Networks;

/// <summary>
/// A thread that does one piece of work beside the caller's, again and again, for pieces of some 20 µs and more: it looks out for the next one for a while
/// before it rests. Who does which piece changes no bit of the results.
/// </summary>
/// <remarks>
/// On a busy machine, where it is not given a processor in time, the caller does both pieces, one after the other; and where it loses its processor amid a piece,
/// the caller does the next ones alone (<see cref="StallPause"/>). Libtorch computes on it alone, but settings of a thread, as <c>no_grad</c>, are not the caller's. One caller at a time.
/// The thread starts with the first piece of work.
/// </remarks>
public sealed class SecondThread : IDisposable
{
    internal static readonly TimeSpan Patience = TimeSpan.FromMicroseconds(300);   // between two pieces: longer than a step of learning is

    private const int Idle = 0, Waiting = 1, Taken = 2, Done = 3;   // of the piece of work

    private readonly AutoResetEvent wake = new(false);
    private Thread? thread;
    private Action work = () => { };
    private Exception? failure;
    private TimeSpan workTook;
    private int state;
    private StallPause pause;
    private int callers;   // in Run, at most 1
    private volatile bool isResting;
    private volatile bool isOver;

    /// <summary>How many pieces this thread has done; the caller did the others.</summary>
    internal long DoneBeside { get; private set; }

    /// <summary>Whether the caller waits until each piece is taken, however busy the machine is, for tests of what then happens.</summary>
    internal bool IsNeverAlone { get; set; }

    /// <summary>Whether the thread has given up looking out for work, until it is woken.</summary>
    internal bool IsResting => isResting;

    /// <summary>Does two pieces of work at once and returns when both are done.</summary>
    /// <param name="beside">What this thread does, or the caller after its own.</param>
    /// <param name="own">What the caller does.</param>
    /// <exception cref="InvalidOperationException">Other pieces are under way: it was called by two threads, or out of a piece of work.</exception>
    /// <exception cref="ObjectDisposedException">The thread was ended.</exception>
    /// <exception cref="Exception">What either has thrown; the caller's own goes first.</exception>
    public void Run(Action beside, Action own)
    {
        ArgumentNullException.ThrowIfNull(beside);
        ArgumentNullException.ThrowIfNull(own);
        ObjectDisposedException.ThrowIf(isOver, this);
        if (Interlocked.Exchange(ref callers, 1) != 0)
        {
            throw new InvalidOperationException(
                "Expected one caller at a time and no call out of a piece of work, got a call while pieces are under way. Make a SecondThread for each caller.");
        }

        try
        {
            thread ??= TorchThreads.StartAlone(nameof(SecondThread), Work);
            if (!IsNeverAlone && pause.TryTakePiece())
            {
                own();
                beside();
            }
            else
            {
                DoBoth(beside, own);
            }
        }
        finally
        {
            Volatile.Write(ref callers, 0);
        }
    }

    /// <summary>Ends the thread, once no piece of work is under way. A second call does nothing.</summary>
    public void Dispose()
    {
        if (isOver)
            return;

        isOver = true;
        wake.Set();
        thread?.Join();
        wake.Dispose();
    }

    private void DoBoth(Action beside, Action own)
    {
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
            if (IsNeverAlone)
                SpinWait.SpinUntil(() => Volatile.Read(ref state) != Waiting);
            isLeft = Interlocked.CompareExchange(ref state, Idle, Waiting) == Waiting;
            if (!isLeft)
                WaitUntilDone(Stopwatch.GetElapsedTime(since));
        }

        if (isLeft)
            beside();
        else if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
    }

    private void WaitUntilDone(TimeSpan ownTook)
    {
        var (since, spin) = (Stopwatch.GetTimestamp(), default(SpinWait));
        while (Volatile.Read(ref state) != Done)
            spin.SpinOnce(sleep1Threshold: -1);   // lets other threads go first, but never sleeps
        Volatile.Write(ref state, Idle);
        DoneBeside++;
        pause.Note(ownTook, workTook, waited: Stopwatch.GetElapsedTime(since));
    }

    private void Work()
    {
        while (!isOver)
        {
            var since = Stopwatch.GetTimestamp();
            while (Volatile.Read(ref state) != Waiting && !isOver)
            {
                Thread.SpinWait(8);
                Thread.Yield();   // to whoever has something to do
                if (Stopwatch.GetElapsedTime(since) <= Patience)
                    continue;
                Rest();
                since = Stopwatch.GetTimestamp();   // woken too late for one piece, it is in time for the next
            }

            if (Interlocked.CompareExchange(ref state, Taken, Waiting) != Waiting)
                continue;

            since = Stopwatch.GetTimestamp();
            try
            {
                work();
            }
            catch (Exception cause)   // handed to the caller
            {
                failure = cause;
            }

            workTook = Stopwatch.GetElapsedTime(since);
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
