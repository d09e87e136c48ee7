using RlWn.Envs;

namespace RlWn.Testing;

/// <summary>
/// Two levers to set at once: the first, of three places, to where a sign points, seen one-hot; the second, of two, up where it points to the last place,
/// else down. Each that is right gives 1, and the episode ends: the best return is 2; chance gives 1/3 + 1/2.
/// </summary>
public sealed class Levers : IEnv<float, int>
{
    private readonly Box observed = new([3], 0, 1);
    private readonly MultiDiscrete places = new(3, 2);
    private int sign;

    public Space<float> ObservationSpace => observed;

    public Space<int> ActionSpace => places;

    public void Reset(Random random, Span<float> observation)
    {
        ArgumentNullException.ThrowIfNull(random);
        sign = random.Next(3);
        observation.Clear();
        observation[sign] = 1;
    }

    public StepResult Step(ReadOnlySpan<int> action, Span<float> observation)
    {
        if (!places.Contains(action))
            throw new ArgumentException($"Expected an action in {places}.", nameof(action));

        return new((action[0] == sign ? 1 : 0) + (action[1] == (sign == 2 ? 1 : 0) ? 1 : 0), Terminated: true);
    }
}
