namespace RlWn.Networks;

/// <summary>
/// How long the caller of a <see cref="SecondThread"/> works alone after the other thread has lost its processor: a few pieces, and twice as many each time that
/// the two have gained less since the last such stall than this one cost. So a stall now and then costs no more than itself, and a busy machine is left alone.
/// </summary>
internal struct StallPause
{
    internal const int Shortest = 10, Longest = 1_280;   // pieces

    private const int Longer = 4;   // than the caller's own piece took, and Stall, is too long to wait
    private static readonly TimeSpan Stall = TimeSpan.FromMicroseconds(500);

    private TimeSpan gained;
    private int last;   // how many pieces the last pause had
    private int left;   // of this one

    /// <summary>Whether the caller is to do the next piece alone, which is then counted.</summary>
    public bool TryTakePiece()
    {
        if (left == 0)
            return false;

        left--;
        return true;
    }

    /// <summary>Takes note of a piece that both did, and pauses where it was a stall.</summary>
    /// <param name="ownTook">How long the caller's part took.</param>
    /// <param name="besideTook">How long the other's took. The shorter of the two is what was gained.</param>
    /// <param name="waited">How long the caller then waited for the other.</param>
    public void Note(TimeSpan ownTook, TimeSpan besideTook, TimeSpan waited)
    {
        if (waited <= Stall + (Longer * ownTook))
        {
            gained += ownTook < besideTook ? ownTook : besideTook;
            return;
        }

        last = gained < waited ? Math.Clamp(2 * last, Shortest, Longest) : Shortest;
        (left, gained) = (last, TimeSpan.Zero);
    }
}
