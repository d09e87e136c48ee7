namespace RlWn.Agents.Data;

/// <summary>One NaN would reach every weight within an update: it is stopped while its environment is known.</summary>
internal static class Finite
{
    /// <summary>Refuses numbers of N environments that are not finite.</summary>
    /// <param name="numbers">The numbers, environment after environment, [N, …].</param>
    /// <param name="name">What they are, as "reward".</param>
    /// <param name="environments">N.</param>
    /// <param name="firstEnvironment">The number of the first of them in the run.</param>
    /// <param name="steps">Environment steps done.</param>
    /// <param name="section">The agent's section of the settings, as "ppo", for what to try.</param>
    /// <exception cref="TrainingDivergedException">One is not finite.</exception>
    public static void Require(ReadOnlySpan<float> numbers, string name, int environments, int firstEnvironment, long steps, string section)
    {
        for (var k = 0; k < numbers.Length; k++)
        {
            if (!float.IsFinite(numbers[k]))
            {
                throw new TrainingDivergedException(
                    $"Expected a finite {name}, got {numbers[k]} in environment {firstEnvironment + (k / (numbers.Length / environments))} "
                    + $"after {steps} environment steps. "
                    + $"Look for NaN, infinite or huge numbers in its observations and rewards; if there are none, lower {section}.learningRate.");
            }
        }
    }

    /// <summary>Refuses metrics that are not finite.</summary>
    /// <inheritdoc cref="Require(ReadOnlySpan{float}, string, int, int, long, string)" path="/param|/exception"/>
    public static void Require(IEnumerable<Metric> metrics, long steps, string section)
    {
        foreach (var (name, value) in metrics)
        {
            if (!double.IsFinite(value))
            {
                throw new TrainingDivergedException(
                    $"Expected a finite {name}, got {value} after {steps} environment steps. "
                    + $"Lower {section}.learningRate or {section}.maxGradientNorm, or look for huge rewards.");
            }
        }
    }
}
