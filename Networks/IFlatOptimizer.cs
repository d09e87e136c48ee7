using static TorchSharp.torch;

namespace RlWn.Networks;

/// <summary>What makes steps on flat parameters: <see cref="FlatAdam"/> or <see cref="FlatRmsProp"/>.</summary>
public interface IFlatOptimizer : IDisposable
{
    /// <summary>Makes one step against the gradient.</summary>
    /// <param name="learningRate">α of this step, at least 0.</param>
    void Step(double learningRate);

    /// <summary>Makes one step against a gradient that was computed elsewhere, as by a worker on a copy of the network.</summary>
    /// <param name="learningRate">α of this step, at least 0.</param>
    /// <param name="gradients">∇L in the order of the parameters, shape [P].</param>
    /// <remarks>
    /// Several threads may be in here at once, without locks: plain reads and writes of the parameters and the statistics then mix, and now and
    /// then one overwrites another's. That is the algorithm of Hogwild (Recht et al. 2011, arXiv:1106.5730), not an oversight; nothing but numbers can
    /// come out wrong.
    /// </remarks>
    void Step(double learningRate, Tensor gradients);

    /// <summary>Writes the statistics of all steps so far.</summary>
    /// <param name="writer">Where to.</param>
    void Save(BinaryWriter writer);

    /// <summary>Takes up what an optimizer of the same kind and parameters has saved.</summary>
    /// <param name="reader">Reads just what <see cref="Save"/> wrote.</param>
    /// <exception cref="InvalidDataException">It was of other parameters.</exception>
    void Load(BinaryReader reader);
}
