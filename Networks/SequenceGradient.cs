using System.Runtime.InteropServices;
using RlWn.Inference;

namespace RlWn.Networks;

/// <summary>
/// Forward and backward passes of a small network with a memory over sequences in plain C#, on the parameters and gradients that libtorch holds: the same numbers
/// as autograd's to rounding, without a graph of every step. See <see cref="MlpGradient"/>.
/// </summary>
/// <remarks>
/// Rows are steps of environments, t N + n. The network's parameters are float32 on the CPU and stand on <see cref="FlatParameters"/>. One thread at a time.
/// </remarks>
internal sealed unsafe class SequenceGradient : IDisposable
{
    private const int Gates = 4;

    private readonly GradientLayer ofInput;     // whose output are the gates, i, f, g and o of a row one behind the other
    private readonly GradientLayer ofHidden;
    private readonly MlpGradient head;
    private readonly int units, padded;         // H, and the length of its rows
    private readonly int capacity;
    private float* memory;                      // null once freed
    private readonly float* input;              // x, [T N, padded D]
    private readonly float* hiddenBefore;       // h before a step, [T N, padded H]: zero where an episode starts
    private readonly float* cellBefore;         // c likewise
    private readonly float* cell;               // c after it
    private readonly float* squashed;           // tanh c after it
    private readonly float* byHidden;           // ∂L/∂h by all later steps, [N, padded H]
    private readonly float* byCell;             // ∂L/∂c likewise
    private readonly float[] hidden;            // h after each step, [T N, H]
    private readonly bool[] starts;
    private int rows;                           // N of the last forward pass
    private int evaluated;                      // T N of it

    /// <summary>Makes room for sequences.</summary>
    /// <param name="network">The network, without a torso; not owned, its parameters stay where they are.</param>
    /// <param name="capacity">The largest T N.</param>
    public SequenceGradient(RecurrentNetwork network, int capacity)
    {
        var lstm = network.Lstm;
        (units, this.capacity) = ((int)lstm.Units, capacity);
        padded = Gemm.Padded(units);
        (ofInput, ofHidden) = (new(lstm.Layers[0].Layer, (int)lstm.Inputs, Gates * units), new(lstm.Layers[1].Layer, units, Gates * units));
        head = new MlpGradient(network.Head, capacity, passesOn: true);
        (hidden, starts) = (new float[checked(capacity * units)], new bool[capacity]);

        nint ofInputs = (nint)capacity * ofInput.PaddedInputs, ofUnits = (nint)capacity * padded;
        var floats = (nuint)(ofInputs + (6 * ofUnits)) + ofInput.Floats(capacity) + ofHidden.Floats(capacity);
        memory = (float*)NativeMemory.AlignedAlloc(floats * sizeof(float), 64);
        NativeMemory.Clear(memory, floats * sizeof(float));   // the padding stays zero from here on
        input = memory;
        hiddenBefore = input + ofInputs;
        cellBefore = hiddenBefore + ofUnits;
        cell = cellBefore + ofUnits;
        squashed = cell + ofUnits;
        byHidden = squashed + ofUnits;
        byCell = byHidden + ofUnits;
        ofHidden.Place(ofInput.Place(byCell + ofUnits, capacity), capacity);
    }

    /// <summary>Frees the memory of passes that nobody disposed.</summary>
    ~SequenceGradient() => Free();

    /// <summary>Evaluates sequences with the present weights, and keeps what the backward pass needs.</summary>
    /// <param name="observations">x, [T, N, D].</param>
    /// <param name="begins">Whether an episode starts with a step, [T, N].</param>
    /// <param name="state">h and c before the first step, of N episodes.</param>
    /// <param name="output">Receives [T, N, K].</param>
    /// <exception cref="ArgumentException">There are more steps than there is room for.</exception>
    /// <exception cref="ObjectDisposedException">The memory was freed.</exception>
    public void Forward(Observations observations, ReadOnlySpan<bool> begins, RecurrentState state, Span<float> output)
    {
        ObjectDisposedException.ThrowIf(memory is null, this);
        if (begins.Length > capacity)
            throw new ArgumentException($"Expected up to {capacity} steps, got {begins.Length}.", nameof(begins));

        (rows, evaluated) = (state.Rows, begins.Length);
        begins.CopyTo(starts);
        ofInput.Fold();
        ofHidden.Fold();
        for (var row = 0; row < evaluated; row++)
            observations.CopyTo(row * ofInput.Inputs, new(input + ((nint)row * ofInput.PaddedInputs), ofInput.Inputs));

        ofInput.Forward(input, evaluated);
        for (var first = 0; first < evaluated; first += rows)
        {
            for (var row = first; row < first + rows; row++)
                Recall(row, state);
            Gemm.Multiply(
                Row(hiddenBefore, first), padded, 1, ofHidden.Transposed, ofHidden.PaddedBias, ofHidden.Output + ((nint)first * ofHidden.PaddedOutputs), rows, units, ofHidden.PaddedOutputs);
            for (var row = first; row < first + rows; row++)
                Step(row);
        }

        head.Forward(new(hidden.AsSpan(0, evaluated * units)), output);
        GC.KeepAlive(this);   // the finalizer must not free the memory of a running pass
    }

