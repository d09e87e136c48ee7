using System.Runtime.CompilerServices;

namespace RlWn.Inference;

/// <summary>Acting with a memory, which the caller holds.</summary>
/// <example>
/// <code>
/// using var policy = Policy.Load("cartpole-recurrent.safetensors");
/// var state = policy.NewState();
/// int action = policy.Act(observation, state);   // state now remembers the observation
/// state.Reset();                                 // before the next episode
/// </code>
/// </example>
public sealed partial class Policy
{
    /// <summary>Whether the policy remembers what it saw, and so acts with a state alone.</summary>
    public bool IsRecurrent => network.Units > 0;

    /// <summary>H: units of the memory; 0 where there is none.</summary>
    public int StateUnits => network.Units;

    /// <summary>An empty memory, as every episode starts with. That of a policy that remembers nothing is empty always, so that any policy can be acted with in one way.</summary>
    /// <param name="batch">N: how many episodes run side by side, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer, or more than an array holds.</exception>
    public RecurrentState NewState(int batch = 1) => new(batch, network.Units);

    /// <summary>The most probable action of a discrete policy, given all that the state remembers.</summary>
    /// <param name="observation">The observation, [D].</param>
    /// <param name="state">Of one episode; it then remembers this observation too. Where that is refused, it stays as it was.</param>
    /// <returns>The action, from 0 to N - 1.</returns>
    /// <exception cref="ArgumentException">The observation is not of D numbers, or holds NaN or overflowing numbers; or the state is of another policy, or of several episodes.</exception>
    /// <exception cref="InvalidOperationException">The policy is continuous.</exception>
    public int Act(ReadOnlySpan<float> observation, RecurrentState state)
    {
        RequireDiscrete();
        var action = 0;
        Act(observation, state, new Span<int>(ref action));
        return action;
    }

    /// <summary>The most probable actions of a discrete policy, or one of several choices, in each of N episodes.</summary>
    /// <param name="observations">The observations, [N, D], row-major.</param>
    /// <param name="state">Of N episodes; it then remembers these observations too. Where one is refused, it stays as it was, in all its episodes.</param>
    /// <param name="actions">Receives the actions, [N], or [N, A] where there are several choices.</param>
    /// <exception cref="ArgumentException">A length is wrong, an observation holds NaN or overflowing numbers, or the state is of another policy.</exception>
    /// <exception cref="InvalidOperationException">The policy is continuous.</exception>
    public void Act(ReadOnlySpan<float> observations, RecurrentState state, Span<int> actions)
    {
        ArgumentNullException.ThrowIfNull(state);
        Choose(RequireChoices(), observations, state.Rows, state, random: null, actions);
    }

    /// <summary>The most probable actions of a continuous policy in each of N episodes: the means, within the bounds.</summary>
    /// <param name="observations">The observations, [N, D], row-major.</param>
    /// <param name="state">Of N episodes; it then remembers these observations too. Where one is refused, it stays as it was, in all its episodes.</param>
    /// <param name="actions">Receives the actions, [N, A], row-major.</param>
    /// <exception cref="ArgumentException">A length is wrong, an observation holds NaN or overflowing numbers, or the state is of another policy.</exception>
    /// <exception cref="InvalidOperationException">The policy is discrete.</exception>
    public void Act(ReadOnlySpan<float> observations, RecurrentState state, Span<float> actions)
    {
        ArgumentNullException.ThrowIfNull(state);
        Choose(RequireContinuous(), observations, state.Rows, state, random: null, actions);
    }

    /// <summary>The most probable action of a discrete policy of a task whose observations are bytes, given all that the state remembers.</summary>
    /// <param name="observation">The observation as the task gives it, [D]; it is divided by the greatest value that the file names.</param>
    /// <param name="state">Of one episode; it then remembers this observation too.</param>
    /// <returns>The action, from 0 to N - 1.</returns>
    /// <exception cref="ArgumentException">The observation is not of D bytes; or the state is of another policy, or of several episodes.</exception>
    /// <exception cref="InvalidOperationException">The policy is continuous, or its observations are no bytes.</exception>
    public int ActOnBytes(ReadOnlySpan<byte> observation, RecurrentState state)
    {
        RequireDiscrete();
        var action = 0;
        ActOnBytes(observation, state, new Span<int>(ref action));
        return action;
    }

