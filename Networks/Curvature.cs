using TorchSharp.Modules;
using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>The largest eigenvalue of a loss's Hessian by size, and how sure it is.</summary>
/// <param name="Value">||H||₂, the largest |eigenvalue|: never above the true one, but for rounding.</param>
/// <param name="Eigenvalue">vᵀHv for the last unit vector v: the eigenvalue with its sign, where no other of the same size opposes it.</param>
/// <param name="Iterations">Hessian-vector products that were made.</param>
/// <param name="Residual">||H²v - ||Hv||² v|| / ||Hv||² for the last v but one; H² has an eigenvalue within this relative distance of ||Hv||².</param>
/// <param name="HasConverged">Whether the last product changed the value by less than the tolerance.</param>
public sealed record SpectralNorm(double Value, double Eigenvalue, int Iterations, double Residual, bool HasConverged);

/// <summary>How sharply a network's loss bends, all its parameters taken together: v, g and b of weight-normalized layers, plain weights and biases.</summary>
/// <remarks>
/// Second derivatives are taken exactly, by differentiating gradients once more (Pearlmutter 1994, "Fast exact multiplication by the
/// Hessian"). Weight-normalized layers compute their weights in elementary operations for that while, since the fused kernel's second
/// derivative is wrong; let nobody else use the network meanwhile.
/// </remarks>
public static class Curvature
{
    /// <summary>||H||₂ of the Hessian of a loss, by power iteration from a random direction.</summary>
    /// <param name="network">The network; it and its gradients stay as they are.</param>
    /// <param name="loss">
    /// Parts whose sum is the loss, each a function that runs the network and gives one finite number, the same at each call. Only one part's
    /// graph is in memory at a time; that of a single part is kept from product to product, which saves half of the time.
    /// </param>
    /// <param name="generator">Draws the first direction.</param>
    /// <param name="maxIterations">Hessian-vector products at most, at least 2.</param>
    /// <param name="tolerance">It has converged once a product changes ||Hv|| by less than this part of it; above 0.</param>
    /// <exception cref="ArgumentException">There is no part or no parameter, or a part is not one number.</exception>
    /// <exception cref="ArithmeticException">The loss or a product is not finite: the network's activations or gradients overflow.</exception>
    /// <remarks>
    /// ||Hv|| of a symmetric H never falls from one product to the next, also where eigenvalues λ and -λ keep v from settling. It approaches
    /// ||H||₂ as slowly as the next eigenvalue by size lies near.
    /// </remarks>
    public static SpectralNorm SpectralNorm(
        nn.Module network, IReadOnlyList<Func<Tensor>> loss, Generator generator, int maxIterations = 100, double tolerance = 1e-3)
    {
        ArgumentNullException.ThrowIfNull(generator);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxIterations, 2);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(tolerance);

        using var scope = NewDisposeScope();
        using var hessian = new HessianProduct(network, loss);
        var direction = Unit(randn([hessian.Size], ScalarType.Float64, generator.device, generator: generator).to(hessian.Dtype, hessian.Device));
        Tensor? before = null;
        var value = 0.0;
        for (var iteration = 1; ; iteration++)
        {
            using var step = NewDisposeScope();
            var product = hessian.Times(direction);
            var length = Length(product);
            if (!double.IsFinite(length))
            {
                throw new ArithmeticException(
                    $"Expected finite products with the Hessian, got {length} in product {iteration}: activations or gradients overflow. Try float64, or another initialization.");
            }

            if (length == 0)
                return new(0, 0, iteration, 0, HasConverged: true);   // a random direction without any curvature: H = 0

            // H²v of the direction before is what came now, times the length that was divided out.
            var residual = before is null ? double.PositiveInfinity : Length(Over(product, value) - before);
            var hasConverged = before is not null && Math.Abs(length - value) < tolerance * length;
            if (hasConverged || iteration == maxIterations)
                return new(length, Dot(direction, product), iteration, residual, hasConverged);

            before?.Dispose();
            before = direction;
            direction = Over(product, length).MoveToOuterDisposeScope();
            value = length;
        }
    }

    /// <summary>Hv: how the gradient changes along a direction.</summary>
    /// <param name="network">The network; it and its gradients stay as they are.</param>
    /// <param name="loss">Parts whose sum is the loss, as <see cref="SpectralNorm"/> takes them.</param>
    /// <param name="direction">v, shape [P] with P the number of all parameters' entries, in the order of <c>network.parameters()</c>.</param>
    /// <returns>Hv, shape [P].</returns>
    /// <exception cref="ArgumentException">There is no part or no parameter, a part is not one number, or v has another shape or type.</exception>
    public static Tensor Product(nn.Module network, IReadOnlyList<Func<Tensor>> loss, Tensor direction)
    {
        ArgumentNullException.ThrowIfNull(direction);
        using var hessian = new HessianProduct(network, loss);
        return hessian.Times(direction);
    }

    private static Tensor Unit(Tensor vector) => Over(vector, Length(vector));

    private static Tensor Over(Tensor vector, double divisor)
    {
        using var reciprocal = tensor(1 / divisor, ScalarType.Float64, vector.device);
        return vector * reciprocal.to(vector.dtype);
    }

    // In float64, where squares neither overflow nor vanish.
    private static double Length(Tensor vector)
    {
        using var scope = NewDisposeScope();
        return vector.to(ScalarType.Float64).norm().item<double>();
    }

    private static double Dot(Tensor left, Tensor right)
    {
        using var scope = NewDisposeScope();
        return left.to(ScalarType.Float64).dot(right.to(ScalarType.Float64)).item<double>();
    }
}

