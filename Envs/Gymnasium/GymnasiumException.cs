namespace RlWn.Envs;

/// <summary>A Python environment failed: it raised an exception, or its process could not be started, died, hung or talked nonsense.</summary>
/// <param name="envId">Which environment, as it was asked for.</param>
/// <param name="message">What happened, and how to go on.</param>
/// <param name="traceback">Python's own account; null where Python raised nothing.</param>
/// <param name="inner">What the system said, if that is the cause.</param>
public sealed class GymnasiumException(string envId, string message, string? traceback = null, Exception? inner = null) : IOException(message, inner)
{
    /// <summary>Which environment, as it was asked for: gymnasium:CartPole-v1.</summary>
    public string EnvId { get; } = envId;

    /// <summary>Python's whole account of its exception, in many lines; null where it raised none. The message holds the last of them.</summary>
    public string? PythonTraceback { get; } = traceback;
}
