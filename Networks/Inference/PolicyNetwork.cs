using System.Runtime.CompilerServices;

namespace RlWn.Inference;

/// <summary>What leads from observations to outputs: fully connected layers, behind a convolutional torso or alone.</summary>
internal sealed class PolicyNetwork : IDisposable
{
    private const int FeaturesTogether = 4_096;   // floats on the stack

    private readonly FoldedTorso? torso;
    private readonly FoldedMlp layers;

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

        if (torso is not null && layers.InputSize != torso.Plan.Features)
        {
            var (expected, got) = (torso.Plan.Features, layers.InputSize);
            Dispose();
            throw new ArgumentException($"Expected a layer for the {expected} features of the torso, got one for {got}.");
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

    /// <summary>Through the torso, if there is one, a few rows at a time, and the layers.</summary>
    /// <param name="observations">[N, D].</param>
    /// <param name="batch">N.</param>
    /// <param name="outputs">Receives [N, K].</param>
    [SkipLocalsInit]
    public void Forward(ReadOnlySpan<float> observations, int batch, Span<float> outputs)
    {
        if (torso is null)
        {
            layers.Forward(observations, batch, outputs);
            return;
        }

        var (width, inputs) = (layers.InputSize, InputSize);
        var together = Math.Clamp(FeaturesTogether / width, 1, Math.Max(batch, 1));
        Span<float> room = stackalloc float[FeaturesTogether];
        using var rented = new Room(together * width, room);
        for (var done = 0; done < batch; done += together)
        {
            var rows = Math.Min(together, batch - done);
            var features = rented.Numbers[..(rows * width)];
            torso.Forward(observations.Slice(done * inputs, rows * inputs), rows, features);
            layers.Forward(features, rows, outputs.Slice(done * OutputSize, rows * OutputSize));
        }
    }

    public void Dispose()
    {
        torso?.Dispose();
        layers.Dispose();
    }
}
