namespace RlWn.Envs;

/// <summary>
/// N copies of a task stepped together. Write one action a row into <see cref="Actions"/>, call <see cref="Step"/>, and read the
/// other buffers: they are contiguous, stay at one place, and nothing is allocated on the way.
/// </summary>
/// <remarks>
/// <para>
/// An environment whose episode ends is reset within the same step. Afterwards its row of <see cref="Observations"/> holds the first
/// observation of the new episode, its row of <see cref="FinalObservations"/> the last one of the ended episode, and
/// <see cref="Rewards"/>, <see cref="Terminated"/> and <see cref="Truncated"/> belong to the step that ended it. So every step has
/// an action that counts, and the value of a truncated state can be bootstrapped from its own observation. (Gymnasium calls this
/// autoreset mode SAME_STEP.)
/// </para>
/// <para>
/// Environment i of a vector reset with seed s draws from <c>new Rng(s, i)</c> for the rest of its life and behaves, bit by bit, as
/// the task does alone with that generator.
/// </para>
/// </remarks>
public abstract class VectorEnv : IDisposable
{
    private readonly Batch actions;
    private readonly Batch observations;
    private readonly Batch finalObservations;
    private readonly float[] rewards;
    private readonly bool[] terminated;
    private readonly bool[] truncated;
    private bool underWay;
    private bool disposed;

    /// <summary>Makes the buffers of <paramref name="count"/> environments.</summary>
    /// <param name="count">How many environments, at least 1.</param>
    /// <param name="observationSpace">The task's observation space.</param>
    /// <param name="actionSpace">The task's action space.</param>
    protected VectorEnv(int count, Space observationSpace, Space actionSpace) : this(count, observationSpace, actionSpace, Batch.Of, Batch.Of, Batch.Of) { }

    /// <summary>Takes buffers that are made elsewhere, each by a function of the space and the count.</summary>
    private protected VectorEnv(
        int count, Space observationSpace, Space actionSpace,
        Func<Space, int, Batch> observations, Func<Space, int, Batch> finalObservations, Func<Space, int, Batch> actions)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentNullException.ThrowIfNull(observationSpace);
        ArgumentNullException.ThrowIfNull(actionSpace);

