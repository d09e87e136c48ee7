using System.Numerics;
using System.Runtime.InteropServices;
using RlWn.Init;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>
/// All parameters of a network on one flat buffer, and their gradients on another: clipping, stepping and zeroing are then one
/// operation each, however many tensors there are.
/// </summary>
/// <remarks>
/// Parameters stay what and where they were for everyone who holds them; only their memory moves. Make it once the network is on
/// its device: <c>module.to(…)</c> would part them again.
/// </remarks>
public sealed unsafe class FlatParameters : IDisposable
{
    private readonly nn.Module network;
    private readonly WeightNormLayer[] layers;

    /// <summary>Moves a network's parameters to a flat buffer.</summary>
    /// <param name="network">The network; its parameters share one type and device.</param>
    /// <param name="scalesLast">Whether every g that learns comes after all other parameters, so that it can learn at a rate of its own.</param>
    /// <exception cref="ArgumentException">The network has no parameters that want gradients, or they differ in type or device.</exception>
    public FlatParameters(nn.Module network, bool scalesLast = false)
    {
        ArgumentNullException.ThrowIfNull(network);
        this.network = network;
        var parameters = network.parameters().Where(parameter => parameter.requires_grad).ToArray();
        layers = [.. network.modules().Append(network).OfType<WeightNormLayer>()];
        if (scalesLast)
        {
            var scales = layers.Select(layer => layer.weight_g).OfType<Parameter>().Select(g => g.Handle).ToHashSet();
            parameters = [.. parameters.OrderBy(parameter => scales.Contains(parameter.Handle))];   // stable: the order is otherwise kept
            Scales = parameters.Where(parameter => scales.Contains(parameter.Handle)).Sum(parameter => parameter.NumberOfElements);
        }

        if (parameters.Length == 0)
            throw new ArgumentException("Expected a network with parameters to train, got one without.", nameof(network));

        var (dtype, device) = (parameters[0].dtype, parameters[0].device);
        if (parameters.FirstOrDefault(parameter => parameter.dtype != dtype || parameter.device_type != device.type) is { } other)
            throw new ArgumentException($"Expected all parameters as {dtype} on {device}, got one as {other.dtype} on {other.device}.", nameof(network));

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Values = empty(parameters.Sum(parameter => parameter.NumberOfElements), dtype, device).DetachFromDisposeScope();
        Gradients = zeros_like(Values).DetachFromDisposeScope();

        var start = 0L;
        foreach (var parameter in parameters)
        {
            var slice = Values.narrow(0, start, parameter.NumberOfElements).view(parameter.shape);
            slice.copy_(parameter);
            Aten.SetData(parameter, slice);
            parameter.grad = Gradients.narrow(0, start, parameter.NumberOfElements).view(parameter.shape);
            start += parameter.NumberOfElements;
        }

        foreach (var layer in layers)
            layer.Storage = Values;
    }

    /// <summary>How many numbers at the end are g's that learn; null where they stand among the others.</summary>
    public long? Scales { get; }

    /// <summary>θ: every parameter, one after another, shape [P].</summary>
    public Tensor Values { get; }

    /// <summary>∇L, in the order of <see cref="Values"/>, shape [P]; backward passes add to it.</summary>
    public Tensor Gradients { get; }

    /// <summary>Sets every gradient to zero.</summary>
    public void ZeroGradients() => Gradients.zero_().Dispose();

    /// <summary>Scales the gradient down to a norm of at most <paramref name="maxNorm"/>; a smaller one stays as it is.</summary>
    /// <param name="maxNorm">Above 0.</param>
    /// <returns>The norm before scaling: NaN or infinite where a gradient is, or where squares are beyond the type's range. Gradients are then of no use any more.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The bound is not above 0.</exception>
    /// <remarks>Pascanu et al. 2013, arXiv:1211.5063, algorithm 1; the coefficient is max / (norm + 1e-6), at most 1, as PyTorch has it.</remarks>
    public double ClipGradients(double maxNorm)
    {
        const double Epsilon = 1e-6;
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxNorm);
        using var noGrad = no_grad();
        var isDouble = Gradients.dtype == ScalarType.Float64;
        var norm = Norm();
        var coefficient = isDouble ? maxNorm / (norm + Epsilon) : (float)maxNorm / ((float)norm + (float)Epsilon);
        if (coefficient >= 1)
            return norm;

