namespace RlWn.Envs;

/// <summary>A task in which every action is done several times: one step here is so many of the task's, and its reward their sum.</summary>
/// <typeparam name="TObservation">The type of one observed number.</typeparam>
/// <typeparam name="TAction">The type of one number of an action.</typeparam>
/// <param name="env">The task; disposed together with this one.</param>
/// <param name="times">How many times, at least 1; fewer where the episode ends on the way.</param>
/// <remarks>The last of the observations is handed out. <see cref="FrameSkip"/> does the same for pixels, and pools the last two.</remarks>
public sealed class ActionRepeat<TObservation, TAction>(IEnv<TObservation, TAction> env, int times) : Wrapper<TObservation, TAction>(env)
    where TObservation : unmanaged
    where TAction : unmanaged
{
    /// <summary>How many times an action is done.</summary>
    public int Times { get; } = times >= 1 ? times : throw new ArgumentOutOfRangeException(nameof(times), $"Expected at least 1 time, got {times}.");

    /// <inheritdoc/>
    public override int InnerSteps => Times;

    /// <inheritdoc/>
    public override StepResult Step(ReadOnlySpan<TAction> action, Span<TObservation> observation)
    {
        var result = Env.Step(action, observation);
        var reward = result.Reward;
        for (var time = 1; time < Times && !result.Ended; time++)
        {
            result = Env.Step(action, observation);
            reward += result.Reward;
        }

        return result with { Reward = reward };
    }
}
