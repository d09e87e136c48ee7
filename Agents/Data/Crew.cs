using System.Runtime.ExceptionServices;
using RlWn.Init;

namespace RlWn.Agents.Data;

/// <summary>Threads that do one piece of work each whenever they are told to, and rest in between.</summary>
/// <remarks>
/// Whoever tells them owns the time: between <see cref="Wait"/> and the next <see cref="Start"/> nothing runs, so that everything can be read, saved or
/// disposed. Each thread has libtorch compute on itself alone. Threads start with the first piece of work.
/// </remarks>
internal sealed class Crew : IDisposable
{
    private readonly int count;
    private readonly string name;
    private readonly Barrier barrier;   // the threads and whoever tells them
    private readonly Action<int> work;
    private Thread[] threads = [];      // none before the first piece of work
    private Exception? failure;         // the first
    private volatile bool isOver;

    /// <summary>Makes a crew that rests.</summary>
    /// <param name="count">How many threads, at least 1.</param>
    /// <param name="name">What each is called, before its number.</param>
    /// <param name="work">One piece of work of the thread of a number from 0. It is to end early where <see cref="HasFailed"/>.</param>
    public Crew(int count, string name, Action<int> work)
    {
        (this.count, this.name, this.work) = (count, name, work);
        barrier = new Barrier(count + 1);
    }

    /// <summary>Whether somebody's work has failed since the last <see cref="Start"/>.</summary>
    public bool HasFailed => Volatile.Read(ref failure) is not null;

    /// <summary>Lets every thread do its work once.</summary>
    public void Start()
    {
        failure = null;
        if (threads.Length == 0)
            threads = [.. Enumerable.Range(0, count).Select(i => TorchThreads.StartAlone($"{name} {i}", () => Run(i)))];
        barrier.SignalAndWait();
    }

    /// <summary>Waits until all have done it.</summary>
    /// <exception cref="InvalidOperationException">The first that failed has thrown one; the message begins with the thread's name.</exception>
    /// <exception cref="Exception">What else the first that failed has thrown.</exception>
    public void Wait()
    {
        barrier.SignalAndWait();
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
    }

    /// <summary>Ends the threads, which rest.</summary>
    public void Dispose()
    {
        if (threads.Length > 0)
        {
            isOver = true;
            barrier.SignalAndWait();
            foreach (var thread in threads)
                thread.Join();
        }

        barrier.Dispose();
    }

    private void Fail(Exception cause) => Interlocked.CompareExchange(ref failure, cause, null);

    private void Run(int index)
    {
        while (true)
        {
            barrier.SignalAndWait();
            if (isOver)
                return;

            try
            {
                work(index);
            }
            catch (InvalidOperationException cause)   // as a vector's, which knows its environments but not whose it is
            {
                Fail(new InvalidOperationException($"{Thread.CurrentThread.Name}: {cause.Message}", cause));
            }
            catch (Exception cause)   // handed to whoever waits
            {
                Fail(cause);
            }

            barrier.SignalAndWait();
        }
    }
}
