using RlWn.Agents.Ppo;
using RlWn.Envs;
using RlWn.Testing;

namespace RlWn.Agents.Tests.Ppo;

/// <summary>What the value network learns where the true values are known: it tells a cut-off from an end.</summary>
public class PpoValueTests
{
    private static readonly PpoOptions Options = new()
    {
        RolloutSteps = 16, Epochs = 8, Minibatches = 4, Gamma = 0.9, LearningRate = 0.01, MaxGradientNorm = 100, ValueWeight = 1,
    };

    [Fact]
    public void Train_EndlessTaskCutOffEveryFiveSteps_LearnsTheEndlessSum()   // 1 / (1 - 0.9) = 10; taken for an end it would be below 5
    {
        var values = Learn(() => new Ring([1], steps: 5, terminates: false), states: 1);

        Assert.InRange(values[0], 9.8f, 10.2f);
    }

    [Fact]
    public void Train_TaskThatTerminatesAfterFiveSteps_LearnsTheFiniteSums()   // 1; 1.9; 2.71; … taken for a cut-off all would be 10
    {
        var values = Learn(() => new Ring([1, 1, 1, 1, 1], steps: 5, terminates: true), states: 5);

        double[] expected = [4.0951, 3.439, 2.71, 1.9, 1];
        Assert.All(expected.Zip(values), pair => Assert.InRange(pair.Second, pair.First - 0.1, pair.First + 0.1));
    }

    // V(0) = 1 / (1 - 0.9⁴) and 0.9, 0.81, 0.729 of it one, two and three steps before. Bootstrapping from the next episode's first
    // state instead, which is any of the four, would pull them together: half of all steps end an episode here.
    [Fact]
    public void Train_CutOff_IsBootstrappedFromTheFinalObservation()
    {
        var values = Learn(() => new Ring([1, 0, 0, 0], steps: 2, terminates: false, startsAnywhere: true), states: 4);

        double[] expected = [2.9078, 2.1198, 2.3553, 2.6170];
        Assert.All(expected.Zip(values), pair => Assert.InRange(pair.Second, pair.First - 0.1, pair.First + 0.1));
    }

    private static float[] Learn(Func<IEnv<float, int>> create, int states)
    {
        using var envs = new SyncVectorEnv<float, int>(create, 4);
        using var agent = Agents.Make(envs, Options, steps: 64 * 150);
        Assert.Equal(150, agent.Train().Count());
        return agent.Values([.. Enumerable.Range(0, states).Select(state => Agents.OneHot(states, state))]);
    }
}
