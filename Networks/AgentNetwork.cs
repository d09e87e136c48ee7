using RlWn.Inference;
using RlWn.Init;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Networks;

/// <summary>
/// A network of an agent: an <see cref="Mlp"/> or one behind a convolutional torso (<see cref="ImageNetwork"/>), observations [N, D] to outputs [N, K], or one with a
/// memory (<see cref="RecurrentNetwork"/>), sequences of observations [T, N, D] to outputs [T, N, K].
/// </summary>
public abstract class AgentNetwork : Module<Tensor, Tensor>
{
    private protected AgentNetwork(string name) : base(name) { }

    /// <summary>D: numbers in an observation.</summary>
    public abstract int InputSize { get; }

    /// <summary>K: numbers that come out.</summary>
    public int OutputSize => Head.Widths[^1];

    /// <summary>What makes features of images; null where the fully connected layers see the observation itself.</summary>
    public abstract ImageTorso? Torso { get; }

    /// <summary>The fully connected layers, with the output layer.</summary>
    public abstract Mlp Head { get; }

    /// <summary>What stands before the names of the fully connected layers in a saved file: nothing where they are the whole network.</summary>
    public string HeadPrefix => ReferenceEquals(Head, this) ? "" : "head.";

    /// <summary>What acts, under the names that <see cref="Policy"/> reads, without its prefix. See <see cref="Mlp.ActingTensors"/>.</summary>
    public abstract IReadOnlyList<(string Name, Tensor Value)> ActingTensors();

    /// <summary>Makes the network that settings describe.</summary>
    /// <param name="observationShape">Length of each dimension of an observation; [channels, height, width] for a convolutional torso.</param>
    /// <param name="outputs">K, at least 1.</param>
    /// <param name="options">Torso, widths, scheme and normalizations.</param>
    /// <param name="output">How the output layer is built.</param>
    /// <param name="outputScale">The length of each output row at the start.</param>
    /// <param name="init">Where the first values come from.</param>
    /// <param name="noise">σ₀ of the noise on the fully connected layers; 0 is none, and networks with a memory have none. See <see cref="FactorizedNoise"/>.</param>
    /// <exception cref="ArgumentException">The torso does not fit the observations.</exception>
    public static AgentNetwork Make(
        ReadOnlySpan<int> observationShape, int outputs, NetworkOptions options, OutputLayer output, double outputScale, Initializer init, double noise = 0)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(init);
        var plan = options.Torso == Inference.Torso.Mlp ? null : new TorsoPlan(options.Torso, observationShape, options.TorsoDepth, options.TorsoWidth);
        var size = 1;
        foreach (var length in observationShape)
            size = checked(size * length);
        if (options.Lstm > 0)
            return new RecurrentNetwork(plan, size, outputs, options, output, outputScale, init);
        return plan is null
            ? new Mlp(size, [.. options.Hidden], outputs, output, outputScale, init, options.Scheme, options.Scale, options.NormPartner, noise)
            : new ImageNetwork(plan, outputs, options, output, outputScale, init, noise);
    }

    /// <summary>Refuses a network with a memory, where nothing keeps one from step to step.</summary>
    /// <exception cref="ArgumentException">The network has one.</exception>
    internal void RequireNoMemory()
    {
        if (this is RecurrentNetwork recurrent)
        {
            throw new ArgumentException(
                $"Expected network.lstm 0 for an agent that remembers nothing from step to step, got {recurrent.Lstm.Units}. The agent ppo learns with a memory (RecurrentPpoAgent).", "network");
        }
    }

    /// <summary>Draws a fresh sample of the noise on every fully connected layer.</summary>
    /// <param name="random">The source of randomness.</param>
    public void DrawNoise(Random random)
    {
        foreach (var noise in Head.Noises)
            noise.Draw(random);
    }

    /// <summary>Takes the noise away: the network is then its mean.</summary>
    public void ClearNoise()
    {
        foreach (var noise in Head.Noises)
            noise.Clear();
    }
}

/// <summary>A convolutional torso and fully connected layers on its features. Saved as torso.… and head.….</summary>
public sealed class ImageNetwork : AgentNetwork, IOnnxSource
{
    internal ImageNetwork(TorsoPlan plan, int outputs, NetworkOptions options, OutputLayer output, double outputScale, Initializer init, double noise)
        : base(nameof(ImageNetwork))
    {
        Torso = new ImageTorso(plan, new LayerFactory(options.Scheme, init) { Scale = options.Scale });
        Head = new Mlp(plan.Features, [.. options.Hidden], outputs, output, outputScale, init, options.Scheme, options.Scale, noise: noise);
        register_module("torso", Torso);
        register_module("head", Head);
    }

    /// <inheritdoc/>
    public override int InputSize => Torso.Plan.Input.Size;

    /// <inheritdoc/>
    public override ImageTorso Torso { get; }

    /// <inheritdoc/>
    public override Mlp Head { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<(string Name, Tensor Value)> ActingTensors() =>
    [
        .. Torso.ActingTensors().Select(entry => ($"torso.{entry.Name}", entry.Value)),
        .. Head.ActingTensors().Select(entry => ($"head.{entry.Name}", entry.Value)),
    ];

    /// <inheritdoc/>
    /// <param name="input">Observations, flat, shape [N, D].</param>
    /// <returns>Outputs, shape [N, K].</returns>
    public override Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        var (channels, height, width) = Torso.Plan.Input;
        if (input.dim() != 2 || input.size(1) != InputSize || input.size(0) == 0)
            throw new ArgumentException($"Expected flat images of shape [N, {InputSize}], got [{string.Join(", ", input.shape)}].", nameof(input));

        using var scope = NewDisposeScope();
        return Head.call(Torso.call(input.view(-1, channels, height, width))).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    string IOnnxSource.Export(OnnxExport to, string input) => to.Call(Head, to.Call(Torso, to.Graph.AsImages(input, Torso.Plan.Input)));

    /// <inheritdoc/>
    protected override void RegisterComponents() { }
}
