using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>
/// A forward and backward pass that keeps the activations of one segment of the network at a time (gradient checkpointing): the depth
/// that fits into the memory grows with its square, for the price of computing almost everything forward twice.
/// </summary>
/// <remarks>
/// <para>
/// Chen et al. 2016, arXiv:1604.06174, section 4.1. Forward, only the inputs of the segments are kept. Backward, from the last segment to the
/// first, each is computed again with its graph, which is then gone through and freed. The kernels, their arguments and their order are
/// those of an ordinary pass, so gradients are the same to the bit. Running statistics count each batch once.
/// </para>
/// <code>
/// using var pass = new CheckpointedPass(network, images);
/// using var loss = functional.cross_entropy(pass.Output, labels);
/// loss.backward();    // the last segment
/// pass.Backward();    // all others
/// optimizer.Step(learningRate);
/// </code>
/// </remarks>
public sealed class CheckpointedPass : IDisposable
{
    // Computing again gives the same bits on a CPU; other devices may add in another order.
    private const double Rounding = 1e-4;

    private readonly nn.Module network;
    private readonly Func<Tensor, Tensor>[][] segments;
    private readonly Tensor?[] inputs;   // of each segment; the first is the caller's
    private bool isDone;

    /// <summary>Makes the forward pass.</summary>
    /// <param name="network">The network, which draws no random numbers in its forward pass.</param>
    /// <param name="input">Inputs as the network takes them. Gradients reach it where it wants them. It must live until <see cref="Backward"/>.</param>
    /// <param name="segments">
    /// S, from 1 to the number of links L: inputs of S segments are kept, and the graph of L/S links. 1 is an ordinary pass, L the least graph;
    /// null takes √L, where the sum is least.
    /// </param>
    /// <exception cref="ArgumentException">The network is no module or has no links.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There are not so many links.</exception>
    /// <exception cref="InvalidOperationException">Gradients are switched off.</exception>
    public CheckpointedPass(IChain network, Tensor input, int? segments = null)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(input);
        this.network = network as nn.Module ?? throw new ArgumentException($"Expected a module, got {network.GetType().Name}.", nameof(network));
        if (!is_grad_enabled())
            throw new InvalidOperationException("Expected gradients to be enabled: without them call the network itself, which keeps nothing.");

        var links = network.Links;
        if (links.Count == 0)
            throw new ArgumentException("Expected a network of at least 1 link, got none.", nameof(network));
        var count = segments ?? (int)Math.Round(Math.Sqrt(links.Count));
        if (count < 1 || count > links.Count)
            throw new ArgumentOutOfRangeException(nameof(segments), count, $"Expected 1 to {links.Count} segments, as many as the network has links.");

        // Lengths differ by at most 1.
        this.segments = [.. Enumerable.Range(0, count).Select(s => links.Take(Start(s)..Start(s + 1)).ToArray())];
        inputs = new Tensor?[count];
        inputs[0] = input;

        using var scope = NewDisposeScope();
        for (var s = 0; s < count - 1; s++)
            inputs[s + 1] = WithoutGraph(this.segments[s], inputs[s]!).requires_grad_().DetachFromDisposeScope();
        Output = Run(this.segments[^1], inputs[^1]!).DetachFromDisposeScope();

        int Start(int segment) => (int)((long)segment * links.Count / count);
    }

    /// <summary>What the network gives. Its graph reaches back to the start of the last segment; disposed with the pass.</summary>
    public Tensor Output { get; }

    /// <summary>Takes the gradient, which a loss's backward pass has brought to the start of the last segment, through all others.</summary>
    /// <exception cref="InvalidOperationException">
    /// No backward pass went before, this is the second, or the network gives something else than it did: its parameters were changed, or it draws
    /// random numbers.
    /// </exception>
    public void Backward()
    {
        if (isDone)
            throw new InvalidOperationException("Expected one backward pass, got a second. Make another forward pass.");
        if (inputs.Length > 1 && inputs[^1]!.grad is null)
            throw new InvalidOperationException("Expected the loss's backward pass first. Call loss.backward(), then Backward().");

        isDone = true;
        using var scope = NewDisposeScope();
        var statistics = Statistics();
        try
        {
            for (var s = inputs.Length - 2; s >= 0; s--)
                Repeat(s);
        }
        finally
        {
            // After the gradients: they must not see that the statistics went back.
            using var noGrad = no_grad();
            foreach (var (buffer, value) in statistics)
                buffer.copy_(value);
        }
    }

    /// <summary>Frees the output and what is kept; the network, its gradients and the input stay.</summary>
    public void Dispose()
    {
        Output.Dispose();
        foreach (var input in inputs.Skip(1))
            input?.Dispose();
    }

    private void Repeat(int segment)
    {
        using var scope = NewDisposeScope();
        var output = Run(segments[segment], inputs[segment]!);
        var before = inputs[segment + 1]!;
        RequireSame(before, output);
        if (output.requires_grad)
            output.backward([before.grad!]);

        before.grad = null;
        before.Dispose();
        inputs[segment + 1] = null;
    }

    private static void RequireSame(Tensor before, Tensor now)
    {
        if (before.device_type == TorchSharp.DeviceType.CPU ? before.allclose(now, 0, 0, equal_nan: true) : before.allclose(now, Rounding, Rounding, equal_nan: true))
            return;

        throw new InvalidOperationException(
            "Expected the network to give what it gave in the forward pass, got something else; gradients are incomplete. "
            + "Take the optimizer's step after Backward(), and leave out layers that draw random numbers.");
    }

    // Running statistics of normalizations, which computing a segment again moves a second time.
    private (Tensor Buffer, Tensor Value)[] Statistics()
    {
        using var noGrad = no_grad();
        return [.. network.buffers().Select(buffer => (buffer, buffer.clone()))];
    }

    private static Tensor Run(IEnumerable<Func<Tensor, Tensor>> links, Tensor input) => Run(links, input, link => link);

    // Each link's graph is made and dropped. Without gradients, every layer would keep its folded weight instead: as much memory as its parameters.
    private static Tensor WithoutGraph(IEnumerable<Func<Tensor, Tensor>> links, Tensor input) => Run(links, input, output => output.detach());

    private static Tensor Run(IEnumerable<Func<Tensor, Tensor>> links, Tensor input, Func<Tensor, Tensor> keep)
    {
        var features = input;
        foreach (var link in links)
        {
            using var scope = NewDisposeScope();
            var next = keep(link(features)).MoveToOuterDisposeScope();
            if (!ReferenceEquals(features, input) && !ReferenceEquals(features, next))
                features.Dispose();
            features = next;
        }

        return features;
    }
}
