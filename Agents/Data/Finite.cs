using RlWn.Envs;
using RlWn.Networks;

namespace RlWn.Agents.Data;

/// <summary>One NaN would reach every weight within an update: it is stopped while its environment is known.</summary>
internal static class Finite
{
    /// <summary>Requires numbers of environments, as many of each, to be finite.</summary>
    /// <param name="numbers">[N, K].</param>
    /// <param name="name">What they are.</param>
    /// <param name="environments">N.</param>
    /// <param name="steps">Environment steps done when they came.</param>
    /// <param name="agent">The section of the settings to advise on.</param>
    /// <param name="firstEnvironment">The number of the first of these environments in the run.</param>
    /// <exception cref="TrainingDivergedException">One is not; the message says which.</exception>
    public static void Require(ReadOnlySpan<float> numbers, string name, int environments, long steps, string agent, int firstEnvironment = 0)
    {
        for (var k = 0; k < numbers.Length; k++)
        {
            if (!float.IsFinite(numbers[k]))
            {
                throw new TrainingDivergedException(
                    $"Expected a finite {name}, got {numbers[k]} in environment {firstEnvironment + (k / (numbers.Length / environments))} after {steps} environment steps. "
                    + $"Look for NaN, infinite or huge numbers in its observations and rewards; if there are none, lower {agent}.learningRate.");
            }
        }
    }

    /// <summary>Requires what a vector shows after a step, or a reset, to be finite: the next observations, and the last ones of episodes that ended.</summary>
    /// <param name="envs">The vector.</param>
    /// <param name="steps">Environment steps done.</param>
    /// <param name="agent">The section of the settings to advise on.</param>
    /// <param name="firstEnvironment">The number of the first of these environments in the run.</param>
    /// <param name="terminal">Whether the last observation counts where the task ended, too: not so for an agent that never looks at it.</param>
    /// <exception cref="TrainingDivergedException">One is not; the message says which.</exception>
    public static void RequireObservations(VectorEnv envs, long steps, string agent, int firstEnvironment = 0, bool terminal = true)
    {
        if (envs.ObservationSpace is not Box)
            return;

        Require(envs.Observations.All<float>(), "observation", envs.Count, steps, agent, firstEnvironment);
        var size = envs.ObservationSpace.Size;
        for (var i = 0; i < envs.Count; i++)
        {
            if (envs.Truncated[i] || (terminal && envs.Terminated[i]))
                Require(envs.FinalObservations.All<float>().Slice(i * size, size), "last observation of an episode", 1, steps, agent, firstEnvironment + i);
        }
    }

    /// <summary>Clips the gradient, and requires it to be finite: before the optimizer's step, while the weights are still whole.</summary>
    /// <param name="parameters">Whose gradient it is.</param>
    /// <param name="maxNorm">The norm that it is to have at most, above 0.</param>
    /// <param name="steps">Environment steps done.</param>
    /// <param name="agent">The section of the settings to advise on.</param>
    /// <returns>The norm before clipping.</returns>
    /// <exception cref="TrainingDivergedException">It is not finite.</exception>
    public static double ClipGradients(FlatParameters parameters, double maxNorm, long steps, string agent)
    {
        var norm = parameters.ClipGradients(maxNorm);
        return double.IsFinite(norm) ? norm : throw Diverged("gradient_norm", norm, steps, agent);
    }

    /// <summary>Requires metrics to be finite.</summary>
    /// <param name="metrics">The metrics.</param>
    /// <param name="steps">Environment steps done.</param>
    /// <param name="agent">The section of the settings to advise on.</param>
    /// <exception cref="TrainingDivergedException">One is not; the message says which.</exception>
    public static void Require(IEnumerable<Metric> metrics, long steps, string agent)
    {
        foreach (var (name, value) in metrics)
        {
            if (!double.IsFinite(value))
                throw Diverged(name, value, steps, agent);
        }
    }

    /// <summary>The error of a metric that is not finite.</summary>
    public static TrainingDivergedException Diverged(string name, double value, long steps, string agent) => new(
        $"Expected a finite {name}, got {value} after {steps} environment steps. Lower {agent}.learningRate or {agent}.maxGradientNorm, or look for huge rewards.");
}
