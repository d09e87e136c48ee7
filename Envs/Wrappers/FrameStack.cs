using System.Runtime.InteropServices;

namespace RlWn.Envs;

/// <summary>A task that shows its last few observations at once, oldest first: [C, H, W] becomes [k C, H, W].</summary>
/// <remarks>
/// <para>Mnih et al. 2015, Methods: one frame does not show which way a ball flies. The first observation of an episode stands in for those that
/// were before it.</para>
/// <para>The frames lie in a ring, into which the task writes straight away; a step copies each of them once, into the observation. The newest
/// is its last k-th part: a memory of many steps needs to keep only that one of each, and can put the stacks together as they are here, by
/// repeating an episode's first.</para>
/// </remarks>
/// <typeparam name="TObservation">The type of one observed number.</typeparam>
/// <typeparam name="TAction">The type of one number of an action.</typeparam>
public sealed class FrameStack<TObservation, TAction> : Wrapper<TObservation, TAction>
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private readonly TObservation[] ring;
    private readonly int size;
    private int newest;   // its place in the ring; the oldest comes after it

    /// <summary>Makes the wrapper.</summary>
    /// <param name="env">The task; disposed together with this one.</param>
    /// <param name="frames">k: how many observations are seen at once, at least 1.</param>
    public FrameStack(IEnv<TObservation, TAction> env, int frames) : base(env)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(frames, 1);
        Frames = frames;
        size = env.ObservationSpace.Size;
        ring = new TObservation[frames * size];
        ObservationSpace = Stacked(env.ObservationSpace, frames);
    }

    /// <summary>k: how many observations are seen at once.</summary>
    public int Frames { get; }

    /// <inheritdoc/>
    public override Space<TObservation> ObservationSpace { get; }

    /// <inheritdoc/>
    public override void Reset(Random random, Span<TObservation> observation)
    {
        Env.Reset(random, Frame(0));
        for (var frame = 1; frame < Frames; frame++)
            Frame(0).CopyTo(Frame(frame));

        newest = Frames - 1;
        ring.CopyTo(observation);
    }

    /// <inheritdoc/>
    public override StepResult Step(ReadOnlySpan<TAction> action, Span<TObservation> observation)
    {
        var place = (newest + 1) % Frames;
        var result = Env.Step(action, Frame(place));
        newest = place;

        var older = ring.AsSpan((newest + 1) * size);
        older.CopyTo(observation);
        ring.AsSpan(0, (newest + 1) * size).CopyTo(observation[older.Length..]);
        return result;
    }

    /// <inheritdoc/>
    protected override void SaveOwn(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Write(newest);
        writer.Write(MemoryMarshal.AsBytes(ring.AsSpan()));
    }

    /// <inheritdoc/>
    protected override void LoadOwn(BinaryReader reader, Random random)
    {
        ArgumentNullException.ThrowIfNull(reader);
        var place = reader.ReadInt32();
        if (place < 0 || place >= Frames)
            throw new InvalidDataException($"Expected the place of the newest of {Frames} frames, got {place}. It was saved with another stack, or is damaged.");

        reader.ReadExactly(MemoryMarshal.AsBytes(ring.AsSpan()));
        newest = place;
    }

    private Span<TObservation> Frame(int place) => ring.AsSpan(place * size, size);

    private static Space<TObservation> Stacked(Space<TObservation> space, int frames)
    {
        int[] shape = [frames * space.Shape[0], .. space.Shape.Skip(1)];
        Space stacked = space switch
        {
            ByteBox box => new ByteBox(shape, box.High),
            Box box => new Box([.. shape], Repeat(box.Low), Repeat(box.High)),
            _ => throw new ArgumentException($"Expected observations in a {nameof(Box)} or a {nameof(ByteBox)}, got {space}.", nameof(space)),
        };
        return (Space<TObservation>)stacked;

        float[] Repeat(IEnumerable<float> bounds) => [.. Enumerable.Repeat(bounds, frames).SelectMany(bound => bound)];
    }
}
