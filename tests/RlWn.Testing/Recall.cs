using RlWn.Envs;

namespace RlWn.Testing;

/// <summary>
/// A sign, one of two, is seen at the start and never again; after some blank steps it is asked for, which is seen too. Telling it gives 1, all else 0, and the
/// episode ends: the best return is 1, and 1/2 for whoever remembers nothing.
/// </summary>
/// <param name="delay">Blank steps between the sign and the question.</param>
public sealed class Recall(int delay) : IEnv<float, int>
{
    private readonly Box observed = new([3], 0, 1);
    private readonly Discrete signs = new(2);
    private int sign, step;

    public Space<float> ObservationSpace => observed;

    public Space<int> ActionSpace => signs;

    public void Reset(Random random, Span<float> observation)
    {
        ArgumentNullException.ThrowIfNull(random);
        (sign, step) = (random.Next(2), 0);
        observation.Clear();
        observation[sign] = 1;
    }

    public StepResult Step(ReadOnlySpan<int> action, Span<float> observation)
    {
        if (!signs.Contains(action))
            throw new ArgumentException($"Expected an action in {signs}.", nameof(action));

        var isAsked = step == delay + 1;
        step++;
        observation.Clear();
        observation[2] = step == delay + 1 ? 1 : 0;
        return new(isAsked && action[0] == sign ? 1 : 0, Terminated: isAsked);
    }
}
