using RlWn.Agents.A2c;
using RlWn.Envs;
using RlWn.Networks;
using RlWn.Testing;
using static TorchSharp.torch;

namespace RlWn.Agents.Tests.A2c;

public class A2cAgentTests
{
    private static readonly NetworkOptions Small = new() { Hidden = [16] };

    [Fact]
    public void Load_AfterSave_GoesOnBitByBit()
    {
        using var wholeEnvs = EnvRegistry.MakeVector("CartPole-v1", 8);
        using var whole = new A2cAgent(wholeEnvs, new(), Small, 1, CPU, 8000);
        Assert.Equal(10, whole.Train().Count());

        using var firstEnvs = EnvRegistry.MakeVector("CartPole-v1", 8);
        using var first = new A2cAgent(firstEnvs, new(), Small, 1, CPU, 8000);
        Assert.Equal(4, first.Train().Take(4).Count());
        using var saved = new MemoryStream();
        first.Save(new BinaryWriter(saved));
        saved.Position = 0;
        using var secondEnvs = EnvRegistry.MakeVector("CartPole-v1", 8);
        using var second = new A2cAgent(secondEnvs, new(), Small, 99, CPU, 8000);
        second.Load(new BinaryReader(saved));
        Assert.Equal(6, second.Train().Count());

        Assert.Equal(Saved(whole), Saved(second));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Train_TwoArmedBandit_PullsTheBetterArm(int best)
    {
        using var envs = new SyncVectorEnv<float, int>(() => new Bandit(best == 0 ? [1, 0] : [0, 1]), 8);
        using var agent = new A2cAgent(envs, new() { LearningRate = 0.01 }, Small, 1, CPU, 8000);
        Assert.Equal(8000, agent.Train().Last().Steps);
        using var policy = agent.SnapshotPolicy();

        Assert.Equal(best, policy.Act([1]));
    }

    [Fact]
    public void Train_RewardsBeyondAnyNumber_EndBeforeTheyAreLearnedFrom()   // each is finite, two of them are not
    {
        using var envs = new SyncVectorEnv<float, int>(() => new Scripted<int>(new Discrete(2), _ => (0, new(3e38f, false))), 8);
        using var agent = new A2cAgent(envs, new(), Small, 1, CPU, 8000);

        Assert.Contains("Expected a finite gradient_norm", Assert.Throws<TrainingDivergedException>(() => agent.Train().Count()).Message, StringComparison.Ordinal);
        Assert.Equal(0, agent.Updates);
    }

    [Theory]
    [InlineData(float.NaN, "NaN")]
    [InlineData(float.NegativeInfinity, "-Infinity")]
    public void Train_ObservationNotFinite_EndsWithItsPlace(float observation, string text)
    {
        using var envs = new SyncVectorEnv<float, int>(() => new Scripted<int>(new Discrete(2), step => (step == 3 ? observation : 0, new(1, false))), 8);
        using var agent = new A2cAgent(envs, new(), Small, 1, CPU, 8000);

        var error = Assert.Throws<TrainingDivergedException>(() => agent.Train().Count());
        Assert.StartsWith($"Expected a finite observation, got {text} in environment 0 after 24 environment steps.", error.Message, StringComparison.Ordinal);
    }

    private static byte[] Saved(A2cAgent agent)
    {
        using var saved = new MemoryStream();
        agent.Save(new BinaryWriter(saved));
        return saved.ToArray();
    }
}
