using RlWn.Init;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>Stochastic gradient descent with momentum on flat parameters: one fused kernel a step, whatever the number of tensors.</summary>
/// <remarks>
/// b ← μ b + ∇L + λ θ and θ ← θ - α b, with b = 0 at first, as torch.optim.SGD without dampening. The decay λ acts on every parameter, the scales g
/// and biases of weight-normalized layers among them, as in the code of Arpit, Campos and Bengio 2019.
/// </remarks>
public sealed class FlatSgd : IDisposable
{
    private readonly FlatParameters parameters;
    private readonly double momentum, weightDecay;
    private readonly bool nesterov;
    private readonly Tensor? velocity;

    /// <summary>Makes an optimizer at rest.</summary>
    /// <param name="parameters">What to optimize; not owned.</param>
    /// <param name="momentum">μ in [0, 1).</param>
    /// <param name="weightDecay">λ, the L2 penalty's factor, at least 0.</param>
    /// <param name="nesterov">Whether steps are along ∇L + λ θ + μ b; it wants momentum.</param>
    /// <exception cref="ArgumentException">Nesterov's form without momentum.</exception>
    public FlatSgd(FlatParameters parameters, double momentum = 0, double weightDecay = 0, bool nesterov = false)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        if (!(momentum is >= 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(momentum), momentum, "Expected a momentum from 0 to below 1, as 0.9.");
        ArgumentOutOfRangeException.ThrowIfNegative(weightDecay);
        if (nesterov && momentum == 0)
            throw new ArgumentException("Expected momentum for Nesterov's form, got none. Set a momentum, as 0.9, or leave nesterov out.", nameof(nesterov));

        (this.parameters, this.momentum, this.weightDecay, this.nesterov) = (parameters, momentum, weightDecay, nesterov);
        velocity = momentum == 0 ? null : zeros_like(parameters.Values).DetachFromDisposeScope();
    }

    /// <summary>Makes one step against the gradient.</summary>
    /// <param name="learningRate">α of this step, at least 0.</param>
    public void Step(double learningRate) =>
        Aten.FusedSgd(parameters.Values, parameters.Gradients, velocity, learningRate, momentum, weightDecay, nesterov);

    /// <summary>Writes the velocity.</summary>
    /// <param name="writer">Where to.</param>
    public void Save(BinaryWriter writer)
    {
        if (velocity is not null)
            writer.Write(velocity);
    }

    /// <summary>Takes up what an optimizer of the same parameters and settings has saved.</summary>
    /// <param name="reader">Reads just what <see cref="Save"/> wrote.</param>
    /// <exception cref="InvalidDataException">It was of other parameters.</exception>
    public void Load(BinaryReader reader)
    {
        if (velocity is not null)
            reader.Read(velocity, "the velocity");
    }

    /// <summary>Frees the velocity.</summary>
    public void Dispose() => velocity?.Dispose();
}
