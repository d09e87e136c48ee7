using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace RlWn.Envs;

/// <summary>Functions of eight numbers at once whose result in a lane depends on that lane alone.</summary>
/// <remarks>
/// <see cref="Vector512.SinCos(Vector512{double})"/> is not such a function: it picks its formula by all lanes together, so the last
/// bit of a task's state would depend on which tasks stand beside it. It also multiplies and adds with or without a rounding
/// in between, whichever the machine does faster. What stands here gives the same bits alone, in a vector, and on every machine.
/// </remarks>
internal static class LaneMath
{
    // π/2 in three parts, the first two of 33 bits: a multiple of them by up to 20 bits is exact (fdlibm's e_rem_pio2.c).
    private const double HalfPi1 = 1.57079632673412561417e+00, HalfPi2 = 6.07710050630396597660e-11, HalfPi3 = 2.02226624879595063154e-21;
    private const double Far = 1_600_000;   // about 2²⁰ π/2

    /// <summary>Sine and cosine of each lane, in radians: to less than one unit in the last place up to π/4 in size, to 1e-15 up to a million.</summary>
    /// <remarks>
    /// The polynomials of fdlibm's k_sin.c and k_cos.c (Sun Microsystems 1993), around the nearest multiple of π/2. A lane beyond 1.6 million
    /// is left to <see cref="Math.SinCos"/>.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<double> Sin, Vector512<double> Cos) SinCos(Vector512<double> x) =>
        Vector512.LessThanOrEqualAll(Vector512.Abs(x), All(Math.PI / 4)) ? SinCosNearZero(x) : SinCosReduced(x);

    /// <summary>An angle in radians as the same direction within -π to π, both included; what lies there is left as it is.</summary>
    public static Vector512<double> Wrap(Vector512<double> angle)
    {
        var turns = Vector512.Max(Vector512.Ceiling((Vector512.Abs(angle) - All(Math.PI)) / Math.Tau), Vector512<double>.Zero);
        return angle - Vector512.CopySign(turns * Math.Tau, angle);
    }

    // A lane within π/4 is reduced by nothing, and so gets the bits that it gets without.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (Vector512<double> Sin, Vector512<double> Cos) SinCosReduced(Vector512<double> x)
    {
        var quarters = Vector512.Round(x * (2 / Math.PI));
        var isAway = ~Vector512.LessThanOrEqual(Vector512.Abs(x), All(Math.PI / 4));
        quarters = Vector512.ConditionalSelect(isAway, quarters, Vector512<double>.Zero);
        var (sin, cos) = SinCosNearZero(x - (quarters * HalfPi1) - (quarters * HalfPi2) - (quarters * HalfPi3));

        // Which of the four quarters, by the lowest bits of the whole number that 3 · 2⁵¹ more makes of it.
        var quarter = (quarters + All(6755399441055744)).AsInt64();
        var isOdd = Vector512.Equals(quarter & Vector512.Create(1L), Vector512.Create(1L)).AsDouble();
        var sinSign = (quarter & Vector512.Create(2L)) << 62;
        var cosSign = ((quarter + Vector512.Create(1L)) & Vector512.Create(2L)) << 62;
        (sin, cos) = (Vector512.ConditionalSelect(isOdd, cos, sin), Vector512.ConditionalSelect(isOdd, sin, cos));
        (sin, cos) = ((sin.AsInt64() ^ sinSign).AsDouble(), (cos.AsInt64() ^ cosSign).AsDouble());

        var far = ~Vector512.LessThanOrEqual(Vector512.Abs(x), All(Far));   // NaN too
        return far == Vector512<double>.Zero ? (sin, cos) : OneByOne(x, sin, cos, far.ExtractMostSignificantBits());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<double> Sin, Vector512<double> Cos) SinCosNearZero(Vector512<double> x)
    {
        var (s1, s2, s3) = (All(-1.66666666666666324348e-01), All(8.33333333332248946124e-03), All(-1.98412698298579493134e-04));
        var (s4, s5, s6) = (All(2.75573137070700676789e-06), All(-2.50507602534068634195e-08), All(1.58969099521155010221e-10));
        var (c1, c2, c3) = (All(4.16666666666666019037e-02), All(-1.38888888888741095749e-03), All(2.48015872894767294178e-05));
        var (c4, c5, c6) = (All(-2.75573143513906633035e-07), All(2.08757232129817482790e-09), All(-1.13596475577881948265e-11));
        var z = x * x;
        var w = z * z;

        var sinTail = s2 + (z * (s3 + (z * s4))) + (z * w * (s5 + (z * s6)));
        var sin = x + (z * x * (s1 + (z * sinTail)));

        var cosTail = (z * (c1 + (z * (c2 + (z * c3))))) + (w * w * (c4 + (z * (c5 + (z * c6)))));
        var half = 0.5 * z;
        var rough = Vector512<double>.One - half;
        var cos = rough + (Vector512<double>.One - rough - half + (z * cosTail));

        return (sin, cos);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> All(double value) => Vector512.Create(value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (Vector512<double> Sin, Vector512<double> Cos) OneByOne(
        Vector512<double> x, Vector512<double> sin, Vector512<double> cos, ulong lanes)
    {
        for (var lane = 0; lane < Vector512<double>.Count; lane++)
        {
            if ((lanes >> lane & 1) == 0)
                continue;

            var (s, c) = Math.SinCos(x.GetElement(lane));
            (sin, cos) = (sin.WithElement(lane, s), cos.WithElement(lane, c));
        }

        return (sin, cos);
    }
}
