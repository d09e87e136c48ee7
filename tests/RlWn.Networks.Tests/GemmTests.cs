using System.Runtime.InteropServices;
using CsCheck;
using RlWn.Inference;
using Xunit;

namespace RlWn.Networks.Tests;

public unsafe class GemmTests
{
    private const float Untouched = 12345;

    [Fact]
    public void Multiply_AnySizes_IsTheNaiveProduct() =>
        Gen.Select(Gen.Int[0, 18], Gen.Int[0, 40], Gen.Int[1, 140], Gen.Int[0, 3], Gen.Bool, Gen.Bool, Gen.Int).Sample(IsTheNaiveProduct, iter: 300);

    [Fact]
    public void Multiply_ManyWideRows_IsTheNaiveProduct() =>   // columns of B are laid together first
        Gen.Select(Gen.Int[14, 35], Gen.Int[0, 40], Gen.Int[490, 1_060], Gen.Int[0, 3], Gen.Bool, Gen.Bool, Gen.Int).Sample(IsTheNaiveProduct, iter: 30);

    // The stack is aligned to 16 bytes, so a panel may begin up to 48 bytes into its room.
    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(16)]
    public void PanelRoom_WhereverTheStackIs_HoldsThePanel(int lanes)
    {
        const int Inner = 512, StackAlignment = 16;
        for (nuint room = StackAlignment; room <= 4 * Gemm.Alignment; room += StackAlignment)
        {
            var start = Gemm.PanelStart(room);
            Assert.True(start >= room && start % Gemm.Alignment == 0);
            Assert.InRange(start + (nuint)(2 * lanes * Inner * sizeof(float)), start, room + (nuint)(Gemm.PanelRoom(lanes, Inner) * sizeof(float)));
        }
    }

    [Fact]
    public void MultiplyTransposed_AnySizes_IsTheNaiveProductScaledAndShifted() =>
        Gen.Select(Gen.Int[0, 11], Gen.Int[1, 6], Gen.Int[1, 23], Gen.Bool, Gen.Int).Sample(
            (rows, vectors, columns, withScale, seed) =>
            {
                var (random, inner, padded) = (new Random(seed), vectors * Gemm.Lanes, Gemm.Padded(columns));
                var (a, b, scale, bias) = (Numbers(random, rows * inner), Numbers(random, columns * inner), Numbers(random, columns), Numbers(random, columns));
                var c = Enumerable.Repeat(Untouched, rows * padded).ToArray();

                using (Memory ma = new(a), mb = new(b), mscale = new(scale), mbias = new(bias), mc = new(c))
                {
                    Gemm.MultiplyTransposed(ma.Start, mb.Start, withScale ? mscale.Start : null, mbias.Start, mc.Start, rows, inner, columns);
                    mc.CopyTo(c);
                }

                for (var row = 0; row < rows; row++)
                {
                    for (var column = 0; column < padded; column++)
                    {
                        if (column >= columns)
                        {
                            Assert.Equal(Untouched, c[(row * padded) + column]);
                            continue;
                        }

                        var products = Enumerable.Range(0, inner).Select(k => (double)a[(row * inner) + k] * b[(column * inner) + k]).ToArray();
                        var factor = withScale ? scale[column] : 1;
                        var bound = (inner + 2) * ((Math.Abs(factor) * products.Sum(Math.Abs)) + Math.Abs(bias[column])) * Math.Pow(2, -24);
                        Assert.Equal((factor * products.Sum()) + bias[column], c[(row * padded) + column], bound);
                    }
                }
            },
            iter: 300);

    private static void IsTheNaiveProduct(int rows, int inner, int columns, int gap, bool transposed, bool withBias, int seed)
    {
        var random = new Random(seed);
        var padded = Gemm.Padded(columns);
        Assert.True(padded >= columns && padded < columns + Gemm.Lanes && padded % Gemm.Lanes == 0);

        // A lies row by row or column by column, with unused numbers at the end of each.
        var (aRow, aColumn) = transposed ? (1, rows + gap) : (inner + gap, 1);
        var (a, b, bias) = (Numbers(random, (rows + gap + 1) * (inner + gap + 1)), Numbers(random, inner * padded), Numbers(random, padded));
        var c = Enumerable.Repeat(Untouched, (rows * padded) + Gemm.Lanes).ToArray();

        using (Memory ma = new(a), mb = new(b), mbias = new(bias), mc = new(c))
        {
            Gemm.Multiply(ma.Start, aRow, aColumn, mb.Start, withBias ? mbias.Start : null, mc.Start, rows, inner, padded);
            mc.CopyTo(c);
        }

        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < padded; column++)
            {
                var (sum, size) = withBias ? ((double)bias[column], Math.Abs((double)bias[column])) : (0, 0);
                for (var k = 0; k < inner; k++)
                {
                    var product = (double)a[(row * aRow) + (k * aColumn)] * b[(k * padded) + column];
                    (sum, size) = (sum + product, size + Math.Abs(product));
                }

                // Each of inner + 1 additions rounds by at most half a unit of the sum of sizes.
                Assert.Equal(sum, c[(row * padded) + column], (inner + 1) * size * Math.Pow(2, -24));
            }
        }

        Assert.All(c[(rows * padded)..], value => Assert.Equal(Untouched, value));
    }

    private static float[] Numbers(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 2) - 1)];

    private sealed class Memory : IDisposable
    {
        private readonly int length;

        public Memory(float[] values)
        {
            length = values.Length;
            Start = (float*)NativeMemory.AlignedAlloc((nuint)Math.Max(length, 1) * sizeof(float), 64);
            values.CopyTo(new Span<float>(Start, length));
        }

        public float* Start { get; }

        public void CopyTo(float[] values) => new Span<float>(Start, length).CopyTo(values);

        public void Dispose() => NativeMemory.AlignedFree(Start);
    }
}
