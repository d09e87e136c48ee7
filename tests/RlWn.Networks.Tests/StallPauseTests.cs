using Xunit;

namespace RlWn.Networks.Tests;

public sealed class StallPauseTests
{
    private static readonly TimeSpan Piece = TimeSpan.FromMicroseconds(40), Stall = TimeSpan.FromMilliseconds(4);   // which costs what 100 pieces gain

    private StallPause pause;

    [Fact]
    public void Note_WaitsOfALittle_AreNoStalls()
    {
        for (var i = 0; i < 10_000; i++)
            pause.Note(Piece, Piece, waited: TimeSpan.FromMicroseconds(600));   // 500 and four times the own piece are borne
        Assert.Equal(0, Paused());

        pause.Note(Piece, Piece, waited: TimeSpan.FromMicroseconds(661));
        Assert.Equal(StallPause.Shortest, Paused());
    }

    [Fact]
    public void Note_StallsThatCostMoreThanTwoGain_PauseForLongerAndLonger()
    {
        foreach (var expected in (int[])[10, 20, 40, 80, 160, 320, 640, 1_280, 1_280])
        {
            Work(99);   // 1% less than the stall costs
            pause.Note(Piece, Stall, waited: Stall);
            Assert.Equal(expected, Paused());
        }
    }

    [Fact]
    public void Note_StallsThatCostLess_PauseBriefly()
    {
        for (var i = 0; i < 5; i++)
            pause.Note(Piece, Stall, waited: Stall);
        Assert.Equal(160, Paused());

        for (var i = 0; i < 5; i++)
        {
            Work(101);
            pause.Note(Piece, Stall, waited: Stall);
            Assert.Equal(StallPause.Shortest, Paused());
        }
    }

    [Fact]
    public void Note_CallerThatLostItsProcessor_GainedTheOthersTimeAlone()
    {
        pause.Note(Stall, Piece, waited: TimeSpan.Zero);
        pause.Note(Piece, Stall, waited: Stall);
        Assert.Equal(10, Paused());

        pause.Note(Stall, Piece, waited: TimeSpan.Zero);   // not 4 ms, which would be enough for a short pause
        pause.Note(Piece, Stall, waited: Stall);
        Assert.Equal(20, Paused());
    }

    private void Work(int pieces)
    {
        for (var i = 0; i < pieces; i++)
            pause.Note(Piece, Piece, waited: TimeSpan.Zero);
    }

    private int Paused()
    {
        var pieces = 0;
        while (pause.TryTakePiece())
            pieces++;
        return pieces;
    }
}
