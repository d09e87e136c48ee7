using RlWn.Agents.Formulas;
using RlWn.Envs;
using RlWn.Inference;
using RlWn.Networks;

namespace RlWn.Agents.Data;

/// <summary>An action as it was drawn: one of the two is empty.</summary>
/// <param name="choices">Where it is one choice or several, [A].</param>
/// <param name="numbers">Where it is continuous, before it was brought within the bounds, [A].</param>
internal readonly ref struct DrawnAction(ReadOnlySpan<int> choices, ReadOnlySpan<float> numbers)
{
    public ReadOnlySpan<int> Choices { get; } = choices;

    public ReadOnlySpan<float> Numbers { get; } = numbers;
}

/// <summary>π(·|s) over one space of actions: how actions are drawn of a network's outputs, and what log π(a|s) and the entropy are, with their gradients.</summary>
internal abstract class ActionDistribution
{
    /// <summary>The distribution over a space.</summary>
    /// <param name="actions">The space.</param>
    /// <param name="bounds">How continuous actions are brought within its bounds.</param>
    /// <exception cref="ArgumentException">There is none over such a space.</exception>
    public static ActionDistribution Of(Space actions, ActionBounds bounds) => actions switch
    {
        Discrete discrete => new ChoiceDistribution([discrete.N]),
        MultiDiscrete several => new ChoiceDistribution([.. several.Choices]),
        Box box when bounds == ActionBounds.Tanh => new TanhGaussianDistribution(box),
        Box box => new GaussianDistribution(box),
        _ => throw new ArgumentException($"Expected actions in a Discrete, a MultiDiscrete or a Box, got {actions}.", nameof(actions)),
    };

    /// <summary>K: logits, or means.</summary>
    public abstract int Outputs { get; }

    /// <summary>A: numbers of an action.</summary>
    public abstract int Size { get; }

    /// <summary>Draws a ~ π(·|s) in every environment, writes it where the vector's next step takes it from, and keeps it with its log-probability.</summary>
    /// <param name="envs">The environments; their actions are written.</param>
    /// <param name="outputs">Logits or means, [N, K].</param>
    /// <param name="logStd">log σ, [K]; empty for choices.</param>
    /// <param name="random">The source of randomness.</param>
    /// <param name="choices">Receives a, where it is choices, [N, A].</param>
    /// <param name="numbers">Receives a, where it is continuous, before it is brought within the bounds, [N, A].</param>
    /// <param name="logProbability">Receives log π(a|s), [N].</param>
    public abstract void Draw(
        VectorEnv envs, ReadOnlySpan<float> outputs, ReadOnlySpan<float> logStd, Rng random, Span<int> choices, Span<float> numbers, Span<float> logProbability);

    /// <summary>log π(a|s), and the entropy, in nats.</summary>
    /// <param name="output">Logits or means, [K].</param>
    /// <param name="logStd">log σ, [K]; empty for choices.</param>
    /// <param name="action">a.</param>
    public abstract (double LogProbability, double Entropy) Evaluate(ReadOnlySpan<float> output, ReadOnlySpan<float> logStd, DrawnAction action);

    /// <summary>The gradient of a loss that sees the policy through log π(a|s) and H alone.</summary>
    /// <param name="output">Logits or means, [K].</param>
    /// <param name="logStd">log σ, [K]; empty for choices.</param>
    /// <param name="action">a.</param>
    /// <param name="policy">What <see cref="Evaluate"/> gave for these.</param>
    /// <param name="slope">∂L/∂log π(a|s).</param>
    /// <param name="entropySlope">∂L/∂H.</param>
    /// <param name="gradient">Receives ∂L/∂output, [K].</param>
    /// <param name="logStdGradient">∂L/∂log σ is added to it, [K]; empty for choices.</param>
    public abstract void Gradient(
        ReadOnlySpan<float> output, ReadOnlySpan<float> logStd, DrawnAction action, (double LogProbability, double Entropy) policy,
        double slope, double entropySlope, Span<float> gradient, Span<float> logStdGradient);
}

/// <summary>One choice or several at once, each by itself: log π and H are the sums over them.</summary>
/// <param name="counts">How many each choice has, [A].</param>
internal sealed class ChoiceDistribution(int[] counts) : ActionDistribution
{
    public override int Outputs { get; } = counts.Sum();

    public override int Size => counts.Length;

    public override void Draw(
        VectorEnv envs, ReadOnlySpan<float> outputs, ReadOnlySpan<float> logStd, Rng random, Span<int> choices, Span<float> numbers, Span<float> logProbability)
    {
        for (var i = 0; i < envs.Count; i++)
            MultiCategorical.Sample(outputs.Slice(i * Outputs, Outputs), counts, random, choices.Slice(i * Size, Size), out logProbability[i]);
        choices.CopyTo(envs.Actions.All<int>());
    }

