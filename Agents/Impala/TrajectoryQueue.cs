using RlWn.Networks;

namespace RlWn.Agents.Impala;

/// <summary>Batches of trajectories on their way from the actors to the learner: a ring that is filled and emptied in one order, and bounds the policy lag.</summary>
/// <remarks>
/// <para>
/// Batch u is what update u learns from, whoever filled it when. The ring holds L + 1 batches, and so the room for batch u is free once update u - L - 1
/// is done: an actor that waits for room has weights that are at most L updates old when its trajectory is learned from. Nothing is dropped, and
/// nothing is allocated.
/// </para>
/// <para>With L = 0 an actor's weights are exactly those of the update before, and what comes out depends on no thread's speed.</para>
/// </remarks>
internal sealed class TrajectoryQueue
{
    private readonly TrajectoryBatch[] ring;   // batch u in place u mod (L + 1)
    private readonly int[] filled;             // trajectories of each that are complete
    private long updates;                      // done: the next batch to be learned from, and the version of the weights
    private bool isStopped;

    /// <summary>Makes a queue that is stopped.</summary>
    /// <param name="maxLag">L, at least 0.</param>
    /// <param name="make">Makes room for one batch.</param>
    public TrajectoryQueue(int maxLag, Func<TrajectoryBatch> make)
    {
        ring = [.. Enumerable.Range(0, maxLag + 1).Select(_ => make())];
        filled = new int[ring.Length];
        isStopped = true;
    }

    /// <summary>What to lock while the weights are changed that the actors take over; <see cref="Advance"/> comes before it is released.</summary>
    public object Weights { get; } = new();

    /// <summary>The batch that is, was or will be update u's.</summary>
    public TrajectoryBatch Of(long update) => ring[update % ring.Length];

    /// <summary>Opens an empty queue.</summary>
    /// <param name="update">The update whose batch comes first, which is also how many were done.</param>
    public void Open(long update)
    {
        lock (Weights)
        {
            updates = update;
            Array.Clear(filled);
            isStopped = false;
        }
    }

    /// <summary>Sends everybody home who waits or will wait.</summary>
    public void Stop()
    {
        lock (Weights)
        {
            isStopped = true;
            Monitor.PulseAll(Weights);
        }
    }

    /// <summary>An actor's: waits until a trajectory may begin, and takes over the newest weights.</summary>
    /// <param name="number">Which trajectory, counted over the whole run.</param>
    /// <param name="acting">What acts by the weights.</param>
    /// <returns>The room for it; null where the queue was stopped.</returns>
    public Trajectory? Begin(long number, Acting acting)
    {
        lock (Weights)
        {
            var (update, place) = Split(number);
            while (!isStopped && update - updates >= ring.Length)
                Monitor.Wait(Weights);
            if (isStopped)
                return null;

            acting.Refresh();
            var trajectory = Of(update).Trajectories[place];
            trajectory.Clear(version: updates);
            return trajectory;
        }
    }

    /// <summary>An actor's: hands a trajectory over.</summary>
    /// <param name="number">Which it is.</param>
    public void End(long number)
    {
        lock (Weights)
        {
            var (update, _) = Split(number);
            if (++filled[update % ring.Length] == Of(update).Trajectories.Count)
                Monitor.PulseAll(Weights);
        }
    }

    /// <summary>The learner's: waits until the next batch is full.</summary>
    /// <returns>The batch, which stays the learner's until <see cref="Advance"/>; null where the queue was stopped.</returns>
    public TrajectoryBatch? Next()
    {
        lock (Weights)
        {
            var batch = Of(updates);
            while (!isStopped && filled[updates % ring.Length] < batch.Trajectories.Count)
                Monitor.Wait(Weights);
            return isStopped ? null : batch;
        }
    }

    /// <summary>The learner's: frees the batch that was learned from, and lets actors have the new weights. Within <see cref="Weights"/>.</summary>
    public void Advance()
    {
        filled[updates % ring.Length] = 0;
        updates++;
        Monitor.PulseAll(Weights);
    }

    private (long Update, int Place) Split(long number)
    {
        var (update, place) = Math.DivRem(number, ring[0].Trajectories.Count);
        return (update, (int)place);
    }
}
