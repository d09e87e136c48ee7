namespace RlWn.Envs.Tests;

/// <summary>What the contract's comparison of futures does not see: what is refused, and that vectors of one task keep their own formats.</summary>
public class VectorSavingTests
{
    [Fact]
    public void CanSave_EveryClassicVector_IsTrue()
    {
        foreach (var id in (string[])["Acrobot-v1", "CartPole-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1"])
        {
            using var envs = EnvRegistry.MakeVector(id, 2);
            Assert.True(envs.CanSave);
        }
    }

    [Fact]
    public void Save_TaskThatCannot_IsRefused()
    {
        using var envs = new SyncVectorEnv<float, int>(() => new SoundEnv(), 2);
        envs.Reset(0);
        Assert.False(envs.CanSave);
        Assert.Throws<NotSupportedException>(() => Saved(envs));
        Assert.Throws<NotSupportedException>(() => Load(envs, []));
    }

    [Fact]
    public void Save_BeforeReset_IsRefused()
    {
        using var fast = EnvRegistry.MakeVector("CartPole-v1", 2);
        using var lanes = EnvRegistry.MakeVector("Pendulum-v1", 2);
        using var general = new SyncVectorEnv<float, int>(() => new CartPole(), 2);
        Assert.All(new VectorEnv[] { fast, lanes, general }, envs => Assert.Throws<InvalidOperationException>(() => Saved(envs)));
    }

    [Fact]
    public void Load_OtherCount_IsRefusedSayingBoth()
    {
        using var two = EnvRegistry.MakeVector("Pendulum-v1", 2);
        using var three = EnvRegistry.MakeVector("Pendulum-v1", 3);
        two.Reset(0);
        var exception = Assert.Throws<InvalidDataException>(() => Load(three, Saved(two)));
        Assert.Contains("3 environments, got that of 2", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_Damaged_IsRefused()
    {
        using var envs = EnvRegistry.MakeVector("Acrobot-v1", 1);
        envs.Reset(0);
        var saved = Saved(envs);   // count, generator, steps, state, observation
        byte[] zeroGenerator = [.. saved];
        zeroGenerator.AsSpan(4, 32).Clear();
        byte[] manySteps = [.. saved];
        BitConverter.TryWriteBytes(manySteps.AsSpan(36), 501);
        byte[] notANumber = [.. saved];
        BitConverter.TryWriteBytes(notANumber.AsSpan(40), double.NaN);

        Assert.All([zeroGenerator, manySteps, notANumber], (byte[] bytes) => Assert.Throws<InvalidDataException>(() => Load(envs, bytes)));
        Assert.Throws<EndOfStreamException>(() => Load(envs, saved[..^1]));
        Load(envs, saved);
    }

    private static byte[] Saved(VectorEnv envs)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        envs.Save(writer);
        writer.Flush();
        return stream.ToArray();
    }

    private static void Load(VectorEnv envs, byte[] bytes)
    {
        using var reader = new BinaryReader(new MemoryStream(bytes));
        envs.Load(reader);
    }
}
