namespace RlWn.Envs.Tests;

/// <summary>
/// A walk on a line with a random start and random steps: it ends 5 from the middle and is cut off after 20 steps. It keeps every
/// rule; the tests break one at a time.
/// </summary>
internal class SoundEnv : IEnv<float, int>
{
    private readonly Box observed = new([2], -100, 100);
    private readonly Discrete moves = new(2);
    private Random? random;

    public virtual Space<float> ObservationSpace => observed;

    public virtual Space<int> ActionSpace => moves;

    protected float Position { get; set; }

    protected int Steps { get; set; }

    public virtual void Reset(Random random, Span<float> observation)
    {
        this.random = random;
        Position = (float)random.NextUniform(-1, 1);
        Steps = 0;
        Write(observation);
    }

    public virtual StepResult Step(ReadOnlySpan<int> action, Span<float> observation)
    {
        if (!ActionSpace.Contains(action))
            throw new ArgumentException("Expected 0 or 1.", nameof(action));

        Position += (action[0] == 1 ? 1 : -1) * random!.NextSingle();
        Steps++;
        Write(observation);
        return new StepResult(Reward(), Terminated: Math.Abs(Position) > 5, Truncated: Steps >= 20);
    }

    protected void TakeRandom(Random random) => this.random = random;

    protected virtual float Reward() => Position;

    protected virtual void Write(Span<float> observation)
    {
        observation[0] = Position;
        observation[1] = Steps;
    }
}