        Count = count;
        ObservationSpace = observationSpace;
        ActionSpace = actionSpace;
        this.observations = observations(observationSpace, count);
        this.finalObservations = finalObservations(observationSpace, count);
        this.actions = actions(actionSpace, count);
        rewards = new float[count];
        terminated = new bool[count];
        truncated = new bool[count];
    }

    /// <summary>N: how many environments there are.</summary>
    public int Count { get; }

    /// <summary>Where the observations of each environment come from.</summary>
    public Space ObservationSpace { get; }

    /// <summary>What can be done in each environment.</summary>
    public Space ActionSpace { get; }

    /// <summary>What to do next, [N, A]: written by the caller before <see cref="Step"/>.</summary>
    public Batch Actions => Received(actions);

    /// <summary>What to act on next, [N, D]: the latest observation of each running episode.</summary>
    public Batch Observations => Received(observations);

    /// <summary>The last observation of an ended episode, [N, D]: a row holds it only after the step that ended the episode.</summary>
    public Batch FinalObservations => Received(finalObservations);

    /// <summary>The reward of the last step, [N].</summary>
    public ReadOnlySpan<float> Rewards => Received(rewards);

    /// <summary>Whether the task ended with the last step, [N].</summary>
    public ReadOnlySpan<bool> Terminated => Received(terminated);

    /// <summary>
    /// Whether the episode was cut off with the last step, [N]. Never together with <see cref="Terminated"/>: where a step does both,
    /// the termination counts.
    /// </summary>
    public ReadOnlySpan<bool> Truncated => Received(truncated);

    /// <summary><see cref="Rewards"/>, to be written by <see cref="Step"/>.</summary>
    protected Span<float> RewardsToWrite => rewards;

    /// <summary><see cref="Terminated"/>, to be written by <see cref="Step"/>.</summary>
    protected Span<bool> TerminatedToWrite => terminated;

    /// <summary><see cref="Truncated"/>, to be written by <see cref="Step"/>.</summary>
    protected Span<bool> TruncatedToWrite => truncated;

    /// <summary>Starts a new episode in every environment.</summary>
    /// <param name="seed">Environment i draws from <c>new Rng(seed, i)</c> from here on.</param>
    public abstract void Reset(ulong seed);

    /// <summary>Does the row of <see cref="Actions"/> in each environment, and resets those whose episode ended.</summary>
    /// <exception cref="InvalidOperationException"><see cref="Reset"/> was never called.</exception>
    /// <exception cref="ArgumentException">A row of <see cref="Actions"/> does not lie in <see cref="ActionSpace"/>. No environment was stepped.</exception>
    public abstract void Step();

    /// <summary>
    /// Starts what <see cref="Step"/> does, to be finished by <see cref="Receive"/>: the caller can learn while the environments step. A vector
    /// without threads of its own steps here, on the calling one.
    /// </summary>
    /// <exception cref="InvalidOperationException"><see cref="Reset"/> was never called, or a step is under way already.</exception>
    /// <exception cref="ArgumentException">A row of <see cref="Actions"/> does not lie in <see cref="ActionSpace"/>. No step is under way.</exception>
    /// <remarks>
    /// From here until <see cref="Receive"/> returns, all six buffers belong to the environments, <see cref="Actions"/> too: they may neither be
    /// read nor written. Their properties refuse it, as do Reset, Step, Save and Load; spans taken before are the caller's to leave alone. What
    /// is needed of the last step in the meantime is to be copied before, as a rollout or a replay buffer does anyway.
    /// </remarks>
    public void Send()
    {
        RequireReceived();
        StartStep();
        underWay = true;
    }

    /// <summary>Waits until the step that <see cref="Send"/> started is done; then the buffers hold its results, as after <see cref="Step"/>.</summary>
    /// <exception cref="InvalidOperationException">No step is under way; or a task failed, and the message says which.</exception>
    public void Receive()
    {
        if (!underWay)
            throw new InvalidOperationException("Expected Send before Receive. No step is under way.");

        underWay = false;
        FinishStep();
    }

    /// <summary>What <see cref="Send"/> does: unless overridden, the whole of <see cref="Step"/>.</summary>
    protected virtual void StartStep() => Step();

    /// <summary>What <see cref="Receive"/> does: unless overridden, nothing.</summary>
    protected virtual void FinishStep() { }

    /// <summary>Whether the vector's whole state can be saved, and taken up again.</summary>
    public virtual bool CanSave => false;

    /// <summary>
    /// Writes the state of every environment, its random generator's too, and <see cref="Observations"/>. The other buffers belong to the last
    /// step and are not saved.
    /// </summary>
    /// <param name="writer">Where to; only forwards.</param>
    /// <exception cref="NotSupportedException">It cannot be saved: <see cref="CanSave"/> is false.</exception>
    /// <exception cref="InvalidOperationException"><see cref="Reset"/> was never called.</exception>
    public void Save(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        RequireReceived();
        RequireCanSave();
        writer.Write(Count);
        SaveState(writer);
        writer.Write(Observations.Bytes);
    }

    /// <summary>
    /// Takes up a state that a vector made alike has saved, whatever the present one is: from here on, with the same actions, it does bit by bit
    /// what that one would have done.
    /// </summary>
    /// <param name="reader">Reads just what <see cref="Save"/> wrote.</param>
    /// <exception cref="NotSupportedException">It cannot be saved: <see cref="CanSave"/> is false.</exception>
    /// <exception cref="InvalidDataException">What was read is not the state of such a vector. This one is to be reset or loaded anew.</exception>
    public void Load(BinaryReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        RequireReceived();
        RequireCanSave();
        var count = reader.ReadInt32();
        if (count != Count)
            throw new InvalidDataException($"Expected the state of {Count} environments, got that of {count}. Make the vector with as many as were saved.");

        LoadState(reader);
        reader.ReadExactly(Observations.Bytes);
    }

    /// <summary>Writes what decides the environments' future. Called only where <see cref="CanSave"/> is true.</summary>
    /// <param name="writer">Where to.</param>
    protected virtual void SaveState(BinaryWriter writer) { }

    /// <summary>Reads what <see cref="SaveState"/> wrote. Called only where <see cref="CanSave"/> is true.</summary>
    /// <param name="reader">Where from.</param>
    protected virtual void LoadState(BinaryReader reader) { }

    private T Received<T>(T buffer)
    {
        RequireReceived();
        return buffer;
    }

    private void RequireReceived()
    {
        if (underWay)
            throw new InvalidOperationException("Expected Receive first: a step is under way, and the buffers belong to the environments until it is done.");
    }

    private void RequireCanSave()
    {
        if (!CanSave)
            throw new NotSupportedException($"Expected environments that can be saved, got {GetType().Name} of some that cannot. Let the task implement {nameof(ISavable)}.");
    }

    /// <summary>Frees whatever the environments hold.</summary>
    public void Dispose()
    {
        if (!disposed)
        {
            disposed = true;
            Dispose(disposing: true);
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>Frees whatever the environments hold. Called once.</summary>
    /// <param name="disposing">Always true.</param>
    protected virtual void Dispose(bool disposing) { }
}
