using System.ComponentModel.DataAnnotations;

namespace RlWn.Envs;

/// <summary>What every task must keep to; see <see cref="IEnv{TObservation, TAction}"/> and <see cref="VectorEnv"/>.</summary>
public enum EnvRule
{
    /// <summary>The task can be made, reset and stepped without an exception.</summary>
    RunsThrough,

    /// <summary>Each space is one object for the task's whole life.</summary>
    SpacesStay,

    /// <summary>Reset and Step write every number of the observation.</summary>
    ObservationWrittenWhole,

    /// <summary>Every observation lies in the observation space.</summary>
    ObservationInSpace,

    /// <summary>Every reward is a finite number.</summary>
    RewardFinite,

    /// <summary>The same random draws and actions give the same trajectory, in every instance.</summary>
    SameSeedSameTrajectory,

    /// <summary>A reset, in mid-episode too, leaves nothing of what was before.</summary>
    ResetStartsAfresh,

    /// <summary>A task that draws random numbers makes use of them.</summary>
    SeedMatters,

    /// <summary>An action outside the action space is refused with an <see cref="ArgumentException"/>.</summary>
    OutsideActionRefused,

    /// <summary>After a reset only the random source that it was handed is drawn from.</summary>
    EarlierRandomForgotten,

    /// <summary>A step allocates nothing on the managed heap.</summary>
    StepAllocatesNothing,

    /// <summary>A task that draws text keeps to lines of 80 characters.</summary>
    TextFits,

    /// <summary>A task that draws frames writes every byte of them, the same for the same state, and changes nothing by drawing.</summary>
    FrameDrawsTheState,

    /// <summary>A task or vector that can be saved goes on, after loading, as the saved one did.</summary>
    SavedGoesOn,

    /// <summary>Each environment of a vector does, bit by bit, what the task does alone.</summary>
    VectorAsAlone,
}

/// <summary>A rule that a task breaks.</summary>
/// <param name="Rule">Which.</param>
/// <param name="Reason">What was expected, what came, and how to mend it.</param>
public sealed record Violation(EnvRule Rule, string Reason)
{
    /// <summary>Rule and reason in a line.</summary>
    public override string ToString() => $"{Rule}: {Reason}";
}

/// <summary>How thoroughly a task is checked.</summary>
public sealed record EnvContractOptions
{
    /// <summary>How many random actions the longest of the checks takes; the others take a part of it.</summary>
    [Range(1, int.MaxValue)] public int Steps { get; init; } = 10_000;

    /// <summary>The seed of the actions and of the task's own draws.</summary>
    public ulong Seed { get; init; }
}

/// <summary>Checks anyone's task against what agents rely on. An empty list is a pass.</summary>
/// <remarks>Of each rule the first violation is reported. A rule that is kept over some thousand random steps is kept so far.</remarks>
/// <example>
/// In a test of one's own task:
/// <code>Assert.Empty(EnvContract.Check(() => new MyEnv()));</code>
/// </example>
public static class EnvContract
{
    /// <summary>Checks a task.</summary>
    /// <typeparam name="TObservation">The type of one observed number.</typeparam>
    /// <typeparam name="TAction">The type of one number of an action.</typeparam>
    /// <param name="create">Makes one task: a new one at each call. Tasks that are <see cref="IDisposable"/> are disposed.</param>
    /// <param name="options">How thoroughly; null for the defaults.</param>
    /// <returns>The rules that it breaks, or none.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 1 step is asked for.</exception>
    public static IReadOnlyList<Violation> Check<TObservation, TAction>(
        Func<IEnv<TObservation, TAction>> create, EnvContractOptions? options = null)
        where TObservation : unmanaged
        where TAction : unmanaged
    {
        ArgumentNullException.ThrowIfNull(create);
        return new TaskCheck<TObservation, TAction>(create, Valid(options)).Run();
    }

    /// <summary>Checks a registered task, with its time limit, and its vector if it has one of its own.</summary>
    /// <param name="spec">The task, as from <see cref="EnvRegistry.Get"/>.</param>
    /// <param name="options">How thoroughly; null for the defaults.</param>
    /// <returns>The rules that it breaks, or none.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 1 step is asked for.</exception>
    public static IReadOnlyList<Violation> Check(EnvSpec spec, EnvContractOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return spec.Check(Valid(options));
    }

    /// <summary>Checks that a vector does, bit by bit, what its task does alone: in vectors of 1, 3, 8 and 21 environments.</summary>
    /// <typeparam name="TObservation">The type of one observed number.</typeparam>
    /// <typeparam name="TAction">The type of one number of an action.</typeparam>
    /// <param name="createVector">Makes a vector of so many environments.</param>
    /// <param name="create">Makes one task, with the same time limit as in the vector.</param>
    /// <param name="options">How thoroughly; null for the defaults.</param>
    /// <returns>The rules that it breaks, or none.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 1 step is asked for.</exception>
    public static IReadOnlyList<Violation> CheckVector<TObservation, TAction>(
        Func<int, VectorEnv> createVector, Func<IEnv<TObservation, TAction>> create, EnvContractOptions? options = null)
        where TObservation : unmanaged
        where TAction : unmanaged
    {
        ArgumentNullException.ThrowIfNull(createVector);
        ArgumentNullException.ThrowIfNull(create);
        return new VectorCheck<TObservation, TAction>(createVector, create, Valid(options)).RunForVector();
    }

    private static EnvContractOptions Valid(EnvContractOptions? options)
    {
        options ??= new EnvContractOptions();
        return options.Steps >= 1
            ? options
            : throw new ArgumentOutOfRangeException(nameof(options), $"Expected Steps of at least 1, got {options.Steps}.");
    }
}
