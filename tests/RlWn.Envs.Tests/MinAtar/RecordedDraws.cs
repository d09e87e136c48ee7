namespace RlWn.Envs.Tests;

/// <summary>
/// A random source that hands out recorded draws in order, and fails where another kind of draw is asked for than was recorded. Of a
/// NumPy generator, rand() is <see cref="NextDouble"/>, randint(k) and randint(0, k) are <see cref="Next(int)"/> and randint(low, high) is
/// <see cref="Next(int, int)"/>.
/// </summary>
/// <param name="draws">What was drawn: below which bounds, and the value; a rand() has no bounds.</param>
internal sealed class RecordedDraws(params IReadOnlyList<Draw> draws) : Random(0)
{
    /// <summary>How many were handed out.</summary>
    public int Used { get; private set; }

    public override double NextDouble() => Take(null);

    public override int Next(int maxValue) => (int)Take((0, maxValue));

    public override int Next(int minValue, int maxValue) => (int)Take((minValue, maxValue));

    public override int Next() => throw NotRecorded(nameof(Next));

    public override long NextInt64() => throw NotRecorded(nameof(NextInt64));

    public override long NextInt64(long maxValue) => throw NotRecorded(nameof(NextInt64));

    public override long NextInt64(long minValue, long maxValue) => throw NotRecorded(nameof(NextInt64));

    public override float NextSingle() => throw NotRecorded(nameof(NextSingle));

    public override void NextBytes(byte[] buffer) => throw NotRecorded(nameof(NextBytes));

    public override void NextBytes(Span<byte> buffer) => throw NotRecorded(nameof(NextBytes));

    protected override double Sample() => throw NotRecorded(nameof(Sample));

    private double Take((int Low, int High)? bounds)
    {
        if (Used == draws.Count)
            throw new InvalidOperationException($"Expected no draw after the {draws.Count} recorded ones, got one of {bounds}.");

        var draw = draws[Used++];
        return draw.Bounds == bounds
            ? draw.Value
            : throw new InvalidOperationException($"Expected draw {Used} to be of {draw.Bounds}, as recorded, got one of {bounds}.");
    }

    private static InvalidOperationException NotRecorded(string method) => new($"Expected only the draws that MinAtar makes, got {method}.");
}

/// <summary>A recorded draw.</summary>
/// <param name="Bounds">The least integer and the one after the greatest; null for a number in [0, 1).</param>
/// <param name="Value">What came.</param>
internal readonly record struct Draw((int Low, int High)? Bounds, double Value)
{
    public static Draw Rand(double value) => new(null, value);

    public static Draw Integer(int low, int high, int value) => new((low, high), value);
}
