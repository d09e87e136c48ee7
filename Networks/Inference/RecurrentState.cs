namespace RlWn.Inference;

/// <summary>What a recurrent policy remembers of N episodes: h and c of its LSTM, zero at the start of each episode.</summary>
/// <remarks>The caller holds it and resets it; each thread, and each episode that runs beside others, has one, or a row, of its own.</remarks>
public sealed class RecurrentState
{
    private readonly float[] hidden, cell;

    /// <summary>Makes an empty memory.</summary>
    /// <param name="rows">N, at least 1.</param>
    /// <param name="units">H; 0 for policies that remember nothing.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer, or N H is more than an array holds.</exception>
    public RecurrentState(int rows, int units)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(units);
        if ((long)rows * units > Array.MaxLength)
            throw new ArgumentOutOfRangeException(nameof(rows), rows, $"Expected at most {Array.MaxLength / units} episodes of {units} units, which one array holds, got {rows}. Take several states.");

        (Rows, Units) = (rows, units);
        (hidden, cell) = (new float[rows * units], new float[rows * units]);
    }

    /// <summary>N: how many episodes.</summary>
    public int Rows { get; }

    /// <summary>H: how many units.</summary>
    public int Units { get; }

    /// <summary>h, [N, H].</summary>
    public Span<float> Hidden => hidden;

    /// <summary>c, [N, H].</summary>
    public Span<float> Cell => cell;

    /// <summary>Forgets all episodes.</summary>
    public void Reset()
    {
        Hidden.Clear();
        Cell.Clear();
    }

    /// <summary>Forgets one episode, for the next.</summary>
    /// <param name="row">Which, from 0 to N - 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such episode.</exception>
    public void Reset(int row)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, Rows);
        Hidden.Slice(row * Units, Units).Clear();
        Cell.Slice(row * Units, Units).Clear();
    }

    /// <summary>Takes over what another remembers.</summary>
    /// <param name="other">Of as many episodes and units.</param>
    /// <exception cref="ArgumentException">It has others.</exception>
    public void CopyFrom(RecurrentState other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if ((other.Rows, other.Units) != (Rows, Units))
            throw new ArgumentException($"Expected a state of {Rows} episodes and {Units} units, got one of {other.Rows} and {other.Units}.", nameof(other));

        other.Hidden.CopyTo(hidden);
        other.Cell.CopyTo(cell);
    }

    /// <summary>Takes over what another remembers of some episodes.</summary>
    /// <param name="other">Of as many units.</param>
    /// <param name="rows">Which of its episodes, as many as there are here.</param>
    /// <exception cref="ArgumentException">It has other units, or the number of rows is another.</exception>
    public void CopyRows(RecurrentState other, ReadOnlySpan<int> rows)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other.Units != Units || rows.Length != Rows)
            throw new ArgumentException($"Expected {Rows} rows of a state of {Units} units, got {rows.Length} of one of {other.Units}.", nameof(other));

        for (var i = 0; i < rows.Length; i++)
        {
            other.Hidden.Slice(rows[i] * Units, Units).CopyTo(Hidden[(i * Units)..]);
            other.Cell.Slice(rows[i] * Units, Units).CopyTo(Cell[(i * Units)..]);
        }
    }
}