    /// <summary>The most probable action of a policy of choices, of a task whose observations are bytes.</summary>
    /// <param name="observation">The observation as the task gives it, [D]; it is divided by the greatest value that the file names.</param>
    /// <param name="state">Of one episode; it then remembers this observation too.</param>
    /// <param name="action">Receives the choices, [A].</param>
    /// <exception cref="ArgumentException">A length is wrong; or the state is of another policy, or of several episodes.</exception>
    /// <exception cref="InvalidOperationException">The policy is continuous, or its observations are no bytes.</exception>
    [SkipLocalsInit]
    public void ActOnBytes(ReadOnlySpan<byte> observation, RecurrentState state, Span<int> action)
    {
        RequireChoices();
        Span<float> room = stackalloc float[NumbersOnStack];
        using var rented = new Room(ObservationSize, room);
        Act(Scaled(observation, rented.Numbers), state, action);
    }

    /// <summary>The most probable action of a continuous policy of a task whose observations are bytes: the mean, within the bounds.</summary>
    /// <param name="observation">The observation as the task gives it, [D]; it is divided by the greatest value that the file names.</param>
    /// <param name="state">Of one episode; it then remembers this observation too.</param>
    /// <param name="action">Receives the action, [A].</param>
    /// <exception cref="ArgumentException">A length is wrong; or the state is of another policy, or of several episodes.</exception>
    /// <exception cref="InvalidOperationException">The policy is discrete, or its observations are no bytes.</exception>
    [SkipLocalsInit]
    public void ActOnBytes(ReadOnlySpan<byte> observation, RecurrentState state, Span<float> action)
    {
        RequireContinuous();
        Span<float> room = stackalloc float[NumbersOnStack];
        using var rented = new Room(ObservationSize, room);
        Act(Scaled(observation, rented.Numbers), state, action);
    }

    /// <summary>Draws an action of a discrete policy, given all that the state remembers.</summary>
    /// <param name="observation">The observation, [D].</param>
    /// <param name="state">Of one episode; it then remembers this observation too. Where that is refused, it stays as it was.</param>
    /// <param name="random">The source of randomness.</param>
    /// <returns>The action, from 0 to N - 1.</returns>
    /// <inheritdoc cref="Act(ReadOnlySpan{float}, RecurrentState)" path="/exception"/>
    public int Sample(ReadOnlySpan<float> observation, RecurrentState state, Random random)
    {
        RequireDiscrete();
        var action = 0;
        Sample(observation, state, random, new Span<int>(ref action));
        return action;
    }

    /// <summary>Draws actions of a discrete policy, or one of several choices, in each of N episodes.</summary>
    /// <param name="observations">The observations, [N, D], row-major.</param>
    /// <param name="state">Of N episodes; it then remembers these observations too. Where one is refused, it stays as it was, in all its episodes.</param>
    /// <param name="random">The source of randomness.</param>
    /// <param name="actions">Receives the actions, [N], or [N, A] where there are several choices.</param>
    /// <inheritdoc cref="Act(ReadOnlySpan{float}, RecurrentState, Span{int})" path="/exception"/>
    public void Sample(ReadOnlySpan<float> observations, RecurrentState state, Random random, Span<int> actions)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(random);
        Choose(RequireChoices(), observations, state.Rows, state, random, actions);
    }

    /// <summary>Draws actions of a continuous policy in each of N episodes, within the bounds.</summary>
    /// <param name="observations">The observations, [N, D], row-major.</param>
    /// <param name="state">Of N episodes; it then remembers these observations too. Where one is refused, it stays as it was, in all its episodes.</param>
    /// <param name="random">The source of randomness.</param>
    /// <param name="actions">Receives the actions, [N, A], row-major.</param>
    /// <inheritdoc cref="Act(ReadOnlySpan{float}, RecurrentState, Span{float})" path="/exception"/>
    public void Sample(ReadOnlySpan<float> observations, RecurrentState state, Random random, Span<float> actions)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(random);
        Choose(RequireContinuous(), observations, state.Rows, state, random, actions);
    }

    // h or c of some rows; nothing where nothing is remembered.
    private Span<float> Rows(Span<float> memory, int start, int rows) => memory.IsEmpty ? memory : memory.Slice(start * network.Units, rows * network.Units);

    private void RequireState(RecurrentState? state)
    {
        if (state is null && IsRecurrent)
        {
            throw new InvalidOperationException(
                "Expected a state to act with, since the policy is recurrent, got none. Make one by NewState(), hand it to Act(observation, state) at every step, and Reset() it before each episode.");
        }

        if (state is not null && state.Units != network.Units)
            throw new ArgumentException($"Expected a state of {network.Units} units as the policy has, got one of {state.Units}. Make it by NewState().", nameof(state));
    }
}
