using RlWn.Inference;
using RlWn.Networks;

namespace RlWn.Agents;

/// <summary>An agent in training, as the one who owns the loop sees it, whatever it learns by.</summary>
/// <remarks>
/// Between two reports an agent can be saved: what <see cref="Save"/> wrote, loaded into an agent made with the same settings, goes on bit by
/// bit on the CPU as this one does, if <see cref="ResumesExactly"/>.
/// </remarks>
public interface IAgent : IDisposable
{
    /// <summary>Environment steps done.</summary>
    long Steps { get; }

    /// <summary>Optimizer steps done.</summary>
    long Updates { get; }

    /// <summary>
    /// Whether a loaded agent goes on exactly as the saved one: not where the environments cannot save their own state, whose episodes then
    /// start anew.
    /// </summary>
    bool ResumesExactly { get; }

    /// <summary>Trains until the total of steps is reached, from wherever the agent is.</summary>
    /// <returns>Reports, made as they are asked for: the caller owns the loop and may stop, or save, at any of them.</returns>
    /// <exception cref="TrainingDivergedException">A reward, an output or a loss is not finite; the message says where.</exception>
    IEnumerable<TrainingReport> Train();

    /// <summary>The policy as it is now, for acting without libtorch, for saving, for evaluation.</summary>
    /// <param name="metadata">Texts to keep with it, as the environment's id.</param>
    Policy SnapshotPolicy(IReadOnlyDictionary<string, string>? metadata = null);

    /// <summary>Looks at each layer after the last update: its gradients, as clipped, and its activations on that update's batch.</summary>
    /// <exception cref="InvalidOperationException">There was no update yet.</exception>
    IReadOnlyList<LayerDiagnostics> Diagnose();

    /// <summary>Writes everything that decides how training goes on. See <see cref="Checkpoint"/> for a file of it.</summary>
    /// <param name="writer">Where to.</param>
    void Save(BinaryWriter writer);

    /// <summary>Takes up what an agent with the same settings has saved, before <see cref="Train"/> is first asked for a report.</summary>
    /// <param name="reader">Reads just what <see cref="Save"/> wrote.</param>
    /// <exception cref="InvalidDataException">What was read is no such agent's state.</exception>
    void Load(BinaryReader reader);
}