    /// <summary>Writes the gradient of every parameter; what was there before is overwritten.</summary>
    /// <param name="byOutput">∂L/∂output of the sequences that were last evaluated, [T, N, K].</param>
    /// <exception cref="ArgumentException">The length does not fit.</exception>
    /// <exception cref="ObjectDisposedException">The memory was freed.</exception>
    public void Backward(ReadOnlySpan<float> byOutput)
    {
        ObjectDisposedException.ThrowIf(memory is null, this);
        head.Backward(byOutput);
        new Span<float>(byHidden, rows * padded).Clear();
        new Span<float>(byCell, rows * padded).Clear();
        for (var first = evaluated - rows; first >= 0; first -= rows)
        {
            for (var row = first; row < first + rows; row++)
                StepBack(row, row - first);
            Gemm.Multiply(
                ofInput.ByOutput + ((nint)first * ofInput.PaddedOutputs), ofInput.PaddedOutputs, 1, ofHidden.Weight, null, byHidden, rows, Gates * units, padded);
            for (var environment = 0; environment < rows; environment++)
            {
                if (!starts[first + environment])
                    continue;

                Row(byHidden, environment, units).Clear();   // nothing flows back to the episode before
                Row(byCell, environment, units).Clear();
            }
        }

        ofInput.BackwardToWeight(input, evaluated);
        ofInput.WriteBias(evaluated);
        ofInput.WriteWeight();
        Gemm.Multiply(ofInput.ByOutput, 1, ofInput.PaddedOutputs, hiddenBefore, null, ofHidden.ByWeight, Gates * units, evaluated, padded);
        ofInput.ByBias.CopyTo(ofHidden.ByBias);   // the biases are added to one another
        ofHidden.WriteWeight();
        GC.KeepAlive(this);   // as in Forward
    }

    /// <summary>Frees what passes need; the network stays.</summary>
    public void Dispose()
    {
        head.Dispose();
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.AlignedFree(memory);
        memory = null;
    }

    // h and c before a step: of the step before, of the state before all, or nothing.
    private void Recall(int row, RecurrentState state)
    {
        Span<float> h = Row(hiddenBefore, row, units), c = Row(cellBefore, row, units);
        if (starts[row])
        {
            h.Clear();
            c.Clear();
        }
        else if (row < rows)
        {
            state.Hidden.Slice(row * units, units).CopyTo(h);
            state.Cell.Slice(row * units, units).CopyTo(c);
        }
        else
        {
            hidden.AsSpan((row - rows) * units, units).CopyTo(h);
            Row(cell, row - rows, units).CopyTo(c);
        }
    }

    private void Step(int row)
    {
        Span<float> gates = GatesOf(ofInput.Output, row), fromHidden = GatesOf(ofHidden.Output, row);
        for (var k = 0; k < gates.Length; k++)
            gates[k] += fromHidden[k];
        Squashing.Step(gates, Row(cellBefore, row, units), Row(cell, row, units), Row(squashed, row, units), hidden.AsSpan(row * units, units));
    }

    // From ∂L/∂h and ∂L/∂c after a step to those of its gates, before their squashing, and to ∂L/∂c before it.
    private void StepBack(int row, int environment)
    {
        Span<float> gates = GatesOf(ofInput.Output, row), byGates = GatesOf(ofInput.ByOutput, row);
        Span<float> before = Row(cellBefore, row, units), bounded = Row(squashed, row, units);
        Span<float> later = Row(byHidden, environment, units), byC = Row(byCell, environment, units);
        var now = head.ByInput(row);
        for (var k = 0; k < units; k++)
        {
            var (i, f, g, o) = (gates[k], gates[units + k], gates[(2 * units) + k], gates[(3 * units) + k]);
            var byH = now[k] + later[k];
            var by = byC[k] + (byH * o * (1 - (bounded[k] * bounded[k])));
            byGates[k] = by * g * i * (1 - i);
            byGates[units + k] = by * before[k] * f * (1 - f);
            byGates[(2 * units) + k] = by * i * (1 - (g * g));
            byGates[(3 * units) + k] = byH * bounded[k] * o * (1 - o);
            byC[k] = by * f;
        }
    }

    private Span<float> GatesOf(float* output, int row) => new(output + ((nint)row * ofInput.PaddedOutputs), Gates * units);

    private float* Row(float* values, int row) => values + ((nint)row * padded);

    private Span<float> Row(float* values, int row, int length) => new(Row(values, row), length);
}
