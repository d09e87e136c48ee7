using System.Collections.Immutable;

namespace RlWn.Envs;

/// <summary>The set of values that an observation or an action may take: an element type, a shape, and bounds.</summary>
public abstract class Space
{
    private protected Space(ImmutableArray<int> shape)
    {
        foreach (var length in shape)
        {
            if (length < 1)
                throw new ArgumentException($"Expected every dimension of a space to be at least 1, got [{string.Join(", ", shape)}].", nameof(shape));
        }

        Shape = shape;
        Size = shape.Aggregate(1, (product, length) => checked(product * length));
    }

    /// <summary>Length of each dimension. One number has the shape [1].</summary>
    public ImmutableArray<int> Shape { get; }

    /// <summary>How many numbers make up one value: the product of <see cref="Shape"/>.</summary>
    public int Size { get; }

    /// <summary>The type of one number: float, byte or int.</summary>
    public abstract Type ElementType { get; }
}

/// <summary>A space whose values are spans of <typeparamref name="T"/>.</summary>
/// <typeparam name="T">The type of one number: float, byte or int.</typeparam>
public abstract class Space<T> : Space where T : unmanaged
{
    private protected Space(ImmutableArray<int> shape) : base(shape) { }

    /// <inheritdoc/>
    public override Type ElementType => typeof(T);

    /// <summary>Whether a value lies in the space: right length, every number within its bounds and, for floats, not NaN.</summary>
    /// <param name="value">The value, <see cref="Space.Size"/> numbers.</param>
    public abstract bool Contains(ReadOnlySpan<T> value);

    /// <summary>Draws a value uniformly; where a bound is infinite, from a normal or exponential distribution beyond the finite one.</summary>
    /// <param name="random">The source of randomness.</param>
    /// <param name="value">Receives the value, <see cref="Space.Size"/> numbers.</param>
    public abstract void Sample(Random random, Span<T> value);

    private protected void RequireSize(int length)
    {
        if (length != Size)
            throw new ArgumentException($"Expected a span of {Size} numbers (shape [{string.Join(", ", Shape)}]), got {length}.");
    }
}

/// <summary>One of <see cref="N"/> choices, numbered 0 to N - 1.</summary>
public sealed class Discrete : Space<int>
{
    /// <summary>Makes the space of <paramref name="n"/> choices.</summary>
    /// <param name="n">How many choices there are, at least 1.</param>
    public Discrete(int n) : base([1])
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1);
        N = n;
    }

    /// <summary>How many choices there are.</summary>
    public int N { get; }

    /// <inheritdoc/>
    public override bool Contains(ReadOnlySpan<int> value) => value.Length == 1 && (uint)value[0] < (uint)N;

    /// <inheritdoc/>
    public override void Sample(Random random, Span<int> value)
    {
        ArgumentNullException.ThrowIfNull(random);
        RequireSize(value.Length);
        value[0] = random.Next(N);
    }

    /// <inheritdoc/>
    public override string ToString() => $"Discrete({N})";
}

/// <summary>Several choices at once, each with its own number of them: as the buttons of a gamepad.</summary>
public sealed class MultiDiscrete : Space<int>
{
    /// <summary>Makes the space; its shape is [choices.Length].</summary>
    /// <param name="choices">How many choices each number has, at least 1: number i is 0 to choices[i] - 1.</param>
    public MultiDiscrete(params ReadOnlySpan<int> choices) : base([choices.Length])
    {
        foreach (var n in choices)
            ArgumentOutOfRangeException.ThrowIfLessThan(n, 1, nameof(choices));
        Choices = [.. choices];
    }

    /// <summary>How many choices each number has.</summary>
    public ImmutableArray<int> Choices { get; }

    /// <inheritdoc/>
    public override bool Contains(ReadOnlySpan<int> value)
    {
        if (value.Length != Size)
            return false;

        for (var i = 0; i < value.Length; i++)
        {
            if ((uint)value[i] >= (uint)Choices[i])
                return false;
        }

        return true;
    }

    /// <inheritdoc/>
    public override void Sample(Random random, Span<int> value)
    {
        ArgumentNullException.ThrowIfNull(random);
        RequireSize(value.Length);

        for (var i = 0; i < value.Length; i++)
            value[i] = random.Next(Choices[i]);
    }

    /// <inheritdoc/>
    public override string ToString() => $"MultiDiscrete([{string.Join(", ", Choices)}])";
}

/// <summary>Floats between bounds, each number with its own; a bound may be infinite.</summary>
public sealed class Box : Space<float>
{
    /// <summary>Makes a box whose numbers each have their own bounds; its shape is [low.Length].</summary>
    /// <param name="low">The least value of each number; may be negative infinity.</param>
    /// <param name="high">The greatest value of each number; may be infinity.</param>
    public Box(ReadOnlySpan<float> low, ReadOnlySpan<float> high) : this([low.Length], low, high) { }

