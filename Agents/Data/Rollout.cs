using RlWn.Agents.Formulas;
using RlWn.Envs;

namespace RlWn.Agents.Data;

/// <summary>T steps of N environments under one policy: what on-policy agents learn from, once.</summary>
internal sealed class Rollout
{
    private readonly Batch observations;
    private readonly int[] choices;
    private readonly float[] numbers;
    private readonly float[] logProbability;
    private readonly float[] value;
    private readonly float[] nextValue;
    private readonly float[] reward;
    private readonly bool[] ended;
    private readonly float[] advantage;
    private readonly float[] target;
    private readonly int actionSize;

    /// <summary>Makes room for a rollout.</summary>
    /// <param name="steps">T.</param>
    /// <param name="envs">The vector to collect from.</param>
    public Rollout(int steps, VectorEnv envs)
    {
        (Steps, Environments, actionSize) = (steps, envs.Count, envs.ActionSpace.Size);
        observations = Batch.Of(envs.ObservationSpace, Count);
        choices = new int[envs.ActionSpace is Space<int> ? Count * actionSize : 0];
        numbers = new float[envs.ActionSpace is Space<int> ? 0 : Count * actionSize];
        logProbability = new float[Count];
        value = new float[Count];
        nextValue = new float[Count];
        reward = new float[Count];
        ended = new bool[Count];
        advantage = new float[Count];
        target = new float[Count];
    }

    /// <summary>T.</summary>
    public int Steps { get; }

    /// <summary>N.</summary>
    public int Environments { get; }

    /// <summary>T N: how many transitions there are.</summary>
    public int Count => Steps * Environments;

    /// <summary>The choices made at a step, [N, A]; empty where actions are continuous.</summary>
    public Span<int> Choices(int step) => Row(choices, step, actionSize);

    /// <summary>The continuous actions drawn at a step, before they are brought within the bounds, [N, A]; empty where they are choices.</summary>
    public Span<float> Numbers(int step) => Row(numbers, step, actionSize);

    /// <summary>log π(a|s) under the policy that acted, [N].</summary>
    public Span<float> LogProbability(int step) => Row(logProbability, step);

    /// <summary>V(s) under the network that acted, [N].</summary>
    public Span<float> Value(int step) => Row(value, step);

    /// <summary>V of the state that a step led to, [N]: zero where the task ended, of the last observation where it was cut off.</summary>
    public Span<float> NextValue(int step) => Row(nextValue, step);

    /// <summary>Whether the episode ended at a step, for either reason, [N].</summary>
    public ReadOnlySpan<bool> Ended(int step) => Row(ended, step);

    /// <summary>Every V(s), [T N].</summary>
    public ReadOnlySpan<float> Values => value;

    /// <summary>The returns that the values are to learn, Â + V, [T N]; after <see cref="Estimate"/>.</summary>
    public ReadOnlySpan<float> Targets => target;

    /// <summary>Keeps what is acted on at a step. Before <see cref="VectorEnv.Step"/>.</summary>
    public void KeepObservations(int step, VectorEnv envs)
    {
        var bytes = envs.Observations.Bytes;
        bytes.CopyTo(observations.Bytes[(step * bytes.Length)..]);
    }

    /// <summary>Keeps what a step gave. After <see cref="VectorEnv.Step"/>.</summary>
    public void KeepOutcome(int step, VectorEnv envs)
    {
        envs.Rewards.CopyTo(Row(reward, step));
        var ends = Row(ended, step);
        for (var i = 0; i < ends.Length; i++)
            ends[i] = envs.Terminated[i] | envs.Truncated[i];
    }

    /// <summary>Estimates advantages and targets of the whole rollout.</summary>
    public void Estimate(double gamma, double lambda)
    {
        Returns.Gae(reward, value, nextValue, ended, Environments, gamma, lambda, advantage);
        for (var i = 0; i < Count; i++)
            target[i] = advantage[i] + value[i];
    }

    /// <summary>Copies some transitions into a minibatch.</summary>
    /// <param name="indices">Which, [B], each below <see cref="Count"/>.</param>
    /// <param name="batch">Receives them; made for B transitions of this kind.</param>
    public void Gather(ReadOnlySpan<int> indices, Minibatch batch)
    {
        var bytes = observations.Bytes;
        var width = bytes.Length / Count;
        var rows = batch.Observations.Bytes;
        for (var i = 0; i < indices.Length; i++)
        {
            var from = indices[i];
            bytes.Slice(from * width, width).CopyTo(rows[(i * width)..]);
            batch.LogProbability[i] = logProbability[from];
            batch.Value[i] = value[from];
            batch.Advantage[i] = advantage[from];
            batch.Target[i] = target[from];
            if (choices.Length > 0)
                choices.AsSpan(from * actionSize, actionSize).CopyTo(batch.Choices.AsSpan(i * actionSize));
            else
                numbers.AsSpan(from * actionSize, actionSize).CopyTo(batch.Numbers.AsSpan(i * actionSize));
        }
    }

    private Span<T> Row<T>(T[] column, int step, int width = 1) =>
        column.Length == 0 ? [] : column.AsSpan(step * Environments * width, Environments * width);
}
