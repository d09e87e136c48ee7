using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>A forward pass that somebody watches.</summary>
internal static class WatchedPass
{
    /// <summary>Runs a network in evaluation, so that normalizations learn nothing from it, and leaves it in the mode it had.</summary>
    /// <param name="network">The network.</param>
    /// <param name="input">Its input.</param>
    /// <param name="see">Sees what each module was given and gave, as soon as it gave it.</param>
    public static void Run(nn.Module network, Tensor input, Action<nn.Module<Tensor, Tensor>, Tensor, Tensor> see)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var modules = PlacedLayer.Modules(network).Select(entry => (entry.Module, Training: entry.Module.training)).ToArray();
        var remove = new List<Action>();
        try
        {
            foreach (var (module, _) in modules)
            {
                if (module is nn.Module<Tensor, Tensor> layer)
                {
                    remove.Add(layer.register_forward_hook((_, given, gave) =>
                    {
                        see(layer, given, gave);
                        return gave;
                    }).remove);
                }
            }

            network.eval();
            Initialization.Run(network, input);
        }
        finally
        {
            foreach (var hook in remove)
                hook();
            foreach (var (module, training) in modules)   // parents first: each then has its own mode back
                module.train(training);
        }
    }
}
