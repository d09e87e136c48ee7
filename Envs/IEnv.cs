namespace RlWn.Envs;

/// <summary>A task to act in, whatever its element types: what is observed and what can be done.</summary>
/// <remarks>Implement <see cref="IEnv{TObservation, TAction}"/>; this part lets lists and registries hold tasks of every kind.</remarks>
public interface IEnv
{
    /// <summary>Where observations come from.</summary>
    Space ObservationSpace { get; }

    /// <summary>What can be done in a step.</summary>
    Space ActionSpace { get; }
}

/// <summary>One task: <see cref="Reset"/> starts an episode, <see cref="Step"/> goes on with it.</summary>
/// <typeparam name="TObservation">The type of one observed number: float, or byte for pixels and grids.</typeparam>
/// <typeparam name="TAction">The type of one number of an action: int for choices, float for a <see cref="Box"/>.</typeparam>
/// <remarks>
/// A task is a plain class that knows its rules and nothing else. It draws all its randomness from the source handed to
/// <see cref="Reset"/>, writes its observation into the span that it is given, every number of it, and allocates nothing in
/// <see cref="Step"/>. A task that holds resources also implements <see cref="IDisposable"/>.
/// <see cref="EnvContract"/> checks all this.
/// </remarks>
public interface IEnv<TObservation, TAction> : IEnv
    where TObservation : unmanaged
    where TAction : unmanaged
{
    /// <summary>Where observations come from; the same object for the task's whole life.</summary>
    new Space<TObservation> ObservationSpace { get; }

    /// <summary>What can be done in a step; the same object for the task's whole life.</summary>
    new Space<TAction> ActionSpace { get; }

    Space IEnv.ObservationSpace => ObservationSpace;

    Space IEnv.ActionSpace => ActionSpace;

    /// <summary>Starts a new episode, whatever state the task is in.</summary>
    /// <param name="random">The source of every draw until the next reset; the task may keep it that long.</param>
    /// <param name="observation">Receives the first observation, <see cref="Space.Size"/> numbers.</param>
    void Reset(Random random, Span<TObservation> observation);

    /// <summary>Does one action. Called only between a reset and the step that ends the episode.</summary>
    /// <param name="action">A value of <see cref="ActionSpace"/>.</param>
    /// <param name="observation">Receives the observation after the action, also when the episode ends with it.</param>
    /// <returns>The reward and whether, and how, the episode ended.</returns>
    /// <exception cref="ArgumentException">The action does not lie in <see cref="ActionSpace"/>.</exception>
    StepResult Step(ReadOnlySpan<TAction> action, Span<TObservation> observation);
}

/// <summary>What one step gave besides the observation.</summary>
/// <param name="Reward">The reward of this step.</param>
/// <param name="Terminated">The task ended: the state has no future and its value is zero.</param>
/// <param name="Truncated">The episode was cut off from outside, as by a time limit: the state still has a future.</param>
public readonly record struct StepResult(float Reward, bool Terminated, bool Truncated = false)
{
    /// <summary>Whether the episode is over, for either reason.</summary>
    public bool Ended => Terminated | Truncated;
}

/// <summary>A task that can show its state as text, for terminals and logs.</summary>
public interface ITextView
{
    /// <summary>Draws the current state, in lines separated by \n, none wider than 80 characters.</summary>
    string DrawText();
}

/// <summary>A task that can show its state as an image, for recordings and windows.</summary>
public interface IFrameView
{
    /// <summary>Rows and columns of a frame, in pixels; the same for the task's whole life.</summary>
    (int Height, int Width) FrameSize { get; }

    /// <summary>How many frames, one a step, make a second of the task's own time, above 0.</summary>
    double FramesPerSecond { get; }

    /// <summary>Draws the current state. Called only after the first reset; draws no random numbers and changes nothing.</summary>
    /// <param name="rgb">Receives the frame, [height, width, 3]: rows from the top, red, green and blue of each pixel. Every byte is written.</param>
    void DrawFrame(Span<byte> rgb);
}

/// <summary>A task, or anything else that decides the future, whose whole state can be saved and taken up again.</summary>
/// <remarks>After <see cref="Load"/> it goes on bit by bit as the one that was saved would have. What the constructor decides is not saved.</remarks>
public interface ISavable
{
    /// <summary>Writes the state.</summary>
    /// <param name="writer">Where to; only forwards.</param>
    void Save(BinaryWriter writer);

    /// <summary>Takes up a state that one constructed alike has saved, whatever the present one is.</summary>
    /// <param name="reader">Reads just what <see cref="Save"/> wrote.</param>
    /// <param name="random">
    /// The source of every draw from here on, in the state in which it was at <see cref="Save"/>: what a task was handed by its last reset is
    /// saved by whoever handed it in.
    /// </param>
    /// <exception cref="InvalidDataException">What was read cannot be such a state.</exception>
    void Load(BinaryReader reader, Random random);
}
