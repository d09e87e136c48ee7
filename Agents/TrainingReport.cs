using RlWn.Envs;

namespace RlWn.Agents;

/// <summary>One number that training reports.</summary>
/// <param name="Name">What it is, in snake case, as <c>approx_kl</c>.</param>
/// <param name="Value">The number.</param>
public readonly record struct Metric(string Name, double Value);

/// <summary>What an agent reports after each round of learning.</summary>
/// <param name="Steps">Environment steps so far, over all environments.</param>
/// <param name="Updates">Optimizer steps so far.</param>
/// <param name="Episodes">Training episodes that ended since the last report.</param>
/// <param name="Metrics">The agent's own numbers, always the same ones in the same order.</param>
public sealed record TrainingReport(long Steps, long Updates, IReadOnlyList<Episode> Episodes, IReadOnlyList<Metric> Metrics);

/// <summary>Training met a number that is not finite: the run cannot go on from there.</summary>
public sealed class TrainingDivergedException : Exception
{
    /// <summary>Makes the error.</summary>
    public TrainingDivergedException() { }

    /// <summary>Makes the error.</summary>
    /// <param name="message">What was not finite, where, and what to try.</param>
    public TrainingDivergedException(string message) : base(message) { }

    /// <summary>Makes the error.</summary>
    /// <param name="message">What was not finite, where, and what to try.</param>
    /// <param name="innerException">The cause.</param>
    public TrainingDivergedException(string message, Exception innerException) : base(message, innerException) { }
}
