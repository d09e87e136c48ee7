using static TorchSharp.torch;

namespace RlWn.Init;

/// <summary>What a scheme does with the scale of a layer once its directions are drawn.</summary>
public enum ScaleRule
{
    /// <summary>g = √(γ fan_in / fan_out), γ by the layer's place: keeps the norm going forward. What the paper proposes.</summary>
    Proposed,

    /// <summary>g = √γ: keeps the norm of the gradient going backward. The same where fan_in = fan_out.</summary>
    ProposedBackward,

    /// <summary>g = ||v|| row by row: wrapping a plain layer in weight norm changes nothing at the start.</summary>
    PyTorchDefault,

    /// <summary>g and b from one batch, layer by layer; see <see cref="Init.DataDependent"/>. Until that batch came, g = 1.</summary>
    DataDependent,

    /// <summary>As proposed, but the last layer of block b has γ = (0.9^b)², whatever the number of blocks.</summary>
    Hanin,

    /// <summary>Plain weights w = v.</summary>
    NoWeightNorm,

    /// <summary>Plain weights w = v, and batch normalization.</summary>
    BatchNorm,

    /// <summary>Weight norm as proposed, and batch normalization.</summary>
    WeightNormBatchNorm,
}

/// <summary>An initialization that can be named, as <c>orthogonal-proposed</c>: how directions are drawn, and how they are scaled.</summary>
/// <param name="Direction">How v, or the plain weight, is drawn.</param>
/// <param name="Rule">How g is set, and which normalizations the network has.</param>
/// <remarks>
/// The schemes that Arpit, Campos and Bengio 2019, arXiv:1906.02341, propose and compare; weight norm together with batch norm is what
/// their reviewers asked for. A scheme speaks of every layer but the output layer, which has first values of its own.
/// </remarks>
public sealed record Scheme(Direction Direction, ScaleRule Rule)
{
    // Hanin and Rolnick 2018, arXiv:1803.01719: scales of residual branches that decay geometrically have a bounded sum.
    private const double HaninDecay = 0.9;

    private static readonly (Direction Direction, string Name)[] DirectionNames = [(Direction.Orthogonal, "orthogonal"), (Direction.He, "he")];

    private static readonly (ScaleRule Rule, string Name)[] RuleNames =
    [
        (ScaleRule.Proposed, "proposed"), (ScaleRule.ProposedBackward, "proposed-backward"), (ScaleRule.PyTorchDefault, "pytorch-default"),
        (ScaleRule.DataDependent, "data-dependent"), (ScaleRule.Hanin, "hanin"), (ScaleRule.NoWeightNorm, "no-wn"), (ScaleRule.BatchNorm, "bn"),
        (ScaleRule.WeightNormBatchNorm, "wn-bn"),
    ];

    /// <summary>orthogonal-proposed: what the paper recommends.</summary>
    public static Scheme Proposed { get; } = new(Direction.Orthogonal, ScaleRule.Proposed);

    /// <summary>Every scheme there is: each rule with orthogonal and with He directions.</summary>
    public static IReadOnlyList<Scheme> All { get; } =
        [.. from direction in DirectionNames from rule in RuleNames select new Scheme(direction.Direction, rule.Rule)];

    /// <summary>The name, as <c>orthogonal-proposed</c>; <see cref="Parse"/> reads it.</summary>
    public string Name =>
        $"{DirectionNames.First(entry => entry.Direction == Direction).Name}-{RuleNames.First(entry => entry.Rule == Rule).Name}";

    /// <summary>Whether hidden layers are weight-normalized.</summary>
    public bool HasWeightNorm => Rule is not (ScaleRule.NoWeightNorm or ScaleRule.BatchNorm);

    /// <summary>Whether the network has batch normalization.</summary>
    public bool HasBatchNorm => Rule is ScaleRule.BatchNorm or ScaleRule.WeightNormBatchNorm;

    /// <summary>Whether the scheme looks at a batch of inputs.</summary>
    public bool NeedsBatch => Rule is ScaleRule.DataDependent;

    /// <summary>Whether all rows of a weight-normalized layer start at one length, which the layer's place and shape alone decide.</summary>
    public bool HasOneLength => DerivesScale;

    // He et al. 2015 draw from N(0, 2/fan_in). Under a derived g the 2 is γ's affair and v comes from N(0, 1/fan_in), as in the authors' code.
    private bool DerivesScale => Rule is ScaleRule.Proposed or ScaleRule.ProposedBackward or ScaleRule.Hanin or ScaleRule.WeightNormBatchNorm;

