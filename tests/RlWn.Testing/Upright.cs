using RlWn.Envs;

namespace RlWn.Testing;

/// <summary>
/// Poles to hold upright, each falling by itself: a pole's lean x becomes 1.1 x + 0.25 a with a push a in [-1, 1], every step costs
/// Σ x², and the episode is cut off after 20. Poles start at x = 1 or -1.
/// </summary>
/// <remarks>
/// Pushing against the lean as hard as needed, a = clip(-4.4 x), makes every later |x| as small as it can be, because a smaller |x|
/// now allows a smaller one next. So |x| = 0.85, 0.685, 0.5035, 0.30385, 0.084235, 0: a return of -1.54466 a pole, the best there is.
/// Doing nothing gives -Σ 1.21ᵗ = -255.
/// </remarks>
/// <param name="poles">How many, at least 1.</param>
public sealed class Upright(int poles = 1) : IEnv<float, float>
{
    /// <summary>-(0.85² + 0.685² + 0.5035² + 0.30385² + 0.084235²), for one pole.</summary>
    public const double BestReturn = -1.5446576;

    /// <summary>Steps of an episode.</summary>
    public const int Steps = 20;

    private readonly Box observed = new([poles], float.NegativeInfinity, float.PositiveInfinity);
    private readonly Box pushes = new([poles], -1, 1);
    private readonly float[] lean = new float[poles];
    private int done;

    public Space<float> ObservationSpace => observed;

    public Space<float> ActionSpace => pushes;

    public void Reset(Random random, Span<float> observation)
    {
        ArgumentNullException.ThrowIfNull(random);
        done = 0;
        foreach (ref var x in lean.AsSpan())
            x = random.Next(2) == 0 ? -1 : 1;
        lean.CopyTo(observation);
    }

    public StepResult Step(ReadOnlySpan<float> action, Span<float> observation)
    {
        if (!pushes.Contains(action))
            throw new ArgumentException($"Expected an action in {pushes}.", nameof(action));

        var cost = 0f;
        for (var i = 0; i < lean.Length; i++)
        {
            lean[i] = (1.1f * lean[i]) + (0.25f * action[i]);
            cost += lean[i] * lean[i];
        }

        lean.CopyTo(observation);
        return new(-cost, Terminated: false, Truncated: ++done == Steps);
    }
}
