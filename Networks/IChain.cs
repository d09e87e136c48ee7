using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>A network that is a chain: functions one after another, each seeing only what the one before gave.</summary>
public interface IChain
{
    /// <summary>The functions from input to output; their composition is the network. A residual block is one link, a stem or head another.</summary>
    /// <remarks>Links may leave what they no longer need in the caller's dispose scope.</remarks>
    IReadOnlyList<Func<Tensor, Tensor>> Links { get; }
}
