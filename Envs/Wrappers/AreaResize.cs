namespace RlWn.Envs;

/// <summary>A pixel task seen at a smaller size: each pixel is the mean of the area that it covers, [C, H, W] becomes [C, height, width].</summary>
/// <remarks>
/// The same mean as OpenCV's INTER_AREA when shrinking, in whole numbers and so without error: halves are rounded up. A thing smaller than a pixel
/// of the result grows fainter, by the share of the pixel that it covers, and is never lost between pixels.
/// </remarks>
public sealed class AreaResize : Wrapper<byte, int>
{
    private readonly byte[] large;
    private readonly AreaMean mean;
    private readonly int channels;

    /// <summary>Makes the wrapper.</summary>
    /// <param name="env">The task, observed as [C, H, W]; disposed together with this one.</param>
    /// <param name="height">The height to see it at, 1 to H.</param>
    /// <param name="width">The width to see it at, 1 to W.</param>
    /// <exception cref="ArgumentException">The observations have another shape, or are smaller.</exception>
    public AreaResize(IEnv<byte, int> env, int height, int width) : base(env)
    {
        var space = env.ObservationSpace;
        if (space is not ByteBox box || space.Shape is not [var c, var h, var w])
            throw new ArgumentException($"Expected observations of shape [channels, height, width], got {space}.", nameof(env));
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        if (height > h || width > w)
            throw new ArgumentException($"Expected a size of at most {h} x {w}, which is the task's, got {height} x {width}. An area can only shrink.");

        channels = c;
        ObservationSpace = new ByteBox([c, height, width], box.High);
        large = new byte[space.Size];
        mean = new AreaMean((h, w), (height, width));
    }

    /// <inheritdoc/>
    public override Space<byte> ObservationSpace { get; }

    /// <inheritdoc/>
    public override void Reset(Random random, Span<byte> observation)
    {
        Env.Reset(random, large);
        Shrink(observation);
    }

    /// <inheritdoc/>
    public override StepResult Step(ReadOnlySpan<int> action, Span<byte> observation)
    {
        var result = Env.Step(action, large);
        Shrink(observation);
        return result;
    }

    private void Shrink(Span<byte> small)
    {
        var (from, to) = (large.Length / channels, small.Length / channels);
        for (var channel = 0; channel < channels; channel++)
            mean.Shrink(large.AsSpan(channel * from, from), small.Slice(channel * to, to));
    }
}
