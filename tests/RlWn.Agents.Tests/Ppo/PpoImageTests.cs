using RlWn.Agents.Ppo;
using RlWn.Envs;
using RlWn.Inference;
using RlWn.Networks;

namespace RlWn.Agents.Tests.Ppo;

/// <summary>PPO behind a convolutional torso, from bytes to a policy's file.</summary>
public sealed class PpoImageTests : IDisposable
{
    private static readonly PpoOptions Small = new() { RolloutSteps = 16, Epochs = 2, Minibatches = 4, LearningRate = 0.005 };

    private readonly string folder = Directory.CreateTempSubdirectory("rlwn-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData(Torso.MinAtar, false)]
    [InlineData(Torso.MinAtar, true)]
    [InlineData(Torso.Impala, false)]
    public void Train_LampInAnImage_SaysOnWhichSideFromTheFile(Torso torso, bool shared)
    {
        using var envs = new SyncVectorEnv<byte, int>(() => new Lamp(), 8);
        using var agent = Agents.Make(envs, Small, steps: 128 * 60, network: Network(torso, shared));
        Assert.InRange(agent.Next().Episodes.Average(episode => episode.Return), 0.2, 0.8);
        Assert.Equal(59, agent.Train().Count());
        var path = Path.Combine(folder, "policy.safetensors");
        using (var policy = agent.SnapshotPolicy())
            policy.Save(path);
        using var loaded = Policy.Load(path);

        var image = new byte[Lamp.Pixels];
        var right = 0;
        for (var lamp = 0; lamp < Lamp.Pixels; lamp++)
        {
            image.AsSpan().Clear();
            image[lamp] = 200;
            right += loaded.ActOnBytes(image) == Lamp.SideOf(lamp) ? 1 : 0;
        }

        Assert.InRange(right, 0.95 * Lamp.Pixels, Lamp.Pixels);
        using var fresh = new SyncVectorEnv<byte, int>(() => new Lamp(), 10);
        Assert.InRange(Evaluation.Run(loaded, fresh, episodes: 100, seed: 99).Mean, 0.9, 1);
    }

    [Theory]
    [InlineData(Torso.MinAtar)]
    [InlineData(Torso.Impala)]
    public void Load_AfterSave_GoesOnBitByBit(Torso torso)
    {
        const long Steps = 5 * 2 * 16;
        using var wholeEnvs = EnvRegistry.MakeVector("MinAtar/Breakout-v1", 2);
        using var whole = Agents.Make(wholeEnvs, Small, Steps, network: Network(torso, shared: true));
        Assert.Equal(5, whole.Train().Count());

        using var firstEnvs = EnvRegistry.MakeVector("MinAtar/Breakout-v1", 2);
        using var first = Agents.Make(firstEnvs, Small, Steps, network: Network(torso, shared: true));
        Assert.Equal(2, first.Train().Take(2).Count());
        using var saved = new MemoryStream();
        first.Save(new BinaryWriter(saved));
        saved.Position = 0;
        using var secondEnvs = EnvRegistry.MakeVector("MinAtar/Breakout-v1", 2);
        using var second = Agents.Make(secondEnvs, Small, Steps, seed: 99, network: Network(torso, shared: true));
        second.Load(new BinaryReader(saved));
        Assert.Equal(3, second.Train().Count());

        Assert.Equal(whole.Weights(), second.Weights());
    }

    private static NetworkOptions Network(Torso torso, bool shared) => new() { Torso = torso, TorsoDepth = 9, Hidden = [16], Shared = shared };

    /// <summary>One pixel of an image is lit: 0 says left, 1 right. Being right gives 1, and the episode ends; chance gives ½.</summary>
    private sealed class Lamp : IEnv<byte, int>
    {
        public const int Side = 8, Pixels = Side * Side;
        private int lamp;

        public Space<byte> ObservationSpace { get; } = new ByteBox([1, Side, Side], high: 200);

        public Space<int> ActionSpace { get; } = new Discrete(2);

        public static int SideOf(int pixel) => pixel % Side < Side / 2 ? 0 : 1;

        public void Reset(Random random, Span<byte> observation)
        {
            lamp = random.Next(Pixels);
            observation.Clear();
            observation[lamp] = 200;
        }

        public StepResult Step(ReadOnlySpan<int> action, Span<byte> observation) => new(action[0] == SideOf(lamp) ? 1 : 0, Terminated: true);
    }
}
