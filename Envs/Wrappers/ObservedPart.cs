namespace RlWn.Envs;

/// <summary>A task of which only some numbers are seen: what is hidden has to be remembered, or inferred from what was seen before.</summary>
/// <typeparam name="TAction">The type of one number of an action.</typeparam>
public sealed class ObservedPart<TAction> : Wrapper<float, TAction> where TAction : unmanaged
{
    private readonly int[] seen;
    private readonly float[] whole;

    /// <summary>Makes the wrapper.</summary>
    /// <param name="env">The task, observed as a flat <see cref="Box"/>; disposed together with this one.</param>
    /// <param name="seen">Which numbers are seen, from 0, in the order in which they are.</param>
    /// <exception cref="ArgumentException">The observations are no flat Box, or there is no such number.</exception>
    public ObservedPart(IEnv<float, TAction> env, params ReadOnlySpan<int> seen) : base(env)
    {
        if (env.ObservationSpace is not Box { Shape.Length: 1 } box)
            throw new ArgumentException($"Expected observations of a flat Box, got {env.ObservationSpace}.", nameof(env));
        if (seen.IsEmpty || seen.ContainsAnyExceptInRange(0, box.Size - 1))
            throw new ArgumentException($"Expected numbers of an observation to see, each from 0 to {box.Size - 1}, got [{string.Join(", ", seen.ToArray())}].", nameof(seen));

        this.seen = seen.ToArray();
        whole = new float[box.Size];
        ObservationSpace = new Box(low: [.. this.seen.Select(i => box.Low[i])], high: [.. this.seen.Select(i => box.High[i])]);
    }

    /// <inheritdoc/>
    public override Space<float> ObservationSpace { get; }

    /// <inheritdoc/>
    public override void Reset(Random random, Span<float> observation)
    {
        Env.Reset(random, whole);
        See(observation);
    }

    /// <inheritdoc/>
    public override StepResult Step(ReadOnlySpan<TAction> action, Span<float> observation)
    {
        var result = Env.Step(action, whole);
        See(observation);
        return result;
    }

    private void See(Span<float> observation)
    {
        for (var i = 0; i < seen.Length; i++)
            observation[i] = whole[seen[i]];
    }
}
