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
        Gen.Select(Gen.Int[0, 18], Gen.Int[0, 40], Gen.Int[1, 140], Gen.Int[0, 3], Gen.Bool, Gen.Bool, Gen.Int).Sample(
            (rows, inner, columns, gap, transposed, withBias, seed) =>
            {
                var random = new Random(seed);
                var padded = Gemm.Padded(columns);
                Assert.True(padded >= columns && padded < columns + Gemm.Lanes && padded % Gemm.Lanes == 0);

                // A lies row by row or column by column, with unused numbers at the end of each.
                var (aRow, aColumn) = transposed ? (1, rows + gap) : (inner + gap, 1);
                var (a, b, bias) = (Numbers((rows + gap + 1) * (inner + gap + 1)), Numbers(inner * padded), Numbers(padded));
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

                float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 2) - 1)];
            },
            iter: 300);

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