    /// <summary>The scheme of a name.</summary>
    /// <param name="name">As <c>orthogonal-proposed</c>; upper and lower case are the same.</param>
    /// <exception cref="ArgumentException">No scheme has this name; the message lists those there are.</exception>
    public static Scheme Parse(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return All.FirstOrDefault(scheme => scheme.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            ?? throw new ArgumentException(
                $"Expected a scheme, orthogonal- or he- followed by one of {string.Join(", ", RuleNames.Select(entry => entry.Name))}, got '{name}'.", nameof(name));
    }

    /// <summary>γ of a layer: how much larger its squared norm must come out for what follows it.</summary>
    /// <param name="place">Where the layer stands; not an output layer.</param>
    /// <exception cref="ArgumentException">The scheme derives no scale from places, or the place is an output layer.</exception>
    /// <remarks>
    /// Theorem 1: 2 before a ReLU. Theorem 3: 2 in the first layer of a block, 1/B in the last, 1 in the shortcut and in the
    /// convolution before the first stage. 1 for gates: no ReLU halves what they give.
    /// </remarks>
    public Gain GainAt(Place place)
    {
        ArgumentNullException.ThrowIfNull(place);
        if (!DerivesScale)
            throw new ArgumentException($"Expected a scheme that derives its scale, as {Proposed.Name}, got {Name}.");

        return place.Kind switch
        {
            PlaceKind.Hidden or PlaceKind.FirstOfBlock => Gain.BeforeRelu,
            PlaceKind.Stem or PlaceKind.Shortcut or PlaceKind.Gates => Gain.Linear,
            PlaceKind.LastOfBlock when Rule == ScaleRule.Hanin => new(Math.Pow(HaninDecay, 2 * place.Block)),
            PlaceKind.LastOfBlock => Gain.LastOfBlock(place.Blocks),
            _ => throw new ArgumentException("Expected the place of a hidden layer, got that of an output layer, which no scheme scales.", nameof(place)),
        };
    }

    /// <summary>Draws v of a weight-normalized layer, or w of a plain one.</summary>
    /// <param name="shape">[out, in] or [out, in, k_h, k_w].</param>
    /// <param name="generator">The source of randomness. A CPU generator gives the same weights for every device.</param>
    /// <param name="dtype">float32 by default, or float64.</param>
    /// <param name="device">Where the result is wanted; the generator's device by default.</param>
    /// <returns>
    /// Orthogonal rows (columns where there are more rows than columns), or He's: N(0, 1/fan_in) where g is derived from the place, and the
    /// full N(0, 2/fan_in) where w starts as v.
    /// </returns>
    public Tensor Directions(ReadOnlySpan<long> shape, Generator generator, ScalarType dtype = ScalarType.Float32, Device? device = null)
    {
        var v = Init.Directions.Draw(Direction, shape, generator, dtype, device);
        if (Direction != Direction.He || DerivesScale)
            return v;

        using var noGrad = no_grad();
        using var beforeRelu = tensor(Math.Sqrt(Gain.BeforeRelu.Gamma), dtype, v.device);
        return v.mul_(beforeRelu);
    }

    /// <summary>Draws v, or w, of a layer where it stands: of gates, each gate's block by itself, and He's always from N(0, 1/fan_in), since no ReLU follows.</summary>
    /// <param name="place">Where the layer stands; not an output layer.</param>
    /// <param name="shape">[out, in] or [out, in, k_h, k_w].</param>
    /// <param name="generator">The source of randomness. A CPU generator gives the same weights for every device.</param>
    /// <param name="dtype">float32 by default, or float64.</param>
    /// <param name="device">Where the result is wanted; the generator's device by default.</param>
    /// <returns>As without a place, but for gates.</returns>
    public Tensor Directions(Place place, ReadOnlySpan<long> shape, Generator generator, ScalarType dtype = ScalarType.Float32, Device? device = null)
    {
        ArgumentNullException.ThrowIfNull(place);
        if (place.Kind != PlaceKind.Gates)
            return Directions(shape, generator, dtype, device);

        using var scope = NewDisposeScope();
        long[] block = [shape[0] / place.Parts, .. shape[1..]];
        return cat([.. Enumerable.Range(0, place.Parts).Select(_ => Init.Directions.Draw(Direction, block, generator, dtype, device))]).MoveToOuterDisposeScope();
    }

    /// <summary>g of a weight-normalized layer at the start.</summary>
    /// <param name="v">Its directions, shape [out, in, …], no zero row.</param>
    /// <param name="place">Where it stands; not an output layer.</param>
    /// <returns>
    /// Shape [out, 1, …, 1]. Rows of w = g v / ||v|| then have these lengths, also where there are more rows than columns: there the columns
    /// of v are at right angles and its rows of unequal length, which g makes equal.
    /// </returns>
    /// <exception cref="ArgumentException">v has a row of length zero, or one that is not finite; or the scheme has no weight norm.</exception>
    public Tensor Scales(Tensor v, Place place)
    {
        ArgumentNullException.ThrowIfNull(v);
        ArgumentNullException.ThrowIfNull(place);
        if (!HasWeightNorm)
            throw new ArgumentException($"Expected a scheme with weight norm, got {Name}.", nameof(v));

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var shape = v.shape;
        var fans = Fans.Of([shape[0] / place.Parts, .. shape[1..]]);
        var norms = RowNorms(v);
        Array.Fill(shape, 1, 1, shape.Length - 1);
        var g = Rule switch
        {
            ScaleRule.PyTorchDefault => norms.to(v.dtype).view(shape),
            ScaleRule.DataDependent => ones(shape, v.dtype, v.device),
            ScaleRule.ProposedBackward => full(shape, WeightNormScale.Backward(GainAt(place)), v.dtype, v.device),
            _ => full(shape, WeightNormScale.Forward(GainAt(place), fans), v.dtype, v.device),
        };
        return g.MoveToOuterDisposeScope();
    }

    /// <summary>The name.</summary>
    public override string ToString() => Name;

    // ||v|| of each row, in float64; a row that has no direction is refused.
    private static Tensor RowNorms(Tensor v)
    {
        var norms = v.detach().flatten(1).to(ScalarType.Float64).norm(1);
        var lengths = norms.cpu().data<double>().ToArray();
        var bad = Array.FindIndex(lengths, length => !(length > 0) || !double.IsFinite(length));
        return bad < 0
            ? norms
            : throw new ArgumentException(
                $"Expected every row of v to have a length above 0, got {lengths[bad]} in row {bad} of {lengths.Length}. Draw the directions again.", nameof(v));
    }
}
