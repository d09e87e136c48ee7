using RlWn.Agents.Formulas;
using RlWn.Envs;
using RlWn.Experiments.Runs;
using RlWn.Networks;

namespace RlWn.Experiments.Tests;

public sealed class SettingTests
{
    private static RunSettings Resolve(params string[] sets) =>
        RunSettings.Resolve([new("env", "CartPole-v1", "recipe 'test'"), .. sets.Select(Assignment.Parse)]);

    [Fact]
    public void Resolve_EveryKindOfValue_IsSet()
    {
        var settings = Resolve(
            "ppo.gamma=0.995", "ppo.learningRate=1e-3", "steps=1e6", "ppo.rolloutSteps=1_024", "ppo.normalizeAdvantages=false", "ppo.targetKl=0.02",
            "ppo.clipSchedule=LINEAR", "network.hidden=[128, 32]", "NETWORK.policyoutput=weightnorm", "seed=18446744073709551615", "device=cpu",
            "network.scheme=HE-pytorch-default", "network.scale=fixed", "network.normPartner=rmsnorm", "network.projectEvery=3");

        Assert.Equal(0.995, settings.Ppo.Gamma);
        Assert.Equal(0.001, settings.Ppo.LearningRate);
        Assert.Equal(1_000_000, settings.Steps);
        Assert.Equal(1024, settings.Ppo.RolloutSteps);
        Assert.False(settings.Ppo.NormalizeAdvantages);
        Assert.Equal(0.02, settings.Ppo.TargetKl);
        Assert.Equal(Schedule.Linear, settings.Ppo.ClipSchedule);
        Assert.Equal([128, 32], settings.Network.Hidden);
        Assert.Equal(OutputLayer.WeightNorm, settings.Network.PolicyOutput);
        Assert.Equal(ulong.MaxValue, settings.Seed);
        Assert.Equal("cpu", settings.Device);
        Assert.Equal("he-pytorch-default", settings.Network.Scheme.Name);
        Assert.Equal((ScaleMode.Fixed, NormPartner.RmsNorm, 3), (settings.Network.Scale, settings.Network.NormPartner, settings.Network.ProjectEvery));
    }

    [Fact]
    public void Resolve_TwoOfOneSetting_TheLaterCounts() => Assert.Equal(0.9, Resolve("ppo.gamma=0.5", "ppo.gamma=0.9").Ppo.Gamma);

    [Fact]
    public void Resolve_Null_ClearsWhatMayBeNull() => Assert.Null(Resolve("ppo.targetKl=0.1", "ppo.targetKl=null").Ppo.TargetKl);

