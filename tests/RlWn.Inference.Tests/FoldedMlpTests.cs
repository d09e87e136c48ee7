using RlWn.Testing;
using CsCheck;
using Xunit;

namespace RlWn.Inference.Tests;

public sealed class FoldedMlpTests
{
    private static readonly Gen<int[]> Widths = Gen.OneOf(Gen.Int[1, 9], Gen.Int[10, 70]).Array[2, 5];

    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(16)]
    public void Forward_AnyWidthsAndBatch_MatchesDoublePrecision(int lanes) =>
        Gen.Select(Widths, Gen.Int[1, 70], Gen.Int[0, 1_000_000]).Sample(
            (widths, batch, seed) =>
            {
                var net = new RandomNet(widths, seed, lanes);
                var input = net.Input(batch);
                var output = new float[batch * widths[^1]];
                net.Mlp.Forward(input, batch, output);

                var expected = net.InDoublePrecision(input, batch);
                for (var i = 0; i < output.Length; i++)
                    Assert.Equal(expected[i], output[i], 1e-5);   // weights scaled so that activations stay near 1: some 20 roundings of 6e-8
                net.Mlp.Dispose();
            },
            iter: 100, threads: 1);

    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(16)]
    public void Forward_RowAloneOrInAnyBatch_GivesTheSameBits(int lanes) =>
        Gen.Select(Widths, Gen.Int[2, 70], Gen.Int[0, 1_000_000]).Sample(
            (widths, batch, seed) =>
            {
                var net = new RandomNet(widths, seed, lanes);
                var (inputs, outputs) = (widths[0], widths[^1]);
                var input = net.Input(batch);
                var together = new float[batch * outputs];
                net.Mlp.Forward(input, batch, together);

                var alone = new float[outputs];
                for (var row = 0; row < batch; row++)
                {
                    net.Mlp.Forward(input.AsSpan(row * inputs, inputs), 1, alone);
                    Assert.Equal(alone, together[(row * outputs)..((row + 1) * outputs)]);
                }

                net.Mlp.Dispose();
            },
            iter: 100, threads: 1);

    [Fact]
    public void Forward_LayersTooWideForTheStack_MatchesDoublePrecision()
    {
        var net = new RandomNet([3, 9000, 2], seed: 1);
        var input = net.Input(5);
        var output = new float[5 * 2];
        net.Mlp.Forward(input, 5, output);

        var expected = net.InDoublePrecision(input, 5);
        for (var i = 0; i < output.Length; i++)
            Assert.Equal(expected[i], output[i], 1e-4);
    }

    [Fact]
    public void Forward_TwoLayersByHand_AppliesReluBetweenThemOnly()
    {
        using var mlp = new FoldedMlp(2, 2, 1);
        mlp.SetLayer(0, [1, 2, 3, -4], [0.5f, 1]);   // x = (1, 2) → (5.5, -4) → (5.5, 0)
        mlp.SetLayer(1, [-2, 7], [1]);               // → -10
        var output = new float[1];
        mlp.Forward([1, 2], 1, output);
        Assert.Equal(-10, output[0]);
    }

    [Fact]
    public void Forward_NaNThatReluMeets_IsNotHidden()
    {
        using var mlp = new FoldedMlp(1, 3, 2);
        mlp.SetLayer(0, [1, 1, 1], [0, 0, 0]);
        mlp.SetLayer(1, [1, 1, 1, 0, 0, 0], [0, 0]);
        var output = new float[3 * 2];
        mlp.Forward([1, float.NaN, 2], 3, output);
        Assert.Equal([3, 0, float.NaN, float.NaN, 6, 0], output);   // and the other rows do not suffer
    }

    // y = (3, 4, -1): mean 2, variance (1 + 4 + 9) / 3 = 14/3, root 2.160247; mean square 26/3, root 2.943920.
    [Theory]
    [InlineData(RowNorm.LayerNorm, 0.462910f, 10.925820f)]   // 1 / 2.160247 and 10 · 2 / 2.160247 + 1.667720; the third, -3 / 2.160247 + 1, is cut to 0
    [InlineData(RowNorm.RmsNorm, 1.019049f, 13.587324f)]     // 3 / 2.943920 and 10 · 4 / 2.943920
    public void Forward_NormalizedRowByHand_IsNormalizedBeforeItsRelu(RowNorm norm, float first, float second)
    {
        foreach (var lanes in (int[])[4, 8, 16])
        {
            using var mlp = new FoldedMlp([1, 3, 3], lanes);
            mlp.SetLayer(0, [1, 0, 0], [2, 4, -1]);
            mlp.SetLayer(1, [1, 0, 0, 0, 1, 0, 0, 0, 1], [0, 0, 0]);
            mlp.SetNorm(0, norm, [1, 10, 1], norm == RowNorm.LayerNorm ? [0, 1.667720f, 1] : []);
            var output = new float[3];
            mlp.Forward([1], 1, output);
            Assert.All(output.Zip((float[])[first, second, 0]), pair => Assert.Equal(pair.Second, pair.First, 1e-4f));

            mlp.SetNorm(0, RowNorm.None, [], []);
            mlp.Forward([1], 1, output);
            Assert.Equal([3, 4, 0], output);
        }
    }

    [Theory]
    [InlineData(4, RowNorm.LayerNorm)]
    [InlineData(8, RowNorm.LayerNorm)]
    [InlineData(16, RowNorm.LayerNorm)]
    [InlineData(4, RowNorm.RmsNorm)]
    [InlineData(8, RowNorm.RmsNorm)]
    [InlineData(16, RowNorm.RmsNorm)]
    public void Forward_NormalizedRows_MatchDoublePrecisionWhateverTheBatch(int lanes, RowNorm norm) =>
        Gen.Select(Gen.Int[1, 9], Gen.Int[2, 70], Gen.Int[1, 40], Gen.Int[0, 1_000_000]).Sample(
            (inputs, width, batch, seed) =>
            {
                var random = new Random(seed);
                float[] Uniform(int count) => [.. Enumerable.Range(0, count).Select(_ => (2 * random.NextSingle()) - 1)];
                var (w, b, x) = (Uniform(width * inputs), Uniform(width), Uniform(batch * inputs));
                var (weight, bias) = (Uniform(width), norm == RowNorm.LayerNorm ? Uniform(width) : []);
                float[] identity = new float[width * width], output = new float[batch * width], alone = new float[width];
                for (var i = 0; i < width; i++)
                    identity[i * (width + 1)] = 1;
                using var mlp = new FoldedMlp([inputs, width, width], lanes);
                mlp.SetLayer(0, w, b);
                mlp.SetNorm(0, norm, weight, bias);
                mlp.SetLayer(1, identity, new float[width]);
                mlp.Forward(x, batch, output);

                for (var row = 0; row < batch; row++)
                {
                    double[] y = [.. Enumerable.Range(0, width).Select(o => b[o] + Enumerable.Range(0, inputs).Sum(i => (double)w[(o * inputs) + i] * x[(row * inputs) + i]))];
                    var mean = norm == RowNorm.LayerNorm ? y.Average() : 0;
                    var deviation = Math.Sqrt(y.Average(value => (value - mean) * (value - mean)) + 1e-5);
                    for (var o = 0; o < width; o++)   // two units that nearly agree are pulled apart by up to 1 / √1e-5, their rounding with them
                        Assert.Equal(Math.Max(0, ((y[o] - mean) / deviation * weight[o]) + (bias.Length > 0 ? bias[o] : 0)), output[(row * width) + o], 5e-4);

                    mlp.Forward(x.AsSpan(row * inputs, inputs), 1, alone);
                    Assert.Equal(alone, output[(row * width)..((row + 1) * width)]);
                }
            },
            iter: 100, threads: 1);

    [Fact]
    public void SetNorm_WrongLengthOrLayer_Throws()
    {
        using var mlp = new FoldedMlp(2, 3, 1);
        Assert.Throws<ArgumentException>(() => mlp.SetNorm(0, RowNorm.LayerNorm, new float[3], []));
        Assert.Throws<ArgumentException>(() => mlp.SetNorm(0, RowNorm.RmsNorm, new float[3], new float[3]));
        Assert.Throws<ArgumentException>(() => mlp.SetNorm(0, RowNorm.RmsNorm, new float[2], []));
        Assert.Throws<ArgumentOutOfRangeException>(() => mlp.SetNorm(1, RowNorm.RmsNorm, new float[1], []));   // the output layer
    }

    [Fact]
    public void Forward_NaNInANormalizedRow_IsNotHidden()
    {
        using var mlp = new FoldedMlp(1, 3, 1);
        mlp.SetLayer(0, [1, 2, -1], [0, 0, 0]);
        mlp.SetLayer(1, [1, 1, 1], [0]);
        mlp.SetNorm(0, RowNorm.RmsNorm, [1, 1, 1], []);
        var output = new float[2];
        mlp.Forward([float.NaN, 1], 2, output);
        Assert.True(float.IsNaN(output[0]));
        Assert.True(float.IsFinite(output[1]));
    }

    [Fact]
    public void Forward_EmptyBatch_DoesNothing()
    {
        using var mlp = new FoldedMlp(3, 2);
        mlp.Forward([], 0, []);
    }

    [Fact]
    public void Forward_WrongLength_SaysWhatIsExpected()
    {
        using var mlp = new FoldedMlp(3, 2);
        var error = Assert.Throws<ArgumentException>(() => mlp.Forward(new float[5], 2, new float[4]));
        Assert.Contains("[2, 3]", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => mlp.Forward(new float[6], 2, new float[5]));
        Assert.Throws<ArgumentOutOfRangeException>(() => mlp.Forward([], -1, []));
    }

    [Fact]
    public void Forward_Disposed_Throws()
    {
        var mlp = new FoldedMlp(3, 2);
        mlp.Dispose();
        mlp.Dispose();
        Assert.Throws<ObjectDisposedException>(() => mlp.Forward(new float[3], 1, new float[2]));
        Assert.Throws<ObjectDisposedException>(() => mlp.SetLayer(0, new float[6], new float[2]));
    }

    [Fact]
    public void Forward_AndSetLayer_AllocateNothing()
    {
        var net = new RandomNet([4, 64, 64, 2], seed: 1);
        var (input, output, weight, bias) = (net.Input(64), new float[64 * 2], new float[64 * 4], new float[64]);
        Allocations.AssertNone(() =>
        {
            net.Mlp.Forward(input, 64, output);
            net.Mlp.Forward(input.AsSpan(0, 4), 1, output.AsSpan(0, 2));
            net.Mlp.SetLayer(0, weight, bias);
        });
    }

    [Fact]
    public void SetLayer_Again_ReplacesTheWeights()
    {
        using var mlp = new FoldedMlp(2, 1);
        var output = new float[1];
        mlp.SetLayer(0, [1, 1], [1]);
        mlp.SetLayer(0, [2, 3], [4]);
        mlp.Forward([10, 100], 1, output);
        Assert.Equal(324, output[0]);
    }

    [Fact]
    public void SetLayer_WrongLengthOrLayer_Throws()
    {
        using var mlp = new FoldedMlp(2, 3);
        Assert.Throws<ArgumentException>(() => mlp.SetLayer(0, new float[5], new float[3]));
        Assert.Throws<ArgumentException>(() => mlp.SetLayer(0, new float[6], new float[2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => mlp.SetLayer(1, new float[6], new float[3]));
    }

    [Fact]
    public void Constructor_FewerThanTwoWidthsOrZero_Throws()
    {
        Assert.Throws<ArgumentException>(() => new FoldedMlp(4));
        Assert.Throws<ArgumentException>(() => new FoldedMlp(4, 0, 2));
    }

    [Fact]
    public void Fold_ByHand_ScalesRowsToTheNormG()
    {
        var weight = new float[4];
        FoldedMlp.Fold([10, -1], [3, 4, 0, 2], weight);   // norms 5 and 2
        Assert.Equal([6, 8, 0, -1], weight);
    }

    [Fact]
    public void Fold_InPlaceAndBeyondTheRangeOfFloatSquares_IsRight()
    {
        float[] v = [3e25f, 4e25f, 3e-25f, 4e-25f];   // the squares overflow and underflow in single precision
        FoldedMlp.Fold([5, 5], v, v);
        Assert.Equal([3, 4, 3, 4], v.Select(value => MathF.Round(value, 5)));
    }

    [Fact]
    public void Fold_ZeroRow_SaysWhich()
    {
        var error = Assert.Throws<ArgumentException>(() => FoldedMlp.Fold([1, 1], [1, 1, 0, 0], new float[4]));
        Assert.Contains("norm 0 in row 1", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => FoldedMlp.Fold([1, 1], [1, float.NaN, 1, 1], new float[4]));
    }

    [Theory]
    [InlineData(2, 3, 3)]
    [InlineData(2, 4, 3)]
    [InlineData(0, 0, 0)]
    public void Fold_LengthsThatDoNotFit_Throws(int g, int v, int weight) =>
        Assert.Throws<ArgumentException>(() => FoldedMlp.Fold(new float[g], new float[v], new float[weight]));

    private sealed class RandomNet
    {
        private readonly int[] widths;
        private readonly Random random;
        private readonly List<(float[] Weight, float[] Bias)> layers = [];

        public RandomNet(int[] widths, int seed, int lanes = 8)
        {
            (this.widths, random) = (widths, new Random(seed));
            Mlp = new FoldedMlp(widths, lanes);
            for (var i = 0; i + 1 < widths.Length; i++)
            {
                layers.Add((Uniform(widths[i] * widths[i + 1], 2 / Math.Sqrt(widths[i])), Uniform(widths[i + 1], 1)));
                Mlp.SetLayer(i, layers[i].Weight, layers[i].Bias);
            }
        }

        public FoldedMlp Mlp { get; }

        public float[] Input(int batch) => Uniform(batch * widths[0], 1);

        public double[] InDoublePrecision(float[] input, int batch)
        {
            double[] x = [.. input.Select(value => (double)value)];
            for (var layer = 0; layer < layers.Count; layer++)
            {
                var (inputs, outputs) = (widths[layer], widths[layer + 1]);
                var y = new double[batch * outputs];
                for (var row = 0; row < batch; row++)
                {
                    for (var o = 0; o < outputs; o++)
                    {
                        var sum = (double)layers[layer].Bias[o];
                        for (var i = 0; i < inputs; i++)
                            sum += layers[layer].Weight[(o * inputs) + i] * x[(row * inputs) + i];
                        y[(row * outputs) + o] = layer < layers.Count - 1 ? Math.Max(sum, 0) : sum;
                    }
                }

                x = y;
            }

            return x;
        }

        private float[] Uniform(int count, double bound)
        {
            var values = new float[count];
            for (var i = 0; i < count; i++)
                values[i] = (float)(bound * ((2 * random.NextDouble()) - 1));
            return values;
        }
    }
}
