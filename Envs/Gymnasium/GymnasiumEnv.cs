namespace RlWn.Envs;

/// <summary>One Python environment in a process of its own; made by <see cref="Gymnasium.Make"/>.</summary>
/// <typeparam name="TObservation">The type of one observed number.</typeparam>
/// <typeparam name="TAction">The type of one number of an action.</typeparam>
/// <remarks>After a <see cref="GymnasiumException"/> the process is gone; <see cref="Reset"/> starts a new one.</remarks>
public class GymnasiumEnv<TObservation, TAction> : IEnv<TObservation, TAction>, IDisposable
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private readonly float[] reward = new float[1];
    private readonly bool[] terminated = new bool[1];
    private readonly bool[] truncated = new bool[1];
    private readonly long[] seed = new long[1];
    private Random? latest;

    internal GymnasiumEnv(PythonEnvs python) =>
        (Python, ObservationSpace, ActionSpace) = (python, (Space<TObservation>)python.ObservationSpace, (Space<TAction>)python.ActionSpace);

    /// <inheritdoc/>
    public Space<TObservation> ObservationSpace { get; }

    /// <inheritdoc/>
    public Space<TAction> ActionSpace { get; }

    /// <summary>The Python process, for whoever watches it.</summary>
    public int ProcessId => Python.ProcessIds[0];

    private protected PythonEnvs Python { get; }

    /// <inheritdoc/>
    /// <remarks>
    /// A source that was not there at the last reset gives the seed: <c>reset(seed=random.Next())</c>. Where it is the same one again, the environment
    /// goes on with its own generator: <c>reset()</c>, as is the custom in Python.
    /// </remarks>
    /// <exception cref="GymnasiumException">Python raised an exception, or the process ended.</exception>
    public void Reset(Random random, Span<TObservation> observation)
    {
        ArgumentNullException.ThrowIfNull(random);
        seed[0] = ReferenceEquals(random, latest) && !Python.IsBroken ? -1 : random.Next();
        latest = random;
        Python.Reset(seed);
        Python.Observations.Row<TObservation>(0).CopyTo(observation);
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">It was never reset, or not since an error.</exception>
    /// <exception cref="GymnasiumException">Python raised an exception, or the process ended.</exception>
    public StepResult Step(ReadOnlySpan<TAction> action, Span<TObservation> observation)
    {
        if (!ActionSpace.Contains(action))
            throw new ArgumentException($"Expected an action in {ActionSpace}, got [{string.Join(", ", action.ToArray())}].", nameof(action));

        action.CopyTo(Python.Actions.Row<TAction>(0));
        Python.Send();
        Python.Receive(reward, terminated, truncated);
        Python.Observations.Row<TObservation>(0).CopyTo(observation);
        return new(reward[0], terminated[0], truncated[0]);
    }

    /// <summary>Closes the environment and ends its process.</summary>
    public void Dispose()
    {
        Python.Dispose();
        GC.SuppressFinalize(this);
    }
}

/// <summary>One Python environment that was made with <c>render_mode="rgb_array"</c>, and so can be recorded.</summary>
/// <typeparam name="TObservation">The type of one observed number.</typeparam>
/// <typeparam name="TAction">The type of one number of an action.</typeparam>
public sealed class DrawnGymnasiumEnv<TObservation, TAction> : GymnasiumEnv<TObservation, TAction>, IFrameView
    where TObservation : unmanaged
    where TAction : unmanaged
{
    internal DrawnGymnasiumEnv(PythonEnvs python) : base(python) { }

    /// <inheritdoc/>
    public (int Height, int Width) FrameSize => Python.FrameSize!.Value;

    /// <summary>What the environment's metadata says under <c>render_fps</c>; 30 where they do not say it.</summary>
    public double FramesPerSecond => Python.FramesPerSecond;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The frame has another length.</exception>
    /// <exception cref="InvalidOperationException">It was never reset, or not since an error.</exception>
    /// <exception cref="GymnasiumException">Python raised an exception, or the process ended.</exception>
    public void DrawFrame(Span<byte> rgb)
    {
        var (height, width) = FrameSize;
        if (rgb.Length != height * width * 3)
            throw new ArgumentException($"Expected {height * width * 3} bytes for a frame of [{height}, {width}, 3], got {rgb.Length}.", nameof(rgb));
        Python.DrawFrame(rgb);
    }
}
