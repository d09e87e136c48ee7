namespace RlWn.Envs;

/// <summary>A random source that counts its draws, so that a check can tell when a task drew from it.</summary>
internal sealed class WatchedRandom(Rng inner) : Random(0)
{
    /// <summary>How many calls drew from it.</summary>
    public long Draws { get; private set; }

    private Rng Inner
    {
        get
        {
            Draws++;
            return inner;
        }
    }

    public override int Next() => Inner.Next();

    public override int Next(int maxValue) => Inner.Next(maxValue);

    public override int Next(int minValue, int maxValue) => Inner.Next(minValue, maxValue);

    public override long NextInt64() => Inner.NextInt64();

    public override long NextInt64(long maxValue) => Inner.NextInt64(maxValue);

    public override long NextInt64(long minValue, long maxValue) => Inner.NextInt64(minValue, maxValue);

    public override float NextSingle() => Inner.NextSingle();

    public override double NextDouble() => Inner.NextDouble();

    public override void NextBytes(byte[] buffer) => Inner.NextBytes(buffer);

    public override void NextBytes(Span<byte> buffer) => Inner.NextBytes(buffer);

    protected override double Sample() => Inner.NextDouble();
}