/// <summary>Products of a loss's Hessian with directions, over all parameters of a network in one row.</summary>
internal sealed class HessianProduct : IDisposable
{
    private readonly Parameter[] parameters;
    private readonly long[] sizes;
    private readonly IReadOnlyList<Func<Tensor>> loss;
    private readonly WeightNormLayer[] layers;
    private Tensor?[]? kept;   // the gradient with its graph, where the loss has one part

    /// <summary>Prepares products; until this is disposed the network's weight norms are twice differentiable, and slower.</summary>
    public HessianProduct(nn.Module network, IReadOnlyList<Func<Tensor>> loss)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(loss);
        if (loss.Count == 0)
            throw new ArgumentException("Expected at least one part of a loss, got none.", nameof(loss));

        parameters = [.. network.parameters().Where(parameter => parameter.requires_grad)];
        if (parameters.Length == 0)
            throw new ArgumentException("Expected a network with parameters that have gradients, got none.", nameof(network));

        this.loss = loss;
        sizes = Array.ConvertAll(parameters, parameter => parameter.NumberOfElements);
        layers = [.. PlacedLayer.Modules(network).Select(entry => entry.Module).OfType<WeightNormLayer>()];
        foreach (var layer in layers)
            layer.IsTwiceDifferentiable = true;
    }

    /// <summary>How many numbers all parameters hold.</summary>
    public long Size => sizes.Sum();

    /// <summary>The parameters' type.</summary>
    public ScalarType Dtype => parameters[0].dtype;

    /// <summary>Where the parameters live.</summary>
    public Device Device => parameters[0].device;

    /// <summary>Hv, shape [<see cref="Size"/>].</summary>
    public Tensor Times(Tensor direction)
    {
        // A wrong shape inside the differentiation would end the process.
        if (direction.dim() != 1 || direction.size(0) != Size || direction.dtype != Dtype)
            throw new ArgumentException($"Expected a direction of shape [{Size}] and {Dtype}, got [{string.Join(", ", direction.shape)}] and {direction.dtype}.", nameof(direction));

        using var scope = NewDisposeScope();
        using var withGradients = enable_grad();
        var pieces = direction.split(sizes);
        for (var i = 0; i < pieces.Length; i++)
            pieces[i] = pieces[i].view(parameters[i].shape);

        var sum = zeros_like(direction);
        foreach (var part in loss)
        {
            using var ofPart = NewDisposeScope();
            sum.add_(Times(kept ?? Gradient(part), pieces));
        }

        return sum.MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        foreach (var layer in layers)
            layer.IsTwiceDifferentiable = false;
        foreach (var gradient in kept ?? [])
            gradient?.Dispose();
    }

    private Tensor?[] Gradient(Func<Tensor> part)
    {
        var value = part();
        if (value.NumberOfElements != 1 || !value.requires_grad)
        {
            throw new ArgumentException(
                $"Expected each part of the loss to be one number that depends on the parameters, got shape [{string.Join(", ", value.shape)}]"
                + $"{(value.requires_grad ? "" : " without a graph")}.");
        }

        var gradient = Differentiate([value.reshape([])], [ones([], value.dtype, value.device)], createGraph: true);
        if (loss.Count == 1)
        {
            kept = gradient;
            foreach (var entry in gradient)
                entry?.DetachFromDisposeScope();
        }

        return gradient;
    }

    // ∂(∇L · v)/∂θ. A gradient that does not depend on the parameters has no graph, and adds nothing.
    private Tensor Times(Tensor?[] gradient, Tensor[] pieces)
    {
        var curved = Enumerable.Range(0, gradient.Length).Where(i => gradient[i]?.requires_grad == true).ToArray();
        var products = curved.Length == 0
            ? new Tensor?[parameters.Length]
            : Differentiate([.. curved.Select(i => gradient[i]!)], [.. curved.Select(i => pieces[i])], createGraph: false);
        return cat([.. products.Select((product, i) => product?.reshape(-1) ?? zeros([sizes[i]], Dtype, Device))]);
    }

    // Null for a parameter that the outputs do not depend on.
    private Tensor?[] Differentiate(Tensor[] outputs, Tensor[] along, bool createGraph) =>
        [.. autograd.grad(outputs, parameters, along, retain_graph: createGraph || loss.Count == 1, create_graph: createGraph, allow_unused: true)
            .Select(tensor => tensor is null || tensor.IsInvalid ? null : tensor)];
}
