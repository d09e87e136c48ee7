namespace RlWn.Envs;

/// <summary>A task whose rewards count by their sign alone: -1, 0 or 1. It makes one learning rate do for games with points of any size.</summary>
/// <typeparam name="TObservation">The type of one observed number.</typeparam>
/// <typeparam name="TAction">The type of one number of an action.</typeparam>
/// <param name="env">The task; disposed together with this one.</param>
/// <remarks>Mnih et al. 2015, "Human-level control through deep reinforcement learning", Methods. Returns are no longer the game's scores.</remarks>
public sealed class RewardSign<TObservation, TAction>(IEnv<TObservation, TAction> env) : Wrapper<TObservation, TAction>(env)
    where TObservation : unmanaged
    where TAction : unmanaged
{
    /// <inheritdoc/>
    public override StepResult Step(ReadOnlySpan<TAction> action, Span<TObservation> observation)
    {
        var result = Env.Step(action, observation);
        return result with { Reward = result.Reward > 0 ? 1 : result.Reward < 0 ? -1 : result.Reward };   // NaN stays NaN, to be found
    }
}

/// <summary>A task whose rewards lie between bounds: those beyond count as the bound.</summary>
/// <typeparam name="TObservation">The type of one observed number.</typeparam>
/// <typeparam name="TAction">The type of one number of an action.</typeparam>
/// <param name="env">The task; disposed together with this one.</param>
/// <param name="low">The least reward.</param>
/// <param name="high">The greatest reward, above <paramref name="low"/>.</param>
public sealed class RewardClip<TObservation, TAction>(IEnv<TObservation, TAction> env, float low, float high) : Wrapper<TObservation, TAction>(env)
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private readonly float high = low < high ? high : throw new ArgumentException($"Expected low < high, got {low} and {high}.", nameof(high));

    /// <inheritdoc/>
    public override StepResult Step(ReadOnlySpan<TAction> action, Span<TObservation> observation)
    {
        var result = Env.Step(action, observation);
        return result with { Reward = Math.Clamp(result.Reward, low, high) };
    }
}

/// <summary>A task whose rewards are multiplied by a number.</summary>
/// <typeparam name="TObservation">The type of one observed number.</typeparam>
/// <typeparam name="TAction">The type of one number of an action.</typeparam>
/// <param name="env">The task; disposed together with this one.</param>
/// <param name="scale">The factor, finite.</param>
public sealed class RewardScale<TObservation, TAction>(IEnv<TObservation, TAction> env, float scale) : Wrapper<TObservation, TAction>(env)
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private readonly float scale = float.IsFinite(scale)
        ? scale
        : throw new ArgumentOutOfRangeException(nameof(scale), $"Expected a finite factor, got {scale}.");

    /// <inheritdoc/>
    public override StepResult Step(ReadOnlySpan<TAction> action, Span<TObservation> observation)
    {
        var result = Env.Step(action, observation);
        return result with { Reward = result.Reward * scale };
    }
}
