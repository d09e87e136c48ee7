using RlWn.Init;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>w = g v / ||v|| of a layer, computed again only after v or g changed: for forward passes without gradients.</summary>
internal sealed class FoldedWeight : IDisposable
{
    private readonly Lock refresh = new();
    private Tensor? weight;
    private (nint V, nint G, long ChangesOfV, long ChangesOfG, long ChangesOfStorage) folded;

    /// <summary>The flat buffer that v and g are slices of, if they are: changes made through it do not count as theirs.</summary>
    public Tensor? Storage { get; set; }

    /// <summary>Computes w again next time, whatever the counts of changes say: another tensor may have come to the old one's address.</summary>
    public void Forget()
    {
        lock (refresh)
            folded = default;
    }

    public Tensor Of(Tensor v, Tensor g)
    {
        var current = (v.Handle, g.Handle, Aten.Version(v), Aten.Version(g), Storage is null ? 0 : Aten.Version(Storage));
        if (current == folded)
            return weight!;

        lock (refresh)
        {
            if (current == folded)
                return weight!;

            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            var fresh = Aten.WeightNorm(v, g);
            if (weight is not null && weight.device_type == fresh.device_type && weight.dtype == fresh.dtype)
                weight.copy_(fresh);   // in place: whoever is using it in another thread keeps valid memory
            else
                weight = fresh.DetachFromDisposeScope();
            folded = current;
            return weight;
        }
    }

    public void Dispose() => weight?.Dispose();
}
