using System.Numerics;
using System.Runtime.InteropServices;

namespace RlWn.Inference;

/// <summary>σ and tanh of many numbers. NaN stays NaN and infinity becomes it: an observation that overflows is noticed.</summary>
internal static class Squashing
{
    /// <summary>1 / (1 + e⁻ˣ), in place.</summary>
    public static void Sigmoid(Span<float> values)
    {
        foreach (ref var vector in MemoryMarshal.Cast<float, Vector<float>>(values))
            vector = Sigmoid(vector);
        for (var i = values.Length / Vector<float>.Count * Vector<float>.Count; i < values.Length; i++)
            values[i] = Sigmoid(Vector.Create(values[i]))[0];
    }

    /// <summary>tanh x, in place.</summary>
    public static void Tanh(Span<float> values)
    {
        foreach (ref var vector in MemoryMarshal.Cast<float, Vector<float>>(values))
            vector = Tanh(vector);
        for (var i = values.Length / Vector<float>.Count * Vector<float>.Count; i < values.Length; i++)
            values[i] = Tanh(Vector.Create(values[i]))[0];
    }

    // ∞ - ∞ is NaN.
    private static Vector<float> Sigmoid(Vector<float> x) => (Vector<float>.One / (Vector<float>.One + Vector.Exp(-x))) + (x - x);

    private static Vector<float> Tanh(Vector<float> x) => (2 * Sigmoid(2 * x)) - Vector<float>.One;
}
