namespace RlWn.Envs.Tests;

public class NormalizedVectorEnvTests
{
    // Of 1, 3, 5 and 7: mean 4, variance 5; and of 2, 2, 6 and 10: mean 5, variance 11. The first 0.0001 of a row hardly counts.
    [Fact]
    public void Add_RowsInTwoParts_GivesMeanAndVarianceOfAll()
    {
        var statistics = new RunningStatistics(2);
        statistics.Add([1, 2, 3, 2, 5, 6]);
        statistics.Add([7, 10]);
        Assert.Equal(4.0001, statistics.Count);
        Assert.Equal(4, statistics.Mean[0], 2e-4);
        Assert.Equal(5, statistics.Mean[1], 2e-4);
        Assert.Equal(5, statistics.Variance[0], 5e-4);
        Assert.Equal(11, statistics.Variance[1], 5e-4);
    }

    [Fact]
    public void Add_FarFromZero_LosesNoDigits()   // where the mean of squares less the square of the mean would
    {
        var statistics = new RunningStatistics(1);
        statistics.Add([1_000_000, 1_000_000]);
        var before = statistics.Mean[0];
        for (var i = 0; i < 2_000; i++)
            statistics.Add([1_000_001, 999_999]);
        Assert.Equal(1_000_000, statistics.Mean[0], 0.1);
        Assert.True(before > 999_900);
    }

    [Fact]
    public void Add_PartOfARow_IsRefused() => Assert.Throws<ArgumentException>(() => new RunningStatistics(2).Add([1, 2, 3]));

    // Two environments show 0 and 2 at first: mean 1, variance 1. Then 1 and 3: of all four the mean is 1.5, the variance 1.25.
    [Fact]
    public void Step_TwoEnvironments_MatchesHandCalculation()
    {
        using var envs = Ramps();
        envs.Reset(0);
        Near([-1, 1], envs.Observations.All<float>());
        envs.Step();
        Near([-0.5f / MathF.Sqrt(1.25f), 1.5f / MathF.Sqrt(1.25f)], envs.Observations.All<float>());
    }

    // Returns with γ = 1/2 and rewards 1 and 3, then 2 and 4: G = 1, 3 and then 2.5, 5.5. Of the first two the variance is 1,
    // of all four (mean 3) it is (4 + 0 + 0.25 + 6.25) / 4 = 2.625.
    [Fact]
    public void Step_Rewards_AreDividedByTheSpreadOfTheReturn()
    {
        using var envs = Ramps();
        envs.Reset(0);
        envs.Step();
        Near([1, 3], envs.Rewards);
        envs.Step();
        Near([2 / MathF.Sqrt(2.625f), 4 / MathF.Sqrt(2.625f)], envs.Rewards);
        Assert.Equal([2, 4], envs.Inner.Rewards.ToArray());
    }

    // Episodes of three steps: the fourth reward starts a return of its own, so G = 1 and 3 once more.
    [Fact]
    public void Step_EndedEpisode_NormalizesItsLastObservationAndForgetsItsReturn()
    {
        using var envs = Ramps();
        envs.Reset(0);
        for (var step = 0; step < 3; step++)
            envs.Step();
        Assert.Equal([true, true], envs.Terminated.ToArray());
        var expected = new float[2];
        envs.NormalizeObservations([3, 5], expected);
        Assert.Equal(expected, envs.FinalObservations.All<float>().ToArray());

        var before = envs.ReturnStatistics.Mean[0];
        envs.Step();
        Assert.Equal(((before * 6) + 1 + 3) / 8, envs.ReturnStatistics.Mean[0], 1e-4);
    }

    [Fact]
    public void Step_Frozen_LeavesTheStatistics()
    {
        using var envs = Ramps();
        envs.Reset(0);
        envs.Step();
        var (observations, returns) = (envs.ObservationStatistics.Count, envs.ReturnStatistics.Count);
        envs.Frozen = true;
        envs.Step();
        envs.Reset(1);
        Assert.Equal((observations, returns), (envs.ObservationStatistics.Count, envs.ReturnStatistics.Count));
    }

