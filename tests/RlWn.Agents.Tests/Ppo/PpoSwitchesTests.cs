using RlWn.Envs;
using RlWn.Init;
using RlWn.Networks;
using RlWn.Testing;

namespace RlWn.Agents.Tests.Ppo;

/// <summary>Every way to build and start the networks trains, and learns.</summary>
public class PpoSwitchesTests
{
    public static TheoryData<NetworkOptions> Combinations =>
    [
        .. from scheme in Scheme.All where scheme.Rule != ScaleRule.Hanin select new NetworkOptions { Scheme = scheme },
        .. from scheme in (string[])["orthogonal-proposed", "he-no-wn"]
           from partner in (NormPartner[])[NormPartner.LayerNorm, NormPartner.RmsNorm, NormPartner.BatchNorm]
           select new NetworkOptions { Scheme = Scheme.Parse(scheme), NormPartner = partner },
        .. from scale in Enum.GetValues<ScaleMode>()
           from every in (int[])[0, 1, 5]
           select new NetworkOptions { Scale = scale, ProjectEvery = every, ScaleLearningRate = scale == ScaleMode.Learnable ? 0.1 : 1 },
        new NetworkOptions { PolicyOutput = OutputLayer.WeightNorm, ProjectEvery = 2, Scale = ScaleMode.Absent, ScaleLearningRate = 2 },
        new NetworkOptions { Scheme = Scheme.Parse("he-data-dependent"), Scale = ScaleMode.Fixed, ProjectEvery = 1, NormPartner = NormPartner.LayerNorm },
    ];

    [Theory]
    [MemberData(nameof(Combinations))]
    public void Train_CartPole_StaysFiniteAndMoves(NetworkOptions network)
    {
        using var envs = EnvRegistry.MakeVector("CartPole-v1", 4);
        using var agent = Agents.Make(envs, new() { RolloutSteps = 128, LearningRate = 1e-3 }, steps: 2_048, network: network with { Hidden = [16, 16] });
        var before = agent.Weights();
        var reports = agent.Train().ToArray();

        Assert.Equal(2_048, reports[^1].Steps);
        Assert.All(agent.Weights(), weight => Assert.True(float.IsFinite(weight)));
        Assert.NotEqual(before, agent.Weights());
        using var policy = agent.SnapshotPolicy();
        Assert.InRange(policy.Act([0, 0, 0, 0]), 0, 1);
    }

    // Ten cells, each step -1: the straight way costs 9.
    [Theory]
    [InlineData("he-no-wn", ScaleMode.Learnable, 0, NormPartner.None)]
    [InlineData("he-pytorch-default", ScaleMode.Learnable, 0, NormPartner.None)]
    [InlineData("orthogonal-proposed", ScaleMode.Absent, 1, NormPartner.None)]
    [InlineData("orthogonal-proposed", ScaleMode.Fixed, 1, NormPartner.RmsNorm)]
    [InlineData("orthogonal-proposed", ScaleMode.Learnable, 10, NormPartner.LayerNorm)]
    public void Train_Corridor_WalksStraightToTheGoal(string scheme, ScaleMode scale, int every, NormPartner partner)
    {
        using var envs = Corridors(8);
        var network = new NetworkOptions { Hidden = [16], Scheme = Scheme.Parse(scheme), Scale = scale, ProjectEvery = every, NormPartner = partner };
        using var agent = Agents.Make(envs, new() { RolloutSteps = 32, LearningRate = 0.005 }, steps: 256 * 40, network: network);
        Assert.Equal(40, agent.Train().Count());
        using var policy = agent.SnapshotPolicy();
        using var fresh = Corridors(1);

        Assert.Equal(new Episode(Return: -9, Length: 9), Evaluation.Run(policy, fresh, episodes: 1, seed: 99).Episodes.Single());
    }

    [Fact]
    public void Train_DataDependent_CountsNoStepOfWhatItLookedAt()
    {
        using var envs = EnvRegistry.MakeVector("CartPole-v1", 4);
        var network = new NetworkOptions { Hidden = [8], Scheme = Scheme.Parse("orthogonal-data-dependent") };
        using var agent = Agents.Make(envs, new() { RolloutSteps = 64, LearningRate = 0 }, network: network);
        var report = agent.Next();

        Assert.Equal(256, report.Steps);
        Assert.True(report.Episodes.Sum(episode => episode.Length) <= 256);
        var scales = agent.Network().named_parameters().Single(entry => entry.name == "actor.0.weight_g").parameter;
        Assert.DoesNotContain(1f, scales.data<float>().ToArray());   // what g was before
    }

    private static SyncVectorEnv<byte, int> Corridors(int count) => new(() => new TimeLimit<byte, int>(new Corridor(10), 100), count);
}
