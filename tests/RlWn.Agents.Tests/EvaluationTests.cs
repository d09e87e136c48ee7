using RlWn.Envs;
using RlWn.Inference;
using RlWn.Testing;

namespace RlWn.Agents.Tests;

public class EvaluationTests
{
    [Theory]
    [InlineData(6)]
    [InlineData(7)]
    public void Run_EpisodeThatGoesOn_EndsTheEvaluationWithAWord(int longest)
    {
        using var envs = new SyncVectorEnv<float, int>(() => new Scripted<int>(new Discrete(2), step => (0, new(1, Terminated: step == 7))), 2);
        using var agent = Agents.Make(envs, new() { RolloutSteps = 8 });
        using var policy = agent.SnapshotPolicy();

        if (longest == 7)
            Assert.Equal(7, Evaluation.Run(policy, envs, episodes: 2, seed: 1, longest).Mean);
        else
            Assert.StartsWith(
                "Expected each episode of an evaluation to end within 6 steps, got one in environment 0 that goes on.",
                Assert.Throws<InvalidOperationException>(() => Evaluation.Run(policy, envs, episodes: 2, seed: 1, longest)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Mean_AndDeviation_MatchHandCalculation()   // mean 3; squares 4 + 1 + 9, over 2
    {
        var result = new EvaluationResult([new(1, 10), new(2, 10), new(6, 10)]);

        Assert.Equal(3, result.Mean, 12);
        Assert.Equal(Math.Sqrt(7), result.Deviation, 12);
        Assert.Equal(1, result.Min);
        Assert.Equal(6, result.Max);
        Assert.Equal(0, new EvaluationResult([new(5, 1)]).Deviation);
    }

    // One environment's episodes take 1 step and give 1, the other's take 10 and give 10. The first four to end would be 1, 1, 1, 1.
    [Fact]
    public void Run_ShortAndLongEpisodes_AreSharedByEnvironment()
    {
        using var envs = Mixed(1, 10);
        using var policy = TwoChoices(observationSize: 1);
        var result = Evaluation.Run(policy, envs, episodes: 4, seed: 1);

        Assert.Equal([new(1, 1), new(1, 1), new(10, 10), new(10, 10)], result.Episodes);
        Assert.Equal(5.5, result.Mean, 12);
    }

    [Theory]
    [InlineData(1, 1, 0, 0)]
    [InlineData(4, 2, 1, 1)]
    [InlineData(5, 2, 2, 1)]
    public void Run_EpisodesThatDoNotDivide_GoToTheFirstEnvironments(int episodes, int first, int second, int third)
    {
        using var envs = Mixed(2, 3, 4);
        using var policy = TwoChoices(observationSize: 1);
        var lengths = Evaluation.Run(policy, envs, episodes, seed: 1).Episodes.Select(episode => episode.Length);

        Assert.Equal([.. Enumerable.Repeat(2, first), .. Enumerable.Repeat(3, second), .. Enumerable.Repeat(4, third)], lengths);
    }

    [Fact]
    public void Run_PolicyOfChoices_TakesTheMostProbable()
    {
        using var policy = TwoChoices(observationSize: 1);   // logits (0, x): the observation is 1, so the second
        using var envs = new SyncVectorEnv<float, int>(() => new Bandit(-3, 7), 2);

        Assert.Equal([7.0, 7, 7, 7], Evaluation.Run(policy, envs, episodes: 4, seed: 1).Episodes.Select(episode => episode.Return));
    }

    [Fact]
    public void Run_PolicyForOtherSpaces_IsRefusedBeforeTheFirstStep()
    {
        using var policy = TwoChoices(observationSize: 2);
        using var bandits = new SyncVectorEnv<float, int>(() => new Bandit(1, 2), 1);
        using var poles = new SyncVectorEnv<float, float>(() => new Upright(2), 1);
        using var threeArms = new SyncVectorEnv<float, int>(() => new Bandit(1, 2, 3), 1);
        using var fitting = TwoChoices(observationSize: 1);

        Assert.Equal(
            "Expected a policy for observations of 1 numbers and actions of 2 choices, got one for 2 and 2 choices. (Parameter 'policy')",
            Assert.Throws<ArgumentException>(() => Evaluation.Run(policy, bandits, 1, 1)).Message);
        Assert.Contains(
            "actions of 2 continuous numbers, got one for 2 and 2 choices",
            Assert.Throws<ArgumentException>(() => Evaluation.Run(policy, poles, 1, 1)).Message, StringComparison.Ordinal);
        using var levers = new SyncVectorEnv<float, int>(() => new Levers(), 1);
        Assert.Contains(
            "actions of 3 and 2 choices, got one for 2 and 2 choices",
            Assert.Throws<ArgumentException>(() => Evaluation.Run(policy, levers, 1, 1)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Evaluation.Run(fitting, threeArms, 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Evaluation.Run(fitting, bandits, 0, 1));
    }

    [Fact]
    public void Run_SameSeed_IsTheSameTwice()
    {
        using var policy = TwoChoices(observationSize: 4);
        using var envs = EnvRegistry.MakeVector("CartPole-v1", 4);

        var first = Evaluation.Run(policy, envs, 12, seed: 5).Episodes;
        Assert.Equal(first, Evaluation.Run(policy, envs, 12, seed: 5).Episodes);
        Assert.NotEqual(first, Evaluation.Run(policy, envs, 12, seed: 6).Episodes);
    }

    // Environment i has episodes of lengths[i] steps, each with reward 1.
    private static SyncVectorEnv<float, int> Mixed(params int[] lengths)
    {
        var made = 0;
        return new(() => new Ring([1], lengths[made++], terminates: true), lengths.Length);
    }

    // Logits (0, x₀ + … ).
    private static Policy TwoChoices(int observationSize)
    {
        var weight = new float[2 * observationSize];
        weight.AsSpan(observationSize).Fill(1);
        return Policy.FromTensors(
            [TensorData.Of("actor.0.weight", [2, observationSize], weight), TensorData.Of("actor.0.bias", [2], new float[2])],
            Policy.DiscreteMetadata([observationSize]));
    }
}
