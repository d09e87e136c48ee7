namespace RlWn.Envs;

/// <summary>A task that changes one thing about another and passes on the rest: derive from it and override what is to be different.</summary>
/// <typeparam name="TObservation">The type of one observed number.</typeparam>
/// <typeparam name="TAction">The type of one number of an action.</typeparam>
/// <param name="env">The task inside; disposed together with this one.</param>
public abstract class Wrapper<TObservation, TAction>(IEnv<TObservation, TAction> env) : IEnv<TObservation, TAction>, IWrapper, ISavable, IDisposable
    where TObservation : unmanaged
    where TAction : unmanaged
{
    /// <inheritdoc/>
    public virtual Space<TObservation> ObservationSpace => Env.ObservationSpace;

    /// <inheritdoc/>
    public virtual Space<TAction> ActionSpace => Env.ActionSpace;

    /// <inheritdoc/>
    IEnv IWrapper.Inner => Env;

    /// <inheritdoc/>
    public virtual int InnerSteps => 1;

    /// <summary>The task inside.</summary>
    protected IEnv<TObservation, TAction> Env { get; } = env ?? throw new ArgumentNullException(nameof(env));

    /// <inheritdoc/>
    public virtual void Reset(Random random, Span<TObservation> observation) => Env.Reset(random, observation);

    /// <inheritdoc/>
    public virtual StepResult Step(ReadOnlySpan<TAction> action, Span<TObservation> observation) => Env.Step(action, observation);

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">The task inside cannot be saved.</exception>
    public void Save(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        var inner = Env.RequireSavable();
        SaveOwn(writer);
        inner.Save(writer);
    }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">The task inside cannot be saved.</exception>
    public void Load(BinaryReader reader, Random random)
    {
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(random);
        var inner = Env.RequireSavable();
        LoadOwn(reader, random);
        inner.Load(reader, random);
    }

    /// <summary>Disposes the task inside, if it holds anything.</summary>
    public void Dispose()
    {
        (Env as IDisposable)?.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Writes what this wrapper remembers from step to step; nothing, unless overridden.</summary>
    /// <param name="writer">Where to.</param>
    protected virtual void SaveOwn(BinaryWriter writer) { }

    /// <summary>Reads what <see cref="SaveOwn"/> wrote.</summary>
    /// <param name="reader">Where from.</param>
    /// <param name="random">The source of every draw from here on.</param>
    protected virtual void LoadOwn(BinaryReader reader, Random random) { }
}