        using var factor = tensor(coefficient, Gradients.dtype, Gradients.device);   // of a NaN all become NaN; of an infinite one it alone does, and all others 0
        Gradients.mul_(factor);
        return norm;
    }

    private double Norm()
    {
        var numbers = Gradients.NumberOfElements;
        if (Gradients.device_type == DeviceType.CPU && Gradients.dtype == ScalarType.Float32 && numbers <= int.MaxValue)
            return Norm(new ReadOnlySpan<float>((float*)Aten.Address(Gradients), (int)numbers));   // on one thread much faster than libtorch's

        using var norm = Gradients.norm();
        return norm.dtype == ScalarType.Float64 ? norm.item<double>() : norm.item<float>();
    }

    // Four sums: each waits for its last addition, and the others meanwhile go on.
    private static float Norm(ReadOnlySpan<float> numbers)
    {
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(numbers);
        Vector<float> sum0 = Vector<float>.Zero, sum1 = sum0, sum2 = sum0, sum3 = sum0;
        var i = 0;
        for (; i + 4 <= vectors.Length; i += 4)
        {
            sum0 = Vector.MultiplyAddEstimate(vectors[i], vectors[i], sum0);
            sum1 = Vector.MultiplyAddEstimate(vectors[i + 1], vectors[i + 1], sum1);
            sum2 = Vector.MultiplyAddEstimate(vectors[i + 2], vectors[i + 2], sum2);
            sum3 = Vector.MultiplyAddEstimate(vectors[i + 3], vectors[i + 3], sum3);
        }

        var sum = Vector.Sum(sum0 + sum1 + (sum2 + sum3));
        foreach (var number in numbers[(i * Vector<float>.Count)..])
            sum += number * number;
        return MathF.Sqrt(sum);
    }

    /// <summary>Writes every parameter, and the network's buffers, as running statistics.</summary>
    /// <param name="writer">Where to.</param>
    public void Save(BinaryWriter writer)
    {
        writer.Write(Values);
        foreach (var (_, tensor) in BesideTheBuffer())
            writer.Write(tensor);
    }

    /// <summary>Takes up what was saved of a network built alike.</summary>
    /// <param name="reader">Reads just what <see cref="Save"/> wrote.</param>
    /// <exception cref="InvalidDataException">It was another network.</exception>
    public void Load(BinaryReader reader)
    {
        reader.Read(Values, "a network's parameters");
        foreach (var (name, tensor) in BesideTheBuffer())
            reader.Read(tensor, name);
        foreach (var layer in layers)
            layer.Storage = Values;   // what it folded of other values is old
    }

    /// <summary>Takes over the present values of a network built alike, and what it is besides them.</summary>
    /// <param name="source">The other network's parameters.</param>
    /// <param name="share">How far parameters move towards the other's, in (0, 1]: one number on their device; null is all the way. Buffers go all the way.</param>
    /// <exception cref="ArgumentException">It is another network.</exception>
    public void CopyFrom(FlatParameters source, Tensor? share = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (source.Values.NumberOfElements != Values.NumberOfElements)
            throw new ArgumentException($"Expected the {Values.NumberOfElements} parameters of a network built alike, got {source.Values.NumberOfElements}.", nameof(source));

        using var noGrad = no_grad();
        if (share is null)
            Values.copy_(source.Values);
        else
            Values.lerp_(source.Values, share);
        foreach (var (own, other) in BesideTheBuffer().Zip(source.BesideTheBuffer()))
            own.Tensor.copy_(other.Tensor);
        foreach (var layer in layers)
            layer.Storage = Values;   // what it folded of other values is old
    }

    // What the network is besides what it learns: a normalization's running statistics, a g that stays as it started.
    private IEnumerable<(string Name, Tensor Tensor)> BesideTheBuffer() =>
        network.named_buffers().Concat(network.named_parameters().Where(entry => !entry.parameter.requires_grad).Select(entry => (entry.name, (Tensor)entry.parameter)));

    /// <summary>Frees the buffers. The network's parameters keep the memory alive as long as they live.</summary>
    public void Dispose()
    {
        foreach (var layer in layers.Where(layer => ReferenceEquals(layer.Storage, Values)))
            layer.Storage = null;
        Values.Dispose();
        Gradients.Dispose();
    }
}
