using System.Runtime.CompilerServices;
using TorchSharp;
using static TorchSharp.torch;

namespace RlWn.Init;

/// <summary>Operators of libtorch that TorchSharp does not bind, called through libtorch's stable C interface.</summary>
/// <remarks>
/// Each argument is one 64-bit slot. Tensors are handed over as handles that the callee frees, lists likewise; results come back in
/// the first slots as handles that the caller owns. libtorch prints the reason of an error on standard error and returns a code.
/// </remarks>
public static unsafe class Aten
{
    private static readonly delegate* unmanaged<byte*, byte*, ulong*, ulong, int> CallDispatcher =
        (delegate* unmanaged<byte*, byte*, ulong*, ulong, int>)TorchLibrary.Export("torch_call_dispatcher");
    private static readonly delegate* unmanaged<nint, nint*, int> NewTensorHandle =
        (delegate* unmanaged<nint, nint*, int>)TorchLibrary.Export("aoti_torch_new_tensor_handle");
    private static readonly delegate* unmanaged<nuint, nint*, int> NewList =
        (delegate* unmanaged<nuint, nint*, int>)TorchLibrary.Export("torch_new_list_reserve_size");
    private static readonly delegate* unmanaged<nint, ulong, int> PushBack =
        (delegate* unmanaged<nint, ulong, int>)TorchLibrary.Export("torch_list_push_back");
    private static readonly delegate* unmanaged<nint, void**, int> GetDataPointer =
        (delegate* unmanaged<nint, void**, int>)TorchLibrary.Export("aoti_torch_get_data_ptr");
    private static readonly ulong Abi = ((delegate* unmanaged<ulong>)TorchLibrary.Export("aoti_torch_abi_version"))();

    /// <summary>w = g v / ||v||, each row of v (all dimensions but the first) scaled to the length in g; the fused kernel.</summary>
    /// <param name="v">Directions, shape [out, …], contiguous, no zero row.</param>
    /// <param name="g">Lengths, shape [out, 1, …, 1], as many dimensions as v.</param>
    /// <returns>w, the shape of v; part of the autograd graph of v and g.</returns>
    /// <remarks>
    /// Salimans and Kingma 2016, arXiv:1602.07868, eq. 2. The kernel's second derivative is wrong (libtorch 2.10): take
    /// <see cref="WeightNormElementary"/> where a Hessian is wanted.
    /// </remarks>
    public static Tensor WeightNorm(Tensor v, Tensor g)
    {
        ArgumentNullException.ThrowIfNull(v);
        ArgumentNullException.ThrowIfNull(g);
        RequireRows(v, g);

        var stack = stackalloc ulong[] { Hand(v), Hand(g), 0 };
        Call("aten::_weight_norm"u8, ""u8, stack);
        return Take(stack[0]);
    }

    /// <summary><see cref="WeightNorm"/> in elementary operations: slower, and right in derivatives of every order.</summary>
    /// <inheritdoc cref="WeightNorm" path="/param|/returns"/>
    public static Tensor WeightNormElementary(Tensor v, Tensor g)
    {
        ArgumentNullException.ThrowIfNull(v);
        ArgumentNullException.ThrowIfNull(g);
        RequireRows(v, g);

        using var scope = NewDisposeScope();
        var norm = v.flatten(1).square().sum(dim: 1, keepdim: true).sqrt().view(g.shape);
        return (v * (g / norm)).MoveToOuterDisposeScope();
    }

    /// <summary>One step of Adam on one tensor of parameters, in place: moments, bias correction and update in one kernel.</summary>
    /// <param name="parameters">θ, updated in place.</param>
    /// <param name="gradients">∇L, the shape of <paramref name="parameters"/>.</param>
    /// <param name="firstMoment">m, likewise, updated in place.</param>
    /// <param name="secondMoment">v, likewise, updated in place.</param>
    /// <param name="steps">One float on the same device: how many steps were made, this one included.</param>
    /// <param name="learningRate">α, at least 0.</param>
    /// <param name="beta1">β₁ in [0, 1).</param>
    /// <param name="beta2">β₂ in [0, 1).</param>
    /// <param name="weightDecay">The L2 penalty's factor, added to the gradient; with <paramref name="decoupled"/>, AdamW's decay.</param>
    /// <param name="epsilon">ε, added to the root of the second moment.</param>
    /// <param name="decoupled">Whether the decay acts on the parameters instead of the gradient (AdamW).</param>
    /// <remarks>Kingma and Ba 2015, arXiv:1412.6980, algorithm 1; Loshchilov and Hutter 2019, arXiv:1711.05101, for the decoupled decay.</remarks>
    public static void FusedAdam(
        Tensor parameters, Tensor gradients, Tensor firstMoment, Tensor secondMoment, Tensor steps,
        double learningRate, double beta1, double beta2, double weightDecay, double epsilon, bool decoupled = false)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        RequireLike(parameters, gradients);
        RequireLike(parameters, firstMoment);
        RequireLike(parameters, secondMoment);
        ArgumentNullException.ThrowIfNull(steps);
        RequireContiguous(parameters, gradients, firstMoment, secondMoment);
        if (steps.NumberOfElements != 1 || steps.dtype != ScalarType.Float32)
            throw new ArgumentException($"Expected the number of steps as one float32, got {steps.dtype} of shape {ShapeOf(steps)}.", nameof(steps));

