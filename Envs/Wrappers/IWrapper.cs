namespace RlWn.Envs;

/// <summary>A task around another task.</summary>
/// <remarks>
/// A wrapper does not repeat what the task inside can show: <see cref="Wrapped.Find"/> finds it there. It is <see cref="ISavable"/>, its own state
/// first and then, by <see cref="Wrapped.RequireSavable"/>, that of the task inside; <see cref="Wrapped.AsSavable"/> tells whether all of them can.
/// </remarks>
public interface IWrapper
{
    /// <summary>The task inside, which may be a wrapper too.</summary>
    IEnv Inner { get; }

    /// <summary>How many steps of the task inside make one here, at least 1; fewer are done where the episode ends on the way.</summary>
    int InnerSteps => 1;
}

/// <summary>What a task can do besides its steps, however many wrappers are around it.</summary>
public static class Wrapped
{
    /// <summary>The outermost of a task and its wrappers that is a <typeparamref name="T"/>, as <see cref="IFrameView"/>; null where none is.</summary>
    /// <typeparam name="T">What is looked for.</typeparam>
    /// <param name="env">The task, in its wrappers.</param>
    public static T? Find<T>(this IEnv env) where T : class
    {
        ArgumentNullException.ThrowIfNull(env);
        return env as T ?? (env as IWrapper)?.Inner.Find<T>();
    }

    /// <summary>How many steps make a second of the task's own time, as its <see cref="IFrameView"/> and the wrappers around it have it; null where it has none.</summary>
    /// <param name="env">The task, in its wrappers.</param>
    public static double? StepsPerSecond(this IEnv env)
    {
        ArgumentNullException.ThrowIfNull(env);
        return env is IFrameView view ? view.FramesPerSecond : env is IWrapper wrapper ? wrapper.Inner.StepsPerSecond() / wrapper.InnerSteps : null;
    }

    /// <summary>The task with its wrappers as something to save; null where one of them cannot be saved.</summary>
    /// <param name="env">The task, in its wrappers.</param>
    public static ISavable? AsSavable(this IEnv env)
    {
        ArgumentNullException.ThrowIfNull(env);
        return env is not IWrapper wrapper || wrapper.Inner.AsSavable() is not null ? env as ISavable : null;
    }

    /// <summary>The task with its wrappers as something to save.</summary>
    /// <param name="env">The task, in its wrappers.</param>
    /// <exception cref="NotSupportedException">One of them cannot be saved; the message says which.</exception>
    public static ISavable RequireSavable(this IEnv env) => env.AsSavable() ?? throw new NotSupportedException(
        $"Expected a task that can be saved, got {FirstThatCannot(env).GetType().Name}, which is not {nameof(ISavable)}. Implement it there, or start anew.");

    private static IEnv FirstThatCannot(IEnv env) => env is ISavable and IWrapper wrapper ? FirstThatCannot(wrapper.Inner) : env;
}
