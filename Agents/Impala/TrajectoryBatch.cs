using RlWn.Agents.Data;
using RlWn.Envs;
using RlWn.Networks;

namespace RlWn.Agents.Impala;

/// <summary>
/// What one update learns from: B trajectories side by side, T steps of B N environments. Each is written by an actor, right where the learner reads it.
/// </summary>
internal sealed class TrajectoryBatch
{
    /// <summary>Makes room.</summary>
    /// <param name="trajectories">B.</param>
    /// <param name="steps">T.</param>
    /// <param name="envs">A vector as each actor has one.</param>
    /// <param name="bounds">How continuous actions are brought within their bounds.</param>
    public TrajectoryBatch(int trajectories, int steps, VectorEnv envs, ActionBounds bounds)
    {
        (Steps, Columns) = (steps, trajectories * envs.Count);
        Transitions = new Minibatch(steps * Columns, envs.ObservationSpace, envs.ActionSpace, bounds);
        LastObservations = Batch.Of(envs.ObservationSpace, Columns);
        Rewards = new float[Transitions.Size];
        Terminated = new bool[Transitions.Size];
        Ended = new bool[Transitions.Size];
        Trajectories = [.. Enumerable.Range(0, trajectories).Select(i => new Trajectory(this, i * envs.Count, envs))];
    }

    /// <summary>T.</summary>
    public int Steps { get; }

    /// <summary>B N: environments, those of the first trajectory first.</summary>
    public int Columns { get; }

    /// <summary>The B trajectories, each N columns.</summary>
    public IReadOnlyList<Trajectory> Trajectories { get; }

    /// <summary>s, a and log μ(a|s), [T, B N]; Â and the targets are the learner's to write.</summary>
    public Minibatch Transitions { get; }

    /// <summary>r, [T, B N].</summary>
    public float[] Rewards { get; }

    /// <summary>Whether the task ended with the step, [T, B N].</summary>
    public bool[] Terminated { get; }

    /// <summary>Whether the episode ended with the step, for either reason, [T, B N].</summary>
    public bool[] Ended { get; }

    /// <summary>The observations after the last step, [B N, D].</summary>
    public Batch LastObservations { get; }
}

/// <summary>One actor's part of a batch: T steps of N environments under one policy μ.</summary>
/// <param name="batch">The batch.</param>
/// <param name="first">Its first column there.</param>
/// <param name="like">A vector as the actor has one.</param>
internal sealed class Trajectory(TrajectoryBatch batch, int first, VectorEnv like)
{
    private readonly int environments = like.Count;
    private readonly int actionSize = like.ActionSpace.Size;

    /// <summary>T.</summary>
    public int Steps => batch.Steps;

    /// <summary>How many updates the learner had done when it made the weights of μ.</summary>
    public long Version { get; private set; }

    /// <summary>The last observations of episodes that were cut off on the way; the first <see cref="CutOffs"/> rows count.</summary>
    public Batch CutOffObservations { get; private set; } = Batch.Of(like.ObservationSpace, like.Count);

    /// <summary>Which transitions of the batch cut them off.</summary>
    public List<int> CutOffs { get; } = new(like.Count);

    /// <summary>Starts it anew.</summary>
    public void Clear(long version)
    {
        Version = version;
        CutOffs.Clear();
    }

    /// <summary>The choices made at a step, [N, A]; empty where actions are continuous.</summary>
    public Span<int> Choices(int step) => Row(batch.Transitions.Choices, step, actionSize);

    /// <summary>The continuous actions drawn at a step, before they are brought within the bounds, [N, A]; empty where they are choices.</summary>
    public Span<float> Numbers(int step) => Row(batch.Transitions.Numbers, step, actionSize);

    /// <summary>log μ(a|s), [N].</summary>
    public Span<float> LogProbability(int step) => Row(batch.Transitions.LogProbability, step);

    /// <summary>Keeps what is acted on at a step. Before <see cref="VectorEnv.Step"/>.</summary>
    public void KeepObservations(int step, VectorEnv envs) => Copy(envs.Observations, batch.Transitions.Observations, (step * batch.Columns) + first);

    /// <summary>Keeps what a step gave. After <see cref="VectorEnv.Step"/>.</summary>
    public void KeepOutcome(int step, VectorEnv envs)
    {
        envs.Rewards.CopyTo(Row(batch.Rewards, step));
        envs.Terminated.CopyTo(Row(batch.Terminated, step));
        var ended = Row(batch.Ended, step);
        for (var i = 0; i < environments; i++)
        {
            ended[i] = envs.Terminated[i] | envs.Truncated[i];
            if (envs.Truncated[i])
                KeepCutOff(step, i, envs.FinalObservations);
        }
    }

    /// <summary>Keeps what would be acted on next. After the last step.</summary>
    public void KeepLastObservations(VectorEnv envs) => Copy(envs.Observations, batch.LastObservations, first);

    private void KeepCutOff(int step, int environment, Batch finalObservations)
    {
        if (CutOffs.Count == CutOffObservations.Rows)
        {
            var larger = Batch.Of(like.ObservationSpace, 2 * CutOffs.Count);
            Copy(CutOffObservations, larger, row: 0);
            CutOffObservations = larger;
        }

        var bytes = finalObservations.Bytes.Length / environments;
        finalObservations.Bytes.Slice(environment * bytes, bytes).CopyTo(CutOffObservations.Bytes[(CutOffs.Count * bytes)..]);
        CutOffs.Add((step * batch.Columns) + first + environment);
    }

    private static void Copy(Batch from, Batch to, int row) => from.Bytes.CopyTo(to.Bytes[(row * (to.Bytes.Length / to.Rows))..]);

    private Span<T> Row<T>(T[] column, int step, int width = 1) =>
        column.Length == 0 ? [] : column.AsSpan(((step * batch.Columns) + first) * width, environments * width);
}
