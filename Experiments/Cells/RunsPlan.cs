using RlWn.Experiments.Runs;

namespace RlWn.Experiments.Cells;

/// <summary>What an experiment of many runs is planned with.</summary>
/// <param name="Scale">How large.</param>
/// <param name="Seed">The first seed; further ones count from it.</param>
/// <param name="Device">Where networks learn.</param>
/// <param name="Folder">The experiment's folder, which its runs lie in.</param>
internal sealed record RunsWork(Scale Scale, ulong Seed, string Device, string Folder)
{
    /// <summary>How many seeds, instead of the scale's number; null for that.</summary>
    public int? SeedCount { get; init; }

    /// <summary>The seeds.</summary>
    /// <param name="count">How many the scale has.</param>
    public IEnumerable<ulong> Seeds(int count) => Enumerable.Range(0, SeedCount ?? count).Select(i => Seed + (ulong)i);

    /// <summary>A cell of the experiment.</summary>
    /// <param name="name">Its folder's name, which says what it is.</param>
    /// <param name="recipe">The recipe's name.</param>
    /// <param name="seed">Its seed, which the name need not say.</param>
    /// <param name="differences">What else differs from the recipe.</param>
    public Cell Cell(string name, string recipe, ulong seed, params IEnumerable<(string Setting, object Value)> differences) => Cells.Cell.Supervised(
        recipe, Path.Combine(Folder, "runs", $"{name}-seed-{seed}"), [.. differences, ("seed", seed), ("device", Device)]);
}

/// <summary>An experiment of many runs: the runs, and what is made of them when they have ended.</summary>
/// <param name="Cells">The runs.</param>
/// <param name="Configuration">Sizes and counts, to be written as JSON.</param>
/// <param name="Conclude">Reads the run folders. Runs that have not ended are left out.</param>
internal sealed record RunsPlan<T>(IReadOnlyList<Cell> Cells, object Configuration, Func<T> Conclude);
