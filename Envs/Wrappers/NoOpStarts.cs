namespace RlWn.Envs;

/// <summary>A task whose episodes begin with a random number of steps in which nothing is done, so that they do not all begin alike.</summary>
/// <typeparam name="TObservation">The type of one observed number.</typeparam>
/// <param name="env">The task; disposed together with this one.</param>
/// <param name="maxNoOps">The number is drawn from 1 to this, uniformly; at least 1.</param>
/// <param name="noOp">The action that does nothing; 0 in the Arcade Learning Environment's games.</param>
/// <remarks>
/// Mnih et al. 2015, Methods. These steps' rewards are lost. Where the task ends during them, a new episode is started and the rest are taken in
/// that one.
/// </remarks>
public sealed class NoOpStarts<TObservation>(IEnv<TObservation, int> env, int maxNoOps = 30, int noOp = 0) : Wrapper<TObservation, int>(env)
    where TObservation : unmanaged
{
    private readonly int maxNoOps = maxNoOps >= 1
        ? maxNoOps
        : throw new ArgumentOutOfRangeException(nameof(maxNoOps), $"Expected at least 1 step, got {maxNoOps}.");

    private readonly int[] noOp = env.ActionSpace.Contains([noOp])
        ? [noOp]
        : throw new ArgumentException($"Expected an action of {env.ActionSpace}, got {noOp}.", nameof(noOp));

    /// <inheritdoc/>
    public override void Reset(Random random, Span<TObservation> observation)
    {
        ArgumentNullException.ThrowIfNull(random);
        Env.Reset(random, observation);
        for (var left = random.Next(1, maxNoOps + 1); left > 0; left--)
        {
            if (Env.Step(noOp, observation).Ended)
                Env.Reset(random, observation);
        }
    }
}
