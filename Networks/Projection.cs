using RlWn.Init;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>Scales each row of every v of a network back to length 1 after optimizer steps.</summary>
/// <remarks>
/// <para>
/// w = g v / ||v|| does not change by it, and so the function does not. What changes is how far the next step turns v: a step of length α turns a row
/// by about α / ||v||, and since gradients are at right angles to v every plain gradient step makes ||v|| grow and the turning slow down. With a
/// projection after each step the effective learning rate is the learning rate, from the first step on.
/// </para>
/// <para>
/// van Laarhoven 2017, arXiv:1706.05350, on the effective learning rate; Salimans and Kingma 2016, arXiv:1602.07868, section 2.3, on the growth of v.
/// The optimizer's moments stay as they are.
/// </para>
/// </remarks>
public sealed class Projection : IDisposable
{
    private readonly int every;
    private readonly (WeightNormLayer Layer, Tensor Unit)[] layers;

    /// <summary>Projects a network once, so that all its rows start at length 1, unless it is never to be projected.</summary>
    /// <param name="network">Any network; not owned. What in it is not weight-normalized stays as it is.</param>
    /// <param name="every">k: the projection follows every k-th optimizer step. 1 is each, 0 never.</param>
    public Projection(nn.Module network, int every)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentOutOfRangeException.ThrowIfNegative(every);
        using var scope = NewDisposeScope();
        this.every = every;
        layers = every == 0
            ? []
            : [.. from module in PlacedLayer.Modules(network)
                  where module.Module is WeightNormLayer
                  let layer = (WeightNormLayer)module.Module
                  select (layer, ones_like(layer.RowLengths, requires_grad: false).DetachFromDisposeScope())];
        Project();
    }

    /// <summary>Projects if the step was a k-th one.</summary>
    /// <param name="step">How many optimizer steps were made, the one just made included.</param>
    public void After(long step)
    {
        if (every > 0 && step % every == 0)
            Project();
    }

    /// <summary>Frees what the projection needs; the network stays.</summary>
    public void Dispose()
    {
        foreach (var (_, unit) in layers)
            unit.Dispose();
    }

    private void Project()
    {
        using var noGrad = no_grad();
        foreach (var (layer, unit) in layers)
        {
            using var projected = Aten.WeightNorm(layer.weight_v, unit);
            layer.weight_v.copy_(projected);
        }
    }
}
