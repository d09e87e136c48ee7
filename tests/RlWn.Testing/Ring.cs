using RlWn.Envs;

namespace RlWn.Testing;

/// <summary>
/// A walk around a ring of states, one state a step whatever the action, seen one-hot. Values are known: where episodes are cut off,
/// V(s) is the discounted sum of rewards for ever on; where they terminate, of those until then.
/// </summary>
/// <param name="rewards">The reward for leaving each state.</param>
/// <param name="steps">After how many steps an episode ends.</param>
/// <param name="terminates">Whether that terminates it; else it is truncated.</param>
/// <param name="startsAnywhere">Whether episodes start in a random state; else in state 0.</param>
public sealed class Ring(float[] rewards, int steps, bool terminates, bool startsAnywhere = false) : IEnv<float, int>
{
    private readonly Box observed = new([rewards.Length], 0, 1);
    private readonly Discrete actions = new(2);
    private int state;
    private int done;

    public Space<float> ObservationSpace => observed;

    public Space<int> ActionSpace => actions;

    public void Reset(Random random, Span<float> observation)
    {
        state = startsAnywhere ? random.Next(rewards.Length) : 0;
        done = 0;
        Observe(observation);
    }

    public StepResult Step(ReadOnlySpan<int> action, Span<float> observation)
    {
        if (!actions.Contains(action))
            throw new ArgumentException($"Expected an action in {actions}.", nameof(action));

        var reward = rewards[state];
        state = (state + 1) % rewards.Length;
        Observe(observation);
        var ended = ++done == steps;
        return new(reward, Terminated: ended && terminates, Truncated: ended && !terminates);
    }

    private void Observe(Span<float> observation)
    {
        observation.Clear();
        observation[state] = 1;
    }
}
