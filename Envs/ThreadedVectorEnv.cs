namespace RlWn.Envs;

/// <summary>N tasks of any kind, stepped at the same time on a fixed set of threads; bit by bit what <see cref="SyncVectorEnv{TObservation, TAction}"/> does.</summary>
/// <typeparam name="TObservation">The type of one observed number.</typeparam>
/// <typeparam name="TAction">The type of one number of an action.</typeparam>
/// <remarks>
/// <para>It pays where a step costs microseconds: waking a thread costs a few. The threads take environments a few at a time, whichever is free,
/// and draw from each environment's own generator, so results do not depend on their number. Between steps they wait a moment awake and then
/// sleep. Tasks must not share anything that they change.</para>
/// <para><see cref="VectorEnv.Send"/> returns at once; the caller can use the time, and a core, until <see cref="VectorEnv.Receive"/>.</para>
/// </remarks>
public sealed class ThreadedVectorEnv<TObservation, TAction> : TaskVectorEnv<TObservation, TAction>
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private const int SharesPerWorker = 4;                                       // so that the last to finish is not far behind
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Thread[] workers;
    private readonly SemaphoreSlim work = new(0);
    private readonly SemaphoreSlim done = new(0);   // not an event, which makes its lock at the first long wait: a step allocates nothing
    private readonly Lock failing = new();
    private readonly int share;      // how many environments a worker takes at a time
    private int next;                // the first environment that nobody has taken yet
    private int calls;               // of workers into the step under way, that have not come back
    private volatile bool stopping;
    private (int Environment, Exception? Exception) failure;   // the first environment's, of those that failed

    /// <summary>Makes N tasks and the threads to step them. They are disposed with the vector, where they hold anything.</summary>
    /// <param name="create">Makes one task: a new one at each call, on the calling thread.</param>
    /// <param name="count">N, at least 1.</param>
    /// <param name="workers">How many threads, at least 1; more than N are not used.</param>
    /// <exception cref="ArgumentException"><paramref name="create"/> made the same task twice, or tasks of different size.</exception>
    public ThreadedVectorEnv(Func<IEnv<TObservation, TAction>> create, int count, int workers) : base(create, count)
    {
        if (workers < 1)
        {
            Dispose();
            throw new ArgumentOutOfRangeException(nameof(workers), $"Expected at least 1 thread, got {workers}.");
        }

        workers = Math.Min(workers, count);
        share = Math.Max(1, count / (workers * SharesPerWorker));
        this.workers = new Thread[workers];
        for (var i = 0; i < workers; i++)
        {
            this.workers[i] = new Thread(Work) { IsBackground = true, Name = $"environments {i}" };
            this.workers[i].Start();
        }
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The vector was never reset; or a task failed, and the message says which.</exception>
    public override void Step()
    {
        Send();
        Receive();
    }

    /// <inheritdoc/>
    protected override void StartStep()
    {
        ObjectDisposedException.ThrowIf(stopping, this);
        RequireReady();
        failure = default;
        next = 0;
        calls = workers.Length;
        work.Release(workers.Length);
    }

    /// <inheritdoc/>
    protected override void FinishStep()
    {
        done.Wait();
        if (failure.Exception is { } exception)
            throw Failed(failure.Environment, nameof(Step), exception);
    }

    /// <summary>
    /// Stops the threads, each after the environment that it is stepping, and disposes the tasks. A task that takes longer than 10 seconds over a
    /// step is left to itself, and none is disposed then: the thread ends with the process, or when the task comes back.
    /// </summary>
    /// <param name="disposing">Always true.</param>
    protected override void Dispose(bool disposing)
    {
        stopping = true;
        if (workers is not null && !StopWorkers())
            return;

        work.Dispose();
        done.Dispose();
        base.Dispose(disposing);
    }

    private bool StopWorkers()
    {
        work.Release(workers.Length);
        return Array.TrueForAll(workers, worker => worker.Join(Patience));
    }

    private void Work()
    {
        while (true)
        {
            work.Wait();
            if (stopping)
                return;

            for (var first = Take(); first < Count && !stopping; first = Take())
            {
                for (var i = first; i < Math.Min(first + share, Count) && !stopping; i++)
                    TryStep(i);
            }

            if (Interlocked.Decrement(ref calls) == 0)
                done.Release();
        }
    }

    private int Take() => Interlocked.Add(ref next, share) - share;

    private void TryStep(int i)
    {
        try
        {
            StepOne(i);
        }
        catch (Exception exception)   // thrown again by Receive
        {
            lock (failing)
            {
                if (failure.Exception is null || i < failure.Environment)
                    failure = (i, exception);
            }
        }
    }
}
