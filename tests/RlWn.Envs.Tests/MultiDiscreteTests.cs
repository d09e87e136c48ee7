namespace RlWn.Envs.Tests;

/// <summary>A task with two choices in a step, alone, under the contract and in a vector.</summary>
public class MultiDiscreteTests
{
    [Fact]
    public void Check_TaskWithSeveralChoices_FindsNothing() => Assert.Empty(EnvContract.Check(() => new Lock()));

    [Fact]
    public void Check_SecondChoiceUnlooked_IsCaught()
    {
        var violation = Assert.Single(EnvContract.Check(() => new Lock(looksAtFirstOnly: true), new EnvContractOptions { Steps = 100 }));
        Assert.Equal(EnvRule.OutsideActionRefused, violation.Rule);
        Assert.Contains("which is not in MultiDiscrete([2, 5])", violation.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Step_InAVector_TakesARowOfChoicesEach()
    {
        using var envs = new SyncVectorEnv<float, int>(() => new Lock(), 2);
        envs.Reset(0);
        envs.Actions.Row<int>(0)[1] = 3;
        envs.Actions.Row<int>(1)[0] = 1;
        envs.Step();
        Assert.Equal([3, 10], envs.Rewards);

        envs.Actions.Row<int>(1)[1] = 5;
        Assert.Contains("got [1, 5] in row 1", Assert.Throws<ArgumentException>(envs.Step).Message, StringComparison.Ordinal);
    }

    /// <summary>Rewards ten times the first choice and once the second; ends at random.</summary>
    private sealed class Lock(bool looksAtFirstOnly = false) : IEnv<float, int>
    {
        private readonly MultiDiscrete choices = new(2, 5);
        private Random random = null!;

        public Space<float> ObservationSpace { get; } = new Box([1], 0, 1);

        public Space<int> ActionSpace => choices;

        public void Reset(Random random, Span<float> observation)
        {
            this.random = random;
            observation[0] = random.NextSingle();
        }

        public StepResult Step(ReadOnlySpan<int> action, Span<float> observation)
        {
            if (looksAtFirstOnly ? action.Length != 2 || (uint)action[0] > 1 : !choices.Contains(action))
                throw new ArgumentException("Expected two choices.", nameof(action));

            observation[0] = random.NextSingle();
            return new StepResult((10 * action[0]) + action[1], Terminated: observation[0] < 0.1f);
        }
    }
}
