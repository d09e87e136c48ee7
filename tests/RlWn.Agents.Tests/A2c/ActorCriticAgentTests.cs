using RlWn.Agents.A2c;
using RlWn.Agents.A3c;
using RlWn.Envs;
using RlWn.Networks;
using RlWn.Testing;
using static TorchSharp.torch;

namespace RlWn.Agents.Tests.A2c;

public class ActorCriticAgentTests
{
    private static readonly NetworkOptions Small = new() { Hidden = [16] };

    [Fact]
    public void A2c_LoadAfterSave_GoesOnBitByBit()
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

    [Fact]
    public void A3c_TwoArmedBandit_PullsTheBetterArm()
    {
        using var agent = new A3cAgent(
            count => new SyncVectorEnv<float, int>(() => new Bandit(0, 1), count), new() { Workers = 2, LearningRate = 0.01 }, Small, 1, CPU, 8000);
        Assert.Equal(8000, agent.Train().Last().Steps);
        using var policy = agent.SnapshotPolicy();

        Assert.Equal(1, policy.Act([1]));
        Assert.False(agent.ResumesExactly);
    }

    [Fact]
    public void A3c_NaNReward_EndsTrainingWithItsPlace()
    {
        using var agent = new A3cAgent(
            count => new SyncVectorEnv<float, int>(() => new Bandit(float.NaN, float.NaN), count), new() { Workers = 2 }, Small, 1, CPU, 8000);

        Assert.Contains("finite reward, got NaN in environment", Assert.Throws<TrainingDivergedException>(() => agent.Train().Count()).Message, StringComparison.Ordinal);
    }

    private static byte[] Saved(A2cAgent agent)
    {
        using var saved = new MemoryStream();
        agent.Save(new BinaryWriter(saved));
        return saved.ToArray();
    }
}
