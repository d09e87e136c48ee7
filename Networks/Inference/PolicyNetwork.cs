using System.Runtime.CompilerServices;

namespace RlWn.Inference;

/// <summary>
/// What leads from observations to outputs: a convolutional torso if there is one, an LSTM if there is one, and fully connected layers. Observations may be
/// normalized before.
/// </summary>
internal sealed class PolicyNetwork : IDisposable
{
    private const int NumbersTogether = 4_096;   // on the stack: features of a torso, or normalized observations

    /// <summary>Puts a network together, which owns its parts from here on.</summary>
    /// <exception cref="ArgumentException">One does not fit the next.</exception>
    public PolicyNetwork(FoldedTorso? convolutions, FoldedLstm? memory, FoldedMlp layers)
    {
        (Convolutions, Memory, Layers) = (convolutions, memory, layers);
        var before = memory?.Inputs ?? layers.InputSize;
        if (convolutions is not null && before != convolutions.Plan.Features)
            throw new ArgumentException($"Expected a layer for the {convolutions.Plan.Features} features of the torso, got one for {before}.");
        if (memory is not null && layers.InputSize != memory.Units)
            throw new ArgumentException($"Expected a layer for the {memory.Units} units of the LSTM, got one for {layers.InputSize}.");
    }

    /// <summary>D: how many numbers an observation has.</summary>
    public int InputSize => Convolutions?.Plan.Input.Size ?? Memory?.Inputs ?? Layers.InputSize;

    /// <summary>K: how many numbers come out.</summary>
    public int OutputSize => Layers.OutputSize;

    /// <summary>H: units of the LSTM; 0 where there is none.</summary>
    public int Units => Memory?.Units ?? 0;

    /// <summary>The convolutions before all; null where there are none.</summary>
    public FoldedTorso? Convolutions { get; }

    /// <summary>The LSTM before the layers; null where there is none.</summary>
    public FoldedLstm? Memory { get; }

    /// <summary>The layers.</summary>
    public FoldedMlp Layers { get; }

    /// <summary>What normalizes observations before all; null where nothing does.</summary>
    public ObservationScale? Scale { get; private init; }

    /// <summary>Takes the network out of a file's tensors.</summary>
    /// <exception cref="ArgumentException">Something is missing or does not fit.</exception>
    public static PolicyNetwork Of(PolicyFormat format, PolicyTensors tensors)
    {
        var (torso, memory, layers) = ((FoldedTorso?)null, (FoldedLstm?)null, (FoldedMlp?)null);
        try
        {
            torso = format.TorsoPlan() is { } plan ? tensors.TakeTorso(plan) : null;
            memory = format.Lstm() is { } units ? tensors.TakeLstm(units) : null;
            layers = tensors.TakeLayers(isHead: torso is not null || memory is not null, format.Norm());
            var size = torso?.Plan.Input.Size ?? memory?.Inputs ?? layers.InputSize;
            return new PolicyNetwork(torso, memory, layers) { Scale = format.ObservationScale(size, tensors) };
        }
        catch
        {
            torso?.Dispose();
            memory?.Dispose();
            layers?.Dispose();
            throw;
        }
    }

    /// <summary>Runs the network, on observations as the task gives them.</summary>
    /// <param name="observations">[N, D].</param>
    /// <param name="batch">N.</param>
    /// <param name="hidden">h of the LSTM, [N, H]: before the step, and then after it.</param>
    /// <param name="cell">c of the LSTM, [N, H], likewise.</param>
    /// <param name="outputs">Receives [N, K].</param>
    [SkipLocalsInit]
    public void Forward(ReadOnlySpan<float> observations, int batch, Span<float> hidden, Span<float> cell, Span<float> outputs)
    {
        if (Scale is null)
        {
            Run(observations, batch, hidden, cell, outputs);
            return;
        }

        var width = InputSize;
        var together = Math.Clamp(NumbersTogether / width, 1, Math.Max(batch, 1));
        Span<float> room = stackalloc float[NumbersTogether];
        using var rented = new Room(together * width, room);
        for (var done = 0; done < batch; done += together)
        {
            var rows = Math.Min(together, batch - done);
            var normalized = rented.Numbers[..(rows * width)];
            Scale.Apply(observations.Slice(done * width, rows * width), normalized);
            Run(normalized, rows, hidden.Slice(done * Units, rows * Units), cell.Slice(done * Units, rows * Units), outputs.Slice(done * OutputSize, rows * OutputSize));
        }
    }

    public void Dispose()
    {
        Convolutions?.Dispose();
        Memory?.Dispose();
        Layers.Dispose();
    }

    // Through the torso, if there is one, a few rows at a time, and on.
    [SkipLocalsInit]
    private void Run(ReadOnlySpan<float> observations, int batch, Span<float> hidden, Span<float> cell, Span<float> outputs)
    {
        if (Convolutions is null)
        {
            Remember(observations, batch, hidden, cell, outputs);
            return;
        }

        var (width, inputs) = (Convolutions.Plan.Features, InputSize);
        var together = Math.Clamp(NumbersTogether / width, 1, Math.Max(batch, 1));
        Span<float> room = stackalloc float[NumbersTogether];
        using var rented = new Room(together * width, room);
        for (var done = 0; done < batch; done += together)
        {
            var rows = Math.Min(together, batch - done);
            var features = rented.Numbers[..(rows * width)];
            Convolutions.Forward(observations.Slice(done * inputs, rows * inputs), rows, features);
            Remember(features, rows, hidden.Slice(done * Units, rows * Units), cell.Slice(done * Units, rows * Units), outputs.Slice(done * OutputSize, rows * OutputSize));
        }
    }

    // Through the LSTM, if there is one, and the layers, which see h.
    private void Remember(ReadOnlySpan<float> features, int batch, Span<float> hidden, Span<float> cell, Span<float> outputs)
    {
        Memory?.Forward(features, batch, hidden, cell);
        Layers.Forward(Memory is null ? features : hidden, batch, outputs);
    }
}
