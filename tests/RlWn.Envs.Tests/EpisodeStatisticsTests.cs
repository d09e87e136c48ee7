namespace RlWn.Envs.Tests;

public class EpisodeStatisticsTests
{
    // Every step of CartPole is worth 1, so that return and length agree; the limit of 3 ends every episode at 3.
    [Fact]
    public void Take_ThreeStepEpisodes_HaveReturnAndLengthThree()
    {
        using var envs = new CartPoleVector(2, maxSteps: 3);
        var statistics = new EpisodeStatistics(2);
        envs.Reset(0);
        Steps(envs, statistics, 2);
        Assert.Empty(statistics.Take());

        Steps(envs, statistics, 5);
        Assert.Equal(Enumerable.Repeat(new Episode(Return: 3, Length: 3), 4), statistics.Take());
        Assert.Empty(statistics.Take());
    }

    [Fact]
    public void Reset_RunningEpisode_IsForgotten()
    {
        using var envs = new CartPoleVector(1, maxSteps: 3);
        var statistics = new EpisodeStatistics(1);
        envs.Reset(0);
        Steps(envs, statistics, 2);
        envs.Reset(0);
        statistics.Reset();
        Steps(envs, statistics, 3);
        Assert.Equal([new Episode(3, 3)], statistics.Take());
    }

    [Fact]
    public void Record_OtherCount_IsRefused()
    {
        using var envs = new CartPoleVector(2);
        var exception = Assert.Throws<ArgumentException>(() => new EpisodeStatistics(3).Record(envs));
        Assert.StartsWith("Expected the 3 environments that this was made for, got 2.", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Construct_NoEnvironments_IsRefused() => Assert.Throws<ArgumentOutOfRangeException>(() => new EpisodeStatistics(0));

    private static void Steps(VectorEnv envs, EpisodeStatistics statistics, int count)
    {
        for (var step = 0; step < count; step++)
        {
            envs.Step();
            statistics.Record(envs);
        }
    }
}
