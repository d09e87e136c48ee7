using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>y = w x / √(mean(x²) + ε), the mean over the last dimension, ε = 1e-5.</summary>
/// <remarks>Zhang and Sennrich 2019, arXiv:1910.07467, eq. 4. Saved as weight, as PyTorch's RMSNorm is.</remarks>
public sealed class RmsNorm : nn.Module<Tensor, Tensor>
{
    /// <summary>ε, under the root.</summary>
    public const double Epsilon = 1e-5;

    private static readonly Scalar UnderRoot = Epsilon, Unit = 1;   // held: a Scalar made for one call may be collected during it

    private Parameter gain;

    /// <summary>Makes a normalization with w = 1.</summary>
    /// <param name="features">D: how many numbers are normalized together, at least 1.</param>
    /// <param name="dtype">The type of w.</param>
    /// <param name="device">Where w lives; the CPU by default.</param>
    public RmsNorm(long features, ScalarType dtype = ScalarType.Float32, Device? device = null) : base(nameof(RmsNorm))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        gain = new Parameter(ones(features, dtype, device ?? CPU));
        gain.DetachFromDisposeScope();
        register_parameter(nameof(weight), gain);
    }

    /// <summary>w, shape [D].</summary>
    public Parameter weight
    {
        get => gain;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            if (ReferenceEquals(gain, value))
                return;

            gain.Dispose();
            gain = value;
            value.DetachFromDisposeScope();
            ConditionallyRegisterParameter(nameof(weight), value);
        }
    }

    /// <inheritdoc/>
    /// <param name="input">x, shape […, D].</param>
    /// <returns>y, the shape of x.</returns>
    public override Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.dim() == 0 || input.size(-1) != gain.size(0))
            throw new ArgumentException($"Expected an input of shape […, {gain.size(0)}], got [{string.Join(", ", input.shape)}].", nameof(input));

        return Normalize(input, gain);
    }

    /// <summary>The formula, with a weight from elsewhere.</summary>
    internal static Tensor Normalize(Tensor input, Tensor weight)
    {
        using var scope = NewDisposeScope();
        var inverse = input.mul(input).mean([-1L], keepdim: true).add(UnderRoot, Unit).rsqrt();
        return input.mul(inverse).mul(weight).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    protected override void RegisterComponents() { }
}
