using RlWn.Envs;

/// <summary>An elevator in a house of ten floors: bring it to the floor where somebody waits.</summary>
internal sealed class Elevator : IEnv<float, int>, ITextView, ISavable
{
    private const int Floors = 10;
    private static readonly Box Observed = new([2], 0, Floors - 1);   // where it is, where it is wanted
    private static readonly Discrete Moves = new(3);                  // down, wait, up

    private int floor;
    private int wanted;

    public Space<float> ObservationSpace => Observed;

    public Space<int> ActionSpace => Moves;

    public void Reset(Random random, Span<float> observation)
    {
        (floor, wanted) = (random.Next(Floors), random.Next(Floors));   // the only source of draws
        Observe(observation);
    }

    public StepResult Step(ReadOnlySpan<int> action, Span<float> observation)
    {
        if (!Moves.Contains(action))
            throw new ArgumentException($"Expected 0 (down), 1 (wait) or 2 (up), got [{string.Join(", ", action.ToArray())}].", nameof(action));

        floor = Math.Clamp(floor + action[0] - 1, 0, Floors - 1);
        Observe(observation);
        var isThere = floor == wanted && action[0] == 1;                // it must stop there
        return new StepResult(Reward: isThere ? 10 : -1, Terminated: isThere);
    }

    // What follows is optional: to be watched, and to go on from a saved state.
    public string DrawText() => string.Join('\n', Enumerable.Range(0, Floors).Reverse().Select(
        i => $"{i} |{(i == floor ? "[]" : "  ")}|{(i == wanted ? " o" : "")}"));

    public void Save(BinaryWriter writer)
    {
        writer.Write(floor);
        writer.Write(wanted);
    }

    public void Load(BinaryReader reader, Random random) => (floor, wanted) = (reader.ReadInt32(), reader.ReadInt32());

    private void Observe(Span<float> observation) => (observation[0], observation[1]) = (floor, wanted);
}
