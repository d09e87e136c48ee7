using static RlWn.Envs.Tests.MinAtarGames;

namespace RlWn.Envs.Tests;

public class SpaceInvadersTests
{
    private const int Cannon = 0, Alien = 1, AlienLeft = 2, AlienRight = 3, OwnBullet = 4, EnemyBullet = 5;

    private static (int X, int Y)[] Wave => [.. from y in Enumerable.Range(0, 4) from x in Enumerable.Range(2, 6) select (x, y)];

    [Fact]
    public void Reset_Observation_ShowsTheWaveGoingLeft()
    {
        var observation = new byte[600];
        new SpaceInvaders().Reset(new RecordedDraws(), observation);
        Assert.Equal([(5, 9)], Cells(observation, Cannon));
        Assert.Equal(Wave, Cells(observation, Alien));
        Assert.Equal(Wave, Cells(observation, AlienLeft));
        Assert.Equal(1 + 24 + 24, observation.Sum(flag => flag));
    }

    // Both timers are set and counted down in the same step: marches in steps 13 and 25, shots in steps 11 and 21. The cannon flees to the left.
    [Fact]
    public void Step_FromReset_ShootsInStepElevenAndMarchesInStepThirteen()
    {
        var game = new SpaceInvaders(AsChosen);
        game.Reset(new SameDraws(0.5), new byte[600]);
        var seen = Enumerable.Range(1, 25).Select(step => Do(game, step > 11 ? MinAtarAction.Left : MinAtarAction.None).Observation).ToArray();
        Assert.Empty(Cells(seen[9], EnemyBullet));
        Assert.Equal([(5, 3)], Cells(seen[10], EnemyBullet));
        Assert.Equal([(5, 4)], Cells(seen[11], EnemyBullet));
        Assert.Empty(Cells(seen[19], EnemyBullet));
        Assert.Equal([(1, 3)], Cells(seen[20], EnemyBullet));
        Assert.Equal((2, 0), Cells(seen[11], Alien)[0]);
        Assert.Equal((1, 0), Cells(seen[12], Alien)[0]);
        Assert.Equal((1, 0), Cells(seen[23], Alien)[0]);
        Assert.Equal((0, 0), Cells(seen[24], Alien)[0]);
    }

    // Fired from row 9, in row 8 after the same step; the next goes off five steps later.
    [Fact]
    public void Step_Fire_MovesAtOnceAndGoesOffEveryFifthStep()
    {
        var game = In(aliens: [(0, 0)], cannon: 5);
        var bullets = Enumerable.Range(0, 6).Select(_ => Cells(Do(game, MinAtarAction.Fire).Observation, OwnBullet)).ToArray();
        Assert.Equal([(5, 8)], bullets[0]);
        Assert.Equal([(5, 4)], bullets[4]);
        Assert.Equal([(5, 3), (5, 8)], bullets[5]);
    }

    // Coming down as the bullet goes up, the alien takes the bullet's cell and the bullet the alien's: no hit.
    [Fact]
    public void Step_BulletAndAlienChangePlaces_WithoutAHit()
    {
        var game = In(aliens: [(0, 4)], ownBullets: [(0, 5)], moveTimer: 0);
        var (result, observation) = Do(game, MinAtarAction.None);
        Assert.Equal(0, result.Reward);
        Assert.Equal([(0, 5)], Cells(observation, Alien));
        Assert.Equal([(0, 5)], Cells(observation, AlienRight));
        Assert.Equal([(0, 4)], Cells(observation, OwnBullet));
    }

    [Fact]
    public void Step_TwoHitsAtOnce_GiveTwo()
    {
        var game = In(aliens: [(1, 2), (3, 5), (8, 8)], ownBullets: [(1, 3), (3, 6), (4, 4)]);
        var (result, observation) = Do(game, MinAtarAction.None);
        Assert.Equal(2, result.Reward);
        Assert.Equal([(8, 8)], Cells(observation, Alien));
        Assert.Equal([(4, 3)], Cells(observation, OwnBullet));
    }

    // At the right edge with one on the ground: over, and that one goes on from the top. Were it the cannon's column it would be over anyway.
    [Fact]
    public void Step_AlienOnTheGroundAtATurn_TerminatesAndComesInAgainAtTheTop()
    {
        var game = In(aliens: [(9, 9), (3, 0)], cannon: 2, marchesRight: 1, moveTimer: 0);
        var (result, observation) = Do(game, MinAtarAction.None);
        Assert.Equal(new StepResult(0, true), result);
        Assert.Equal([(9, 0), (3, 1)], Cells(observation, Alien));
        Assert.Equal(2, Cells(observation, AlienLeft).Length);
    }

