using System.Reflection;
using System.Runtime.CompilerServices;
using RlWn.Agents.Data;
using RlWn.Agents.Dqn;
using RlWn.Agents.Ppo;
using RlWn.Envs;
using RlWn.Init;
using RlWn.Networks;
using static TorchSharp.torch;

namespace RlWn.Agents.Tests;

/// <summary>What the tests ask of agents.</summary>
internal static class Agents
{
    /// <summary>A hidden width that libtorch learns rather than plain C#.</summary>
    public const int TooWideForPlain = 300;

    static Agents() => set_num_threads(1);

    /// <summary>An agent on the CPU with one hidden layer; everything else as the options say.</summary>
    public static PpoAgent Make(
        VectorEnv envs, PpoOptions options, long steps = long.MaxValue, ulong seed = 1, NetworkOptions? network = null) =>
        new(envs, options with { Environments = envs.Count }, network ?? new() { Hidden = [16] }, seed, CPU, steps);

    /// <summary>A Q-learner on the CPU with one hidden layer; everything else as the options say.</summary>
    public static DqnAgent MakeDqn(VectorEnv envs, DqnOptions options, long steps, ulong seed = 1, int width = 16) =>
        new(envs, options, new() { Hidden = [width] }, seed, CPU, steps);

    /// <summary>The agent's next report.</summary>
    public static TrainingReport Next(this PpoAgent agent) => agent.Train().First();

    public static double Of(this TrainingReport report, string metric) => report.Metrics.Single(entry => entry.Name == metric).Value;

    /// <summary>V of each observation, by the network itself.</summary>
    public static float[] Values(this PpoAgent agent, float[][] observations)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return agent.Network().Critic.forward(stack(observations.Select(row => tensor(row)))).data<float>().ToArray();
    }

    /// <summary>Every weight, one after another.</summary>
    public static float[] Weights(this PpoAgent agent)
    {
        using var scope = NewDisposeScope();
        return [.. agent.Network().parameters().SelectMany(parameter => Aten.Memory<float>(parameter).ToArray())];
    }

    /// <inheritdoc cref="Weights(PpoAgent)"/>
    public static float[] Weights(this DqnAgent agent)
    {
        using var scope = NewDisposeScope();
        return [.. agent.Network().parameters().SelectMany(parameter => Aten.Memory<float>(parameter).ToArray())];
    }

    public static float[] OneHot(int size, int index) => [.. Enumerable.Range(0, size).Select(i => i == index ? 1f : 0f)];

    // The agent hands out policies and reports; values and transitions are its own affair.
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "network")]
    public static extern ref readonly ActorCritic Network(this PpoAgent agent);

    /// <summary>The online network.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "network")]
    public static extern ref readonly AgentNetwork Network(this DqnAgent agent);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "target")]
    public static extern ref readonly AgentNetwork Target(this DqnAgent agent);

    /// <summary>The batch that was learned from last.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "batch")]
    public static extern ref readonly Transitions Batch(this DqnAgent agent);

    /// <summary>The thread beside the caller's, if there is one.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "second")]
    public static extern ref readonly SecondThread? Second(this DqnAgent agent);

    /// <summary>Has every piece of work done beside, however busy the machine is.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "set_IsNeverAlone")]
    public static extern void SetNeverAlone(this SecondThread thread, bool value);

    /// <summary>How many pieces of work the thread has done.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_DoneBeside")]
    public static extern long DoneBeside(this SecondThread thread);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "rollout")]
    public static extern ref readonly Rollout Rollout(this PpoAgent agent);

    /// <summary>Whether gradients are autograd's: where plain C# learns, it holds the actor's passes itself.</summary>
    public static bool LearnsThroughLibtorch(this PpoAgent agent)
    {
        var passes = typeof(LearningNetwork).GetField("plain", BindingFlags.Instance | BindingFlags.NonPublic);
        Assert.NotNull(passes);
        return passes.GetValue(Actor(Learning(agent))) is null;
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "learning")]
    private static extern ref readonly Learning Learning(PpoAgent agent);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "actor")]
    private static extern ref readonly LearningNetwork Actor(Learning learning);
}
