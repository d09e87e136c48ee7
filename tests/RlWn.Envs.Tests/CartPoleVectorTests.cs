using CsCheck;

namespace RlWn.Envs.Tests;

public class CartPoleVectorTests
{
    [Fact]
    public void CheckVector_AgainstTasksAlone_FindsNothing() => Assert.Empty(EnvContract.CheckVector(
        count => new CartPoleVector(count), () => new TimeLimit<float, int>(new CartPole(), 500), new EnvContractOptions { Steps = 100_000 }));

    // Random actions last about 22 steps, so that this limit cuts most episodes off and lets some fall first.
    [Fact]
    public void CheckVector_ShortLimit_FindsNothing() => Assert.Empty(EnvContract.CheckVector(
        count => new CartPoleVector(count, maxSteps: 15), () => new TimeLimit<float, int>(new CartPole(), 15)));

    [Fact]
    public void Step_AnySeedAndCount_EqualsSyncVector()
    {
        Gen.Select(Gen.ULong, Gen.Int[1, 40], Gen.Int[1, 60]).Sample((seed, count, maxSteps) =>
        {
            using var fast = new CartPoleVector(count, maxSteps);
            using var slow = new SyncVectorEnv<float, int>(() => new TimeLimit<float, int>(new CartPole(), maxSteps), count);
            fast.Reset(seed);
            slow.Reset(seed);
            for (var (step, actions) = (0, new Rng(seed, stream: 1_000)); step < 100; step++)
            {
                foreach (ref var action in fast.Actions.All<int>())
                    action = actions.Next(2);
                fast.Actions.Bytes.CopyTo(slow.Actions.Bytes);
                fast.Step();
                slow.Step();

                Assert.True(fast.Observations.Bytes.SequenceEqual(slow.Observations.Bytes));
                Assert.True(fast.FinalObservations.Bytes.SequenceEqual(slow.FinalObservations.Bytes));
                Assert.True(fast.Rewards.SequenceEqual(slow.Rewards));
                Assert.True(fast.Terminated.SequenceEqual(slow.Terminated));
                Assert.True(fast.Truncated.SequenceEqual(slow.Truncated));
            }
        }, iter: 50);
    }

    // A push towards the side that the pole leans and turns to keeps it up for all 500 steps.
    [Theory]
    [InlineData(1)]
    [InlineData(11)]
    public void Step_BalancedPoles_AreTruncatedAtStepFiveHundred(int count)
    {
        using var envs = new CartPoleVector(count);
        envs.Reset(3);
        for (var step = 1; step <= 500; step++)
        {
            for (var i = 0; i < count; i++)
            {
                var observation = envs.Observations.Row<float>(i);
                envs.Actions.Row<int>(i)[0] = observation[2] + observation[3] + (0.1f * observation[0]) + (0.1f * observation[1]) > 0 ? 1 : 0;
            }

            envs.Step();
            Assert.All(envs.Terminated.ToArray(), Assert.False);
            Assert.All(envs.Truncated.ToArray(), truncated => Assert.Equal(step == 500, truncated));
        }
    }

    // Pushed to one side only, every pole falls within a dozen steps.
    [Fact]
    public void Step_FallenPole_GivesRewardFinalObservationAndNewEpisode()
    {
        using var envs = new CartPoleVector(9);
        envs.Reset(1);
        var falls = 0;
        for (var step = 0; step < 12; step++)
        {
            envs.Actions.All<int>().Fill(1);
            envs.Step();
            for (var i = 0; i < 9; i++)
            {
                Assert.Equal(1, envs.Rewards[i]);
                if (!envs.Terminated[i])
                    continue;

                falls++;
                Assert.False(envs.Truncated[i]);
                Assert.True(envs.FinalObservations.Row<float>(i)[2] < -0.20943952f);
                Assert.All(envs.Observations.Row<float>(i).ToArray(), number => Assert.InRange(number, -0.05f, 0.05f));
            }
        }

        Assert.InRange(falls, 9, 18);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(-1)]
    public void Step_ActionOutsideTheSpace_IsRefusedNamingTheRow(int action)
    {
        using var envs = new CartPoleVector(100);
        envs.Reset(0);
        var before = envs.Observations.Bytes.ToArray();
        envs.Actions.Row<int>(37)[0] = action;

        var exception = Assert.Throws<ArgumentException>(envs.Step);
        Assert.Contains($"got {action} in row 37", exception.Message, StringComparison.Ordinal);
        Assert.True(envs.Observations.Bytes.SequenceEqual(before));
    }

    [Fact]
    public void Step_BeforeReset_IsRefused()
    {
        using var envs = new CartPoleVector(1);
        Assert.Throws<InvalidOperationException>(envs.Step);
    }

    [Fact]
    public void Construct_NoEnvironmentsOrSteps_IsRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new CartPoleVector(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new CartPoleVector(1, maxSteps: 0));
    }

    // FNV-1a over 1,000 steps of 24, as a Python program of generator, sine, cosine and physics gives it: the same in Debug and
    // Release, whatever the width of the registers.
    [Fact]
    public void Step_KnownSeedAndActions_GiveTheSameBitsEverywhere()
    {
        using var envs = new CartPoleVector(24);
        envs.Reset(7);
        var (actions, hash) = (new Rng(8), 14695981039346656037UL);
        for (var step = 0; step < 1_000; step++)
        {
            foreach (ref var action in envs.Actions.All<int>())
                action = actions.Next(2);
            envs.Step();
            foreach (var value in envs.Observations.Bytes)
                hash = (hash ^ value) * 1099511628211;
        }

        Assert.Equal(9461572800467094491UL, hash);
    }
}
