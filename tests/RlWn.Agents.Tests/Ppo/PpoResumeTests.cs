using RlWn.Agents.Ppo;
using RlWn.Envs;
using RlWn.Init;
using RlWn.Networks;
using RlWn.Testing;

namespace RlWn.Agents.Tests.Ppo;

public class PpoResumeTests
{
    private static readonly PpoOptions Small = new() { RolloutSteps = 16, Epochs = 2, Minibatches = 4 };

    [Theory]
    [InlineData("CartPole-v1", 16)]
    [InlineData("CartPole-v1", Agents.TooWideForPlain)]
    [InlineData("Pendulum-v1", 16)]
    public void Load_AfterSave_GoesOnBitByBit(string env, int width) => AssertGoesOn(env, new() { Hidden = [width] });

    [Fact]
    public void Load_AfterSaveOfSquashedActions_GoesOnBitByBit() => AssertGoesOn("Pendulum-v1", new() { Hidden = [16], ActionBounds = ActionBounds.Tanh });

    public static TheoryData<NetworkOptions> Switches =>
    [
        new NetworkOptions { Scheme = Scheme.Parse("he-pytorch-default"), Scale = ScaleMode.Fixed },   // g is the first seed's
        new NetworkOptions { Scheme = Scheme.Parse("orthogonal-data-dependent"), Scale = ScaleMode.Fixed },
        new NetworkOptions { Scheme = Scheme.Parse("orthogonal-wn-bn") },
        new NetworkOptions { Scale = ScaleMode.Absent, ProjectEvery = 3 },
        new NetworkOptions { ScaleLearningRate = 2, NormPartner = NormPartner.LayerNorm },
    ];

    [Theory]
    [MemberData(nameof(Switches))]
    public void Load_AfterSaveOfAnyNetwork_GoesOnBitByBit(NetworkOptions network) => AssertGoesOn("CartPole-v1", network with { Hidden = [16] });

    private static void AssertGoesOn(string env, NetworkOptions network)
    {
        const long Steps = 8 * 4 * 16;
        using var envs = EnvRegistry.MakeVector(env, 4);
        using var whole = Agents.Make(envs, Small, Steps, network: network);
        var expected = whole.Train().ToArray();

        using var firstEnvs = EnvRegistry.MakeVector(env, 4);
        using var first = Agents.Make(firstEnvs, Small, Steps, network: network);
        using var saved = new MemoryStream();
        Assert.Equal(3, first.Train().Take(3).Count());
        Assert.True(first.ResumesExactly);
        first.Save(new BinaryWriter(saved));

        saved.Position = 0;
        using var secondEnvs = EnvRegistry.MakeVector(env, 4);
        using var second = Agents.Make(secondEnvs, Small, Steps, seed: 99, network: network);   // nothing of its own seed is left
        second.Load(new BinaryReader(saved));
        var resumed = second.Train().ToArray();

        Assert.Equal(saved.Length, saved.Position);
        Assert.Equal(expected.Skip(3).Select(Numbers), resumed.Select(Numbers));
        Assert.Equal(whole.Weights(), second.Weights());
    }

    [Fact]
    public void Load_EnvironmentsThatCannotBeSaved_StartNewEpisodes()
    {
        using var envs = new SyncVectorEnv<byte, int>(() => new Corridor(5), 4);
        using var agent = Agents.Make(envs, Small);
        agent.Next();
        using var saved = new MemoryStream();
        agent.Save(new BinaryWriter(saved));

        saved.Position = 0;
        using var other = Agents.Make(envs, Small);
        Assert.False(other.ResumesExactly);
        other.Load(new BinaryReader(saved));

        Assert.Equal(agent.Steps, other.Steps);
        Assert.Equal(agent.Weights(), other.Weights());
        Assert.All(Enumerable.Range(0, 4), i => Assert.Equal(1, envs.Observations.Row<byte>(i)[0]));   // the corridor's first cell
        Assert.Equal(agent.Steps + (4 * 16), other.Next().Steps);
    }

    [Fact]
    public void Load_AnotherNetwork_IsRefused()
    {
        using var envs = EnvRegistry.MakeVector("CartPole-v1", 4);
        using var agent = Agents.Make(envs, Small);
        using var saved = new MemoryStream();
        agent.Next();
        agent.Save(new BinaryWriter(saved));

        saved.Position = 0;
        using var wider = Agents.Make(envs, Small, network: new() { Hidden = [17] });
        var failure = Assert.Throws<InvalidDataException>(() => wider.Load(new BinaryReader(saved)));
        Assert.Contains("parameters", failure.Message, StringComparison.Ordinal);
    }

    private static (long, long, string, string) Numbers(TrainingReport report) =>
        (report.Steps, report.Updates, string.Join(" ", report.Episodes), string.Join(" ", report.Metrics));
}
