using RlWn.Init;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>How one layer is doing. What cannot be said of it is null.</summary>
/// <param name="Layer">Its name in a saved file.</param>
/// <param name="VNorm">||v||, the Frobenius norm; of the weight itself in a plain layer.</param>
/// <param name="GNorm">||g||; null where the layer has none.</param>
/// <param name="VGradientNorm">||∂L/∂v||; null where there is no gradient, as before the first backward pass.</param>
/// <param name="GGradientNorm">||∂L/∂g||; null likewise, and where g does not learn or is absent.</param>
/// <param name="EffectiveLearningRate">The mean over rows of α / ||vᵢ||²; null in a plain layer.</param>
/// <param name="DormantShare">Which share of its units is dormant, from 0 to 1; null where no ReLU follows, and without a batch.</param>
/// <param name="ZeroGradientShare">Which share of its units gets no gradient at all, from 0 to 1: those of v, g and b, where they learn, are exactly zero.</param>
/// <param name="StableRank">||W||_F² / ||W||₂², from 1 to the rank of W; 0 where W is zero.</param>
/// <param name="InputNorm">The mean over the batch of ||x||, x being all that the layer sees of one input: at the output layer, the network's features.</param>
public sealed record LayerDiagnostics(
    string Layer, double VNorm, double? GNorm, double? VGradientNorm, double? GGradientNorm, double? EffectiveLearningRate,
    double? DormantShare, double? ZeroGradientShare, double StableRank, double? InputNorm)
{
    /// <summary>The names of the numbers, in snake case, in the order of <see cref="Numbers"/>.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "v_norm", "g_norm", "v_gradient_norm", "g_gradient_norm", "effective_learning_rate", "dormant_share", "zero_gradient_share", "stable_rank", "input_norm",
    ];

    /// <summary>The numbers.</summary>
    public IReadOnlyList<double?> Numbers =>
    [
        VNorm, GNorm, VGradientNorm, GGradientNorm, EffectiveLearningRate, DormantShare, ZeroGradientShare, StableRank, InputNorm,
    ];
}

/// <summary>Looks at the layers of a network in training: what grows, what stands still, what has died.</summary>
/// <remarks>
/// <para>
/// Effective learning rate: w does not depend on the length of v, so a gradient step of α moves the direction of row i as far as a step of
/// α / ||vᵢ||² would move a row of length 1 (van Laarhoven 2017, arXiv:1706.05350, section 2; Hoffer et al. 2018, arXiv:1803.01814, section 3). Adam's
/// steps do not depend on the gradient's size: there α / ||vᵢ|| is what the direction feels.
/// </para>
/// <para>
/// Dormant units: h being a unit's activation after the ReLU, averaged over batch and positions, it is dormant if h is at most τ times the
/// layer's mean of h (Sokar et al. 2023, arXiv:2302.12902, definition 3.1). In a layer that gives nothing at all, every unit is.
/// </para>
/// <para>
/// Stable rank is that of W, each filter one row. Its spectral norm comes from power iteration on all start vectors at once: the Gram matrix of
/// the shorter side (n rows), squared ten times, has the weights of 1,024 iterations. The estimate of ||W||₂² is from below, by ln(n) / 1,024 of
/// it at worst, less than 1%; it costs some 11 n³ multiplications.
/// </para>
/// </remarks>
public static class Diagnostics
{
    /// <summary>τ where nothing else is said.</summary>
    public const double DefaultTau = 0.025;

    private const int Squarings = 10;

