namespace RlWn.Networks;

/// <summary>A policy and values that act side by side in N environments, with a memory (<see cref="RecurrentActing"/>) or without one (<see cref="Acting"/>).</summary>
public interface IActing
{
    /// <summary>K: logits, or numbers of an action.</summary>
    int PolicyOutputs { get; }

    /// <summary>What the means of continuous actions are means of; without meaning for discrete actions.</summary>
    ActionBounds ActionBounds { get; }

    /// <summary>log σ of each number of a continuous action, as of the last refresh; empty for discrete actions.</summary>
    ReadOnlySpan<float> LogStd { get; }

    /// <summary>Evaluates policy and value of a batch; a memory then remembers it.</summary>
    /// <param name="observations">[N, D], row after row.</param>
    /// <param name="batch">N, at least 1.</param>
    /// <param name="policy">Receives logits or means, [N, K].</param>
    /// <param name="values">Receives V(s), [N].</param>
    void Evaluate(Observations observations, int batch, Span<float> policy, Span<float> values);

    /// <summary>Evaluates the value alone; a memory stays as it is.</summary>
    /// <inheritdoc cref="Evaluate" path="/param"/>
    void Value(Observations observations, int batch, Span<float> values);

    /// <summary>Forgets the episodes that ended; nothing where nothing is remembered.</summary>
    /// <param name="ended">Which, [N].</param>
    void Forget(ReadOnlySpan<bool> ended);
}
