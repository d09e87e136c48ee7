namespace RlWn.Envs;

/// <summary>What deep Q-learning made the standard way to look at a console's game.</summary>
public static class StandardPixels
{
    /// <summary>No-op starts, grey, four frames an action, the brighter of the last two, shrunk to a square, four seen at once: [4, size, size].</summary>
    /// <param name="env">A game, observed as [3, height, width] of colours or [1, height, width] of grey; disposed together with the result.</param>
    /// <param name="size">Height and width to see it at; 84 is usual.</param>
    /// <param name="maxNoOps">Up to how many frames nothing is done at the start.</param>
    /// <param name="frameSkip">How many frames an action lasts.</param>
    /// <param name="frameStack">How many of the frames between actions are seen at once.</param>
    /// <remarks>
    /// Mnih et al. 2015, Methods; Machado et al. 2018, arXiv:1709.06009, section 2. Without <see cref="RewardSign{TObservation, TAction}"/>, to be
    /// added for games with points of many sizes, and without a time limit, usually of 108,000 frames.
    /// </remarks>
    public static IEnv<byte, int> Wrap(IEnv<byte, int> env, int size = 84, int maxNoOps = 30, int frameSkip = 4, int frameStack = 4)
    {
        ArgumentNullException.ThrowIfNull(env);
        IEnv<byte, int> started = new NoOpStarts<byte>(env, maxNoOps);
        var grey = env.ObservationSpace.Shape is [1, ..] ? started : new GreyScale(started);
        return new FrameStack<byte, int>(new AreaResize(new FrameSkip(grey, frameSkip), size, size), frameStack);
    }
}