    [Fact]
    public void NormalizeObservations_Outlier_IsClipped()
    {
        using var envs = Ramps();
        envs.Reset(0);
        var to = new float[2];
        envs.NormalizeObservations([1e9f, float.NaN], to);
        Assert.Equal([10, float.NaN], to);
    }

    // With the statistics frozen at their start, of variance 1, rewards of 1 and 3 are as they are but for their clip.
    [Theory]
    [InlineData(null, 1f, 2f)]
    [InlineData(0.5f, 0.5f, 0.5f)]
    [InlineData(2.5f, 1f, 2.5f)]
    public void Step_RewardClip_IsApartFromThatOfObservations(float? rewardClip, float first, float second)
    {
        using var envs = new NormalizedVectorEnv(Ramps().Inner, new() { Clip = 2, RewardClip = rewardClip }) { Frozen = true };
        envs.Reset(0);
        envs.Step();
        Assert.Equal([first, second], envs.Rewards.ToArray());
        Assert.Equal(2, ((Box)envs.ObservationSpace).High[0]);
    }

    [Fact]
    public void Construct_Bytes_IsRefused() =>
        Assert.Throws<ArgumentException>(() => new NormalizedVectorEnv(new SyncVectorEnv<byte, int>(() => new Pong(), 1)));

    [Fact]
    public void Step_RewardsAloneOfBytes_LeavesTheBytes()
    {
        using var envs = new NormalizedVectorEnv(new SyncVectorEnv<byte, int>(() => new Pong(), 2), new() { Observations = false });
        envs.Reset(1);
        envs.Step();
        Assert.IsType<ByteBox>(envs.ObservationSpace);
        Assert.Equal(envs.Inner.Observations.Bytes.ToArray(), envs.Observations.Bytes.ToArray());
        Assert.Equal(2.0001, envs.ReturnStatistics.Count);
        Assert.Equal(1e-4, envs.ObservationStatistics.Count);
    }

    [Fact]
    public void Load_Saved_GoesOnAlike()
    {
        using var saved = new NormalizedVectorEnv(new CartPoleVector(3));
        using var loaded = new NormalizedVectorEnv(new CartPoleVector(3));
        saved.Reset(4);
        for (var step = 0; step < 30; step++)
            saved.Step();
        using var file = new MemoryStream();
        saved.Save(new BinaryWriter(file));
        file.Position = 0;
        loaded.Load(new BinaryReader(file));
        Assert.Equal(saved.Observations.Bytes.ToArray(), loaded.Observations.Bytes.ToArray());
        for (var step = 0; step < 30; step++)
        {
            saved.Step();
            loaded.Step();
            Assert.Equal(saved.Observations.Bytes.ToArray(), loaded.Observations.Bytes.ToArray());
            Assert.Equal(saved.Rewards.ToArray(), loaded.Rewards.ToArray());
        }
    }

    private static NormalizedVectorEnv Ramps()
    {
        var made = 0;
        return new NormalizedVectorEnv(
            new SyncVectorEnv<float, int>(() => new Ramp(2 * made++), 2), new NormalizationOptions { Gamma = 0.5 });
    }

    private static void Near(float[] expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], 1e-3f);
    }

    /// <summary>Observes start + steps and rewards the same; ends after three.</summary>
    private sealed class Ramp(int start) : IEnv<float, int>
    {
        private int steps;

        public Space<float> ObservationSpace { get; } = new Box([1], 0, 100);

        public Space<int> ActionSpace { get; } = new Discrete(2);

        public void Reset(Random random, Span<float> observation) => observation[0] = start + (steps = 0);

        public StepResult Step(ReadOnlySpan<int> action, Span<float> observation)
        {
            observation[0] = start + ++steps;
            return new StepResult(observation[0], Terminated: steps == 3);
        }
    }
}
