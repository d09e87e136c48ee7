namespace RlWn.Envs.Tests;

public class EnvRegistryTests
{
    [Fact]
    public void Get_CartPole_IsGymnasiumsVersionOne()
    {
        var spec = EnvRegistry.Get("CartPole-v1");
        Assert.Equal((500, 475), (spec.MaxSteps, spec.RewardThreshold));
        Assert.Equal(500, Assert.IsType<TimeLimit<float, int>>(EnvRegistry.Make("CartPole-v1")).MaxSteps);
        using var envs = EnvRegistry.MakeVector("CartPole-v1", 3);
        Assert.Equal(3, Assert.IsType<CartPoleVector>(envs).Count);
        Assert.Contains(spec, EnvRegistry.All);
    }

    [Theory]
    [InlineData("Acrobot-v1", 500, -100.0)]
    [InlineData("MountainCar-v0", 200, -110.0)]
    [InlineData("MountainCarContinuous-v0", 999, 90.0)]
    [InlineData("Pendulum-v1", 200, null)]
    public void Get_ClassicTask_HasGymnasiumsLimitAndThreshold(string id, int maxSteps, double? rewardThreshold)
    {
        var spec = EnvRegistry.Get(id);
        Assert.Equal((maxSteps, rewardThreshold), (spec.MaxSteps, spec.RewardThreshold));
        Assert.NotEmpty(spec.Description);
    }

    [Fact]
    public void Register_OwnTask_CanBeMadeAloneAndInAVector()
    {
        var spec = EnvRegistry.Register("TestOwn-v0", () => new SoundEnv(), maxSteps: 7);

        Assert.Equal(7, Assert.IsType<TimeLimit<float, int>>(EnvRegistry.Make("TestOwn-v0")).MaxSteps);
        using var envs = EnvRegistry.MakeVector("TestOwn-v0", 2);
        Assert.IsType<SyncVectorEnv<float, int>>(envs);
        Assert.Empty(EnvContract.Check(spec, new EnvContractOptions { Steps = 200 }));
    }

    [Fact]
    public void Register_WithoutLimit_MakesTheTaskItself()
    {
        EnvRegistry.Register("TestUnlimited-v0", () => new SoundEnv());
        Assert.IsType<SoundEnv>(EnvRegistry.Make("TestUnlimited-v0"));
    }

    [Fact]
    public void Register_WrongVector_IsCaughtByTheContract()
    {
        var spec = EnvRegistry.Register(
            "TestWrongVector-v0", () => new CartPole(), maxSteps: 9, createVector: count => new CartPoleVector(count, maxSteps: 8));
        Assert.Equal(EnvRule.VectorAsAlone, Assert.Single(EnvContract.Check(spec, new EnvContractOptions { Steps = 200 })).Rule);
    }

    [Fact]
    public void Register_TakenId_IsRefused()
    {
        var exception = Assert.Throws<ArgumentException>(() => EnvRegistry.Register("CartPole-v1", () => new CartPole()));
        Assert.Contains("got \"CartPole-v1\"", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Register_FromManyThreads_LetsOneWin()
    {
        var winners = 0;
        Parallel.For(0, 16, _ =>
        {
            try
            {
                EnvRegistry.Register("TestRace-v0", () => new SoundEnv());
                Interlocked.Increment(ref winners);
            }
            catch (ArgumentException)
            {
            }
        });
        Assert.Equal(1, winners);
    }

    [Fact]
    public void Register_NoSteps_IsRefused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => EnvRegistry.Register("TestNoSteps-v0", () => new SoundEnv(), maxSteps: 0));

    [Fact]
    public void Get_MistypedId_NamesTheNearestAndTheKnown()
    {
        var exception = Assert.Throws<UnknownEnvException>(() => EnvRegistry.Get("cartpool-v1"));
        Assert.Equal(("cartpool-v1", "CartPole-v1"), (exception.Id, exception.Nearest));
        Assert.Contains("Did you mean \"CartPole-v1\"? Known are: Acrobot-v1, CartPole-v1", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_UnknownId_IsNull() => Assert.Null(EnvRegistry.Find("cartpole-v1"));
}