    [Theory]
    [InlineData("ppo.gama=0.9", "Expected the name of a setting, got 'ppo.gama' (--set). Did you mean 'ppo.gamma'? 'rlwn recipes cartpole-ppo' lists all.")]
    [InlineData("gamma=0.9", "Expected the name of a setting, got 'gamma' (--set). Did you mean 'ppo.gamma'? 'rlwn recipes cartpole-ppo' lists all.")]
    [InlineData("ppo.hidden=8", "Expected the name of a setting, got 'ppo.hidden' (--set). Did you mean 'network.hidden'? 'rlwn recipes cartpole-ppo' lists all.")]
    [InlineData("gama=0.9", "Expected the name of a setting, got 'gama' (--set). Did you mean 'ppo.gamma'? 'rlwn recipes cartpole-ppo' lists all.")]
    [InlineData("x=1", "Expected the name of a setting, got 'x' (--set). 'rlwn recipes cartpole-ppo' lists all.")]
    [InlineData("ppo=1", "Expected the name of a setting, got 'ppo' (--set). 'rlwn recipes cartpole-ppo' lists all.")]
    [InlineData("ppo.gamma=high", "Expected ppo.gamma to be a number from 0 to 1, got 'high' (--set).")]
    [InlineData("ppo.gamma=1.5", "Expected ppo.gamma to be a number from 0 to 1, got '1.5' (--set).")]
    [InlineData("ppo.gamma=NaN", "Expected ppo.gamma to be a number from 0 to 1, got 'NaN' (--set).")]
    [InlineData("ppo.gamma=null", "Expected ppo.gamma to be a number from 0 to 1, got 'null' (--set).")]
    [InlineData("ppo.epochs=2.5", "Expected ppo.epochs to be a whole number from 1 to 1000, got '2.5' (--set).")]
    [InlineData("ppo.epochs=1e99", "Expected ppo.epochs to be a whole number from 1 to 1000, got '1e99' (--set).")]
    [InlineData("seed=-1", "Expected seed to be a whole number from 0, got '-1' (--set).")]
    [InlineData("ppo.normalizeAdvantages=yes", "Expected ppo.normalizeAdvantages to be true or false, got 'yes' (--set).")]
    [InlineData("ppo.clipSchedule=cosine", "Expected ppo.clipSchedule to be one of constant, linear, got 'cosine' (--set).")]
    [InlineData("ppo.clipSchedule=1", "Expected ppo.clipSchedule to be one of constant, linear, got '1' (--set).")]
    [InlineData("network.hidden=[64,x]", "Expected network.hidden to be whole numbers, as [64,64], got '[64,x]' (--set).")]
    [InlineData("network.hidden=[64,0]", "Expected every width in network.hidden to be at least 1, got 0.")]
    [InlineData("network.scheme=orthogonal", "network.scheme (--set): Expected a scheme, orthogonal- or he- followed by one of proposed, proposed-backward, pytorch-default, data-dependent, hanin, no-wn, bn, wn-bn, got 'orthogonal'.")]
    [InlineData("network.scheme=he-hanin", "Expected a scheme for networks without residual blocks in network.scheme, got he-hanin. Take he-proposed, which differs in such blocks only.")]
    [InlineData("agent=sarsa", "Expected the agent to be one of ppo, dqn, a2c, a3c, impala, got 'sarsa'.")]
    [InlineData("env=", "Expected an environment in the recipe's env or in --env, got none. 'rlwn envs' lists all.")]
    [InlineData("ppo.gamma", "Expected --set PATH=VALUE, as ppo.gamma=0.995, got 'ppo.gamma'. 'rlwn recipes NAME' lists all settings.")]
    public void Resolve_WrongSetting_SaysWhatWasExpected(string set, string message) =>
        Assert.Equal(message, Assert.Throws<UsageException>(() => Resolve(set)).Message);

    [Fact]
    public void Resolve_SettingsThatContradict_SaysWhich() =>   // 4 environments of 128 steps: 512 transitions
        Assert.Contains("Expected ppo.minibatches to divide a rollout's 512 transitions", Assert.Throws<UsageException>(() => Resolve("ppo.minibatches=7")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("dqn", "normalize.observations=true")]
    [InlineData("a3c", "normalize.rewards=true")]
    [InlineData("impala", "normalize.observations=true")]
    public void Resolve_NormalizationThatAnAgentCannotHave_SaysWhich(string agent, string set) => Assert.StartsWith(
        $"Expected normalize.observations and normalize.rewards to be false for {agent}:",
        Assert.Throws<UsageException>(() => Resolve($"agent={agent}", set)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("dqn")]
    [InlineData("a2c")]
    [InlineData("a3c")]
    [InlineData("impala")]
    public void Resolve_MemoryOfAnAgentThatHasNone_IsRefused(string agent) => Assert.StartsWith(
        $"Expected network.lstm 0 for {agent}, which remembers nothing from step to step, got 8. Take ppo.",
        Assert.Throws<UsageException>(() => Resolve($"agent={agent}", "network.lstm=8")).Message, StringComparison.Ordinal);

    [Fact]
    public void Resolve_MinibatchesThatCutEnvironmentsApart_AreRefusedWithAMemory() => Assert.StartsWith(
        "Expected ppo.minibatches to divide ppo.environments with network.lstm",
        Assert.Throws<UsageException>(() => Resolve("network.lstm=8", "ppo.environments=4", "ppo.minibatches=8")).Message, StringComparison.Ordinal);

    [Fact]
    public void Resolve_UnknownEnv_NamesTheNearest() =>
        Assert.Equal("CartPole-v1", Assert.Throws<UnknownEnvException>(() => Resolve("env=CartPol-v1")).Nearest);

    [Fact]
    public void All_EverySetting_CanBeWrittenAndReadBack()
    {
        var settings = Resolve("network.hidden=[32]", "ppo.clip=0.3");

        var again = RunSettings.Resolve(Setting.All.Select(setting => new Assignment(setting.Path, Setting.Text(setting.Get(settings)), "--set")));

        Assert.Equal(settings.ToJson().ToJsonString(), again.ToJson().ToJsonString());
    }
}
