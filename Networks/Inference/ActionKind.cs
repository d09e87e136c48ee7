namespace RlWn.Inference;

/// <summary>What kind of action a policy chooses.</summary>
public enum ActionKind
{
    /// <summary>One of N choices.</summary>
    Discrete,

    /// <summary>Several choices at once, each with a number of its own.</summary>
    MultiDiscrete,

    /// <summary>Numbers, each between bounds of its own or unbounded.</summary>
    Continuous,
}
