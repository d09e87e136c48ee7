using GymEnv = Gym.Envs.IEnv;

namespace RlWn.Envs.GymNet;

/// <summary>An environment of Gym.NET as one of RlWn; made by <see cref="GymNetConvert.ToRlWn"/>.</summary>
/// <typeparam name="TAction">The type of one number of an action.</typeparam>
/// <remarks>It is no faster than what it wraps, which allocates in every step: <see cref="EnvContract"/> says so.</remarks>
public sealed class GymNetEnv<TAction> : IEnv<float, TAction>, IDisposable where TAction : unmanaged
{
    private readonly GymEnv env;
    private readonly Func<ReadOnlySpan<TAction>, object> toGym;
    private Random? latest;
    private bool isRunning;
    private bool disposed;

    internal GymNetEnv(GymEnv env, Space<float> observed, Space<TAction> actions, Func<ReadOnlySpan<TAction>, object> toGym) =>
        (this.env, ObservationSpace, ActionSpace, this.toGym) = (env, observed, actions, toGym);

    /// <inheritdoc/>
    public Space<float> ObservationSpace { get; }

    /// <inheritdoc/>
    public Space<TAction> ActionSpace { get; }

    /// <inheritdoc/>
    /// <remarks>
    /// A source that was not there at the last reset seeds the environment, which would share its stream with others made at the same moment; where it
    /// is the same one again, the environment goes on with its own generator.
    /// </remarks>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    /// <exception cref="InvalidOperationException">What was observed does not fit the space.</exception>
    public void Reset(Random random, Span<float> observation)
    {
        ArgumentNullException.ThrowIfNull(random);
        ObjectDisposedException.ThrowIf(disposed, this);
        if (!ReferenceEquals(random, latest))
            env.Seed(random.Next());

        latest = random;
        GymNetConvert.Copy(env.Reset(), observation, "an observation");
        isRunning = true;
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">No episode is running, or what was observed does not fit the space.</exception>
    public StepResult Step(ReadOnlySpan<TAction> action, Span<float> observation)
    {
        if (!ActionSpace.Contains(action))
            throw new ArgumentException($"Expected an action in {ActionSpace}, got [{string.Join(", ", action.ToArray())}].", nameof(action));
        if (!isRunning)
            throw new InvalidOperationException("Expected a Reset before the first Step of an episode.");

        var step = env.Step(toGym(action));
        GymNetConvert.Copy(step.Observation, observation, "an observation");
        isRunning = !step.Done;
        return new(step.Reward, Terminated: step.Done);
    }

    /// <summary>Closes the environment.</summary>
    public void Dispose()
    {
        if (disposed)
            return;
        (disposed, isRunning) = (true, false);
        env.CloseEnvironment();
    }
}
