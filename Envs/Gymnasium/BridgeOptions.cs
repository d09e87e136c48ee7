using System.ComponentModel.DataAnnotations;

namespace RlWn.Envs;

/// <summary>How Python environments are run; see <see cref="Gymnasium"/>.</summary>
public sealed record BridgeOptions
{
    /// <summary>The environment variable that names the Python interpreter where <see cref="Python"/> does not.</summary>
    public const string PythonVariable = "RLWN_PYTHON";

    /// <summary>
    /// The Python interpreter, a path or a name to look for on PATH; null for what <c>RLWN_PYTHON</c> says and, where that is not set, python3
    /// (on Windows python).
    /// </summary>
    public string? Python { get; init; }

    /// <summary>
    /// How many Python processes share the environments of a vector, at least 1; null for one a processor core. There are never more than
    /// environments. Results do not depend on it.
    /// </summary>
    [Range(1, 1024)] public int? Processes { get; init; }

    /// <summary>How long a process may take to start and to make its environments, until it is ended; <see cref="Timeout.InfiniteTimeSpan"/> for ever.</summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How long a process may take to step, to reset or to draw its environments, until it is ended; <see cref="Timeout.InfiniteTimeSpan"/> for ever.</summary>
    public TimeSpan StepTimeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// Whether observations and actions lie in memory that both sides share, where the system allows that (Linux); else, and where this is false,
    /// they travel through pipes.
    /// </summary>
    public bool SharedMemory { get; init; } = true;

    internal string Interpreter =>
        Python ?? (Environment.GetEnvironmentVariable(PythonVariable) is { Length: > 0 } named ? named : OperatingSystem.IsWindows() ? "python" : "python3");

    internal void Validate()
    {
        if (Processes < 1)
            throw new ArgumentOutOfRangeException(nameof(Processes), $"Expected at least 1 process, or null for one a processor core, got {Processes}.");
        foreach (var (name, span) in new[] { (nameof(StartTimeout), StartTimeout), (nameof(StepTimeout), StepTimeout) })
        {
            if (span <= TimeSpan.Zero && span != Timeout.InfiniteTimeSpan || span > TimeSpan.FromDays(40))
                throw new ArgumentOutOfRangeException(name, $"Expected more than no time and at most 40 days, or Timeout.InfiniteTimeSpan, got {span}.");
        }
    }
}
