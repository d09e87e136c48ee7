using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using RlWn.Inference;

namespace RlWn.Networks;

/// <summary>Rows of numbers of which few differ from zero, as the flags of a grid: products with them skip the zeros.</summary>
internal sealed unsafe class SparseRows
{
    private const int Quarter = 4;   // with more than one number in so many a dense product is as fast

    private int[] starts = [0];      // where each row begins, and the last ends
    private int[] columns = [];
    private float[] values = [];

    /// <summary>How many rows there are.</summary>
    public int Count { get; private set; }

    /// <summary>Takes rows over, if they are sparse.</summary>
    /// <param name="observations">Bytes.</param>
    /// <param name="width">Numbers in a row.</param>
    /// <returns>Whether they are.</returns>
    public bool TryTake(Observations observations, int width)
    {
        var bytes = observations.Bytes;
        Count = bytes.Length / width;
        if (starts.Length <= Count)
            starts = new int[Count + 1];
        if (columns.Length < (bytes.Length / Quarter) + width)
            (columns, values) = (new int[(bytes.Length / Quarter) + width], new float[(bytes.Length / Quarter) + width]);

        var filled = 0;
        for (var row = 0; row < Count; row++)
        {
            starts[row] = filled;
            if (filled > bytes.Length / Quarter)
                return false;

            var own = bytes.Slice(row * width, width);
            for (var at = own.IndexOfAnyExcept((byte)0); at >= 0 && at < width;)
            {
                (columns[filled], values[filled]) = (at, own[at] * observations.Scale);
                filled++;
                var next = own[(at + 1)..].IndexOfAnyExcept((byte)0);
                at = next < 0 ? width : at + 1 + next;
            }
        }

        starts[Count] = filled;
        return true;
    }

    /// <summary>C = A B + bias in every row, A being these rows.</summary>
    /// <param name="b">B, [width, N], rows padded.</param>
    /// <param name="bias">A padded row.</param>
    /// <param name="c">C, [Count, N], rows padded.</param>
    /// <param name="padded">N, padded.</param>
    public void Multiply(float* b, float* bias, float* c, int padded)
    {
        if (Gemm.Lanes == 16)
            Multiply<Vector512<float>, Simd512>(b, bias, c, padded);
        else if (Gemm.Lanes == 8)
            Multiply<Vector256<float>, Simd256>(b, bias, c, padded);
        else
            Multiply<Vector128<float>, Simd128>(b, bias, c, padded);
    }

    /// <summary>C = Aᵀ B, A being these rows.</summary>
    /// <param name="b">B, [Count, N], rows padded.</param>
    /// <param name="c">C, [width, N], rows padded; what is there is overwritten.</param>
    /// <param name="width">Numbers in a row of A.</param>
    /// <param name="padded">N, padded.</param>
    public void MultiplyTransposed(float* b, float* c, int width, int padded)
    {
        NativeMemory.Clear(c, (nuint)width * (nuint)padded * sizeof(float));
        if (Gemm.Lanes == 16)
            Add<Vector512<float>, Simd512>(b, c, padded);
        else if (Gemm.Lanes == 8)
            Add<Vector256<float>, Simd256>(b, c, padded);
        else
            Add<Vector128<float>, Simd128>(b, c, padded);
    }

    private void Multiply<TVector, TSimd>(float* b, float* bias, float* c, int padded)
        where TVector : struct
        where TSimd : ISimd<TVector>
    {
        var n = TSimd.Lanes;
        fixed (int* columns = this.columns)
        fixed (float* values = this.values)
        {
            for (var row = 0; row < Count; row++, c += padded)
            {
                var (from, to) = (starts[row], starts[row + 1]);
                var column = 0;
                for (; column + (4 * n) <= padded; column += 4 * n)
                {
                    var (sum0, sum1) = (TSimd.Load(bias + column), TSimd.Load(bias + column + n));
                    var (sum2, sum3) = (TSimd.Load(bias + column + (2 * n)), TSimd.Load(bias + column + (3 * n)));
                    for (var i = from; i < to; i++)
                    {
                        var value = TSimd.Broadcast(values[i]);
                        var w = b + ((nint)columns[i] * padded) + column;
                        sum0 = TSimd.MultiplyAdd(value, TSimd.Load(w), sum0);
                        sum1 = TSimd.MultiplyAdd(value, TSimd.Load(w + n), sum1);
                        sum2 = TSimd.MultiplyAdd(value, TSimd.Load(w + (2 * n)), sum2);
                        sum3 = TSimd.MultiplyAdd(value, TSimd.Load(w + (3 * n)), sum3);
                    }

                    TSimd.Store(sum0, c + column);
                    TSimd.Store(sum1, c + column + n);
                    TSimd.Store(sum2, c + column + (2 * n));
                    TSimd.Store(sum3, c + column + (3 * n));
                }

                for (; column < padded; column += n)
                {
                    var sum = TSimd.Load(bias + column);
                    for (var i = from; i < to; i++)
                        sum = TSimd.MultiplyAdd(TSimd.Broadcast(values[i]), TSimd.Load(b + ((nint)columns[i] * padded) + column), sum);
                    TSimd.Store(sum, c + column);
                }
            }
        }
    }

    private void Add<TVector, TSimd>(float* b, float* c, int padded)
        where TVector : struct
        where TSimd : ISimd<TVector>
    {
        var n = TSimd.Lanes;
        for (var row = 0; row < Count; row++, b += padded)
        {
            for (var i = starts[row]; i < starts[row + 1]; i++)
            {
                var value = TSimd.Broadcast(values[i]);
                var sums = c + ((nint)columns[i] * padded);
                for (var column = 0; column < padded; column += n)
                    TSimd.Store(TSimd.MultiplyAdd(value, TSimd.Load(b + column), TSimd.Load(sums + column)), sums + column);
            }
        }
    }
}
