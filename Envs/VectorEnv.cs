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
    private readonly float[] rewards;
    private readonly bool[] terminated;
    private readonly bool[] truncated;
    private bool disposed;

    /// <summary>Makes the buffers of <paramref name="count"/> environments.</summary>
    /// <param name="count">How many environments, at least 1.</param>
    /// <param name="observationSpace">The task's observation space.</param>
    /// <param name="actionSpace">The task's action space.</param>
    protected VectorEnv(int count, Space observationSpace, Space actionSpace)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentNullException.ThrowIfNull(observationSpace);
        ArgumentNullException.ThrowIfNull(actionSpace);

        Count = count;
        ObservationSpace = observationSpace;
        ActionSpace = actionSpace;
        Observations = Batch.Of(observationSpace, count);
        FinalObservations = Batch.Of(observationSpace, count);
        Actions = Batch.Of(actionSpace, count);
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
    public Batch Actions { get; }

    /// <summary>What to act on next, [N, D]: the latest observation of each running episode.</summary>
    public Batch Observations { get; }

    /// <summary>The last observation of an ended episode, [N, D]: a row holds it only after the step that ended the episode.</summary>
    public Batch FinalObservations { get; }

    /// <summary>The reward of the last step, [N].</summary>
    public ReadOnlySpan<float> Rewards => rewards;

    /// <summary>Whether the task ended with the last step, [N].</summary>
    public ReadOnlySpan<bool> Terminated => terminated;

    /// <summary>
    /// Whether the episode was cut off with the last step, [N]. Never together with <see cref="Terminated"/>: where a step does both,
    /// the termination counts.
    /// </summary>
    public ReadOnlySpan<bool> Truncated => truncated;

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

    /// <summary>Whether <see cref="Save"/> can: every environment must be able to.</summary>
    public virtual bool CanSave => false;

    /// <summary>
    /// Writes everything that decides the future: the state of every environment and of its random generator, and what the next action is
    /// chosen by, <see cref="Observations"/>.
    /// </summary>
    /// <param name="writer">Where to.</param>
    /// <exception cref="NotSupportedException">The environments cannot be saved; see <see cref="CanSave"/>.</exception>
    public virtual void Save(BinaryWriter writer) => throw CannotSave();

    /// <summary>Takes up what a vector made alike has saved, and goes on from there bit by bit as that one would have.</summary>
    /// <param name="reader">Reads just what <see cref="Save"/> wrote.</param>
    /// <exception cref="NotSupportedException">The environments cannot be saved; see <see cref="CanSave"/>.</exception>
    /// <exception cref="InvalidDataException">What was read cannot be such a state.</exception>
    public virtual void Load(BinaryReader reader) => throw CannotSave();

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

    private NotSupportedException CannotSave() =>
        new($"Expected environments whose state can be saved, got {GetType().Name}, which cannot. Ask {nameof(CanSave)} before, or start them anew.");
}
