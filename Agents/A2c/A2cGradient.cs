using RlWn.Agents.Data;
using RlWn.Networks;

namespace RlWn.Agents.A2c;

/// <summary>The clipped gradient of <see cref="A2cLoss"/> in the parameters of an actor-critic: what A2C, A3C and IMPALA step along.</summary>
/// <remarks>One thread at a time.</remarks>
internal sealed class A2cGradient : IDisposable
{
    private readonly FlatParameters parameters;
    private readonly string section;
    private readonly Learning learning;
    private readonly float[] output;        // logits or means, [B, K]
    private readonly float[] value;         // V, [B]
    private readonly float[] byOutput;      // ∂L/∂output, [B, K]
    private readonly float[] byValue;       // ∂L/∂V, [B]
    private readonly float[] byLogStd;      // ∂L/∂log σ, [K]
    private readonly double maxNorm;

    /// <summary>Makes room for gradients over batches of one size.</summary>
    /// <param name="network">The network; not owned.</param>
    /// <param name="parameters">Its parameters, whose gradients are written; not owned.</param>
    /// <param name="options">The loss's weights, and the largest norm.</param>
    /// <param name="batch">B.</param>
    /// <param name="section">The agent's section of the settings, for messages.</param>
    public A2cGradient(ActorCritic network, FlatParameters parameters, ActorCriticOptions options, int batch, string section)
    {
        (this.parameters, this.section) = (parameters, section);
        Loss = new A2cLoss(options.ValueWeight, options.EntropyWeight);
        learning = new Learning(network, parameters, batch);
        (output, byOutput) = (new float[batch * network.PolicyOutputs], new float[batch * network.PolicyOutputs]);
        (value, byValue) = (new float[batch], new float[batch]);
        byLogStd = new float[network.log_std is null ? 0 : network.PolicyOutputs];
        maxNorm = options.MaxGradientNorm;
    }

    /// <summary>The loss, and what its batches were like.</summary>
    public A2cLoss Loss { get; }

    /// <summary>Logits or means of the batch last evaluated, [B, K].</summary>
    public ReadOnlySpan<float> Output => output;

    /// <summary>V of the batch last evaluated, [B].</summary>
    public ReadOnlySpan<float> Value => value;

    /// <summary>Evaluates policy and value of a batch.</summary>
    /// <param name="observations">[B, D].</param>
    public void Forward(Observations observations) => learning.Forward(observations, output, value);

    /// <summary>Writes the gradient over the batch last evaluated.</summary>
    /// <param name="batch">Its actions, advantages and targets.</param>
    /// <param name="logStd">log σ, [K]; empty for choices.</param>
    /// <param name="steps">Environment steps done, for messages.</param>
    /// <exception cref="TrainingDivergedException">The gradient is not finite: not to be stepped along.</exception>
    public void Backward(Minibatch batch, ReadOnlySpan<float> logStd, long steps)
    {
        Loss.Evaluate(output, value, logStd, batch, new() { Output = byOutput, Value = byValue, LogStd = byLogStd });
        learning.Backward(byOutput, byValue, byLogStd);
        Loss.AddGradientNorm(Finite.ClipGradients(parameters, maxNorm, steps, section));
    }

    /// <summary>Frees what passes need; network and parameters stay.</summary>
    public void Dispose() => learning.Dispose();
}
