using RlWn.Agents.Data;
using RlWn.Envs;
using RlWn.Networks;
using RlWn.Testing;

namespace RlWn.Agents.Tests.Data;

public class RolloutTests
{
    private const int Steps = 3, Environments = 2;
    private static readonly int[] Picked = [5, 0, 3, 3];

    [Fact]
    public void Gather_Discrete_PicksTheRows()
    {
        float[][] rewards = [[1, 2, 3], [11, 12, 13]];   // of each environment
        var made = 0;
        using var envs = new SyncVectorEnv<float, int>(() => new Ring(rewards[made++], 3, terminates: true), Environments);
        var rollout = Fill(envs, (rollout, t, i) => rollout.Choices(t)[i] = (t + i) % 2);
        var batch = Gather(rollout, envs);

        // Transition k is step k / 2 of environment k % 2.
        Assert.Equal([(2 + 1) % 2, 0, (1 + 1) % 2, (1 + 1) % 2], batch.Choices);
        Assert.Empty(batch.Numbers);
        Assert.Equal([0, 0, 1, /**/ 1, 0, 0, /**/ 0, 1, 0, /**/ 0, 1, 0], batch.Observations.All<float>().ToArray());
        Assert.Equal([13, 1, 12, 12], batch.Target);                  // γ = 0: the reward
        Assert.Equal([8, 1, 9, 9], batch.Advantage);                  // reward - V
    }

    [Fact]
    public void Gather_Continuous_PicksTheRows()
    {
        using var envs = new SyncVectorEnv<float, float>(() => new Upright(poles: 2), Environments);
        var rollout = Fill(envs, (rollout, t, i) =>
        {
            rollout.Numbers(t)[2 * i] = (10 * t) + i;
            rollout.Numbers(t)[(2 * i) + 1] = (10 * t) + i + 0.5f;
        });
        var batch = Gather(rollout, envs);

        Assert.Empty(batch.Choices);
        Assert.Equal([21, 21.5f, /**/ 0, 0.5f, /**/ 11, 11.5f, /**/ 11, 11.5f], batch.Numbers);
    }

    [Fact]
    public void Gather_Bytes_PicksTheRows()
    {
        using var envs = new SyncVectorEnv<byte, int>(() => new Corridor(4), Environments);
        envs.Actions.All<int>()[1] = 1;   // only the second walks
        var batch = Gather(Fill(envs), envs);

        Assert.Equal([0, 0, 1, 0, /**/ 1, 0, 0, 0, /**/ 0, 1, 0, 0, /**/ 0, 1, 0, 0], batch.Observations.All<byte>().ToArray());
    }

    [Fact]
    public void KeepOutcome_BothKindsOfEnd_CountAsEnded()
    {
        var made = 0;
        using var envs = new SyncVectorEnv<float, int>(() => new Ring([1, 1], 2, terminates: made++ == 0), Environments);
        var rollout = Fill(envs);

        Assert.Equal([false, false], rollout.Ended(0).ToArray());
        Assert.Equal([true, true], rollout.Ended(1).ToArray());
        Assert.Equal([false, false], rollout.Ended(2).ToArray());
    }

    [Theory]
    [InlineData(1, 4, 0.25f)]
    [InlineData(2, 4, 0.5f)]
    [InlineData(255, 255, 1f)]
    [InlineData(0, 0, 0f)]
    public void Features_OfBytes_AreSharesOfTheGreatest(byte value, byte high, float expected)
    {
        var space = new ByteBox([2], high);
        var batch = Batch.Of(space, 1);
        batch.All<byte>()[1] = value;

        Assert.Equal([0, expected], new Features(space).Of(batch).ToArray());
    }

    [Fact]
    public void Features_OfChoices_AreRefused()
    {
        var error = Assert.Throws<ArgumentException>(() => new Features(new Discrete(3)));
        Assert.Contains("got Discrete(3). Encode choices as floats", error.Message, StringComparison.Ordinal);
    }

    // A rollout of the vector's present actions, with log π = -k and V = k for transition k.
    private static Rollout Fill(VectorEnv envs, Action<Rollout, int, int>? act = null)
    {
        var rollout = new Rollout(Steps, envs);
        envs.Reset(1);
        for (var t = 0; t < Steps; t++)
        {
            rollout.KeepObservations(t, envs);
            envs.Step();
            rollout.KeepOutcome(t, envs);
            for (var i = 0; i < Environments; i++)
            {
                var k = (t * Environments) + i;
                act?.Invoke(rollout, t, i);
                rollout.LogProbability(t)[i] = -k;
                rollout.Value(t)[i] = k;
            }
        }

        rollout.Estimate(gamma: 0, lambda: 0);
        return rollout;
    }

    private static Minibatch Gather(Rollout rollout, VectorEnv envs)
    {
        var batch = new Minibatch(Picked.Length, envs.ObservationSpace, envs.ActionSpace, ActionBounds.Clip);
        rollout.Gather(Picked, batch);
        Assert.Equal([-5, 0, -3, -3], batch.LogProbability);
        Assert.Equal([5, 0, 3, 3], batch.Value);
        return batch;
    }
}
