using RlWn.Init;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Networks;

/// <summary>A long short-term memory over sequences, weight-normalized in most schemes: what torch.nn.LSTM computes with one layer.</summary>
/// <remarks>
/// <para>
/// [a_i, a_f, a_g, a_o] = W_ih x + b_ih + W_hh h + b_hh; c' = σ(a_f) c + σ(a_i) tanh a_g; h' = σ(a_o) tanh c'. Hochreiter and Schmidhuber 1997,
/// doi:10.1162/neco.1997.9.8.1735, with the forget gate of Gers, Schmidhuber and Cummins 2000, doi:10.1162/089976600300015015.
/// </para>
/// <para>
/// Each gate's block of rows is drawn and scaled as a layer of its own (<see cref="Place.LstmGates"/>), and the two biases of the forget gate sum to 1 at
/// the start, so that what is remembered fades slowly (Jozefowicz, Zaremba and Sutskever 2015). Saved as ih.… and hh.…; PyTorch's weight_ih_l0 is ih.weight
/// here, its bias_hh_l0 hh.bias.
/// </para>
/// </remarks>
public sealed class Lstm : Module<Tensor, Tensor>
{
    private const int Gates = 4, ForgetGate = 1;

    private static readonly TorchSharp.Scalar Unit = 1;   // held: a Scalar made for one call may be collected during it

    private readonly Module<Tensor, Tensor> ih, hh;

    /// <summary>Makes the memory.</summary>
    /// <param name="inputs">D: features of x, at least 1.</param>
    /// <param name="units">H, at least 1.</param>
    /// <param name="make">Makes the two layers.</param>
    public Lstm(long inputs, long units, LayerFactory make) : base(nameof(Lstm))
    {
        ArgumentNullException.ThrowIfNull(make);
        ArgumentOutOfRangeException.ThrowIfLessThan(units, 1);
        (Inputs, Units) = (inputs, units);
        ih = make.Linear(inputs, Gates * units, Place.LstmGates);
        hh = make.Linear(units, Gates * units, Place.LstmGates);
        register_module(nameof(ih), ih);
        register_module(nameof(hh), hh);
    }

    /// <summary>D: features of x.</summary>
    public long Inputs { get; }

    /// <summary>H: numbers of h, and of c.</summary>
    public long Units { get; }

    /// <summary>The layer that sees x, and the one that sees h.</summary>
    internal IReadOnlyList<(string Name, PlacedLayer Layer)> Layers => [(nameof(ih), new("", ih, Place.LstmGates)), (nameof(hh), new("", hh, Place.LstmGates))];

    /// <summary>Sequences from an empty memory.</summary>
    /// <param name="input">x, shape [T, N, D].</param>
    /// <returns>h after each step, shape [T, N, H].</returns>
    /// <exception cref="ArgumentException">The shape is another.</exception>
    public override Tensor forward(Tensor input)
    {
        RequireInput(input);
        using var scope = NewDisposeScope();
        var nothing = zeros([input.size(1), Units], input.dtype, input.device);
        return Run(input, nothing, nothing).Output.MoveToOuterDisposeScope();
    }

    /// <summary>Sequences that go on from a memory, and forget it where episodes start.</summary>
    /// <param name="input">x, shape [T, N, D].</param>
    /// <param name="hidden">h before the first step, shape [N, H].</param>
    /// <param name="cell">c before the first step, shape [N, H].</param>
    /// <param name="starts">1 where an episode starts with step t, so that h and c before it are zero, else 0; shape [T, N]. Null: nowhere.</param>
    /// <returns>h after each step, shape [T, N, H], and h and c after the last, shape [N, H].</returns>
    /// <exception cref="ArgumentException">A shape is another.</exception>
    public (Tensor Output, Tensor Hidden, Tensor Cell) Run(Tensor input, Tensor hidden, Tensor cell, Tensor? starts = null)
    {
        RequireInput(input);
        ArgumentNullException.ThrowIfNull(hidden);
        ArgumentNullException.ThrowIfNull(cell);
        var (steps, rows) = (input.size(0), input.size(1));
        RequireShape(hidden, [rows, Units], nameof(hidden));
        RequireShape(cell, [rows, Units], nameof(cell));
        if (starts is not null)
            RequireShape(starts, [steps, rows], nameof(starts));

        using var scope = NewDisposeScope();
        var fromInput = ih.call(input).unbind(0);          // [N, 4 H] of each step
        var (weight, bias) = (Weight(hh), Bias(hh));
        var kept = starts is null ? [] : starts.logical_not().to(input.dtype).unsqueeze(-1).unbind(0);
        var isStart = starts is null ? [] : starts.any(1).cpu().data<bool>().ToArray();
        var outputs = new Tensor[steps];
        for (var t = 0; t < steps; t++)
        {
            if (starts is not null && isStart[t])
                (hidden, cell) = (hidden.mul(kept[t]), cell.mul(kept[t]));

            var gates = fromInput[t].add(functional.linear(hidden, weight, bias), Unit).chunk(Gates, -1);
            cell = gates[1].sigmoid().mul(cell).add(gates[0].sigmoid().mul(gates[2].tanh()), Unit);
            hidden = gates[3].sigmoid().mul(cell.tanh());
            outputs[t] = hidden;
        }

        return (stack(outputs).MoveToOuterDisposeScope(), hidden.alias().MoveToOuterDisposeScope(), cell.alias().MoveToOuterDisposeScope());
    }

    /// <summary>Its parameters as they are, but plain weights where g is absent.</summary>
    internal IEnumerable<(string Name, Tensor Value)> ActingTensors()
    {
        foreach (var (name, layer) in Layers)
        {
            if (layer.Scale is { } g)
            {
                yield return ($"{name}.weight_g", g);
                yield return ($"{name}.weight_v", layer.Weight);
            }
            else
            {
                yield return ($"{name}.weight", Weight(layer.Layer));
            }

            yield return ($"{name}.bias", layer.Bias!);
        }
    }

    /// <summary>W, g multiplied in, and b of both layers.</summary>
    internal (Tensor OfInput, Tensor OfHidden, Tensor BiasOfInput, Tensor BiasOfHidden) Folded() => (Weight(ih), Weight(hh), Bias(ih), Bias(hh));

    /// <summary>Gives the forget gate's share of a layer's bias its first value, half of 1.</summary>
    internal static void OpenForgetGate(Tensor bias)
    {
        using var rows = bias.chunk(Gates)[ForgetGate];
        rows.fill_(0.5);
    }

    private static Tensor Weight(Module<Tensor, Tensor> layer) => layer is WeightNormLayer normalized ? normalized.Weight() : ((Linear)layer).weight;

    private static Parameter Bias(Module<Tensor, Tensor> layer) => layer is WeightNormLayer normalized ? normalized.bias! : ((Linear)layer).bias!;

    private void RequireInput(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.dim() != 3 || input.size(2) != Inputs || input.size(0) == 0 || input.size(1) == 0)
            throw new ArgumentException($"Expected sequences of shape [T, N, {Inputs}], got [{string.Join(", ", input.shape)}]. Add an axis for the steps, or the environments, with unsqueeze.", nameof(input));
    }

    private static void RequireShape(Tensor tensor, ReadOnlySpan<long> shape, string name)
    {
        if (!tensor.shape.AsSpan().SequenceEqual(shape))
            throw new ArgumentException($"Expected {name} of shape [{string.Join(", ", shape.ToArray())}], got [{string.Join(", ", tensor.shape)}].", name);
    }

    /// <inheritdoc/>
    protected override void RegisterComponents() { }
}
