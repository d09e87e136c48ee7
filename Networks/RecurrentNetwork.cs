using RlWn.Inference;
using RlWn.Init;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>A network with a memory: an LSTM on the observations, or on what a convolutional torso makes of them, and fully connected layers on what it remembers.</summary>
/// <remarks>Saved as torso.…, lstm.… and head.….</remarks>
public sealed class RecurrentNetwork : AgentNetwork
{
    internal RecurrentNetwork(TorsoPlan? plan, int inputs, int outputs, NetworkOptions options, OutputLayer output, double outputScale, Initializer init)
        : base(nameof(RecurrentNetwork))
    {
        var make = new LayerFactory(options.Scheme, init) { Scale = options.Scale };
        InputSize = inputs;
        if (plan is not null)
        {
            Torso = new ImageTorso(plan, make);
            register_module("torso", Torso);
        }

        Lstm = new Lstm(plan?.Features ?? inputs, options.Lstm, make);
        Head = new Mlp(options.Lstm, [.. options.Hidden], outputs, output, outputScale, init, options.Scheme, options.Scale);
        register_module("lstm", Lstm);
        register_module("head", Head);
    }

    /// <inheritdoc/>
    public override int InputSize { get; }

    /// <inheritdoc/>
    public override ImageTorso? Torso { get; }

    /// <summary>The memory.</summary>
    public Lstm Lstm { get; }

    /// <inheritdoc/>
    public override Mlp Head { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<(string Name, Tensor Value)> ActingTensors() =>
    [
        .. Torso?.ActingTensors().Select(entry => ($"torso.{entry.Name}", entry.Value)) ?? [],
        .. Lstm.ActingTensors().Select(entry => ($"lstm.{entry.Name}", entry.Value)),
        .. Head.ActingTensors().Select(entry => ($"head.{entry.Name}", entry.Value)),
    ];

    /// <summary>Sequences from an empty memory.</summary>
    /// <param name="input">Observations, flat, shape [T, N, D].</param>
    /// <returns>Outputs, shape [T, N, K].</returns>
    /// <exception cref="ArgumentException">The shape is another.</exception>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return Head.call(Lstm.call(Features(input))).MoveToOuterDisposeScope();
    }

    /// <summary>Sequences that go on from a memory, and forget it where episodes start.</summary>
    /// <param name="input">Observations, flat, shape [T, N, D].</param>
    /// <param name="hidden">h before the first step, shape [N, H].</param>
    /// <param name="cell">c before the first step, shape [N, H].</param>
    /// <param name="starts">1 where an episode starts with step t, else 0; shape [T, N].</param>
    /// <returns>Outputs, shape [T, N, K].</returns>
    /// <exception cref="ArgumentException">A shape is another.</exception>
    public Tensor Run(Tensor input, Tensor hidden, Tensor cell, Tensor starts)
    {
        using var scope = NewDisposeScope();
        return Head.call(Lstm.Run(Features(input), hidden, cell, starts).Output).MoveToOuterDisposeScope();
    }

    private Tensor Features(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.dim() != 3 || input.size(2) != InputSize || input.size(0) == 0 || input.size(1) == 0)
            throw new ArgumentException($"Expected sequences of observations of shape [T, N, {InputSize}], got [{string.Join(", ", input.shape)}].", nameof(input));
        if (Torso is null)
            return input;

        var (channels, height, width) = Torso.Plan.Input;
        return Torso.call(input.reshape(-1, channels, height, width)).view(input.size(0), input.size(1), -1);
    }

    /// <inheritdoc/>
    protected override void RegisterComponents() { }
}
