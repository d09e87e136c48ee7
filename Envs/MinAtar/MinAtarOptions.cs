using System.ComponentModel.DataAnnotations;

namespace RlWn.Envs;

/// <summary>What an action of a MinAtar game does.</summary>
public enum MinAtarAction
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Left by a cell.</summary>
    Left,

    /// <summary>Up by a cell.</summary>
    Up,

    /// <summary>Right by a cell.</summary>
    Right,

    /// <summary>Down by a cell.</summary>
    Down,

    /// <summary>A shot.</summary>
    Fire,
}

/// <summary>How a MinAtar game is played. The defaults are those of the reference.</summary>
public sealed record MinAtarOptions
{
    /// <summary>
    /// The probability with which a step repeats the action of the step before and leaves the chosen one out. 0 plays every action as chosen;
    /// the draw is made all the same.
    /// </summary>
    [Range(0.0, 1.0)] public double StickyProbability { get; init; } = 0.1;

    /// <summary>Whether Asterix, Seaquest and Space Invaders grow harder as they go on. Breakout and Freeway never do.</summary>
    public bool Ramping { get; init; } = true;

    /// <summary>Whether only the actions that the game makes use of can be chosen (Gymnasium's v1), or all six in every game (its v0).</summary>
    public bool MinimalActions { get; init; }
}
