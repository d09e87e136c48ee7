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

    /// <summary>One step of an LSTM: c' = σ(f) c + σ(i) tanh g, h' = σ(o) tanh c'.</summary>
    /// <param name="gates">i, f, g and o one behind the other, [4 H]; squashed in place.</param>
    /// <param name="before">c, [H].</param>
    /// <param name="after">Receives c', [H]; may be <paramref name="before"/>.</param>
    /// <param name="bounded">Receives tanh c', [H].</param>
    /// <param name="hidden">Receives h', [H]; may be <paramref name="bounded"/>.</param>
    public static void Step(Span<float> gates, ReadOnlySpan<float> before, Span<float> after, Span<float> bounded, Span<float> hidden)
    {
        var units = hidden.Length;
        Span<float> i = gates[..units], f = gates.Slice(units, units), g = gates.Slice(2 * units, units), o = gates.Slice(3 * units, units);
        Sigmoid(gates[..(2 * units)]);
        Tanh(g);
        Sigmoid(o);
        for (var k = 0; k < units; k++)
            bounded[k] = after[k] = (f[k] * before[k]) + (i[k] * g[k]);

        Tanh(bounded);
        for (var k = 0; k < units; k++)
            hidden[k] = o[k] * bounded[k];
    }

    // ∞ - ∞ is NaN.
    private static Vector<float> Sigmoid(Vector<float> x) => (Vector<float>.One / (Vector<float>.One + Vector.Exp(-x))) + (x - x);

    private static Vector<float> Tanh(Vector<float> x) => (2 * Sigmoid(2 * x)) - Vector<float>.One;
}
