using RlWn.Agents.Data;
using RlWn.Envs;
using RlWn.Testing;

namespace RlWn.Agents.Tests.Data;

public class ReplayBufferTests
{
    // A ring of four states left for 1, 2, 4 and 8, of which an episode sees three; γ = ½, two steps ahead.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Gather_TwoStepsAhead_StopsAtTerminationAndBootstrapsAtTruncation(bool terminates)
    {
        using var envs = new SyncVectorEnv<float, int>(() => new Ring([1, 2, 4, 8], steps: 3, terminates), 1);
        using var replay = new ReplayBuffer(64, envs, stack: 1, steps: 2, gamma: 0.5, rewardScale: 1, prioritized: false);
        Fill(replay, envs, steps: 3);

        Assert.Equal(3, replay.Count);
        var batch = All(replay, envs, [0, 1, 2]);
        Assert.Equal([1 + (0.5f * 2), 2 + (0.5f * 4), 4], batch.Rewards);
        Assert.Equal(terminates ? [0.25f, 0, 0] : [0.25f, 0.25f, 0.5f], batch.Discounts);
        Assert.Equal([0, 1, 2], States(batch.Observations));
        Assert.Equal([2, 3, 3], States(batch.NextObservations));   // the last observation, not the next episode's first
    }

    [Fact]
    public void Count_StepsAheadNotKnownYet_WaitsForThem()
    {
        using var envs = new SyncVectorEnv<float, int>(() => new Ring([1, 1, 1], steps: 100, terminates: true), 2);
        using var replay = new ReplayBuffer(64, envs, stack: 1, steps: 3, gamma: 1, rewardScale: 1, prioritized: false);
        Fill(replay, envs, steps: 2);
        Assert.Equal(0, replay.Count);
        Fill(replay, envs, steps: 1, isBegun: true);
        Assert.Equal(2, replay.Count);   // the first of each environment
    }

