using RlWn.Envs;

namespace RlWn.Testing;

/// <summary>
/// Cells in a row, seen as one-hot bytes: 0 goes left, 1 right, every step costs 1, and the last cell is the goal. From the first
/// cell the best return is 1 - cells.
/// </summary>
/// <param name="cells">How many, at least 2.</param>
public sealed class Corridor(int cells) : IEnv<byte, int>
{
    private readonly ByteBox observed = new([cells], high: 1);
    private readonly Discrete ways = new(2);
    private int cell;

    public Space<byte> ObservationSpace => observed;

    public Space<int> ActionSpace => ways;

    public void Reset(Random random, Span<byte> observation)
    {
        cell = 0;
        Observe(observation);
    }

    public StepResult Step(ReadOnlySpan<int> action, Span<byte> observation)
    {
        if (!ways.Contains(action))
            throw new ArgumentException($"Expected an action in {ways}.", nameof(action));

        cell = Math.Max(0, cell + (action[0] == 1 ? 1 : -1));
        Observe(observation);
        return new(-1, Terminated: cell == cells - 1);
    }

    private void Observe(Span<byte> observation)
    {
        observation.Clear();
        observation[cell] = 1;
    }
}
