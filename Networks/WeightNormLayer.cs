using RlWn.Init;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>What weight-normalized layers share: v, g, b under PyTorch's names, and w = g v / ||v||. g may be fixed or absent.</summary>
/// <remarks>
/// Salimans and Kingma 2016, arXiv:1602.07868, eq. 2; the first values by Arpit, Campos and Bengio 2019, arXiv:1906.02341.
/// With gradients enabled, w is computed by libtorch's fused kernel in every forward pass; without, once after each change of v or g.
/// A layer of float32 computes in bfloat16 where its input is of that type (mixed precision): w is made in float32 and rounded, gradients come back in float32.
/// </remarks>
public abstract class WeightNormLayer : nn.Module<Tensor, Tensor>
{
    private readonly FoldedWeight folded = new();
    private Parameter v;
    private Parameter? g;
    private Tensor? constant;   // stands for g where there is none
    private Parameter? b;

    private protected WeightNormLayer(string name, ReadOnlySpan<long> shape, double g, bool bias, Initializer init, ScaleMode scale)
        : this(name, init.Directions(shape), init.Scales(g, shape), bias, scale) => RowLength = scale == ScaleMode.Absent ? g : null;

    // Without values yet: whoever makes the layer gives them.
    private protected WeightNormLayer(string name, ReadOnlySpan<long> shape, Initializer init, ScaleMode scale)
        : this(name, empty(shape, init.Dtype, init.Device ?? CPU), init.Scales(1, shape), bias: true, scale) => RowLength = scale == ScaleMode.Absent ? 1 : null;

    private WeightNormLayer(string name, Tensor v, Tensor g, bool bias, ScaleMode scale) : base(name)
    {
        this.v = new Parameter(v);
        this.v.DetachFromDisposeScope();
        if (scale == ScaleMode.Absent)
        {
            constant = g.DetachFromDisposeScope();
        }
        else
        {
            this.g = new Parameter(g, requires_grad: scale == ScaleMode.Learnable);
            this.g.DetachFromDisposeScope();
            register_parameter(nameof(weight_g), this.g);
        }

        b = bias ? new Parameter(zeros(this.v.size(0), this.v.dtype, this.v.device)) : null;   // v is the parameter's now
        b?.DetachFromDisposeScope();
        register_parameter(nameof(weight_v), this.v);
        if (b is not null)
            register_parameter(nameof(bias), b);
    }

    /// <summary>g: the length of each row of w, shape [out, 1, …, 1]; null where it is absent, and then it cannot be given.</summary>
    /// <exception cref="InvalidOperationException">The layer was made without g.</exception>
    public Parameter? weight_g
    {
        get => g;
        set
        {
            if (g is null && value is not null)
                throw new InvalidOperationException("Expected a layer with g, got one that was made without. Make it with ScaleMode.Learnable or ScaleMode.Fixed.");
            Replace(nameof(weight_g), ref g, value);
        }
    }

    /// <summary>The length of every row where g is absent; null elsewhere.</summary>
    public double? RowLength { get; private set; }

    /// <summary>v: the direction of each row of w, shape [out, in, …]; its length does not matter, but must not be zero.</summary>
    public Parameter weight_v
    {
        get => v;
        set
        {
            Replace(nameof(weight_v), ref v!, value);
            if (constant is null || (constant.dtype == v.dtype && constant.device_type == v.device_type))
                return;

            var moved = constant.to(v.dtype, v.device).DetachFromDisposeScope();
            constant.Dispose();
            constant = moved;
        }
    }

    /// <summary>b, shape [out]; null where the layer was made without.</summary>
    public Parameter? bias
    {
        get => b;
        set => Replace(nameof(bias), ref b, value);
    }

    /// <summary>g, or the constant that stands for it.</summary>
    internal Tensor RowLengths => (Tensor?)g ?? constant!;

    /// <summary>The flat buffer that the parameters stand on; set by <see cref="FlatParameters"/>.</summary>
    internal Tensor? Storage
    {
        get => folded.Storage;
        set
        {
            folded.Storage = value;
            folded.Forget();
        }
    }

    /// <summary>Whether w is computed in elementary operations, for second derivatives; set by <see cref="Curvature"/> for a while.</summary>
    internal bool IsTwiceDifferentiable { get; set; }

    /// <summary>w = g v / ||v||, the shape of v: in the graph of g and v where gradients are enabled, else the folded copy (do not change it).</summary>
    public Tensor Weight()
    {
        var lengths = RowLengths;
        if (!is_grad_enabled() || !(v.requires_grad || lengths.requires_grad))
            return folded.Of(v, lengths);
        return IsTwiceDifferentiable ? Aten.WeightNormElementary(v, lengths) : Aten.WeightNorm(v, lengths);
    }

    /// <summary><see cref="Weight"/> in the type of what it meets: parameters stay as they are, the arithmetic follows the input.</summary>
    private protected Tensor WeightLike(Tensor input) => Like(input, Weight());

    /// <summary>b likewise.</summary>
    private protected Tensor? BiasLike(Tensor input) => b is null ? null : Like(input, b);

    /// <inheritdoc/>
    public override Dictionary<string, Tensor> state_dict(Dictionary<string, Tensor>? destination = null, string? prefix = null)
    {
        // Who takes the state may be about to overwrite it: load does, in a way that does not count as a change.
        folded.Forget();
        return base.state_dict(destination, prefix);
    }

    /// <summary>Sets g, or the constant that stands for it, whose rows then have one length.</summary>
    /// <param name="lengths">Shape [out, 1, …, 1].</param>
    internal void SetRowLengths(Tensor lengths)
    {
        RowLengths.copy_(lengths);
        if (g is null)
            RowLength = lengths.flatten()[0].to(ScalarType.Float64).item<double>();
    }

    private static Tensor Like(Tensor input, Tensor parameter) => parameter.dtype == input.dtype ? parameter : parameter.to(input.dtype);

    // As TorchSharp's own layers do: the one that is replaced is freed, the new one outlives the scope it was made in.
    private void Replace(string name, ref Parameter? field, Parameter? value)
    {
        if (ReferenceEquals(field, value))
            return;

        field?.Dispose();
        field = value;
        value?.DetachFromDisposeScope();
        ConditionallyRegisterParameter(name, value);
        folded.Forget();
    }

    /// <inheritdoc/>
    protected override void RegisterComponents() { }   // the constructor did; by reflection, caches would be saved too

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            folded.Dispose();
            constant?.Dispose();
        }

        base.Dispose(disposing);
    }
}
