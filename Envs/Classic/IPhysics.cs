using System.Runtime.Intrinsics;

namespace RlWn.Envs;

/// <summary>The rules of a task whose state is some doubles and whose action is one number, for eight tasks at once.</summary>
/// <typeparam name="TAction">The type of an action: int or float.</typeparam>
/// <remarks>What comes out of a lane depends on that lane alone, so that a task does the same bits alone and beside seven others.</remarks>
internal interface IPhysics<TAction> where TAction : unmanaged
{
    /// <summary>What is seen, some floats.</summary>
    static abstract Space<float> ObservationSpace { get; }

    /// <summary>What can be done, one number.</summary>
    static abstract Space<TAction> ActionSpace { get; }

    /// <summary>How many doubles a state is.</summary>
    static abstract int StateSize { get; }

    /// <summary>Draws the state that an episode starts from.</summary>
    /// <param name="random">The source of randomness.</param>
    /// <param name="state">Receives it, <see cref="StateSize"/> numbers.</param>
    static abstract void Draw(Random random, Span<double> state);

    /// <summary>One step of eight tasks.</summary>
    /// <param name="action">Their actions.</param>
    /// <param name="state">Their states before the step and then after it, <see cref="StateSize"/> vectors.</param>
    /// <param name="reward">Their rewards.</param>
    /// <returns>One bit for each task: 1 where it terminated.</returns>
    static abstract uint Advance(Vector512<double> action, Span<Vector512<double>> state, out Vector512<double> reward);

    /// <summary>What is seen of eight states.</summary>
    /// <param name="state">The states, <see cref="StateSize"/> vectors.</param>
    /// <param name="observation">Receives the observations, a vector for each number of the observation space.</param>
    static abstract void Observe(ReadOnlySpan<Vector512<double>> state, Span<Vector512<double>> observation);
}

/// <summary>One task by the rules for eight: the first lane is in use.</summary>
/// <typeparam name="TPhysics">The rules.</typeparam>
/// <typeparam name="TAction">The type of an action.</typeparam>
internal static class OneLane<TPhysics, TAction>
    where TPhysics : struct, IPhysics<TAction>
    where TAction : unmanaged
{
    /// <summary>Starts an episode.</summary>
    public static void Reset(Random random, Span<double> state, Span<float> observation)
    {
        ArgumentNullException.ThrowIfNull(random);
        TPhysics.Draw(random, state);
        Observe(Widen(state, stackalloc Vector512<double>[state.Length]), observation);
    }

    /// <summary>Does an action that lies in the space.</summary>
    public static StepResult Step(double action, Span<double> state, Span<float> observation)
    {
        var wide = Widen(state, stackalloc Vector512<double>[state.Length]);
        var terminated = TPhysics.Advance(Vector512.CreateScalar(action), wide, out var reward);
        for (var i = 0; i < state.Length; i++)
            state[i] = wide[i].ToScalar();

        Observe(wide, observation);
        return new StepResult((float)reward.ToScalar(), Terminated: (terminated & 1) != 0);
    }

    private static void Observe(ReadOnlySpan<Vector512<double>> state, Span<float> observation)
    {
        Span<Vector512<double>> seen = stackalloc Vector512<double>[observation.Length];
        TPhysics.Observe(state, seen);
        for (var i = 0; i < seen.Length; i++)
            observation[i] = (float)seen[i].ToScalar();
    }

    private static Span<Vector512<double>> Widen(ReadOnlySpan<double> state, Span<Vector512<double>> wide)
    {
        for (var i = 0; i < state.Length; i++)
            wide[i] = Vector512.CreateScalar(state[i]);
        return wide;
    }
}
