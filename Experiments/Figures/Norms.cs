using RlWn.Init;
using RlWn.Networks;
using static TorchSharp.torch;

namespace RlWn.Experiments.Figures;

/// <summary>Norm ratios of one network, layer by layer, for a batch of inputs.</summary>
/// <param name="Forward">||h_l|| / ||x||, [layer][input].</param>
/// <param name="Backward">||∂L/∂a_l|| / ||∂L/∂a_L||, likewise; in a residual network of the blocks' sums instead of pre-activations.</param>
internal sealed record NormProfile(double[][] Forward, double[][] Backward);

/// <summary>Measures norms in networks as they are built, the gradients by backpropagation.</summary>
/// <remarks>Each input gets a gradient of its own at the top, N(0, 1) in every entry, as in the authors' code.</remarks>
internal static class Norms
{
    /// <summary>Makes a weight-normalized layer that is measured and not trained: w is folded once, and gradients stop at the activations.</summary>
    public static WeightNormLinear Layer(Fans fans, double g, Initializer init)
    {
        var layer = new WeightNormLinear(fans.In, fans.Out, g, init, bias: false);
        Freeze(layer);
        return layer;
    }

    /// <summary>Freezes a layer, so that only the gradients of activations are computed.</summary>
    public static void Freeze(nn.Module layer)
    {
        foreach (var parameter in layer.parameters())
            parameter.requires_grad = false;
    }

    /// <summary>Runs a plain network up and down: h_l = ReLU(a_l), a_l = layer_l(h_{l-1}).</summary>
    /// <param name="layers">The layers, frozen.</param>
    /// <param name="x">Inputs, shape [N, D].</param>
    /// <param name="generator">Draws the gradients at the top.</param>
    /// <param name="ownSigns">
    /// Whether each input meets a network of its own: signs of its own on the columns of each layer, which make weights W D that are as likely as W.
    /// </param>
    public static NormProfile Plain(IReadOnlyList<nn.Module<Tensor, Tensor>> layers, Tensor x, Generator generator, bool ownSigns = false)
    {
        using var scope = NewDisposeScope();
        var (preactivations, activations) = (new Tensor[layers.Count], new Tensor[layers.Count]);
        var h = x;
        for (var l = 0; l < layers.Count; l++)
        {
            var a = layers[l].call(ownSigns ? h * Signs(h, generator) : h);
            if (l == 0)
                a = a.detach().requires_grad_(true);
            else
                a.retain_grad();
            preactivations[l] = a;
            activations[l] = h = a.relu();
        }

        return Backpropagate(x, preactivations[^1], activations, preactivations, generator);
    }

    /// <summary>Runs a residual network up and down: h_b = h_{b-1} + last_b(ReLU(first_b(h_{b-1}))).</summary>
    /// <param name="blocks">Both layers of each block, frozen.</param>
    /// <param name="x">Inputs, shape [N, D].</param>
    /// <param name="generator">Draws the gradients at the top.</param>
    public static NormProfile Residual(IReadOnlyList<(WeightNormLinear First, WeightNormLinear Last)> blocks, Tensor x, Generator generator)
    {
        using var scope = NewDisposeScope();
        var sums = new Tensor[blocks.Count];
        var h = x.detach().requires_grad_(true);
        for (var b = 0; b < blocks.Count; b++)
        {
            h = h + blocks[b].Last.call(blocks[b].First.call(h).relu());
            h.retain_grad();
            sums[b] = h;
        }

        return Backpropagate(x, h, sums, sums, generator);
    }

    private static NormProfile Backpropagate(Tensor x, Tensor top, Tensor[] activations, Tensor[] measured, Generator generator)
    {
        var gradient = randn(top.shape, top.dtype, top.device, generator: generator);
        top.backward([gradient]);
        var (inputs, above) = (Lengths(x), Lengths(gradient));
        return new(
            [.. activations.Select(h => Ratios(Lengths(h.detach()), inputs))],
            [.. measured.Select(a => ReferenceEquals(a, top) ? Ratios(above, above) : Ratios(Lengths(a.grad!), above))]);
    }

    private static double[] Lengths(Tensor rows) => rows.to(ScalarType.Float64).norm(1).cpu().data<double>().ToArray();

    private static double[] Ratios(double[] lengths, double[] unit) => [.. lengths.Zip(unit, (length, one) => length / one)];

    private static Tensor Signs(Tensor like, Generator generator) => randn(like.shape, like.dtype, like.device, generator: generator).sign();
}

/// <summary>How norm ratios spread over networks and inputs.</summary>
/// <param name="RootMeanSquare">√ E ratio².</param>
/// <param name="Mean">E ratio.</param>
/// <param name="Deviation">The standard deviation of the ratio.</param>
/// <param name="Typical">e^E ln ratio over the ratios above 0: the geometric mean.</param>
/// <param name="LogDeviation">The standard deviation of ln ratio, over the same.</param>
/// <param name="DeadShare">The share of ratios that are 0.</param>
internal sealed record RatioSpread(double RootMeanSquare, double Mean, double Deviation, double Typical, double LogDeviation, double DeadShare)
{
    /// <summary>The spread of some ratios, at least one.</summary>
    public static RatioSpread Of(IReadOnlyCollection<double> ratios)
    {
        var mean = ratios.Average();
        var square = ratios.Average(ratio => ratio * ratio);
        var logs = ratios.Where(ratio => ratio > 0).Select(ratio => Math.Log(ratio)).ToArray();
        var log = logs.Length > 0 ? logs.Average() : double.NaN;
        return new(
            Math.Sqrt(square), mean, Math.Sqrt(ratios.Average(ratio => (ratio - mean) * (ratio - mean))), Math.Exp(log),
            logs.Length > 0 ? Math.Sqrt(logs.Average(other => (other - log) * (other - log))) : double.NaN,
            1 - ((double)logs.Length / ratios.Count));
    }

    /// <summary>The spread layer by layer, over all inputs of several networks.</summary>
    /// <param name="networks">[network][layer][input].</param>
    public static RatioSpread[] ByLayer(IReadOnlyList<double[][]> networks) =>
        [.. Enumerable.Range(0, networks[0].Length).Select(l => Of([.. networks.SelectMany(network => network[l])]))];
}
