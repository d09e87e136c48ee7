using MathNet.Numerics;

namespace RlWn.Init;

/// <summary>The factor by which a norm changes, over one layer or over many, as a random variable of the weights drawn.</summary>
/// <param name="MeanSquare">E ratio²: what the paper's theorems set to 1. Exact, as is the next.</param>
/// <param name="MeanFourth">E ratio⁴.</param>
/// <param name="Mean">E ratio. Below the root of <paramref name="MeanSquare"/>, by Jensen's inequality.</param>
/// <param name="MeanLog">E ln ratio, where the ratio is not 0: the drift. It adds up over layers and says what a typical network does.</param>
/// <param name="LogVariance">Var ln ratio, where the ratio is not 0. It adds up likewise.</param>
/// <param name="DeadShare">P(ratio = 0): a ReLU cut off every unit of some layer.</param>
public readonly record struct NormRatio(double MeanSquare, double MeanFourth, double Mean, double MeanLog, double LogVariance, double DeadShare)
{
    /// <summary>A norm that stays as it is: no layers.</summary>
    public static NormRatio One => new(1, 1, 1, 0, 0, 0);

    /// <summary>The ratio's standard deviation.</summary>
    public double Deviation => Math.Sqrt(Math.Max(0, MeanSquare - (Mean * Mean)));

    /// <summary>The standard deviation of ratio².</summary>
    public double SquareDeviation => Math.Sqrt(Math.Max(0, MeanFourth - (MeanSquare * MeanSquare)));

    /// <summary>e^E ln ratio, the geometric mean: close to the median over deep networks, whose logarithm is a sum over layers.</summary>
    public double Typical => Math.Exp(MeanLog);

    /// <summary>The product with an independent ratio: this layer, then the next. Moments multiply, logarithms add.</summary>
    /// <param name="next">The ratio that follows.</param>
    public NormRatio Then(NormRatio next) => new(
        MeanSquare * next.MeanSquare, MeanFourth * next.MeanFourth, Mean * next.Mean,
        MeanLog + next.MeanLog, LogVariance + next.LogVariance, DeadShare + ((1 - DeadShare) * next.DeadShare));

    /// <summary>The ratio times a constant.</summary>
    /// <param name="factor">Above 0.</param>
    public NormRatio Times(double factor) => this with
    {
        MeanSquare = factor * factor * MeanSquare,
        MeanFourth = Math.Pow(factor, 4) * MeanFourth,
        Mean = factor * Mean,
        MeanLog = Math.Log(factor) + MeanLog,
    };
}

/// <summary>How much the norm of the activations changes on the way up, and the norm of the gradients on the way down.</summary>
/// <param name="Forward">Of one layer, ||ReLU(g Ŵ h)|| / ||h||.</param>
/// <param name="Backward">Of one layer, ||∂L/∂aₗ|| / ||∂L/∂aₗ₊₁||, through the layer's Ŵᵀ and the ReLU below it.</param>
public readonly record struct NormRatios(NormRatio Forward, NormRatio Backward);

/// <summary>What theorems 1 to 3 say of the norms, at every width: expectations, their spread, and the drift with depth.</summary>
/// <remarks>
/// <para>
/// Arpit, Campos and Bengio 2019, arXiv:1906.02341, for linear layers a = g Ŵ h with unit rows (m = fan_out of them, of
/// n = fan_in numbers each) and biases 0. The paper argues in the mean; the spread at finite width is derived here.
/// </para>
/// <para>
/// All rests on symmetry. (i) Each row is uniform on the unit sphere of n dimensions, so its product x with a unit vector has
/// x² ~ Beta(1/2, (n-1)/2) and E x² = 1/n, E x⁴ = 3/(n(n+2)). (ii) A row is as likely as its opposite, so which rows a ReLU lets
/// pass is m fair coins, independent of all x². (iii) W and W O have one law for every rotation O, so a layer's forward ratio does not
/// depend on its input, ratios of successive layers are independent, and their moments multiply.
/// Two rows matter to each other through one number only, E cos² of the angle between them: 1/n where they are independent
/// (<see cref="Direction.He"/>), 0 where they are orthogonal, and a series where orthogonal columns make more rows than columns.
/// </para>
/// <para>
/// On the way down, the same symmetry makes expectations of squares exact where the gradient handed in at the top has a random direction,
/// but for networks that a ReLU cuts off altogether (<see cref="NormRatio.DeadShare"/>, 2⁻ᵐ a layer). Over several layers, spreads also assume, as the
/// paper does, that ∂L/∂aₗ₊₁ is independent of the weights below it, an error of relative order 1/n.
/// For convolutions the expectations of squares hold where borders wrap around; the spread depends on the picture.
/// </para>
/// <code>
/// var fans = new Fans(512, 512);
/// var layer = MeanField.Layer(fans, Direction.Orthogonal, WeightNormScale.Forward(Gain.BeforeRelu, fans));
/// layer.Forward.MeanSquare      // 1: theorem 1
/// layer.Forward.MeanLog * 100   // -0.15: a hundred such layers typically keep 86% of the norm
/// </code>
/// </remarks>
public static class MeanField
{
    /// <summary>√2 and √e, between which a residual stage of any number of blocks enlarges the root mean square norm (theorem 3).</summary>
    public static (double Least, double Greatest) StageBounds => (Math.Sqrt(2), Math.Exp(0.5));

