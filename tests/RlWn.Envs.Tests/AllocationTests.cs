using RlWn.Testing;
namespace RlWn.Envs.Tests;

/// <summary>Stepping allocates nothing, resets and statistics included.</summary>
public class AllocationTests
{
    [Fact]
    public void Step_CartPole_AllocatesNothing()
    {
        var (env, random, actions, observation) = (new CartPole(), new Rng(0), new Rng(1), new float[4]);
        env.Reset(random, observation);
        Assert.Equal(0, BytesOf(() =>
        {
            if (env.Step([actions.Next(2)], observation).Ended)
                env.Reset(random, observation);
        }));
    }

    [Fact]
    public void Step_CartPoleVector_AllocatesNothing()
    {
        using var envs = new CartPoleVector(21);
        Assert.Equal(0, BytesOf(envs));
    }

    [Fact]
    public void Step_SyncVectorEnv_AllocatesNothing()
    {
        using var envs = new SyncVectorEnv<float, int>(() => new TimeLimit<float, int>(new CartPole(), 50), 5);
        Assert.Equal(0, BytesOf(envs));
    }

    private static long BytesOf(VectorEnv envs)
    {
        var (actions, statistics) = (new Rng(1), new EpisodeStatistics(envs.Count));
        envs.Reset(0);
        var bytes = BytesOf(() =>
        {
            foreach (ref var action in envs.Actions.All<int>())
                action = actions.Next(2);
            envs.Step();
            statistics.Record(envs);
        }, betweenPasses: () => statistics.Take());
        Assert.NotEmpty(statistics.Take());
        return bytes;
    }

    // The first pass warms up, and shows the statistics more episodes than the second.
    private static long BytesOf(Action step, Action? betweenPasses = null)
    {
        for (var i = 0; i < 6_000; i++)
            step();

        return Allocations.Of(
            () =>
            {
                for (var i = 0; i < 4_000; i++)
                    step();
            },
            betweenPasses);
    }
}
