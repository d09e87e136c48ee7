using System.Runtime.CompilerServices;

namespace RlWn.Inference;

/// <summary>An LSTM that only acts, weight norm already multiplied out: one step of many episodes at a time.</summary>
/// <remarks>
/// <see cref="Forward"/> may be called by many threads at once, each with a memory of its own, allocates nothing, and gives a row the same bits whatever batch
/// it is in. <see cref="SetWeights"/> and <see cref="Dispose"/> must not run beside it.
/// </remarks>
internal sealed class FoldedLstm : IDisposable
{
    private const int Gates = 4;
    private const int NumbersTogether = 4_096;   // on the stack: [x, h] and the gates of the rows that are computed together

    private readonly FoldedMlp gates;            // [x, h] to input, forget, candidate and output gate, before their squashing
    private readonly float[] joined;             // W of both, [4 H, D + H]
    private readonly float[] bias;               // [4 H]

    /// <summary>Makes the memory with all weights and biases zero.</summary>
    /// <param name="inputs">D, at least 1.</param>
    /// <param name="units">H, at least 1.</param>
    public FoldedLstm(int inputs, int units)
    {
        (Inputs, Units) = (inputs, units);
        gates = new FoldedMlp(checked(inputs + units), checked(Gates * units));
        joined = new float[checked(Gates * units * (inputs + units))];
        bias = new float[Gates * units];
    }

    /// <summary>D: numbers in.</summary>
    public int Inputs { get; }

    /// <summary>H: numbers of h, and of c.</summary>
    public int Units { get; }

    /// <summary>Sets all weights, in place, each gate's rows one below the other: input, forget, candidate, output.</summary>
    /// <param name="ofInput">W_ih, [4 H, D].</param>
    /// <param name="ofHidden">W_hh, [4 H, H].</param>
    /// <param name="biasOfInput">b_ih, [4 H].</param>
    /// <param name="biasOfHidden">b_hh, [4 H].</param>
    /// <exception cref="ArgumentException">A length is another.</exception>
    public void SetWeights(ReadOnlySpan<float> ofInput, ReadOnlySpan<float> ofHidden, ReadOnlySpan<float> biasOfInput, ReadOnlySpan<float> biasOfHidden)
    {
        var rows = Gates * Units;
        if (ofInput.Length != rows * Inputs || ofHidden.Length != rows * Units || biasOfInput.Length != rows || biasOfHidden.Length != rows)
        {
            throw new ArgumentException(
                $"Expected weights of [{rows}, {Inputs}] and [{rows}, {Units}] and two biases of [{rows}], got {ofInput.Length}, {ofHidden.Length}, {biasOfInput.Length} and {biasOfHidden.Length} numbers.");
        }

        for (var row = 0; row < rows; row++)
        {
            var into = joined.AsSpan(row * (Inputs + Units), Inputs + Units);
            ofInput.Slice(row * Inputs, Inputs).CopyTo(into);
            ofHidden.Slice(row * Units, Units).CopyTo(into[Inputs..]);
            bias[row] = biasOfInput[row] + biasOfHidden[row];
        }

        gates.SetLayer(0, joined, bias);
    }

    /// <summary>W of one gate on [x, h], [H, D + H], row-major, and its b, [H].</summary>
    /// <param name="gate">0 input, 1 forget, 2 candidate, 3 output.</param>
    public (float[] Weight, float[] Bias) GateOf(int gate)
    {
        var size = Units * (Inputs + Units);
        return (joined.AsSpan(gate * size, size).ToArray(), bias.AsSpan(gate * Units, Units).ToArray());
    }

    /// <summary>One step: c' = σ(f) c + σ(i) tanh g, h' = σ(o) tanh c'.</summary>
    /// <param name="input">x, [N, D]. NaN or infinity in a row makes all its h and c NaN; squashing does not hide it.</param>
    /// <param name="batch">N.</param>
    /// <param name="hidden">h, [N, H]: before the step, and then after it.</param>
    /// <param name="cell">c, [N, H], likewise.</param>
    [SkipLocalsInit]
    public void Forward(ReadOnlySpan<float> input, int batch, Span<float> hidden, Span<float> cell)
    {
        if (input.Length != (long)batch * Inputs || hidden.Length != (long)batch * Units || cell.Length != hidden.Length)
            throw new ArgumentException($"Expected {batch} rows of {Inputs} numbers and a memory of {batch} rows of {Units}, got {input.Length}, {hidden.Length} and {cell.Length} numbers.");

        var (seen, squashed) = (Inputs + Units, Gates * Units);
        var together = Math.Clamp(NumbersTogether / (seen + squashed), 1, Math.Max(batch, 1));
        Span<float> stack = stackalloc float[NumbersTogether];
        using var room = new Room(together * (seen + squashed), stack);
        for (var done = 0; done < batch; done += together)
        {
            var rows = Math.Min(together, batch - done);
            var x = room.Numbers[..(rows * seen)];
            var a = room.Numbers.Slice(together * seen, rows * squashed);
            for (var row = 0; row < rows; row++)
            {
                input.Slice((done + row) * Inputs, Inputs).CopyTo(x[(row * seen)..]);
                hidden.Slice((done + row) * Units, Units).CopyTo(x[((row * seen) + Inputs)..]);
            }

            gates.Forward(x, rows, a);
            for (var row = 0; row < rows; row++)
            {
                Span<float> h = hidden.Slice((done + row) * Units, Units), c = cell.Slice((done + row) * Units, Units);
                Squashing.Step(a.Slice(row * squashed, squashed), c, c, h, h);
            }
        }
    }

    /// <summary>Frees the weights.</summary>
    public void Dispose() => gates.Dispose();
}
