using RlWn.Agents.Ppo;
using RlWn.Envs;
using RlWn.Inference;
using RlWn.Init;
using RlWn.Networks;
using RlWn.Testing;
using static TorchSharp.torch;

namespace RlWn.Agents.Tests;

public sealed class PolicySnapshotTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("rlwn-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData(OutputLayer.Plain)]
    [InlineData(OutputLayer.WeightNorm)]
    public void SnapshotPolicy_Discrete_ChoosesTheNetworksHighestLogit(OutputLayer output)
    {
        using var envs = EnvRegistry.MakeVector("CartPole-v1", 4);
        using var agent = Trained(envs, new() { Hidden = [16, 16], PolicyOutput = output, PolicyScale = 1 });   // so that both actions are chosen
        using var policy = agent.SnapshotPolicy();
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator(3);
        var observations = randn([100, 4], generator: generator);

        var expected = agent.Network().Actor.forward(observations).argmax(-1).data<long>().ToArray();
        var actions = new int[100];
        policy.Act(observations.data<float>().ToArray(), 100, actions);

        Assert.Equal(expected.Select(action => (int)action), actions);
        Assert.Equal(2, actions.Distinct().Count());
    }

    [Fact]
    public void SnapshotPolicy_Continuous_ActsByTheNetworksMeanWithinTheBounds()
    {
        using var envs = new SyncVectorEnv<float, float>(() => new Upright(poles: 2), 4);
        using var agent = Trained(envs, new() { Hidden = [16] });
        using var policy = agent.SnapshotPolicy();
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator(3);
        var observations = randn([100, 2], generator: generator) * 20;

        var mean = agent.Network().Actor.forward(observations);
        var actions = new float[200];
        policy.Act(observations.data<float>().ToArray(), 100, actions);

        Assert.True(mean.clamp(-1, 1).flatten().allclose(tensor(actions), 1e-5, 1e-5));
        Assert.Contains(actions, action => action == 1f);   // clipped
        Assert.Contains(actions, action => Math.Abs(action) < 0.9f);
        Assert.Equal([-1f, -1f], policy.ActionLow);
        Assert.Equal([1f, 1f], policy.ActionHigh);
    }

    // A shared network has an output more than the policy: the value is no action to take, however high it is.
    [Theory]
    [InlineData(Torso.Mlp, OutputLayer.Plain)]
    [InlineData(Torso.Mlp, OutputLayer.WeightNorm)]
    [InlineData(Torso.MinAtar, OutputLayer.Plain)]
    [InlineData(Torso.Impala, OutputLayer.WeightNorm)]
    public void SnapshotPolicy_Shared_LeavesTheValueOut(Torso torso, OutputLayer output)
    {
        using var envs = EnvRegistry.MakeVector("MinAtar/Breakout-v1", 4);
        var options = new NetworkOptions
        {
            Torso = torso, TorsoDepth = 9, Hidden = [16], Shared = true, PolicyOutput = output, ValueOutput = output, PolicyScale = 1, ValueScale = 10,
        };
        AssertActsAsTheNetwork(envs, options, $"actor.{(torso == Torso.Mlp ? "" : "head.")}1.bias");
    }

    [Theory]
    [InlineData(Torso.MinAtar, "orthogonal-proposed", ScaleMode.Learnable)]
    [InlineData(Torso.MinAtar, "he-no-wn", ScaleMode.Learnable)]
    [InlineData(Torso.Impala, "orthogonal-proposed", ScaleMode.Fixed)]
    [InlineData(Torso.Impala, "orthogonal-proposed", ScaleMode.Absent)]
    public void SnapshotPolicy_Image_ActsFromItsFileAsTheNetwork(Torso torso, string scheme, ScaleMode scale)
    {
        using var envs = EnvRegistry.MakeVector("MinAtar/Breakout-v1", 4);
        var options = new NetworkOptions { Torso = torso, TorsoDepth = 9, Hidden = [16], Scheme = Scheme.Parse(scheme), Scale = scale, PolicyScale = 1 };
        AssertActsAsTheNetwork(envs, options, "actor.head.1.bias");
    }

    [Fact]
    public void SnapshotPolicy_SeveralChoices_TakesTheHighestLogitOfEach()
    {
        using var envs = new SyncVectorEnv<float, int>(() => new Levers(), 4);
        using var agent = Trained(envs, new() { Hidden = [16], PolicyScale = 1 });
        using var loaded = SavedAndLoaded(agent);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator(3);
        var observations = randn([100, 3], generator: generator);

        var logits = agent.Network().Actor.forward(observations);
        var expected = stack([logits.narrow(1, 0, 3).argmax(-1), logits.narrow(1, 3, 2).argmax(-1)], 1).data<long>().ToArray();
        var actions = new int[200];
        loaded.Act(observations.data<float>().ToArray(), 100, actions);

        Assert.Equal(expected.Select(action => (int)action), actions);
        Assert.Equal([3, 2], loaded.ActionCounts);
        Assert.True(actions.Where((_, i) => i % 2 == 0).Distinct().Count() > 1);
        Assert.True(actions.Where((_, i) => i % 2 == 1).Distinct().Count() > 1);
    }

    [Fact]
    public void SnapshotPolicy_Squashed_ActsByTheTanhOfTheNetworksMean()
    {
        using var envs = EnvRegistry.MakeVector("Pendulum-v1", 4);   // pushes from -2 to 2
        using var agent = Trained(envs, new() { Hidden = [16], PolicyScale = 1, ActionBounds = ActionBounds.Tanh });
        using var loaded = SavedAndLoaded(agent);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator(3);
        var observations = randn([100, 3], generator: generator) * 5;

        var actions = new float[100];
        loaded.Act(observations.data<float>().ToArray(), 100, actions);

        Assert.True((2 * agent.Network().Actor.forward(observations).tanh()).flatten().allclose(tensor(actions), 1e-5, 1e-5));
        Assert.Contains(actions, action => Math.Abs(action) > 1);
        Assert.Equal("tanh_box", loaded.Metadata["rlwn.action"]);
    }

    [Fact]
    public void SnapshotPolicy_LaterTraining_DoesNotChangeIt()
    {
        using var envs = EnvRegistry.MakeVector("CartPole-v1", 4);
        using var agent = Trained(envs, new() { Hidden = [16] });
        using var policy = agent.SnapshotPolicy();
        var path = Path.Combine(folder, "before.safetensors");
        policy.Save(path);
        agent.Next();
        using var later = agent.SnapshotPolicy();

        policy.Save(Path.Combine(folder, "after.safetensors"));
        later.Save(Path.Combine(folder, "later.safetensors"));
        Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(Path.Combine(folder, "after.safetensors")));
        Assert.NotEqual(File.ReadAllBytes(path), File.ReadAllBytes(Path.Combine(folder, "later.safetensors")));
    }

    [Fact]
    public void SnapshotPolicy_SavedAndLoaded_ActsTheSameAndKeepsItsTexts()
    {
        using var envs = new SyncVectorEnv<byte, int>(() => new TimeLimit<byte, int>(new Corridor(5), 50), 2);
        using var agent = Trained(envs, new() { Hidden = [8], PolicyOutput = OutputLayer.WeightNorm });
        using var policy = agent.SnapshotPolicy(new Dictionary<string, string> { ["env"] = "Corridor" });
        var path = Path.Combine(folder, "policy.safetensors");
        policy.Save(path);
        using var loaded = Policy.Load(path);

        Assert.Equal("Corridor", loaded.Metadata["env"]);
        Assert.Equal([5], loaded.ObservationShape);
        for (var cell = 0; cell < 5; cell++)
            Assert.Equal(policy.Act(Agents.OneHot(5, cell)), loaded.Act(Agents.OneHot(5, cell)));
        var (tensors, _) = Safetensors.Read(path);
        Assert.Equal(
            ["actor.0.bias", "actor.0.weight_g", "actor.0.weight_v", "actor.1.bias", "actor.1.weight_g", "actor.1.weight_v"],
            tensors.Select(entry => entry.Name).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("orthogonal-proposed", ScaleMode.Learnable, NormPartner.LayerNorm, "0.bias 0.weight_g 0.weight_v 0_norm.bias 0_norm.weight 1.bias 1.weight")]
    [InlineData("orthogonal-proposed", ScaleMode.Fixed, NormPartner.RmsNorm, "0.bias 0.weight_g 0.weight_v 0_norm.weight 1.bias 1.weight")]
    [InlineData("orthogonal-proposed", ScaleMode.Absent, NormPartner.None, "0.bias 0.weight 1.bias 1.weight")]
    [InlineData("orthogonal-wn-bn", ScaleMode.Learnable, NormPartner.None, "0.bias 0.weight 1.bias 1.weight")]
    [InlineData("he-no-wn", ScaleMode.Learnable, NormPartner.BatchNorm, "0.bias 0.weight 1.bias 1.weight")]
    public void SnapshotPolicy_AnySwitches_ActsFromItsFileAsTheNetworkInEvaluation(string scheme, ScaleMode scale, NormPartner partner, string names)
    {
        using var envs = EnvRegistry.MakeVector("CartPole-v1", 4);
        using var agent = Trained(envs, new() { Hidden = [16], Scheme = Scheme.Parse(scheme), Scale = scale, NormPartner = partner, PolicyScale = 1 });
        using var policy = agent.SnapshotPolicy();
        var path = Path.Combine(folder, "policy.safetensors");
        policy.Save(path);
        using var loaded = Policy.Load(path);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator(3);
        var observations = randn([100, 4], generator: generator);
        agent.Network().eval();
        var logits = agent.Network().Actor.forward(observations);
        var actions = new int[100];
        loaded.Act(observations.data<float>().ToArray(), 100, actions);

        Assert.Equal(logits.argmax(-1).data<long>().ToArray().Select(action => (int)action), actions);
        Assert.Equal(names.Split(' ').Select(name => $"actor.{name}"), Safetensors.Read(path).Tensors.Select(entry => entry.Name).Order(StringComparer.Ordinal));
    }

    // Of grids of bits as MinAtar's: the file's highest choice is the highest of the network's logits, the first outputs, of which there is a bias each.
    private void AssertActsAsTheNetwork(VectorEnv envs, NetworkOptions options, string biasName)
    {
        using var agent = Agents.Make(envs, new() { RolloutSteps = 32, LearningRate = 0.001 }, network: options);
        agent.Next();
        var choices = ((Discrete)envs.ActionSpace).N;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator(3);
        var size = envs.ObservationSpace.Size;
        var observations = (rand([200, size], generator: generator) < rand([200, 1], generator: generator)).to(ScalarType.Float32);   // from empty to full

        // So that no output, the value among them, is the highest everywhere, as with so few features one may be.
        var bias = agent.Network().Actor.named_parameters().Single(entry => $"actor.{entry.name}" == biasName).parameter;
        bias.sub_(agent.Network().Actor.forward(observations).mean([0]));
        using var loaded = SavedAndLoaded(agent);
        var outputs = agent.Network().Actor.forward(observations);
        var expected = outputs.narrow(1, 0, choices).argmax(-1).data<long>().ToArray();
        var actions = new int[200];
        loaded.Act(observations.flatten().data<float>().ToArray(), 200, actions);
        var bytes = observations.to(ScalarType.Byte).data<byte>().ToArray();

        Assert.Equal(choices + (options.Shared ? 1 : 0), outputs.size(1));
        Assert.Equal(expected.Select(action => (int)action), actions);
        Assert.True(actions.Distinct().Count() > 1);
        Assert.Equal(actions[0], loaded.ActOnBytes(bytes.AsSpan(0, size)));
        Assert.Equal([.. envs.ObservationSpace.Shape], loaded.ObservationShape);
        Assert.Equal([choices], Safetensors.Read(Path.Combine(folder, "policy.safetensors")).Tensors.Single(tensor => tensor.Name == biasName).Shape);
        if (options.Shared)
            Assert.Contains(choices, outputs.argmax(-1).data<long>().ToArray().Select(output => (int)output));   // the value would have been taken
    }

    private Policy SavedAndLoaded(PpoAgent agent)
    {
        var path = Path.Combine(folder, "policy.safetensors");
        using var policy = agent.SnapshotPolicy();
        policy.Save(path);
        return Policy.Load(path);
    }

    private static PpoAgent Trained(VectorEnv envs, NetworkOptions network)
    {
        var agent = Agents.Make(envs, new() { RolloutSteps = 32, LearningRate = 0.01 }, network: network);
        Assert.Equal(3, agent.Train().Take(3).Count());
        return agent;
    }
}
