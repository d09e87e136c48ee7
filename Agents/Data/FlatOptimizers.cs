using RlWn.Networks;

namespace RlWn.Agents.Data;

/// <summary>What turns gradients into steps.</summary>
public enum OptimizerKind
{
    /// <summary>RMSProp as in Mnih et al. 2016, with ε inside the root.</summary>
    RmsProp,

    /// <summary>Adam.</summary>
    Adam,
}

/// <summary>Makes the optimizer that settings name.</summary>
internal static class FlatOptimizers
{
    public static IFlatOptimizer MakeOptimizer(this ActorCriticOptions options, FlatParameters parameters, NetworkOptions network) => options.Optimizer switch
    {
        OptimizerKind.RmsProp => new FlatRmsProp(parameters, options.RmsPropDecay, options.OptimizerEpsilon, EpsilonPlace.Inside, network.ScaleLearningRate),
        OptimizerKind.Adam => new FlatAdam(parameters, epsilon: options.OptimizerEpsilon, scaleLearningRate: network.ScaleLearningRate),
        var kind => throw new ArgumentOutOfRangeException(nameof(options), kind, "Expected RmsProp or Adam."),
    };
}