    /// <summary>Looks at each layer as it is now, with the gradients that the last backward pass left.</summary>
    /// <param name="network">Any network of ReLUs; it stays as it is, running statistics included.</param>
    /// <param name="learningRate">α, at least 0.</param>
    /// <param name="batch">Inputs as the network takes them, for what needs activations; null leaves that out.</param>
    /// <param name="tau">τ, from 0 to 1: 0 counts only units that give nothing.</param>
    /// <returns>Linear layers and convolutions, in the order they were registered.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The learning rate is below 0, or τ is not within 0 and 1.</exception>
    public static IReadOnlyList<LayerDiagnostics> Of(nn.Module network, double learningRate, Tensor? batch = null, double tau = DefaultTau)
    {
        ArgumentNullException.ThrowIfNull(network);
        if (!(learningRate >= 0))
            throw new ArgumentOutOfRangeException(nameof(learningRate), learningRate, "Expected a learning rate of at least 0.");
        if (!(tau is >= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(tau), tau, "Expected τ from 0 to 1.");

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var layers = PlacedLayer.In(network);
        var seen = batch is null ? [] : Activations(network, layers, batch, tau);
        return [.. layers.Select(layer => Look(layer, learningRate, seen.GetValueOrDefault(layer.Layer)))];
    }

    private static LayerDiagnostics Look(PlacedLayer layer, double learningRate, Activation? seen)
    {
        using var scope = NewDisposeScope();
        var lengths = RowNorms(layer.Weight);
        var (v, g, b) = (Gradient(layer.Weight), Gradient(layer.Scale), Gradient(layer.Bias));
        return new(
            layer.Name,
            Norm(lengths),
            layer.Scale is null ? null : Norm(RowNorms(layer.Scale)),
            v is null ? null : Norm(v),
            g is null ? null : Norm(g),
            layer.Layer is not WeightNormLayer ? null : lengths.Average(length => learningRate / (length * length)),
            seen?.DormantShare,
            v is null ? null : Share(v.Length, row => v[row] == 0 && (g is null || g[row] == 0) && (b is null || b[row] == 0)),
            StableRank(layer.Layer is WeightNormLayer normalized ? normalized.Weight() : layer.Weight),
            seen?.InputNorm);
    }

    /// <summary>||W||_F² / ||W||₂² of a weight whose first dimension counts its rows.</summary>
    internal static double StableRank(Tensor weight)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var rows = weight.flatten(1);
        var gram = rows.size(0) <= rows.size(1) ? rows.mm(rows.t()) : rows.t().mm(rows);
        var squaredNorm = gram.trace();
        if (squaredNorm.to(ScalarType.Float64).item<double>() == 0)
            return 0;

        // Each squaring doubles the iterations made; its length is of no interest and would overflow.
        var power = gram / gram.norm();
        for (var i = 0; i < Squarings; i++)
        {
            power = power.mm(power);
            power.div_(power.norm());
        }

        return (squaredNorm * power.trace() / (power * gram).sum()).to(ScalarType.Float64).item<double>();
    }

    private static Dictionary<nn.Module, Activation> Activations(nn.Module network, IReadOnlyList<PlacedLayer> layers, Tensor batch, double tau)
    {
        var places = layers.ToDictionary(layer => (nn.Module)layer.Layer, layer => layer.Place);
        var seen = new Dictionary<nn.Module, Activation>(ReferenceEqualityComparer.Instance);
        var (last, lastOutput) = ((nn.Module?)null, (Tensor?)null);   // the layer that a normalization may follow
        WatchedPass.Run(network, batch, (module, input, output) =>
        {
            using var scope = NewDisposeScope();
            if (places.TryGetValue(module, out var place))
            {
                (last, lastOutput) = (module, output);
                seen[module] = new(FollowsReLU(place) ? Dormant(module, output, tau) : null, InputNorm(module, input));
            }
            else if (ReferenceEquals(input, lastOutput) && (module is NormBase or LayerNorm or RmsNorm) && seen[last!].DormantShare is not null)
            {
                seen[last!] = seen[last!] with { DormantShare = Dormant(last!, output, tau) };
            }
        });
        return seen;
    }

    // Of one observation, in batches [B, D] and sequences [T, N, D] alike; of one image.
    private static double InputNorm(nn.Module layer, Tensor input) =>
        (IsConvolution(layer) ? input.flatten(1) : input.flatten(0, -2)).norm(1).mean().to(ScalarType.Float64).item<double>();

    private static bool IsConvolution(nn.Module layer) => layer is WeightNormConv2d or Conv2d;

    private static bool FollowsReLU(Place? place) => place?.Kind is PlaceKind.Hidden or PlaceKind.FirstOfBlock;

    private static double Dormant(nn.Module layer, Tensor preactivation, double tau)
    {
        var activation = nn.functional.relu(preactivation);
        var mean = Numbers(IsConvolution(layer) ? activation.mean([0, 2, 3]) : activation.flatten(0, -2).mean([0]));
        var threshold = tau * mean.Average();
        return Share(mean.Length, unit => mean[unit] <= threshold);
    }

    private static double[] RowNorms(Tensor tensor) => Numbers(tensor.to(ScalarType.Float64).flatten(1).norm(1));   // float32 would lose small gradients' squares

    // Of each unit; null where there is none.
    private static double[]? Gradient(Parameter? parameter) =>
        parameter?.grad is not { } gradient ? null : RowNorms(gradient.dim() == 1 ? gradient.unsqueeze(1) : gradient);

    private static double Norm(double[] rows) => Math.Sqrt(rows.Sum(row => row * row));

    private static double Share(int units, Func<int, bool> counts) => (double)Enumerable.Range(0, units).Count(counts) / units;

    private static double[] Numbers(Tensor tensor) => Aten.Memory<double>(tensor.to(ScalarType.Float64).cpu()).ToArray();

    private sealed record Activation(double? DormantShare, double InputNorm);
}
