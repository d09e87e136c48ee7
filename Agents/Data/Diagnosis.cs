using RlWn.Envs;
using RlWn.Init;
using RlWn.Networks;
using static TorchSharp.torch;

namespace RlWn.Agents.Data;

/// <summary>A look at each layer of an agent's network in training.</summary>
internal static class Diagnosis
{
    /// <summary>Looks at the layers, their gradients as they are, and their activations on a batch.</summary>
    /// <param name="network">The network.</param>
    /// <param name="parameters">Its parameters.</param>
    /// <param name="learningRate">α of the last update.</param>
    /// <param name="updates">How many there were.</param>
    /// <param name="features">How observations are read.</param>
    /// <param name="batch">What the last update learned from, [B, D].</param>
    /// <exception cref="InvalidOperationException">There was no update yet.</exception>
    public static IReadOnlyList<LayerDiagnostics> Of(
        nn.Module network, FlatParameters parameters, double learningRate, long updates, Features features, Batch batch)
    {
        if (updates == 0)
            throw new InvalidOperationException("Expected an update before a diagnosis, got none. Diagnose after the first report, once learning has started.");

        using var scope = NewDisposeScope();
        return Diagnostics.Of(network, learningRate, Input(features, batch).to(parameters.Values.dtype, parameters.Values.device));
    }

    /// <summary>A batch as a network's input, in the caller's dispose scope.</summary>
    public static Tensor Input(Features features, Batch batch)
    {
        var input = empty([batch.Rows, batch.Width], ScalarType.Float32);
        features.Of(batch).CopyTo(Aten.Memory<float>(input));
        return input;
    }
}
