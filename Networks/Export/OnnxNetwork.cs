using RlWn.Inference;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>Writes networks as ONNX files, which ONNX Runtime and others run, in Python, browsers and elsewhere.</summary>
/// <remarks>
/// <para>
/// Weight norm is multiplied into plain weights, batch normalization goes by its running statistics, and all numbers are single precision. The
/// first dimension of inputs and outputs is the batch, of any size. Producer is RlWn; version 8 of the format, operator set 17.
/// </para>
/// <para>A trained policy is better written by <see cref="OnnxPolicy"/>, which knows its task's observations and actions, and alone writes networks with a memory.</para>
/// </remarks>
public static class OnnxNetwork
{
    /// <summary>Writes a network to a file, in one step: an existing file is replaced by a whole new one or not at all. Its input is "input", its output "output".</summary>
    /// <param name="path">The file.</param>
    /// <param name="network">A network of this library, which stays as it is.</param>
    /// <param name="inputShape">Length of each dimension of one input, as [4] or [3, 32, 32].</param>
    /// <param name="bytes">Whether inputs are bytes, which are divided by 255.</param>
    /// <param name="metadata">Texts to go with it.</param>
    /// <exception cref="ArgumentException">The network does not take inputs of the shape.</exception>
    /// <exception cref="NotSupportedException">The network is none of this library, has a memory, or is beyond 2 GiB.</exception>
    /// <exception cref="IOException">The file could not be written.</exception>
    public static void Write(
        string path, nn.Module<Tensor, Tensor> network, ReadOnlySpan<int> inputShape, bool bytes = false, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var model = Model(network, inputShape, bytes, metadata);
        WholeFile.Write(path, model.WriteTo);
    }

    /// <summary>What <see cref="Write(string, nn.Module{Tensor, Tensor}, ReadOnlySpan{int}, bool, IReadOnlyDictionary{string, string}?)"/> writes.</summary>
    /// <inheritdoc cref="Write(string, nn.Module{Tensor, Tensor}, ReadOnlySpan{int}, bool, IReadOnlyDictionary{string, string}?)" path="/param"/>
    public static byte[] ToBytes(nn.Module<Tensor, Tensor> network, ReadOnlySpan<int> inputShape, bool bytes = false, IReadOnlyDictionary<string, string>? metadata = null)
    {
        using var stream = new MemoryStream();
        Model(network, inputShape, bytes, metadata).WriteTo(stream);
        return stream.ToArray();
    }

    private static ProtoMessage Model(nn.Module<Tensor, Tensor> network, ReadOnlySpan<int> inputShape, bool bytes, IReadOnlyDictionary<string, string>? metadata)
    {
        ArgumentNullException.ThrowIfNull(network);
        if (PlacedLayer.Modules(network).Any(entry => entry.Module is Lstm))
        {
            throw new NotSupportedException(
                $"Expected a network that remembers nothing from input to input, got {network.GetName()}. A network with a memory is written by {nameof(OnnxPolicy)}, as the policy that it acts as, with its state as inputs and outputs.");
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var outputShape = OutputShape(network, inputShape);
        var graph = new OnnxGraph(network.GetName());
        var input = graph.Input("input", bytes ? OnnxType.UInt8 : OnnxType.Float, inputShape);
        var output = new OnnxExport(graph, network).Call(network, bytes ? graph.Scaled(input, 1f / 255) : input);
        graph.Output("output", output, OnnxType.Float, outputShape);
        return graph.ToModel(metadata ?? new Dictionary<string, string>());
    }

    // By running it once: a network refuses what it does not take in words of its own.
    private static int[] OutputShape(nn.Module network, ReadOnlySpan<int> inputShape)
    {
        var shapes = new Dictionary<nn.Module, long[]>(ReferenceEqualityComparer.Instance);
        var like = network.parameters().First();
        WatchedPass.Run(network, zeros([1, .. inputShape], like.dtype, like.device), (module, _, output) => shapes[module] = output.shape);
        return [.. shapes[network].Skip(1).Select(length => (int)length)];
    }
}
