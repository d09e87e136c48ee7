using RlWn.Testing;
namespace RlWn.Envs.Tests;

/// <summary>What every task of RlWn's own keeps, for 10,000 random steps: one trajectory for a seed, however it is stepped, inside its spaces, and nothing allocated.</summary>
public class RegisteredEnvTests
{
    private const int Count = 8, Steps = 10_000;
    private const ulong Seed = 11;

    public static TheoryData<string> Ids => [.. Own.Select(spec => spec.Id)];

    // Other tests register their own.
    private static IEnumerable<EnvSpec> Own => EnvRegistry.All.Where(spec => !spec.Id.StartsWith("Test", StringComparison.Ordinal));

    [Theory]
    [MemberData(nameof(Ids))]
    public void Step_SameSeedAndActions_IsOneTrajectoryAloneTogetherAndInThreads(string id)
    {
        var spec = EnvRegistry.Get(id);
        using var together = spec.CreateVector(Count);
        using var again = spec.CreateVector(Count);
        using var threads = spec.CreateVector(Count, workers: 2);
        using var alone = spec.CreateVector(1);
        VectorEnv[] others = [again, threads];
        var actions = new Rng(Seed, stream: ulong.MaxValue);

        together.Reset(Seed);
        alone.Reset(Seed);
        foreach (var other in others)
            other.Reset(Seed);

        for (var step = 0; step < Steps / Count; step++)
        {
            for (var i = 0; i < Count; i++)
            {
                AssertInSpace(together.ObservationSpace, together.Observations, i);
                Sample(together.ActionSpace, actions, together.Actions, i);
            }

            foreach (var other in others)
                together.Actions.Bytes.CopyTo(other.Actions.Bytes);
            together.Actions.Bytes[..alone.Actions.Bytes.Length].CopyTo(alone.Actions.Bytes);

            together.Step();
            alone.Step();
            AssertSame(together, alone, count: 1);
            foreach (var other in others)
            {
                other.Step();
                AssertSame(together, other, Count);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void Check_TenThousandSteps_FindsNothing(string id) => Assert.Empty(EnvContract.Check(EnvRegistry.Get(id), new EnvContractOptions { Steps = Steps, Seed = Seed }));

    [Theory]
    [MemberData(nameof(Ids))]
    public void Step_SteadyState_AllocatesNothing(string id)
    {
        var (spec, actions) = (EnvRegistry.Get(id), new Rng(1));
        foreach (var count in (ReadOnlySpan<int>)[1, 3])
        {
            using var envs = spec.CreateVector(count);
            envs.Reset(Seed);
            Go();   // warms up, and sees episodes end
            Assert.Equal(0, Allocations.Of(Go));

            void Go()
            {
                for (var step = 0; step < 5_000; step++)
                {
                    for (var i = 0; i < envs.Count; i++)
                        Sample(envs.ActionSpace, actions, envs.Actions, i);
                    envs.Step();
                }
            }
        }
    }

    private static void AssertSame(VectorEnv expected, VectorEnv envs, int count)
    {
        Assert.True(Rows(expected.Observations).SequenceEqual(Rows(envs.Observations)), "Other observations.");
        Assert.True(expected.Rewards[..count].SequenceEqual(envs.Rewards), "Other rewards.");
        Assert.True(expected.Terminated[..count].SequenceEqual(envs.Terminated), "Other terminations.");
        Assert.True(expected.Truncated[..count].SequenceEqual(envs.Truncated), "Other truncations.");

        ReadOnlySpan<byte> Rows(Batch batch) => batch.Bytes[..(count * (batch.Bytes.Length / batch.Rows))];
    }

    private static void AssertInSpace(Space space, Batch observations, int row) => Assert.True(space switch
    {
        Box box => box.Contains(observations.Row<float>(row)),
        ByteBox box => box.Contains(observations.Row<byte>(row)),
        _ => throw new NotSupportedException($"Expected a Box or a ByteBox, got {space}."),
    }, "An observation outside its space.");

    private static void Sample(Space space, Rng random, Batch actions, int row)
    {
        if (space is Discrete choices)
            choices.Sample(random, actions.Row<int>(row));
        else
            ((Box)space).Sample(random, actions.Row<float>(row));
    }
}
