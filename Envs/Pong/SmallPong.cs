namespace RlWn.Envs;

/// <summary>
/// <see cref="Pong"/> after the standard preprocessing but for the stack: no-op starts, several frames an action, grey, shrunk to a square. To the
/// bit what <see cref="NoOpStarts{TObservation}"/>, <see cref="FrameSkip"/> and <see cref="AreaResize"/> make of the game, for a tenth of the work.
/// </summary>
/// <remarks>
/// Frames that nobody sees are not drawn. The brighter of the last two is drawn at once, as all that moves is brighter than the field: the things
/// of both frames go over one field, and where two meet the brighter stays. Only where they are, or were, is that frame drawn and shrunk; the rest of the
/// observation is the field, which was shrunk once.
/// </remarks>
public sealed class SmallPong : Wrapper<byte, int>
{
    private readonly Pong game;
    private readonly AreaMean mean;
    private readonly byte[] smallField;
    private readonly byte[] frame = Pong.Field.ToArray();   // field wherever nothing is shown
    private readonly Patch[] shown = new Patch[Pong.Things];

    /// <summary>Makes the game.</summary>
    /// <param name="size">Height and width to see it at, 1 to 160.</param>
    /// <param name="frames">For how many frames an action is done, at least 1; fewer where the episode ends on the way.</param>
    public SmallPong(int size, int frames = 4) : this(new Pong(grey: true), size, frames) { }

    private SmallPong(Pong game, int size, int frames) : base(new NoOpStarts<byte>(game))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, Pong.Width);
        ArgumentOutOfRangeException.ThrowIfLessThan(frames, 1);
        (this.game, InnerSteps) = (game, frames);
        mean = new AreaMean((Pong.Height, Pong.Width), (size, size));
        ObservationSpace = new ByteBox([1, size, size]);
        smallField = new byte[size * size];
        mean.Shrink(Pong.Field, smallField);
    }

    /// <summary>The brightness of a small frame: [1, size, size].</summary>
    public override Space<byte> ObservationSpace { get; }

    /// <summary>For how many frames an action is done.</summary>
    public override int InnerSteps { get; }

    /// <inheritdoc/>
    public override void Reset(Random random, Span<byte> observation)
    {
        Env.Reset(random, frame);
        Pong.Field.CopyTo(frame);
        Show(game.State, game.State, observation);
    }

    /// <inheritdoc/>
    public override StepResult Step(ReadOnlySpan<int> action, Span<byte> observation)
    {
        var result = game.Advance(action);
        var (reward, before) = (result.Reward, game.State);
        for (var done = 1; done < InnerSteps && !result.Ended; done++)
        {
            before = game.State;
            result = game.Advance(action);
            reward += result.Reward;
        }

        Show(before, game.State, observation);
        return result with { Reward = reward };
    }

    private void Show(in PongState before, in PongState now, Span<byte> observation)
    {
        foreach (var patch in shown)
            ShowField(patch);

        Span<Pong.Thing> earlier = stackalloc Pong.Thing[Pong.Things], later = stackalloc Pong.Thing[Pong.Things];
        Pong.Place(before, earlier);
        Pong.Place(now, later);
        for (var i = 0; i < Pong.Things; i++)
        {
            Brighten(earlier[i]);
            Brighten(later[i]);
            shown[i] = earlier[i].Where.And(later[i].Where);
        }

        smallField.CopyTo(observation);
        foreach (var patch in shown)
            mean.Shrink(frame, observation, patch);
    }

    private void ShowField(Patch patch)
    {
        for (var row = patch.Top; row < patch.Top + patch.Height; row++)
        {
            var start = (row * Pong.Width) + patch.Left;
            Pong.Field.Slice(start, patch.Width).CopyTo(frame.AsSpan(start));
        }
    }

    private void Brighten(Pong.Thing thing)
    {
        for (var row = thing.Where.Top; row < thing.Where.Top + thing.Where.Height; row++)
        {
            foreach (ref var pixel in frame.AsSpan((row * Pong.Width) + thing.Where.Left, thing.Where.Width))
                pixel = Math.Max(pixel, thing.Grey);
        }
    }
}
