using System.Runtime.CompilerServices;

namespace RlWn.Inference;

/// <summary>What leads from observations to outputs: fully connected layers, behind a convolutional torso or alone. Observations may be normalized before.</summary>
internal sealed class PolicyNetwork : IDisposable
{
    private const int NumbersTogether = 4_096;   // on the stack: features of a torso, or normalized observations

    private readonly FoldedTorso? torso;
    private readonly FoldedMlp layers;
    private readonly ObservationScale? scale;

    /// <summary>Takes the network out of a file's tensors.</summary>
    /// <exception cref="ArgumentException">Something is missing or does not fit.</exception>
    public PolicyNetwork(PolicyFormat format, PolicyTensors tensors)
    {
        torso = format.TorsoPlan() is { } plan ? tensors.TakeTorso(plan) : null;
        try
        {
            layers = tensors.TakeLayers(behindTorso: torso is not null, format.Norm());
        }
        catch
        {
            torso?.Dispose();
            throw;
        }

        try
        {
            if (torso is not null && layers.InputSize != torso.Plan.Features)
                throw new ArgumentException($"Expected a layer for the {torso.Plan.Features} features of the torso, got one for {layers.InputSize}.");
            scale = format.ObservationScale(InputSize, tensors);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>D: how many numbers an observation has.</summary>
    public int InputSize => torso?.Plan.Input.Size ?? layers.InputSize;

    /// <summary>K: how many numbers come out.</summary>
    public int OutputSize => layers.OutputSize;

    /// <summary>The convolutions before the layers; null where there are none.</summary>
    public FoldedTorso? Convolutions => torso;

    /// <summary>The layers.</summary>
    public FoldedMlp Layers => layers;

    /// <summary>What normalizes observations before all; null where nothing does.</summary>
    public ObservationScale? Scale => scale;

    /// <summary>Runs the network, on observations as the task gives them.</summary>
    /// <param name="observations">[N, D].</param>
    /// <param name="batch">N.</param>
    /// <param name="outputs">Receives [N, K].</param>
    [SkipLocalsInit]
    public void Forward(ReadOnlySpan<float> observations, int batch, Span<float> outputs)
    {
        if (scale is null)
        {
            Run(observations, batch, outputs);
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
            scale.Apply(observations.Slice(done * width, rows * width), normalized);
            Run(normalized, rows, outputs.Slice(done * OutputSize, rows * OutputSize));
        }
    }

    public void Dispose()
    {
        torso?.Dispose();
        layers.Dispose();
    }

    // Through the torso, if there is one, a few rows at a time, and the layers.
    [SkipLocalsInit]
    private void Run(ReadOnlySpan<float> observations, int batch, Span<float> outputs)
    {
        if (torso is null)
        {
            layers.Forward(observations, batch, outputs);
            return;
        }

        var (width, inputs) = (layers.InputSize, InputSize);
        var together = Math.Clamp(NumbersTogether / width, 1, Math.Max(batch, 1));
        Span<float> room = stackalloc float[NumbersTogether];
        using var rented = new Room(together * width, room);
        for (var done = 0; done < batch; done += together)
        {
            var rows = Math.Min(together, batch - done);
            var features = rented.Numbers[..(rows * width)];
            torso.Forward(observations.Slice(done * inputs, rows * inputs), rows, features);
            layers.Forward(features, rows, outputs.Slice(done * OutputSize, rows * OutputSize));
        }
    }
}
