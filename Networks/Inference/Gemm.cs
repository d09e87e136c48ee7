using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace RlWn.Inference;

/// <summary>Matrix products of the sizes that small networks have, for which a call into a library costs as much as the product.</summary>
internal static unsafe class Gemm
{
    /// <summary>Numbers in the machine's widest vector; every row of B and C is padded to a multiple of it.</summary>
    public static readonly int Lanes = Vector512.IsHardwareAccelerated ? 16 : Vector256.IsHardwareAccelerated ? 8 : 4;

    private const int PackedFromRows = 16, PackedFromWidth = 512, PackedInner = 512;   // numbers; the panel is at most 66 KB on the stack
    internal const int Alignment = 64;   // bytes

    /// <summary>A row's length in memory: the next multiple of <see cref="Lanes"/>.</summary>
    public static int Padded(int width) => (width + Lanes - 1) / Lanes * Lanes;

    /// <summary>Numbers on the stack that hold a panel of K rows of two vectors wherever it begins: the stack promises less than a cache line's alignment.</summary>
    /// <param name="lanes">Numbers in a vector.</param>
    /// <param name="inner">K.</param>
    internal static int PanelRoom(int lanes, int inner) => (2 * lanes * inner) + (Alignment / sizeof(float));

    /// <summary>Where a panel begins in its room: at the next cache line.</summary>
    /// <param name="room">Where the room begins.</param>
    internal static nuint PanelStart(nuint room) => (room + Alignment - 1) / Alignment * Alignment;

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

    /// <summary>C = A Bᵀ, column n scaled and shifted: C[m, n] = scale[n] ⟨A[m], B[n]⟩ + bias[n]. B is read as it lies, where its transpose would have to be made.</summary>
    /// <param name="a">A, [M, K].</param>
    /// <param name="b">B, [N, K].</param>
    /// <param name="scale">N numbers, or null for 1.</param>
    /// <param name="bias">N numbers.</param>
    /// <param name="c">C, [M, N], rows padded.</param>
    /// <param name="rows">M.</param>
    /// <param name="inner">K, a multiple of <see cref="Lanes"/>.</param>
    /// <param name="columns">N.</param>
    public static void MultiplyTransposed(float* a, float* b, float* scale, float* bias, float* c, int rows, int inner, int columns)
    {
        if (Lanes == 16)
            MultiplyTransposed<Vector512<float>, Simd512>(a, b, scale, bias, c, rows, inner, columns);
        else if (Lanes == 8)
            MultiplyTransposed<Vector256<float>, Simd256>(a, b, scale, bias, c, rows, inner, columns);
        else
            MultiplyTransposed<Vector128<float>, Simd128>(a, b, scale, bias, c, rows, inner, columns);
    }

    // Tiles of 4 by 4: sixteen sums, for which 8 vectors are loaded at 16 multiply-adds. Beyond the last row or column the last one is computed again, but for a row alone.
    private static void MultiplyTransposed<TVector, TSimd>(float* a, float* b, float* scale, float* bias, float* c, int rows, int inner, int columns)
        where TVector : struct
        where TSimd : ISimd<TVector>
    {
        var padded = Padded(columns);
        var sums = stackalloc float[16];
        for (var column = 0; column < columns; column += 4)
        {
            var wide = Math.Min(columns - column, 4);
            float* b0 = b + ((nint)column * inner), b1 = wide > 1 ? b0 + inner : b0, b2 = wide > 2 ? b1 + inner : b1, b3 = wide > 3 ? b2 + inner : b2;
            for (var row = 0; row < rows; row += 4)
            {
                var high = Math.Min(rows - row, 4);
                float* a0 = a + ((nint)row * inner), a1 = high > 1 ? a0 + inner : a0, a2 = high > 2 ? a1 + inner : a1, a3 = high > 3 ? a2 + inner : a2;
                if (high == 1)
                    Tile<TVector, TSimd>(a0, b0, b1, b2, b3, inner, sums);
                else
                    Tile<TVector, TSimd>(a0, a1, a2, a3, b0, b1, b2, b3, inner, sums);
                for (var m = 0; m < high; m++)
                {
                    var to = c + ((nint)(row + m) * padded) + column;
                    for (var n = 0; n < wide; n++)
                        to[n] = (scale is null ? sums[(4 * m) + n] : scale[column + n] * sums[(4 * m) + n]) + bias[column + n];
                }
            }
        }
    }

    private static void Tile<TVector, TSimd>(float* a, float* b0, float* b1, float* b2, float* b3, nint inner, float* sums)
        where TVector : struct
        where TSimd : ISimd<TVector>
    {
        TVector c0 = TSimd.Zero, c1 = c0, c2 = c0, c3 = c0;
        for (nint k = 0; k < inner; k += TSimd.Lanes)
        {
            var x = TSimd.Load(a + k);
            c0 = TSimd.MultiplyAdd(x, TSimd.Load(b0 + k), c0);
            c1 = TSimd.MultiplyAdd(x, TSimd.Load(b1 + k), c1);
            c2 = TSimd.MultiplyAdd(x, TSimd.Load(b2 + k), c2);
            c3 = TSimd.MultiplyAdd(x, TSimd.Load(b3 + k), c3);
        }

        (sums[0], sums[1], sums[2], sums[3]) = (TSimd.Sum(c0), TSimd.Sum(c1), TSimd.Sum(c2), TSimd.Sum(c3));
    }

