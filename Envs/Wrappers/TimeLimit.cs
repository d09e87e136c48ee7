namespace RlWn.Envs;

/// <summary>A task whose episodes are truncated after so many steps.</summary>
/// <typeparam name="TObservation">The type of one observed number.</typeparam>
/// <typeparam name="TAction">The type of one number of an action.</typeparam>
/// <param name="env">The task; disposed together with this one.</param>
/// <param name="maxSteps">An episode that has not ended after this many steps is cut off; at least 1.</param>
/// <remarks>A step that ends the task at the limit terminates it and does not truncate it: nothing was cut off.</remarks>
public sealed class TimeLimit<TObservation, TAction>(IEnv<TObservation, TAction> env, int maxSteps)
    : IEnv<TObservation, TAction>, IWrapper, ISavable, IDisposable
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private readonly IEnv<TObservation, TAction> env = env ?? throw new ArgumentNullException(nameof(env));
    private int steps;

    /// <summary>How many steps an episode has at most.</summary>
    public int MaxSteps { get; } = maxSteps >= 1
        ? maxSteps
        : throw new ArgumentOutOfRangeException(nameof(maxSteps), $"Expected a limit of at least 1 step, got {maxSteps}.");

    /// <inheritdoc/>
    public IEnv Inner => env;

    /// <inheritdoc/>
    public Space<TObservation> ObservationSpace => env.ObservationSpace;

    /// <inheritdoc/>
    public Space<TAction> ActionSpace => env.ActionSpace;

    /// <inheritdoc/>
    public void Reset(Random random, Span<TObservation> observation)
    {
        steps = 0;
        env.Reset(random, observation);
    }

    /// <inheritdoc/>
    public StepResult Step(ReadOnlySpan<TAction> action, Span<TObservation> observation)
    {
        var result = env.Step(action, observation);
        steps++;
        return result with { Truncated = (result.Truncated || steps >= MaxSteps) && !result.Terminated };
    }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">The task cannot be saved.</exception>
    public void Save(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        var inner = env.RequireSavable();
        writer.Write(steps);
        inner.Save(writer);
    }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">The task cannot be saved.</exception>
    public void Load(BinaryReader reader, Random random)
    {
        ArgumentNullException.ThrowIfNull(reader);
        var inner = env.RequireSavable();
        var read = reader.ReadCount(MaxSteps, "steps of a running episode");
        inner.Load(reader, random);
        steps = read;
    }

    /// <summary>Disposes the task, if it holds anything.</summary>
    public void Dispose() => (env as IDisposable)?.Dispose();
}