    public override (double LogProbability, double Entropy) Evaluate(ReadOnlySpan<float> output, ReadOnlySpan<float> logStd, DrawnAction action)
    {
        var (logProbability, entropy, start) = (0.0, 0.0, 0);
        for (var i = 0; i < counts.Length; i++)
        {
            var part = PolicyGradient.Categorical(output.Slice(start, counts[i]), action.Choices[i]);
            (logProbability, entropy, start) = (logProbability + part.LogProbability, entropy + part.Entropy, start + counts[i]);
        }

        return (logProbability, entropy);
    }

    public override void Gradient(
        ReadOnlySpan<float> output, ReadOnlySpan<float> logStd, DrawnAction action, (double LogProbability, double Entropy) policy,
        double slope, double entropySlope, Span<float> gradient, Span<float> logStdGradient)
    {
        var start = 0;
        for (var i = 0; i < counts.Length; i++)
        {
            var logits = output.Slice(start, counts[i]);
            var part = counts.Length == 1 ? policy : PolicyGradient.Categorical(logits, action.Choices[i]);
            PolicyGradient.CategoricalGradient(logits, action.Choices[i], part, slope, entropySlope, gradient.Slice(start, counts[i]));
            start += counts[i];
        }
    }
}

/// <summary>Numbers from an unbounded Gaussian. What the environment gets is clipped to its bounds; what is learned from is the action as drawn.</summary>
internal sealed class GaussianDistribution(Box bounds) : ActionDistribution
{
    public override int Outputs => bounds.Size;

    public override int Size => bounds.Size;

    public override void Draw(
        VectorEnv envs, ReadOnlySpan<float> outputs, ReadOnlySpan<float> logStd, Rng random, Span<int> choices, Span<float> numbers, Span<float> logProbability)
    {
        for (var i = 0; i < envs.Count; i++)
        {
            var action = numbers.Slice(i * Size, Size);
            DiagonalGaussian.Sample(outputs.Slice(i * Size, Size), logStd, random, action, out logProbability[i]);
            bounds.Clip(action, envs.Actions.Row<float>(i));
        }
    }

    public override (double LogProbability, double Entropy) Evaluate(ReadOnlySpan<float> output, ReadOnlySpan<float> logStd, DrawnAction action) =>
        PolicyGradient.Gaussian(output, logStd, action.Numbers);

    public override void Gradient(
        ReadOnlySpan<float> output, ReadOnlySpan<float> logStd, DrawnAction action, (double LogProbability, double Entropy) policy,
        double slope, double entropySlope, Span<float> gradient, Span<float> logStdGradient) =>
        PolicyGradient.GaussianGradient(output, logStd, action.Numbers, slope, entropySlope, gradient, logStdGradient);
}

/// <summary>Numbers from a Gaussian, squashed between the bounds by a tanh. What is learned from is the action before. See <see cref="TanhGaussian"/>.</summary>
internal sealed class TanhGaussianDistribution : ActionDistribution
{
    private readonly float[] low, high;

    /// <summary>Makes the distribution over a box.</summary>
    /// <exception cref="ArgumentException">A bound is infinite, or two are one.</exception>
    public TanhGaussianDistribution(Box bounds)
    {
        (low, high) = ([.. bounds.Low], [.. bounds.High]);
        if (!bounds.IsBounded || low.Zip(high).Any(pair => pair.First == pair.Second))
        {
            throw new ArgumentException(
                $"Expected finite bounds, the lower below the upper, for network.actionBounds=tanh, got {bounds}. Take network.actionBounds=clip.", nameof(bounds));
        }
    }

    public override int Outputs => low.Length;

    public override int Size => low.Length;

    public override void Draw(
        VectorEnv envs, ReadOnlySpan<float> outputs, ReadOnlySpan<float> logStd, Rng random, Span<int> choices, Span<float> numbers, Span<float> logProbability)
    {
        for (var i = 0; i < envs.Count; i++)
        {
            TanhGaussian.Sample(
                outputs.Slice(i * Size, Size), logStd, low, high, random, numbers.Slice(i * Size, Size), envs.Actions.Row<float>(i), out logProbability[i]);
        }
    }

    public override (double LogProbability, double Entropy) Evaluate(ReadOnlySpan<float> output, ReadOnlySpan<float> logStd, DrawnAction action) =>
        PolicyGradient.TanhGaussian(output, logStd, action.Numbers, low, high);

    public override void Gradient(
        ReadOnlySpan<float> output, ReadOnlySpan<float> logStd, DrawnAction action, (double LogProbability, double Entropy) policy,
        double slope, double entropySlope, Span<float> gradient, Span<float> logStdGradient) =>
        PolicyGradient.TanhGaussianGradient(output, logStd, action.Numbers, slope, entropySlope, gradient, logStdGradient);
}
