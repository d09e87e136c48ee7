using System.Runtime.Intrinsics;
using RlWn.Inference;

namespace RlWn.Networks;

/// <summary>Matrix products of the sizes that small networks have, for which a call into a library costs as much as the product.</summary>
internal static unsafe class Gemm
{
    /// <summary>Numbers in the machine's widest vector; every row of B and C is padded to a multiple of it.</summary>
    public static readonly int Lanes = Vector512.IsHardwareAccelerated ? 16 : Vector256.IsHardwareAccelerated ? 8 : 4;

    /// <summary>A row's length in memory: the next multiple of <see cref="Lanes"/>.</summary>
    public static int Padded(int width) => (width + Lanes - 1) / Lanes * Lanes;

    /// <summary>C = A B, or C = A B + bias in every row.</summary>
    /// <param name="a">A, [M, K]: entry (m, k) lies at m aRow + k aColumn, so that a transposed matrix needs no copy.</param>
    /// <param name="aRow">Distance from a row of A to the next.</param>
    /// <param name="aColumn">Distance from a column of A to the next.</param>
    /// <param name="b">B, [K, N], rows padded.</param>
    /// <param name="bias">A padded row, or null.</param>
    /// <param name="c">C, [M, N], rows padded.</param>
    /// <param name="rows">M.</param>
    /// <param name="inner">K.</param>
    /// <param name="padded">N, padded.</param>
    public static void Multiply(float* a, nint aRow, nint aColumn, float* b, float* bias, float* c, int rows, int inner, int padded)
    {
        if (Lanes == 16)
            Multiply<Vector512<float>, Simd512>(a, aRow, aColumn, b, bias, c, rows, inner, padded);
        else if (Lanes == 8)
            Multiply<Vector256<float>, Simd256>(a, aRow, aColumn, b, bias, c, rows, inner, padded);
        else
            Multiply<Vector128<float>, Simd128>(a, aRow, aColumn, b, bias, c, rows, inner, padded);
    }

    private static void Multiply<TVector, TSimd>(float* a, nint aRow, nint aColumn, float* b, float* bias, float* c, int rows, int inner, int padded)
        where TVector : struct
        where TSimd : ISimd<TVector>
    {
        var n = TSimd.Lanes;
        var column = 0;
        for (; column + (2 * n) <= padded; column += 2 * n)
        {
            var row = 0;
            for (; row + 4 <= rows; row += 4)
                FourRows<TVector, TSimd>(a + (row * aRow), aRow, aColumn, b + column, bias is null ? null : bias + column, c + ((nint)row * padded) + column, inner, padded);
            for (; row < rows; row++)
            {
                OneRow<TVector, TSimd>(a + (row * aRow), aColumn, b + column, bias is null ? null : bias + column, c + ((nint)row * padded) + column, inner, padded);
                OneRow<TVector, TSimd>(a + (row * aRow), aColumn, b + column + n, bias is null ? null : bias + column + n, c + ((nint)row * padded) + column + n, inner, padded);
            }
        }

        if (column < padded)
        {
            var row = 0;
            for (; row + 4 <= rows; row += 4)
                FourRowsNarrow<TVector, TSimd>(a + (row * aRow), aRow, aColumn, b + column, bias is null ? null : bias + column, c + ((nint)row * padded) + column, inner, padded);
            for (; row < rows; row++)
                OneRow<TVector, TSimd>(a + (row * aRow), aColumn, b + column, bias is null ? null : bias + column, c + ((nint)row * padded) + column, inner, padded);
        }
    }

    // Eight sums keep two multiply-add units of latency 4 busy, and fit AVX2's sixteen registers with the two vectors of B.
    private static void FourRows<TVector, TSimd>(float* a, nint aRow, nint aColumn, float* b, float* bias, float* c, int inner, nint padded)
        where TVector : struct
        where TSimd : ISimd<TVector>
    {
        var n = TSimd.Lanes;
        float* a1 = a + aRow, a2 = a1 + aRow, a3 = a2 + aRow;
        TVector c00 = bias is null ? TSimd.Zero : TSimd.Load(bias), c10 = c00, c20 = c00, c30 = c00;
        TVector c01 = bias is null ? TSimd.Zero : TSimd.Load(bias + n), c11 = c01, c21 = c01, c31 = c01;

        for (nint k = 0, at = 0; k < inner; k++, at += aColumn, b += padded)
        {
            var (b0, b1) = (TSimd.Load(b), TSimd.Load(b + n));
            var entry = TSimd.Broadcast(a[at]);
            c00 = TSimd.MultiplyAdd(entry, b0, c00);
            c01 = TSimd.MultiplyAdd(entry, b1, c01);
            entry = TSimd.Broadcast(a1[at]);
            c10 = TSimd.MultiplyAdd(entry, b0, c10);
            c11 = TSimd.MultiplyAdd(entry, b1, c11);
            entry = TSimd.Broadcast(a2[at]);
            c20 = TSimd.MultiplyAdd(entry, b0, c20);
            c21 = TSimd.MultiplyAdd(entry, b1, c21);
            entry = TSimd.Broadcast(a3[at]);
            c30 = TSimd.MultiplyAdd(entry, b0, c30);
            c31 = TSimd.MultiplyAdd(entry, b1, c31);
        }

        TSimd.Store(c00, c);
        TSimd.Store(c01, c + n);
        c += padded;
        TSimd.Store(c10, c);
        TSimd.Store(c11, c + n);
        c += padded;
        TSimd.Store(c20, c);
        TSimd.Store(c21, c + n);
        c += padded;
        TSimd.Store(c30, c);
        TSimd.Store(c31, c + n);
    }

    private static void FourRowsNarrow<TVector, TSimd>(float* a, nint aRow, nint aColumn, float* b, float* bias, float* c, int inner, nint padded)
        where TVector : struct
        where TSimd : ISimd<TVector>
    {
        float* a1 = a + aRow, a2 = a1 + aRow, a3 = a2 + aRow;
        TVector c0 = bias is null ? TSimd.Zero : TSimd.Load(bias), c1 = c0, c2 = c0, c3 = c0;
        for (nint k = 0, at = 0; k < inner; k++, at += aColumn, b += padded)
        {
            var b0 = TSimd.Load(b);
            c0 = TSimd.MultiplyAdd(TSimd.Broadcast(a[at]), b0, c0);
            c1 = TSimd.MultiplyAdd(TSimd.Broadcast(a1[at]), b0, c1);
            c2 = TSimd.MultiplyAdd(TSimd.Broadcast(a2[at]), b0, c2);
            c3 = TSimd.MultiplyAdd(TSimd.Broadcast(a3[at]), b0, c3);
        }

        TSimd.Store(c0, c);
        TSimd.Store(c1, c + padded);
        TSimd.Store(c2, c + (2 * padded));
        TSimd.Store(c3, c + (3 * padded));
    }

    private static void OneRow<TVector, TSimd>(float* a, nint aColumn, float* b, float* bias, float* c, int inner, nint padded)
        where TVector : struct
        where TSimd : ISimd<TVector>
    {
        var sum = bias is null ? TSimd.Zero : TSimd.Load(bias);
        for (nint k = 0, at = 0; k < inner; k++, at += aColumn, b += padded)
            sum = TSimd.MultiplyAdd(TSimd.Broadcast(a[at]), TSimd.Load(b), sum);

        TSimd.Store(sum, c);
    }
}
