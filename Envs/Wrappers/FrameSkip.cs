using System.Numerics;
using System.Runtime.InteropServices;

namespace RlWn.Envs;

/// <summary>
/// A pixel task in which every action is done for several frames. Observed is, pixel by pixel, the brighter of the last two frames; the reward
/// is the sum over all.
/// </summary>
/// <param name="env">The task; disposed together with this one.</param>
/// <param name="frames">For how many frames, at least 1; fewer where the episode ends on the way. 1 leaves the task as it is.</param>
/// <remarks>
/// Mnih et al. 2015, Methods: what old consoles drew only in every other frame is seen in each of these. Where the episode ends with the first
/// frame of an action, that frame is observed alone: nothing is pooled across actions.
/// </remarks>
public sealed class FrameSkip(IEnv<byte, int> env, int frames) : Wrapper<byte, int>(env)
{
    private readonly byte[] before = new byte[env.ObservationSpace.Size];

    /// <summary>How many frames an action lasts.</summary>
    public int Frames { get; } = frames >= 1
        ? frames
        : throw new ArgumentOutOfRangeException(nameof(frames), $"Expected at least 1 frame, got {frames}.");

    /// <inheritdoc/>
    public override int InnerSteps => Frames;

    /// <inheritdoc/>
    public override StepResult Step(ReadOnlySpan<int> action, Span<byte> observation)
    {
        // Frames fall in turn into the one place and the other, so that none is copied.
        var result = Env.Step(action, observation);
        var reward = result.Reward;
        var frame = 1;
        for (; frame < Frames && !result.Ended; frame++)
        {
            result = Env.Step(action, frame % 2 == 1 ? before : observation);
            reward += result.Reward;
        }

        if (frame > 1)
            KeepBrighter(before, observation);
        return result with { Reward = reward };
    }

    private static void KeepBrighter(ReadOnlySpan<byte> one, Span<byte> other)
    {
        var ones = MemoryMarshal.Cast<byte, Vector<byte>>(one);
        var others = MemoryMarshal.Cast<byte, Vector<byte>>(other);
        for (var i = 0; i < ones.Length; i++)
            others[i] = Vector.Max(ones[i], others[i]);
        for (var i = ones.Length * Vector<byte>.Count; i < one.Length; i++)
            other[i] = Math.Max(one[i], other[i]);
    }
}