        var stack = stackalloc ulong[]
        {
            HandList(parameters), HandList(gradients), HandList(firstMoment), HandList(secondMoment), HandList(null), HandList(steps),
            Bits(learningRate), Bits(beta1), Bits(beta2), Bits(weightDecay), Bits(epsilon),
            0 /* amsgrad */, 0 /* maximize */, 0 /* grad_scale: none */, 0 /* found_inf: none */,
        };
        Call(decoupled ? "aten::_fused_adamw_"u8 : "aten::_fused_adam_"u8, ""u8, stack);

        MarkChanged(parameters);   // the fused kernels do not count as a change in place
    }

    /// <summary>Counts one change in place, see <see cref="Version"/>, after the numbers were changed behind libtorch's back.</summary>
    /// <param name="tensor">Any tensor made outside inference mode, contiguous.</param>
    public static void MarkChanged(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        using var flat = tensor.flatten();
        using var nothing = flat.narrow(0, 0, 0);   // an empty change through a view counts
        using var _ = no_grad();
        nothing.zero_().Dispose();
    }

    /// <summary>One step of stochastic gradient descent on one tensor of parameters, in place: decay, momentum and update in one kernel.</summary>
    /// <param name="parameters">θ, updated in place.</param>
    /// <param name="gradients">∇L, the shape of <paramref name="parameters"/>.</param>
    /// <param name="velocity">The sum of past gradients, likewise, updated in place: b ← μ b + ∇L + λ θ. Null where μ = 0.</param>
    /// <param name="learningRate">α, at least 0.</param>
    /// <param name="momentum">μ in [0, 1).</param>
    /// <param name="weightDecay">λ, the L2 penalty's factor, at least 0.</param>
    /// <param name="nesterov">Whether the step is along ∇L + λ θ + μ b instead of b.</param>
    /// <remarks>As torch.optim.SGD without dampening; Sutskever et al. 2013 for Nesterov's form.</remarks>
    public static void FusedSgd(
        Tensor parameters, Tensor gradients, Tensor? velocity, double learningRate, double momentum, double weightDecay, bool nesterov)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        RequireLike(parameters, gradients);
        RequireContiguous(parameters, gradients);
        if (velocity is null != (momentum == 0))
            throw new ArgumentException($"Expected a velocity where there is momentum and none elsewhere, got momentum {momentum} and {(velocity is null ? "no" : "a")} velocity.", nameof(velocity));
        if (velocity is not null)
        {
            RequireLike(parameters, velocity);
            RequireContiguous(velocity);
        }

        var stack = stackalloc ulong[]
        {
            HandList(parameters), HandList(gradients), HandList(velocity),
            Bits(weightDecay), Bits(momentum), Bits(learningRate), Bits(0) /* dampening */, nesterov ? 1UL : 0,
            0 /* maximize */, 0 /* is_first_step: the velocity starts at zero */, 0 /* grad_scale: none */, 0 /* found_inf: none */,
        };
        Call("aten::_fused_sgd_"u8, ""u8, stack);
        MarkChanged(parameters);   // likewise
    }

    /// <summary>Images whose channels lie together in memory, which convolutions on a CPU are fastest with; the shape stays.</summary>
    /// <param name="images">Shape [N, C, H, W].</param>
    /// <returns>The same numbers in the order of [N, H, W, C]; part of the autograd graph.</returns>
    public static Tensor ChannelsLast(Tensor images)
    {
        ArgumentNullException.ThrowIfNull(images);
        if (images.dim() != 4)
            throw new ArgumentException($"Expected images of shape [N, C, H, W], got {ShapeOf(images)}.", nameof(images));

        const ulong ChannelsLastFormat = 2;   // c10::MemoryFormat
        var stack = stackalloc ulong[] { Hand(images), ChannelsLastFormat };
        Call("aten::contiguous"u8, ""u8, stack);
        return Take(stack[0]);
    }

    /// <summary>How often a tensor, or another that shares its storage as a view, was changed in place.</summary>
    /// <param name="tensor">Any tensor made outside inference mode.</param>
    public static long Version(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        var stack = stackalloc ulong[] { Hand(tensor) };
        Call("aten::_version"u8, ""u8, stack);
        return (long)stack[0];
    }

    /// <summary>Lets a tensor stand on another's storage, as a parameter on a slice of one flat buffer. It stays a leaf and keeps its gradient.</summary>
    /// <param name="tensor">The tensor to move.</param>
    /// <param name="storage">Where it is to live from now on: same shape, type and device.</param>
    public static void SetData(Tensor tensor, Tensor storage)
    {
        RequireLike(tensor, storage);
        var stack = stackalloc ulong[] { Hand(tensor), Hand(storage) };
        Call("aten::set_data"u8, ""u8, stack);
    }

    /// <summary>The numbers of a tensor in the main memory, without copying. Valid while the tensor lives.</summary>
    /// <typeparam name="T">The C# type of the tensor's dtype.</typeparam>
    /// <param name="tensor">A contiguous tensor on the CPU.</param>
    public static Span<T> Memory<T>(Tensor tensor) where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (tensor.device_type != DeviceType.CPU || !tensor.is_contiguous() || tensor.ElementSize != sizeof(T))
        {
            throw new ArgumentException(
                $"Expected a contiguous tensor on the CPU with elements of {sizeof(T)} bytes, got {tensor.dtype} of shape {ShapeOf(tensor)} on {tensor.device}. "
                + "Call cpu().contiguous() first.", nameof(tensor));
        }

        return new((void*)Address(tensor), checked((int)tensor.NumberOfElements));
    }

    /// <summary>Where a tensor's numbers begin, on its device.</summary>
    /// <param name="tensor">Any tensor with storage.</param>
    public static nint Address(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        void* address;
        Check(GetDataPointer(tensor.Handle, &address), "aoti_torch_get_data_ptr"u8);
        GC.KeepAlive(tensor);
        return (nint)address;
    }

    internal static string ShapeOf(Tensor tensor) => $"[{string.Join(", ", tensor.shape)}]";

    private static void Call(ReadOnlySpan<byte> name, ReadOnlySpan<byte> overload, ulong* stack)
    {
        // UTF-8 literals end with a zero byte that their length does not count.
        fixed (byte* nameStart = name, overloadStart = overload)
        {
            byte none = 0;
            Check(CallDispatcher(nameStart, overload.IsEmpty ? &none : overloadStart, stack, Abi), name);
        }
    }

    // A handle of its own, which the callee frees.
    private static ulong Hand(Tensor tensor)
    {
        nint handle;
        Check(NewTensorHandle(tensor.Handle, &handle), "aoti_torch_new_tensor_handle"u8);
        GC.KeepAlive(tensor);
        return (ulong)handle;
    }

    private static ulong HandList(Tensor? tensor)
    {
        nint list;
        Check(NewList(1, &list), "torch_new_list_reserve_size"u8);
        if (tensor is not null)
            Check(PushBack(list, Hand(tensor)), "torch_list_push_back"u8);
        return (ulong)list;
    }

    private static Tensor Take(ulong handle) => Tensor.UnsafeCreateTensor((nint)handle);

    private static ulong Bits(double value) => BitConverter.DoubleToUInt64Bits(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Check(int code, ReadOnlySpan<byte> name)
    {
        if (code != 0)
            Fail(name);
    }

    private static void Fail(ReadOnlySpan<byte> name) =>
        throw new InvalidOperationException($"libtorch refused {System.Text.Encoding.UTF8.GetString(name)}; it printed the reason on standard error.");

    private static void RequireRows(Tensor v, Tensor g)
    {
        // The kernel reads memory by these shapes: they are checked before it can.
        if (v.dim() < 2 || g.dim() != v.dim() || g.size(0) != v.size(0) || g.NumberOfElements != v.size(0))
            throw new ArgumentException($"Expected v of shape [out, …] and g of shape [out, 1, …], got {ShapeOf(v)} and {ShapeOf(g)}.", nameof(g));
        if (v.dtype != g.dtype || v.device_type != g.device_type)
            throw new ArgumentException($"Expected g of v's type and device, {v.dtype} on {v.device}, got {g.dtype} on {g.device}.", nameof(g));
    }

    private static void RequireContiguous(params ReadOnlySpan<Tensor> tensors)
    {
        // The fused kernels walk from the first number to the last, whatever the strides say.
        foreach (var tensor in tensors)
        {
            if (!tensor.is_contiguous())
                throw new ArgumentException($"Expected contiguous tensors, got one of shape {ShapeOf(tensor)} with strides [{string.Join(", ", tensor.stride())}]. Call contiguous() first.");
        }
    }

    private static void RequireLike(Tensor expected, Tensor tensor, [CallerArgumentExpression(nameof(tensor))] string name = "")
    {
        ArgumentNullException.ThrowIfNull(expected);
        ArgumentNullException.ThrowIfNull(tensor, name);
        if (!expected.shape.AsSpan().SequenceEqual(tensor.shape) || expected.dtype != tensor.dtype || expected.device_type != tensor.device_type)
        {
            throw new ArgumentException(
                $"Expected {name} of shape {ShapeOf(expected)}, {expected.dtype} on {expected.device}, got {ShapeOf(tensor)}, {tensor.dtype} on {tensor.device}.", name);
        }
    }
}