    /// <summary>Makes a box of one shape whose numbers share their bounds.</summary>
    /// <param name="shape">Length of each dimension.</param>
    /// <param name="low">The least value of every number; may be negative infinity.</param>
    /// <param name="high">The greatest value of every number; may be infinity.</param>
    public Box(ReadOnlySpan<int> shape, float low, float high) : this([.. shape], Repeat(shape, low), Repeat(shape, high)) { }

    /// <summary>Makes a box of one shape whose numbers each have their own bounds.</summary>
    /// <param name="shape">Length of each dimension.</param>
    /// <param name="low">The least value of each number in row-major order; may be negative infinity.</param>
    /// <param name="high">The greatest value of each number in row-major order; may be infinity.</param>
    public Box(ImmutableArray<int> shape, ReadOnlySpan<float> low, ReadOnlySpan<float> high) : base(shape)
    {
        if (low.Length != Size || high.Length != Size)
            throw new ArgumentException($"Expected {Size} lower and upper bounds for shape [{string.Join(", ", shape)}], got {low.Length} and {high.Length}.");

        for (var i = 0; i < Size; i++)
        {
            if (!(low[i] <= high[i]))
                throw new ArgumentException($"Expected low <= high in a box, got [{low[i]}, {high[i]}] at index {i}.");
        }

        Low = [.. low];
        High = [.. high];
    }

    /// <summary>The least value of each number, in row-major order.</summary>
    public ImmutableArray<float> Low { get; }

    /// <summary>The greatest value of each number, in row-major order.</summary>
    public ImmutableArray<float> High { get; }

    /// <summary>Whether every bound is finite, so that an action space can be scaled to.</summary>
    public bool IsBounded => Low.All(float.IsFinite) && High.All(float.IsFinite);

    /// <inheritdoc/>
    public override bool Contains(ReadOnlySpan<float> value)
    {
        if (value.Length != Size)
            return false;

        for (var i = 0; i < value.Length; i++)
        {
            if (!(value[i] >= Low[i] && value[i] <= High[i]))   // false for NaN too
                return false;
        }

        return true;
    }

    /// <inheritdoc/>
    public override void Sample(Random random, Span<float> value)
    {
        ArgumentNullException.ThrowIfNull(random);
        RequireSize(value.Length);

        for (var i = 0; i < value.Length; i++)
        {
            var (low, high) = (Low[i], High[i]);
            value[i] = (float.IsFinite(low), float.IsFinite(high)) switch
            {
                (true, true) => Math.Clamp((float)(low + (random.NextDouble() * ((double)high - low))), low, high),
                (true, false) => low - (float)Math.Log(1 - random.NextDouble()),
                (false, true) => high + (float)Math.Log(1 - random.NextDouble()),
                (false, false) => (float)random.NextNormal(),
            };
        }
    }

    /// <summary>The nearest value that lies in the box.</summary>
    /// <param name="value">Any value, <see cref="Space.Size"/> numbers.</param>
    /// <param name="clipped">Receives it, clipped to the bounds; may be the same span.</param>
    public void Clip(ReadOnlySpan<float> value, Span<float> clipped)
    {
        RequireSize(value.Length);
        RequireSize(clipped.Length);
        for (var i = 0; i < value.Length; i++)
            clipped[i] = Math.Clamp(value[i], Low[i], High[i]);
    }

    /// <inheritdoc/>
    public override string ToString() =>
        Low.Distinct().Count() == 1 && High.Distinct().Count() == 1
            ? $"Box([{string.Join(", ", Shape)}], {Low[0]}..{High[0]})"
            : $"Box([{string.Join(", ", Low.Zip(High, (low, high) => $"{low}..{high}"))}])";

    private static float[] Repeat(ReadOnlySpan<int> shape, float value)
    {
        var size = 1;
        foreach (var length in shape)
            size = checked(size * length);

        var values = new float[size];
        Array.Fill(values, value);
        return values;
    }
}

/// <summary>Bytes from 0 to a common greatest value: pixels (255), or grids of flags (1).</summary>
public sealed class ByteBox : Space<byte>
{
    /// <summary>Makes the space.</summary>
    /// <param name="shape">Length of each dimension; images are [channels, height, width].</param>
    /// <param name="high">The greatest value of every number.</param>
    public ByteBox(ReadOnlySpan<int> shape, byte high = 255) : base([.. shape]) => High = high;

    /// <summary>The greatest value of every number; the least is 0.</summary>
    public byte High { get; }

    /// <inheritdoc/>
    public override bool Contains(ReadOnlySpan<byte> value) => value.Length == Size && value.IndexOfAnyExceptInRange((byte)0, High) < 0;

    /// <inheritdoc/>
    public override void Sample(Random random, Span<byte> value)
    {
        ArgumentNullException.ThrowIfNull(random);
        RequireSize(value.Length);

        for (var i = 0; i < value.Length; i++)
            value[i] = (byte)random.Next(High + 1);
    }

    /// <inheritdoc/>
    public override string ToString() => $"ByteBox([{string.Join(", ", Shape)}], 0..{High})";
}
