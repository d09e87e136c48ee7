namespace RlWn.Envs;

/// <summary>N tasks of any kind, stepped one after another on the calling thread.</summary>
/// <typeparam name="TObservation">The type of one observed number.</typeparam>
/// <typeparam name="TAction">The type of one number of an action.</typeparam>
public sealed class SyncVectorEnv<TObservation, TAction> : TaskVectorEnv<TObservation, TAction>
    where TObservation : unmanaged
    where TAction : unmanaged
{
    /// <summary>Makes N tasks. They are disposed with the vector, where they hold anything.</summary>
    /// <param name="create">Makes one task: a new one at each call.</param>
    /// <param name="count">N, at least 1.</param>
    /// <exception cref="ArgumentException"><paramref name="create"/> made the same task twice, or tasks of different size.</exception>
    public SyncVectorEnv(Func<IEnv<TObservation, TAction>> create, int count) : base(create, count) { }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The vector was never reset; or a task failed, and the message says which.</exception>
    public override void Step()
    {
        _ = Actions;   // refused while a step is under way
        RequireReady();

        var i = 0;
        try
        {
            for (; i < Count; i++)
                StepOne(i);
        }
        catch (Exception exception)
        {
            throw Failed(i, nameof(Step), exception);
        }
    }
}
