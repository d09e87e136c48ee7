using RlWn.Envs;

namespace RlWn.Testing;

/// <summary>One state, some arms, each with a reward of its own; a pull ends the episode. The best return is the best arm's reward.</summary>
/// <param name="rewards">The reward of each arm.</param>
public sealed class Bandit(params float[] rewards) : IEnv<float, int>
{
    private readonly Box observed = new([1], 1, 1);
    private readonly Discrete arms = new(rewards.Length);

    public Space<float> ObservationSpace => observed;

    public Space<int> ActionSpace => arms;

    public void Reset(Random random, Span<float> observation) => observation[0] = 1;

    public StepResult Step(ReadOnlySpan<int> action, Span<float> observation)
    {
        if (!arms.Contains(action))
            throw new ArgumentException($"Expected an action in {arms}.", nameof(action));

        observation[0] = 1;
        return new(rewards[action[0]], Terminated: true);
    }
}
