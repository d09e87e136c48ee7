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
    public static IFlatOptimizer Make(this OptimizerKind kind, FlatParameters parameters, double epsilon, double rmsPropDecay, NetworkOptions network) => kind switch
    {
        OptimizerKind.RmsProp => new FlatRmsProp(parameters, rmsPropDecay, epsilon, EpsilonPlace.Inside, network.ScaleLearningRate),
        OptimizerKind.Adam => new FlatAdam(parameters, epsilon: epsilon, scaleLearningRate: network.ScaleLearningRate),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Expected RmsProp or Adam."),
    };
}
