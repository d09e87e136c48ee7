using RlWn.Envs;

namespace RlWn.Agents.Tests;

/// <summary>A task that does as it is told, and remembers what was done. Observed are zeros unless the script says otherwise.</summary>
/// <typeparam name="TAction">The type of one number of an action.</typeparam>
/// <param name="actions">What can be done.</param>
/// <param name="play">What step k gives, counted from 1 within the episode: an observation, and the outcome.</param>
internal sealed class Scripted<TAction>(Space<TAction> actions, Func<int, (float Observation, StepResult Result)> play) : IEnv<float, TAction>
    where TAction : unmanaged
{
    private readonly Box observed = new([1], float.NegativeInfinity, float.PositiveInfinity);
    private int step;

    public Space<float> ObservationSpace => observed;

    public Space<TAction> ActionSpace => actions;

    public List<TAction[]> Actions { get; } = [];

    public void Reset(Random random, Span<float> observation)
    {
        step = 0;
        observation[0] = 0;
    }

    public StepResult Step(ReadOnlySpan<TAction> action, Span<float> observation)
    {
        Actions.Add(action.ToArray());
        (observation[0], var result) = play(++step);
        return result;
    }
}