    [Fact]
    public void Gather_RewardScale_MultipliesRewards()
    {
        using var envs = new SyncVectorEnv<float, int>(() => new Ring([1, 2, 4], steps: 3, terminates: true), 1);
        using var replay = new ReplayBuffer(64, envs, stack: 1, steps: 1, gamma: 0.9, rewardScale: 0.25, prioritized: false);
        Fill(replay, envs, steps: 3);
        Assert.Equal([0.25f, 0.5f, 1], All(replay, envs, [0, 1, 2]).Rewards);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Gather_StacksStoredFrameByFrame_AreWhatTheEnvironmentShowed(int stack)
    {
        using var envs = Stacked(stack);
        using var replay = new ReplayBuffer(2 * 40, envs, stack, steps: 2, gamma: 1, rewardScale: 1, prioritized: false);
        var drawn = new int[64];
        var batch = new Transitions(drawn.Length, envs.ObservationSpace);
        var random = new Rng(5);

        // 7 cells, so episodes of 6 to 20 steps: rings of 40 slots are written over many times.
        var seen = new HashSet<string>();
        envs.Reset(1);
        replay.Begin(envs);
        Remember();
        for (var step = 0; step < 400; step++)
        {
            for (var i = 0; i < 2; i++)
                envs.Actions.All<int>()[i] = random.Next(3) > 0 ? 1 : 0;
            envs.Step();
            replay.Add(envs);
            Remember();
            if (step < 30)
                continue;

            replay.Draw(random, drawn);
            replay.Gather(drawn, batch);
            for (var i = 0; i < drawn.Length; i++)
            {
                Assert.Contains(Convert.ToHexString(batch.Observations.Row<byte>(i)), seen);
                Assert.Contains(Convert.ToHexString(batch.NextObservations.Row<byte>(i)), seen);
            }
        }

        Assert.InRange(replay.Count, 40, 2 * 40);   // less the ends of episodes and what was written over

        void Remember()
        {
            for (var i = 0; i < 2; i++)
            {
                seen.Add(Convert.ToHexString(envs.Observations.Row<byte>(i)));
                seen.Add(Convert.ToHexString(envs.FinalObservations.Row<byte>(i)));
            }
        }
    }

    [Fact]
    public void Add_ObservationsThatAreNoStacks_IsRefused()
    {
        using var envs = new SyncVectorEnv<byte, int>(() => new Corridor(8), 1);
        using var replay = new ReplayBuffer(64, envs, stack: 4, steps: 1, gamma: 1, rewardScale: 1, prioritized: false);
        envs.Reset(1);
        Assert.Contains("frameStack", Assert.Throws<InvalidOperationException>(() => replay.Begin(envs)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void DrawByPriority_Frequencies_FollowThePriorities()
    {
        using var envs = new SyncVectorEnv<float, int>(() => new Ring([1, 1, 1, 1, 1], steps: 5, terminates: true), 1);
        using var replay = new ReplayBuffer(64, envs, stack: 1, steps: 1, gamma: 1, rewardScale: 1, prioritized: true);
        Fill(replay, envs, steps: 5);
        replay.SetPriorities([0, 1, 2, 3, 4], [1, 2, 3, 4, 6]);

        var (random, drawn, weights, counts) = (new Rng(3), new int[4], new float[4], new int[5]);
        for (var draw = 0; draw < 10_000; draw++)
        {
            replay.DrawByPriority(random, beta: 1, drawn, weights);
            foreach (var index in drawn)
                counts[index]++;

            // (5 P)⁻¹ over the greatest of the batch: in proportion to one over the priority.
            double[] priorities = [1, 2, 3, 4, 6];
            var rarest = drawn.Min(index => priorities[index]);
            for (var i = 0; i < drawn.Length; i++)
                Assert.Equal(rarest / priorities[drawn[i]], weights[i], 1e-6);
        }

        // χ² with 4 degrees of freedom stays below 18.5 with probability 0.999; one draw from each quarter varies less than free ones.
        double[] expected = [2500, 5000, 7500, 10_000, 15_000];
        Assert.True(counts.Zip(expected, (count, mean) => (count - mean) * (count - mean) / mean).Sum() < 18.5, string.Join(" ", counts));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Load_AfterSave_GoesOnAlike(bool prioritized)
    {
        using var envs = Stacked(4);
        using var replay = new ReplayBuffer(80, envs, stack: 4, steps: 2, gamma: 0.9, rewardScale: 1, prioritized);
        using var other = new ReplayBuffer(80, envs, stack: 4, steps: 2, gamma: 0.9, rewardScale: 1, prioritized);
        Fill(replay, envs, steps: 100);
        using var saved = new MemoryStream();
        replay.Save(new BinaryWriter(saved));
        saved.Position = 0;
        other.Load(new BinaryReader(saved));

        Assert.Equal(saved.Length, saved.Position);
        for (var step = 0; step < 50; step++)
        {
            envs.Step();
            replay.Add(envs);
            other.Add(envs);
            Assert.Equal(Drawn(replay, step), Drawn(other, step));
        }

        string Drawn(ReplayBuffer from, int seed)
        {
            var (drawn, weights) = (new int[16], new float[16]);
            var batch = new Transitions(16, envs.ObservationSpace);
            if (prioritized)
                from.DrawByPriority(new Rng((ulong)seed), 0.5, drawn, weights);
            else
                from.Draw(new Rng((ulong)seed), drawn);
            from.Gather(drawn, batch);
            return string.Join(" ", [
                .. drawn, .. weights, .. batch.Rewards, .. batch.Discounts, Convert.ToHexString(batch.Observations.Bytes), Convert.ToHexString(batch.NextObservations.Bytes),
            ]);
        }
    }

    // Of 64 slots the saved buffer has written six, of which five can be drawn; the other one all.
    [Fact]
    public void Load_IntoAUsedBuffer_DrawsOnlyWhatWasSaved()
    {
        using var envs = new SyncVectorEnv<float, int>(() => new Ring([1, 1, 1, 1, 1], steps: 1000, terminates: true), 1);
        using var replay = new ReplayBuffer(64, envs, stack: 1, steps: 1, gamma: 1, rewardScale: 1, prioritized: true);
        using var used = new ReplayBuffer(64, envs, stack: 1, steps: 1, gamma: 1, rewardScale: 1, prioritized: true);
        Fill(used, envs, steps: 100);
        Fill(replay, envs, steps: 5);
        using var saved = new MemoryStream();
        replay.Save(new BinaryWriter(saved));
        saved.Position = 0;
        used.Load(new BinaryReader(saved));

        var (drawn, weights) = (new int[500], new float[500]);
        used.DrawByPriority(new Rng(1), beta: 1, drawn, weights);
        Assert.All(drawn, index => Assert.InRange(index, 0, 4));
        Assert.All(weights, weight => Assert.Equal(1, weight));   // all priorities are alike
    }

    [Fact]
    public void Constructor_TooSmall_SaysHowLargeAtLeast()
    {
        using var envs = Stacked(4);
        var failure = Assert.Throws<ArgumentException>(() => new ReplayBuffer(17, envs, stack: 4, steps: 2, gamma: 1, rewardScale: 1, prioritized: false));
        Assert.Contains("at least 18", failure.Message, StringComparison.Ordinal);   // 2 (2 + 4 + 3)
    }

    private static SyncVectorEnv<byte, int> Stacked(int stack) =>
        new(() => new FrameStack<byte, int>(new TimeLimit<byte, int>(new Corridor(7), 20), stack), 2);

    private static void Fill(ReplayBuffer replay, VectorEnv envs, int steps, bool isBegun = false)
    {
        if (!isBegun)
        {
            envs.Reset(1);
            replay.Begin(envs);
        }

        for (var step = 0; step < steps; step++)
        {
            envs.Actions.All<int>().Fill(1);
            envs.Step();
            replay.Add(envs);
        }
    }

    private static Transitions All(ReplayBuffer replay, VectorEnv envs, int[] indices)
    {
        var batch = new Transitions(indices.Length, envs.ObservationSpace);
        replay.Gather(indices, batch);
        return batch;
    }

    private static IEnumerable<int> States(Batch oneHot) => Enumerable.Range(0, oneHot.Rows).Select(row => oneHot.Row<float>(row).IndexOf(1f));
}
