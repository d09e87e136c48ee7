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
    /// <summary>Sine and cosine of each lane, in radians, to less than one unit in the last place up to π/4 in size.</summary>
    /// <remarks>
    /// The polynomials of fdlibm's k_sin.c and k_cos.c (Sun Microsystems 1993). A lane beyond π/4 is left to <see cref="Math.SinCos"/>.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<double> Sin, Vector512<double> Cos) SinCos(Vector512<double> x)
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

        var beyond = ~Vector512.LessThanOrEqual(Vector512.Abs(x), All(Math.PI / 4));   // NaN too
        return beyond == Vector512<double>.Zero ? (sin, cos) : OneByOne(x, sin, cos, beyond.ExtractMostSignificantBits());
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
