using RlWn.Agents.Formulas;
using RlWn.Envs;
using static TorchSharp.torch;

namespace RlWn.Agents.Data;

/// <summary>T steps of N environments under one policy: what on-policy agents learn from, once.</summary>
internal sealed class Rollout : IDisposable
{
    private readonly TensorRows observations;
    private readonly TensorRows? choices;
    private readonly TensorRows? numbers;
    private readonly TensorRows logProbability;
    private readonly TensorRows value;
    private readonly TensorRows nextValue;
    private readonly TensorRows reward;
    private readonly TensorRows ended;
    private readonly TensorRows advantage;
    private readonly TensorRows target;

    /// <summary>Makes room for a rollout.</summary>
    /// <param name="steps">T.</param>
    /// <param name="envs">The vector to collect from.</param>
    public Rollout(int steps, VectorEnv envs)
    {
        (Steps, Environments) = (steps, envs.Count);
        observations = new(envs.ObservationSpace is ByteBox ? ScalarType.Byte : ScalarType.Float32, steps, envs.Count, envs.ObservationSpace.Size);
        choices = envs.ActionSpace is Discrete ? new(ScalarType.Int64, steps, envs.Count, 1) : null;
        numbers = choices is null ? new(ScalarType.Float32, steps, envs.Count, envs.ActionSpace.Size) : null;
        logProbability = Floats();
        value = Floats();
        nextValue = Floats();
        reward = Floats();
        advantage = Floats();
        target = Floats();
        ended = new(ScalarType.Bool, steps, envs.Count);

        TensorRows Floats() => new(ScalarType.Float32, steps, envs.Count);
    }

    /// <summary>T.</summary>
    public int Steps { get; }

    /// <summary>N.</summary>
    public int Environments { get; }

    /// <summary>T N: how many transitions there are.</summary>
    public int Count => Steps * Environments;

    /// <summary>The choices made at a step, [N].</summary>
    public Span<long> Choices(int step) => choices!.Row<long>(step);

    /// <summary>The continuous actions drawn at a step, before clipping, [N, A].</summary>
    public Span<float> Numbers(int step) => numbers!.Row<float>(step);

    /// <summary>log π(a|s) under the policy that acted, [N].</summary>
    public Span<float> LogProbability(int step) => logProbability.Row<float>(step);

    /// <summary>V(s) under the network that acted, [N].</summary>
    public Span<float> Value(int step) => value.Row<float>(step);

    /// <summary>V of the state that a step led to, [N]: zero where the task ended, of the last observation where it was cut off.</summary>
    public Span<float> NextValue(int step) => nextValue.Row<float>(step);

    /// <summary>Whether the episode ended at a step, for either reason, [N].</summary>
    public ReadOnlySpan<bool> Ended(int step) => ended.Row<bool>(step);

    /// <summary>The returns that the values are to learn, Â + V, [T N]; after <see cref="Estimate"/>.</summary>
    public ReadOnlySpan<float> Targets => target.All<float>();

    /// <summary>Every V(s), [T N].</summary>
    public ReadOnlySpan<float> Values => value.All<float>();

    /// <summary>Keeps what is acted on at a step. Before <see cref="VectorEnv.Step"/>.</summary>
    public void KeepObservations(int step, VectorEnv envs) => envs.Observations.Bytes.CopyTo(observations.Bytes(step));

    /// <summary>Keeps what a step gave. After <see cref="VectorEnv.Step"/>.</summary>
    public void KeepOutcome(int step, VectorEnv envs)
    {
        envs.Rewards.CopyTo(reward.Row<float>(step));
        var ends = ended.Row<bool>(step);
        for (var i = 0; i < ends.Length; i++)
            ends[i] = envs.Terminated[i] | envs.Truncated[i];
    }

    /// <summary>Estimates advantages and targets of the whole rollout.</summary>
    public void Estimate(double gamma, double lambda)
    {
        Returns.Gae(reward.All<float>(), value.All<float>(), nextValue.All<float>(), ended.All<bool>(), Environments, gamma, lambda, advantage.All<float>());

        var advantages = advantage.All<float>();
        var values = value.All<float>();
        var targets = target.All<float>();
        for (var i = 0; i < Count; i++)
            targets[i] = advantages[i] + values[i];
    }

    /// <summary>The rollout in a random order, cut into minibatches. Belongs to the caller's dispose scope.</summary>
    /// <param name="minibatches">M: how many; divides <see cref="Count"/>.</param>
    /// <param name="order">A permutation of 0 to <see cref="Count"/> - 1.</param>
    /// <param name="device">Where the minibatches are wanted.</param>
    public IEnumerable<Minibatch> Minibatches(int minibatches, long[] order, Device device)
    {
        var index = tensor(order);
        var columns = new[] { Flat(observations.Tensor), Flat(choices?.Tensor ?? numbers!.Tensor), Flat(logProbability.Tensor), Flat(value.Tensor), Flat(advantage.Tensor), Flat(target.Tensor) };
        var parts = columns.Select(column => column.index_select(0, index).to(device).chunk(minibatches)).ToArray();
        for (var i = 0; i < minibatches; i++)
            yield return new(parts[0][i], parts[1][i], parts[2][i], parts[3][i], parts[4][i], parts[5][i]);

        static Tensor Flat(Tensor tensor) => tensor.flatten(0, 1);
    }

    public void Dispose()
    {
        foreach (var rows in (IEnumerable<IDisposable?>)[observations, choices, numbers, logProbability, value, nextValue, reward, ended, advantage, target])
            rows?.Dispose();
    }
}

/// <summary>Some transitions to learn from, B of them.</summary>
/// <param name="Observation">s, [B, D], as the environment gave it: float or byte.</param>
/// <param name="Action">a: int64 [B, 1], or float [B, A].</param>
/// <param name="LogProbability">log π_old(a|s), [B].</param>
/// <param name="Value">V_old(s), [B].</param>
/// <param name="Advantage">Â, [B], as estimated.</param>
/// <param name="Target">The return to learn, [B].</param>
internal readonly record struct Minibatch(Tensor Observation, Tensor Action, Tensor LogProbability, Tensor Value, Tensor Advantage, Tensor Target);