    private static void Tile<TVector, TSimd>(float* a0, float* a1, float* a2, float* a3, float* b0, float* b1, float* b2, float* b3, nint inner, float* sums)
        where TVector : struct
        where TSimd : ISimd<TVector>
    {
        TVector c00 = TSimd.Zero, c01 = c00, c02 = c00, c03 = c00, c10 = c00, c11 = c00, c12 = c00, c13 = c00;
        TVector c20 = c00, c21 = c00, c22 = c00, c23 = c00, c30 = c00, c31 = c00, c32 = c00, c33 = c00;
        for (nint k = 0; k < inner; k += TSimd.Lanes)
        {
            var (x0, x1, x2, x3) = (TSimd.Load(a0 + k), TSimd.Load(a1 + k), TSimd.Load(a2 + k), TSimd.Load(a3 + k));
            var y = TSimd.Load(b0 + k);
            c00 = TSimd.MultiplyAdd(x0, y, c00);
            c10 = TSimd.MultiplyAdd(x1, y, c10);
            c20 = TSimd.MultiplyAdd(x2, y, c20);
            c30 = TSimd.MultiplyAdd(x3, y, c30);
            y = TSimd.Load(b1 + k);
            c01 = TSimd.MultiplyAdd(x0, y, c01);
            c11 = TSimd.MultiplyAdd(x1, y, c11);
            c21 = TSimd.MultiplyAdd(x2, y, c21);
            c31 = TSimd.MultiplyAdd(x3, y, c31);
            y = TSimd.Load(b2 + k);
            c02 = TSimd.MultiplyAdd(x0, y, c02);
            c12 = TSimd.MultiplyAdd(x1, y, c12);
            c22 = TSimd.MultiplyAdd(x2, y, c22);
            c32 = TSimd.MultiplyAdd(x3, y, c32);
            y = TSimd.Load(b3 + k);
            c03 = TSimd.MultiplyAdd(x0, y, c03);
            c13 = TSimd.MultiplyAdd(x1, y, c13);
            c23 = TSimd.MultiplyAdd(x2, y, c23);
            c33 = TSimd.MultiplyAdd(x3, y, c33);
        }

        Sum(c00, c01, c02, c03, sums);
        Sum(c10, c11, c12, c13, sums + 4);
        Sum(c20, c21, c22, c23, sums + 8);
        Sum(c30, c31, c32, c33, sums + 12);

        static void Sum(TVector c0, TVector c1, TVector c2, TVector c3, float* to) =>
            (to[0], to[1], to[2], to[3]) = (TSimd.Sum(c0), TSimd.Sum(c1), TSimd.Sum(c2), TSimd.Sum(c3));
    }

    [SkipLocalsInit]   // the panel is written before it is read, and would be cleared at every call
    private static void Multiply<TVector, TSimd>(float* a, nint aRow, nint aColumn, float* b, float* bias, float* c, int rows, int inner, int padded)
        where TVector : struct
        where TSimd : ISimd<TVector>
    {
        var n = TSimd.Lanes;
        var column = 0;
        // Rows of B a page or so apart would push each other out of the nearest cache: the columns that many rows of A meet are laid together first.
        var isPacked = rows >= PackedFromRows && padded >= PackedFromWidth && inner <= PackedInner;
        var room = stackalloc float[isPacked ? PanelRoom(n, inner) : 0];
        var panel = (float*)PanelStart((nuint)room);
        for (; column + (2 * n) <= padded; column += 2 * n)
        {
            var row = 0;
            if (isPacked)
                Pack<TVector, TSimd>(b + column, padded, inner, panel);
            var (block, blockRow) = isPacked ? ((nint)panel, 2 * n) : ((nint)(b + column), padded);
            for (; row + 4 <= rows; row += 4)
                FourRows<TVector, TSimd>(a + (row * aRow), aRow, aColumn, (float*)block, blockRow, bias is null ? null : bias + column, c + ((nint)row * padded) + column, inner, padded);
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

    private static void Pack<TVector, TSimd>(float* b, nint bRow, int inner, float* panel)
        where TVector : struct
        where TSimd : ISimd<TVector>
    {
        for (var k = 0; k < inner; k++, b += bRow, panel += 2 * TSimd.Lanes)
        {
            TSimd.Store(TSimd.Load(b), panel);
            TSimd.Store(TSimd.Load(b + TSimd.Lanes), panel + TSimd.Lanes);
        }
    }

    // Eight sums keep two multiply-add units of latency 4 busy, and fit AVX2's sixteen registers with the two vectors of B.
    private static void FourRows<TVector, TSimd>(float* a, nint aRow, nint aColumn, float* b, nint bRow, float* bias, float* c, int inner, nint padded)
        where TVector : struct
        where TSimd : ISimd<TVector>
    {
        var n = TSimd.Lanes;
        float* a1 = a + aRow, a2 = a1 + aRow, a3 = a2 + aRow;
        TVector c00 = bias is null ? TSimd.Zero : TSimd.Load(bias), c10 = c00, c20 = c00, c30 = c00;
        TVector c01 = bias is null ? TSimd.Zero : TSimd.Load(bias + n), c11 = c01, c21 = c01, c31 = c01;

        for (nint k = 0, at = 0; k < inner; k++, at += aColumn, b += bRow)
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