    /// <summary>
    /// E ReLU(u·ĥ)^power of one unit: u uniform on the unit sphere of n dimensions, as a row of a random orthogonal matrix is, ĥ any unit vector.
    /// </summary>
    /// <param name="n">The dimension, at least 1. In dimension 1 the sphere is {-1, 1}.</param>
    /// <param name="power">p, at least 1.</param>
    /// <returns>Γ((p+1)/2) Γ(n/2) / (2 √π Γ((n+p)/2)), to a relative 1e-12 for any n.</returns>
    /// <remarks>
    /// With Sₙ = 2 π^(n/2) / Γ(n/2), the surface of the unit sphere in n dimensions, and θ the angle between u and ĥ:
    /// Sₙ₋₁/Sₙ ∫₀^(π/2) cosᵖθ sinⁿ⁻²θ dθ, where the integral is Γ((p+1)/2) Γ((n-1)/2) / (2 Γ((n+p)/2)).
    /// </remarks>
    public static double UnitMoment(long n, int power)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(power, 1);

        var moment = Math.Exp(SpecialFunctions.GammaLn((power + 1) / 2.0)) / (2 * Math.Sqrt(Math.PI));
        for (var i = 0; i < power; i++)
            moment /= HalfStep(((double)n + i) / 2);
        return moment;
    }

    /// <summary>Kₙ = E||ReLU(√(2n/m) Ŵ h)||² / ||h||², for any number m of unit rows in random directions: 1 for every n, no limit needed.</summary>
    /// <param name="n">fan_in, at least 1.</param>
    /// <returns>2n E ReLU(u·ĥ)², each of the m units giving 1/m of it; 1 up to rounding.</returns>
    /// <remarks>
    /// The constant of theorem 1, which the paper finds to be 1 by sampling. In closed form, from the sphere's surface,
    /// Kₙ = 2n Γ(3/2) Γ(n/2) / (2 √π Γ(n/2 + 1)) = (n/2) Γ(n/2) / Γ(n/2 + 1) = 1. Or without an integral: n squares of coordinates
    /// sum to 1, so one has the mean 1/n, and a ReLU lets half of it pass.
    /// </remarks>
    public static double Kn(long n) => 2.0 * n * UnitMoment(n, 2);

    /// <summary>The norm ratios of one hidden layer, the ReLU after it on the way up and the ReLU before it on the way down.</summary>
    /// <param name="fans">n and m, each at least 1.</param>
    /// <param name="direction">How rows are drawn before weight normalization gives them length 1.</param>
    /// <param name="g">The layer's scale, above 0: as <see cref="WeightNormScale"/> gives it, or 1.</param>
    /// <returns>
    /// Squares and fourth powers exactly. <see cref="NormRatio.Mean"/> and logarithms exactly for orthogonal rows (m ≤ n); else by Beta and
    /// Gamma laws of the exact mean and variance: the mean is then right within 0.5% at width 4 and 0.1% at 16, the mean and the variance of
    /// the logarithm within 10% at width 4 and 3% at 16.
    /// </returns>
    /// <remarks>
    /// <para>
    /// Up: E ratio² = g² m/(2n), thus 1 for g² = 2n/m. With c = E cos² between rows, E ratio⁴ = g⁴ m (6 + (m-1)(1 + 2c)) / (4n(n+2)), since
    /// E xᵢ²xⱼ² = (1 + 2c)/(n(n+2)), a quarter of it where both pass. At g² = 2n/m: Var ratio² = (5n-2)/(m(n+2)) for independent rows and
    /// (5n-2m)/(m(n+2)) for orthogonal ones, which is 3/(n+2) for a square layer.
    /// </para>
    /// <para>
    /// Down: Ŵᵀδ has a direction uniform on the sphere and E||Ŵᵀδ||² = ||δ||²; the ReLU below lets each of n units pass by a fair coin. So
    /// E ratio² = g²/2: 1 for theorem 2's g² = 2, and n/m for theorem 1's. E ratio⁴ = g⁴ (n+5)/(4(n+2)) (1 + 2c(1 - E Σδ̂ᵢ⁴)).
    /// </para>
    /// </remarks>
    public static NormRatios Layer(Fans fans, Direction direction, double g)
    {
        Require(fans, direction);
        if (!(g > 0) || !double.IsFinite(g))
            throw new ArgumentOutOfRangeException(nameof(g), g, "Expected a finite scale g above 0, as WeightNormScale.Forward gives it.");

        var cosSquared = RowCosSquared(fans, direction);
        var down = Stretch(2 * cosSquared * (1 - MaskedFourth(fans.Out))).Then(Rectified(new(fans.In, fans.In), 0));
        return new(Rectified(fans, cosSquared).Times(g), down.Times(g));
    }

    /// <summary>The norm ratios over a plain network: the product over its layers.</summary>
    /// <param name="widths">Input features, then the width of each of L hidden layers.</param>
    /// <param name="direction">How rows are drawn.</param>
    /// <param name="scale">
    /// g from a layer's fans: fans => WeightNormScale.Forward(Gain.BeforeRelu, fans) (theorem 1), _ => WeightNormScale.Backward(Gain.BeforeRelu)
    /// (theorem 2), or _ => 1.
    /// </param>
    /// <returns>||h_L|| / ||x|| over layers 1 to L, and ||∂L/∂a₁|| / ||∂L/∂a_L|| over layers L to 2.</returns>
    /// <remarks>
    /// Over varying widths squares multiply to 1 upwards and n₁/n_L downwards under theorem 1, and to n_L/n₀ upwards and 1 downwards under theorem 2.
    /// Even where E ratio² stays 1, a typical network loses norm: the drift is about -Var ratio²/4 a layer, -3/(4n) for orthogonal directions of width n.
    /// </remarks>
    public static NormRatios Plain(ReadOnlySpan<int> widths, Direction direction, Func<Fans, double> scale)
    {
        ArgumentNullException.ThrowIfNull(scale);
        if (widths.Length < 2)
            throw new ArgumentException($"Expected the input's width and that of at least one hidden layer, got {widths.Length} in all.", nameof(widths));

        var known = new Dictionary<Fans, NormRatios>();
        var (forward, backward) = (NormRatio.One, NormRatio.One);
        for (var l = 1; l < widths.Length; l++)
        {
            var fans = new Fans(widths[l - 1], widths[l]);
            if (!known.TryGetValue(fans, out var layer))
                known[fans] = layer = Layer(fans, direction, scale(fans));
            forward = forward.Then(layer.Forward);
            backward = l == 1 ? backward : backward.Then(layer.Backward);
        }

        return new(forward, backward);
    }

    /// <summary>The expected squared norm after some blocks of a residual stage, in units of that before it; on the way down the same.</summary>
    /// <param name="blocks">B, the blocks of the stage, at least 1.</param>
    /// <param name="after">b, how many of them have been passed, 0 to B.</param>
    /// <returns>(1 + 1/B)^b exactly, at every width. At b = B its root is the c of theorem 3, within <see cref="StageBounds"/>.</returns>
    /// <remarks>
    /// hᵦ₊₁ = hᵦ + F(hᵦ), where E||F(h)||² = γ||h||² with γ = 1/B in the block's last layer and 2 in its first, and E h·F(h) = 0, since F's
    /// last weights are as likely as their opposites.
    /// </remarks>
    public static double StageSquare(int blocks, int after)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(blocks, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(after);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(after, blocks);
        return Math.Pow(1 + (1.0 / blocks), after);
    }

    /// <summary>The same under the stage-wise Hanin scheme, whose block b has γ = (0.9ᵇ)² in its last layer.</summary>
    /// <param name="blocks">How many blocks have been passed, at least 0: the scheme does not depend on how many follow.</param>
    /// <returns>∏ (1 + 0.81ᵇ) over b = 1 to the number of blocks: below 35.4, a factor of 5.95 on the norm, however deep.</returns>
    /// <remarks>Hanin and Rolnick 2018, arXiv:1803.01719, as the paper adapts it.</remarks>
    public static double HaninStageSquare(int blocks)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(blocks);
        var square = 1.0;
        for (var b = 1; b <= blocks; b++)
            square *= 1 + Math.Pow(0.81, b);
        return square;
    }

    /// <summary>
    /// The norm ratio over a residual stage of blocks h + g₂ Ŵ₂ ReLU(g₁ Ŵ₁ h), all of one width, with g₁² = 2: of h up the stage, and of ∂L/∂h down it.
    /// </summary>
    /// <param name="gammas">γ = g₂² of each block's last layer, each above 0: 1/B for each of B blocks (theorem 3), or 0.81ᵇ (Hanin).</param>
    /// <param name="width">n, at least 1.</param>
    /// <param name="direction">How rows are drawn.</param>
    /// <returns>
    /// Squares and fourth powers exactly, block by block. <see cref="NormRatio.Mean"/> and logarithms as of a log-normal law with these two moments: for one
    /// block the mean is right within 1% at width 4 and 0.1% at 16; the variance of the logarithm is up to a third too low at 4, an eighth at 16, 4% at 64.
    /// </returns>
    /// <remarks>
    /// A block's ratio² is 1 + 2 ĥ·F + ||F||², where E||F||² = γ, E (ĥ·F)² = γ/n, and the sign of F is a fair coin. So
    /// E ratio⁴ = 1 + 2γ + 4γ/n + γ² (n + 5 + d)(n + 2 + d)/(n + 2)², where d = 2c(n-1) with the c of <see cref="Layer"/>. On the way down the same two
    /// factors come out in the other order: one gain serves both directions.
    /// </remarks>
    public static NormRatio ResidualStage(ReadOnlySpan<double> gammas, long width, Direction direction)
    {
        var square = new Fans(width, width);
        Require(square, direction);
        foreach (var gamma in gammas)
        {
            if (!(gamma > 0) || !double.IsFinite(gamma))
                throw new ArgumentOutOfRangeException(nameof(gammas), gamma, "Expected a finite γ above 0 for each block, as Gain.LastOfBlock gives it.");
        }

        double n = width;
        var more = 2 * RowCosSquared(square, direction) * (n - 1);
        var fourth = (n + 5 + more) / (n + 2) * (n + 2 + more) / (n + 2);     // E||√2 ReLU(Ŵ₁ĥ)||⁴, times E||Ŵ₂r̂||⁴ of any unit vector r̂

        var stage = NormRatio.One;
        foreach (var gamma in gammas)
            stage = stage.Then(LogNormal(1 + gamma, 1 + (2 * gamma) + (4 * gamma / n) + (gamma * gamma * fourth)));
        return stage;
    }

    /// <summary>E cos² of the angle between two rows of one layer.</summary>
    /// <remarks>
    /// For m > n rows of a random matrix with orthonormal columns: given row i, of squared length s ~ Beta(n/2, (m-n)/2), row j has a share
    /// β ~ Beta(1/2, (n-1)/2) of its squared length along row i before a factor √(1-s) shortens it, so cos² = (1-s)β / (1-sβ).
    /// The geometric series in sβ, term by term, is ((m-n)/2) Σₖ (1/2)ₖ₊₁ / ((m/2)ₖ₊₁ (n/2 + k)), with rising factorials (a)ₖ.
    /// </remarks>
    internal static double RowCosSquared(Fans fans, Direction direction)
    {
        double n = fans.In, m = fans.Out;
        if (fans.In == 1 || direction == Direction.He)
            return 1 / n;
        if (fans.Out <= fans.In)
            return 0;

        const int Terms = 10_000;
        var (sum, factor) = (0.0, 1 / m);
        for (var k = 0; k < Terms && factor > 1e-20; k++)
        {
            sum += factor / ((n / 2) + k);
            factor *= (k + 1.5) / (k + 1 + (m / 2));
        }

        // The rest, as an integral: terms fall as k^(-(m+1)/2), slowly only for the smallest m. The error is below 1e-7.
        sum += factor / ((n / 2) + Terms) * Terms / ((m - 1) / 2);
        return (m - n) / 2 * sum;
    }

    // ||ReLU(Ŵ ĥ)||. Given that k rows let pass, Σ x² has the mean k/n and E(Σ x²)² = k (k + 2 + 2c(k-1)) / (n(n+2)). It has the law Beta(k/2, (n-k)/2) where
    // rows are orthogonal, and else is taken as a scaled Beta law of these moments that starts off as it must, like (Σ x²)^(k/2): exact for k = 1 and as n grows.
    private static NormRatio Rectified(Fans fans, double cosSquared)
    {
        double n = fans.In, m = fans.Out;
        var (total, mean, log, logSquare) = (0.0, 0.0, 0.0, 0.0);
        var weight = 1.0;
        for (var k = fans.Out / 2; k >= 0 && weight > 1e-18; k--)      // C(m, k) = C(m, m-k), from the middle outwards
        {
            Add(k);
            if (fans.Out - k != k)
                Add(fans.Out - k);
            weight *= k / (m - k + 1);
        }

        var dead = Math.Pow(0.5, m);
        return new(
            m / (2 * n), m * (6 + ((m - 1) * (1 + (2 * cosSquared)))) / (4 * n * (n + 2)), (1 - dead) * mean / total,
            log / total, (logSquare / total) - (log / total * (log / total)), dead);

        void Add(double k)
        {
            if (k == 0)
                return;

            // Beta(a, b) times its scale, with a = k/2 and a + b = sum.
            var (a, sum) = (k / 2, n / 2 * (k + 2 + (2 * cosSquared * (k - 1))) / (k + 2 - (n * cosSquared * (k - 1))));
            var scale = k / n * sum / a;
            var drift = (Math.Log(scale) + SpecialFunctions.DiGamma(a) - SpecialFunctions.DiGamma(sum)) / 2;
            var variance = (TriGamma(a) - TriGamma(sum)) / 4;

            total += weight;
            mean += weight * Math.Sqrt(scale) * HalfStep(a) / HalfStep(sum);
            log += weight * drift;
            logSquare += weight * ((drift * drift) + variance);
        }
    }

    // A ratio whose square has mean 1 and the given variance, as of a Gamma law: ||Ŵᵀδ|| / ||δ||.
    private static NormRatio Stretch(double variance)
    {
        if (variance <= 0)
            return NormRatio.One;

        var shape = 1 / variance;
        return new(1, 1 + variance, HalfStep(shape) / Math.Sqrt(shape), (SpecialFunctions.DiGamma(shape) - Math.Log(shape)) / 2, TriGamma(shape) / 4, 0);
    }

    private static NormRatio LogNormal(double meanSquare, double meanFourth)
    {
        var variance = Math.Log(meanFourth / (meanSquare * meanSquare)) / 4;
        var log = (Math.Log(meanSquare) / 2) - variance;
        return new(meanSquare, meanFourth, Math.Exp(log + (variance / 2)), log, variance, 0);
    }

    // E Σδ̂ᵢ⁴ of a random direction that a ReLU left k of m coordinates, k > 0 by fair coins: E 3/(k+2), from ∫₀¹ t E tᵏ dt and E tᵏ = ((1+t)/2)ᵐ.
    private static double MaskedFourth(double m)
    {
        var dead = Math.Pow(0.5, m);
        var inverse = (4 / (m + 2) * (1 - (dead / 4))) - (2 / (m + 1) * (1 - (dead / 2)));
        return 3 * (inverse - (dead / 2)) / (1 - dead);
    }

    // Γ(x + 1/2) / Γ(x). Log-Gammas of large numbers differ by less than they are rounded by; there the asymptotic series is exact to 1e-13.
    private static double HalfStep(double x)
    {
        if (x < 128)
            return Math.Exp(SpecialFunctions.GammaLn(x + 0.5) - SpecialFunctions.GammaLn(x));

        var r = 1 / (8 * x);
        return Math.Sqrt(x) * (1 - (r * (1 - (r / 2 * (1 + (5 * r * (1 - (r * 21 / 20))))))));
    }

    // ψ'(x) by ψ'(x) = ψ'(x + 1) + 1/x² and its asymptotic series.
    private static double TriGamma(double x)
    {
        var sum = 0.0;
        for (; x < 12; x++)
            sum += 1 / (x * x);

        var r = 1 / (x * x);
        return sum + (1 / x) + (r / 2) + (r / x * ((1 / 6.0) - (r * ((1 / 30.0) - (r * ((1 / 42.0) - (r / 30)))))));
    }

    private static void Require(Fans fans, Direction direction)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(fans.In, 1, nameof(fans));
        ArgumentOutOfRangeException.ThrowIfLessThan(fans.Out, 1, nameof(fans));
        if (!Enum.IsDefined(direction))
            throw new ArgumentOutOfRangeException(nameof(direction), direction, "Expected Orthogonal or He.");
    }
}