    [Fact]
    public void Step_AlienOnTheGroundWithoutATurn_GoesOn() =>
        Assert.False(Do(In(aliens: [(5, 9)], cannon: 2, moveTimer: 0), MinAtarAction.None).Result.Terminated);

    [Theory]
    [InlineData(6, 5, 3, true)]    // the cannon drives into it
    [InlineData(6, 5, 0, true)]    // even where it marches on in the same step
    [InlineData(7, 5, 3, false)]
    [InlineData(7, 5, 0, true)]    // it marches onto the cannon
    [InlineData(5, 5, 0, false)]   // left behind
    public void Step_AlienAtTheCannon_Terminates(int alien, int cannon, int moveTimer, bool ended) =>
        Assert.Equal(ended, Do(In(aliens: [(alien, 9), (5, 0)], cannon: cannon, moveTimer: moveTimer), MinAtarAction.Right).Result.Terminated);

    [Fact]
    public void Step_EnemyBulletAtTheCannon_Terminates()
    {
        Assert.True(Do(In(aliens: [(0, 0)], enemyBullets: [(5, 8)], cannon: 4), MinAtarAction.Right).Result.Terminated);
        var (result, observation) = Do(In(aliens: [(0, 0)], enemyBullets: [(5, 9)], cannon: 5), MinAtarAction.None);
        Assert.False(result.Terminated);   // it leaves the grid
        Assert.Empty(Cells(observation, EnemyBullet));
    }

    // Columns 3 and 7 are as near to column 5: the left. The lowest of it, row 4. Column 6 is nearer than 3.
    [Theory]
    [InlineData(7, 3, 4)]
    [InlineData(6, 6, 8)]
    public void Step_EnemyShot_ComesFromTheLowestOfTheNearestColumnAndOfTheLeftOfTwo(int right, int shooterX, int shooterY)
    {
        var game = In(aliens: [(3, 1), (3, 4), (right, 8), (0, 9)], cannon: 5, enemyShotTimer: 0);
        Assert.Equal([(shooterX, shooterY)], Cells(Do(game, MinAtarAction.None).Observation, EnemyBullet));
    }

    [Theory]
    [InlineData(true, 12, 11)]
    [InlineData(true, 7, 6)]
    [InlineData(true, 6, 6)]
    [InlineData(false, 12, 12)]
    public void Step_LastAlienShot_BringsAFasterWaveThatKeepsDirectionAndBullets(bool ramping, int interval, int next)
    {
        var game = In(
            aliens: [(3, 5)], ownBullets: [(3, 6), (8, 4)], enemyBullets: [(0, 1)], marchesRight: 1, interval: interval, ramping: ramping,
            moveTimer: 3);
        var (result, observation) = Do(game, MinAtarAction.None);
        Assert.Equal(new StepResult(1, false), result);
        Assert.Equal(Wave, Cells(observation, AlienRight));
        Assert.Equal([(8, 3)], Cells(observation, OwnBullet));
        Assert.Equal([(0, 2)], Cells(observation, EnemyBullet));
        Assert.Equal([1, next, 2], StateOf(game)[31..34]);
    }

    // With three left every third step, with one every step.
    [Fact]
    public void Step_FewAliens_MarchAsOftenAsTheyAreFew()
    {
        var three = In(aliens: [(4, 0), (5, 0), (6, 0)], marchesRight: 1, moveTimer: 0);
        Assert.Equal([5, 5, 5, 6, 6, 6, 7], Enumerable.Range(0, 7).Select(_ => Cells(Do(three, MinAtarAction.None).Observation, Alien)[0].X));
        var one = In(aliens: [(4, 0)], marchesRight: 1, moveTimer: 0);
        Assert.Equal([5, 6, 7, 8, 9], Enumerable.Range(0, 5).Select(_ => Cells(Do(one, MinAtarAction.None).Observation, Alien)[0].X));
    }

    private static MinAtarGame In(
        (int X, int Y)[] aliens, (int X, int Y)[]? ownBullets = null, (int X, int Y)[]? enemyBullets = null, int cannon = 5, int marchesRight = 0,
        int interval = 12, int moveTimer = 12, int enemyShotTimer = 10, bool ramping = true) =>
        MinAtarGames.In(
            new SpaceInvaders(AsChosen with { Ramping = ramping }), new SameDraws(0.5),
            [cannon, .. Rows(aliens), .. Rows(ownBullets), .. Rows(enemyBullets), marchesRight, interval, moveTimer, enemyShotTimer, 0, 0]);

    private static IEnumerable<int> Rows((int X, int Y)[]? cells) =>
        Enumerable.Range(0, 10).Select(y => (cells ?? []).Where(cell => cell.Y == y).Sum(cell => 1 << cell.X));
}
