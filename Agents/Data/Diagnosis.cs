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
    /// <param name="sequences">Where the batch is sequences of steps, [T, N, D]: N; 0 where it is not.</param>
    /// <exception cref="InvalidOperationException">There was no update yet.</exception>
    public static IReadOnlyList<LayerDiagnostics> Of(
        nn.Module network, FlatParameters parameters, double learningRate, long updates, Features features, Batch batch, int sequences = 0)
    {
        if (updates == 0)
            throw new InvalidOperationException("Expected an update before a diagnosis, got none. Diagnose after the first report, once learning has started.");

        using var scope = NewDisposeScope();
        var input = Input(features, batch).to(parameters.Values.dtype, parameters.Values.device);
        return Diagnostics.Of(network, learningRate, sequences == 0 ? input : input.view(-1, sequences, batch.Width));
    }

    /// <summary>A batch as a network's input, in the caller's dispose scope.</summary>
    public static Tensor Input(Features features, Batch batch)
    {
        var input = empty([batch.Rows, batch.Width], ScalarType.Float32);
        features.Of(batch).CopyTo(Aten.Memory<float>(input));
        return input;
    }
}
