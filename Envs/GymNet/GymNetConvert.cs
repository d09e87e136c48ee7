using NumSharp;
using GymEnv = Gym.Envs.IEnv;

namespace RlWn.Envs.GymNet;

/// <summary>Turns environments of Gym.NET into RlWn's, and back.</summary>
public static class GymNetConvert
{
    /// <summary>Takes over an environment of Gym.NET. Dispose what comes back: that closes the environment.</summary>
    /// <param name="env">The environment; nobody else may step it. It works on one thread only.</param>
    /// <param name="options">Its time limit, and spaces that it declares wrongly; null for what it declares.</param>
    /// <returns>An <see cref="IEnv{TObservation, TAction}"/> of float observations, and of int actions for Discrete, float for Box.</returns>
    /// <exception cref="NotSupportedException">A space is neither Box nor Discrete.</exception>
    public static IEnv ToRlWn(this GymEnv env, GymNetOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(env);
        options ??= new GymNetOptions();
        if (options.IsHeadless && env.GetType().GetProperty("RenderEngineParticles") is { CanWrite: true } particles && particles.PropertyType == typeof(bool))
            particles.SetValue(env, false);

        var observed = options.ObservationSpace ?? Bounds(env.ObservationSpace, nameof(GymNetOptions.ObservationSpace));
        return options.ActionSpace is null && env.ActionSpace is Gym.Spaces.Discrete choices
            ? Limit(new GymNetEnv<int>(env, observed, new Discrete(choices.N), action => choices.Start + action[0]), options.MaxSteps)   // an int in a box, and nothing else
            : Numbers(env, observed, options.ActionSpace ?? Bounds(env.ActionSpace, nameof(GymNetOptions.ActionSpace)), options.MaxSteps);
    }

    /// <summary>Shows an environment of RlWn to code that was written for Gym.NET.</summary>
    /// <typeparam name="TObservation">The type of one observed number: float or byte.</typeparam>
    /// <typeparam name="TAction">The type of one number of an action: int for <see cref="Discrete"/>, float for <see cref="Box"/>.</typeparam>
    /// <param name="env">The environment; disposed by CloseEnvironment.</param>
    /// <exception cref="NotSupportedException">A space has no counterpart in Gym.NET.</exception>
    public static RlWnGymEnv<TObservation, TAction> ToGymNet<TObservation, TAction>(this IEnv<TObservation, TAction> env)
        where TObservation : unmanaged
        where TAction : unmanaged
    {
        ArgumentNullException.ThrowIfNull(env);
        return new(env);
    }

    /// <summary>Copies an array to floats, whatever type it has.</summary>
    /// <exception cref="InvalidOperationException">It is null, of another size, or of a type that is no number.</exception>
    internal static void Copy(NDArray? array, Span<float> numbers, string what)
    {
        if (array is null || array.size != numbers.Length)
        {
            throw new InvalidOperationException(
                $"Expected {what} of {numbers.Length} numbers, as the space says, got {(array is null ? "null" : $"{array.size}")}. Give the right space in {nameof(GymNetOptions)}.");
        }

        switch (array.typecode)
        {
            case NPTypeCode.Single:
                for (var i = 0; i < numbers.Length; i++)
                    numbers[i] = array.GetAtIndex<float>(i);
                break;
            case NPTypeCode.Double:
                for (var i = 0; i < numbers.Length; i++)
                    numbers[i] = (float)array.GetAtIndex<double>(i);
                break;
            case NPTypeCode.Int32:
                for (var i = 0; i < numbers.Length; i++)
                    numbers[i] = array.GetAtIndex<int>(i);
                break;
            case NPTypeCode.Int64:
                for (var i = 0; i < numbers.Length; i++)
                    numbers[i] = array.GetAtIndex<long>(i);
                break;
            case NPTypeCode.Byte:
                for (var i = 0; i < numbers.Length; i++)
                    numbers[i] = array.GetAtIndex<byte>(i);
                break;
            case NPTypeCode.Boolean:
                for (var i = 0; i < numbers.Length; i++)
                    numbers[i] = array.GetAtIndex<bool>(i) ? 1 : 0;
                break;
            default:
                throw new InvalidOperationException($"Expected {what} of float, double, int, long, byte or bool, got {array.typecode}.");
        }
    }

    private static IEnv Numbers(GymEnv env, Box observed, Box actions, int? maxSteps)
    {
        int[] shape = [.. actions.Shape];
        return Limit(new GymNetEnv<float>(env, observed, actions, action => new NDArray(action.ToArray(), new Shape(shape))), maxSteps);
    }

    private static IEnv<float, TAction> Limit<TAction>(GymNetEnv<TAction> env, int? maxSteps) where TAction : unmanaged =>
        maxSteps is { } limit ? new TimeLimit<float, TAction>(env, limit) : env;

    // Low and High, not the shape: a Box of arrays leaves it to them.
    private static Box Bounds(Gym.Spaces.Space space, string option)
    {
        if (space is not Gym.Spaces.Box box)
            throw new NotSupportedException($"Expected a Box or, for actions, a Discrete, got {space?.GetType().Name ?? "no space"}. Say what it is in {nameof(GymNetOptions)}.{option}.");

        var (low, high) = (new float[box.Low.size], new float[box.High.size]);
        Copy(box.Low, low, "a lower bound");
        Copy(box.High, high, "an upper bound");
        return new([.. box.Low.shape is { Length: > 0 } shape ? shape : [1]], low, high);
    }
}
