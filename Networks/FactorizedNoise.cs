using RlWn.Init;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Networks;

/// <summary>
/// Learned noise on a linear layer: y = (W + σ_w ∘ ε_w) x + b + σ_b ∘ ε_b. This is what comes on top of W x + b, whatever makes W. The noise is
/// factorized: ε_w = f(ε_out) f(ε_in)ᵀ and ε_b = f(ε_out), with f(ε) = sign(ε) √|ε| of standard normal numbers, one for each input and output.
/// </summary>
/// <remarks>
/// <para>
/// Fortunato et al. 2018, arXiv:1706.10295, eq. 9 to 11 and section 3.2: all σ start at σ₀/√inputs. With weight norm, μ_w is g v / ||v|| as ever and
/// starts as the scheme has it, while σ_w is as plain as the paper's: g does not scale the noise, so that a row may grow quiet and long.
/// </para>
/// <para>There is no noise until the first <see cref="Draw"/>, nor after <see cref="Clear"/>. Saved as weight_sigma and bias_sigma; a sample is not saved.</para>
/// </remarks>
public sealed class FactorizedNoise : Module<Tensor, Tensor>
{
    private readonly double start;
    private readonly Tensor byInput;    // f(ε_in), [in]
    private readonly Tensor byOutput;   // f(ε_out), [out]

    /// <summary>Makes the noise of one layer, silent until it is drawn.</summary>
    /// <param name="inputs">Features of x, at least 1.</param>
    /// <param name="outputs">Features of y, at least 1.</param>
    /// <param name="sigma">σ₀, above 0: 0.5 in the paper.</param>
    /// <param name="dtype">The type of σ.</param>
    /// <param name="device">Where σ lives; the CPU by default.</param>
    public FactorizedNoise(long inputs, long outputs, double sigma, ScalarType dtype = ScalarType.Float32, Device? device = null) : base(nameof(FactorizedNoise))
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sigma);
        Fans.Of(outputs, inputs);   // refuses sizes that are none
        using var scope = NewDisposeScope();
        var place = device ?? CPU;
        start = sigma / Math.Sqrt(inputs);
        weight_sigma = Deviation([outputs, inputs]);
        bias_sigma = Deviation([outputs]);
        byInput = zeros(inputs, dtype, place).DetachFromDisposeScope();
        byOutput = zeros(outputs, dtype, place).DetachFromDisposeScope();
        register_parameter(nameof(weight_sigma), weight_sigma);
        register_parameter(nameof(bias_sigma), bias_sigma);

        Parameter Deviation(long[] shape)
        {
            var parameter = new Parameter(full(shape, start, dtype, place));
            parameter.DetachFromDisposeScope();
            return parameter;
        }
    }

    /// <summary>σ_w, shape [out, in]. Its signs mean nothing.</summary>
    public Parameter weight_sigma { get; }

    /// <summary>σ_b, shape [out].</summary>
    public Parameter bias_sigma { get; }

    /// <summary>Whether there is noise now.</summary>
    public bool IsDrawn { get; private set; }

    /// <summary>How large σ_w has become: the mean of |σ_w| as a multiple of its start.</summary>
    public double RelativeSize
    {
        get
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            return weight_sigma.abs().mean().to(ScalarType.Float64).item<double>() / start;
        }
    }

    /// <summary>f(ε_in), [in]; zeros where there is no noise. In place for ever, like <see cref="ByOutput"/>.</summary>
    internal Tensor ByInput => byInput;

    /// <summary>f(ε_out), [out].</summary>
    internal Tensor ByOutput => byOutput;

    /// <summary>Draws a fresh sample, in place of the one before.</summary>
    /// <param name="random">The source of randomness.</param>
    public void Draw(Random random)
    {
        ArgumentNullException.ThrowIfNull(random);
        Fill(byInput, random);
        Fill(byOutput, random);
        IsDrawn = true;
    }

    /// <summary>Takes the noise away: what is left is the mean.</summary>
    public void Clear()
    {
        using var noGrad = no_grad();
        byInput.zero_().Dispose();
        byOutput.zero_().Dispose();
        IsDrawn = false;
    }

    /// <inheritdoc/>
    /// <param name="input">x, shape […, in].</param>
    /// <returns>(σ_w ∘ ε_w) x + σ_b ∘ ε_b, shape […, out], without ever making ε_w.</returns>
    public override Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.dim() == 0 || input.size(-1) != byInput.size(0))
            throw new ArgumentException($"Expected an input of shape […, {byInput.size(0)}], got [{string.Join(", ", input.shape)}].", nameof(input));

        using var scope = NewDisposeScope();
        return functional.linear(input.mul(byInput), weight_sigma, bias_sigma).mul(byOutput).MoveToOuterDisposeScope();
    }

    /// <summary>σ_w ∘ ε_w and σ_b ∘ ε_b of the present sample, in the caller's dispose scope.</summary>
    internal (Tensor Weight, Tensor Bias) Sample() =>
        (weight_sigma.mul(byInput).mul_(byOutput.unsqueeze(1)), bias_sigma.mul(byOutput));

    /// <inheritdoc/>
    protected override void RegisterComponents() { }   // the constructor did; a sample is no parameter

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            byInput.Dispose();
            byOutput.Dispose();
        }

        base.Dispose(disposing);
    }

    private static void Fill(Tensor numbers, Random random)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var drawn = empty(numbers.shape, ScalarType.Float32);
        var floats = Aten.Memory<float>(drawn);
        for (var i = 0; i < floats.Length; i += 2)
        {
            // Box and Muller 1958: two normal numbers from two uniform ones.
            var length = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
            var (sine, cosine) = Math.SinCos(Math.Tau * random.NextDouble());
            floats[i] = SignedRoot(length * cosine);
            if (i + 1 < floats.Length)
                floats[i + 1] = SignedRoot(length * sine);
        }

        numbers.copy_(drawn);

        static float SignedRoot(double number) => (float)Math.CopySign(Math.Sqrt(Math.Abs(number)), number);
    }
}
