using static RlWn.Envs.Tests.MinAtarGames;

namespace RlWn.Envs.Tests;

public class BreakoutTests
{
    private const int Paddle = 0, Ball = 1, Trail = 2, Brick = 3;
    private const int UpLeft = 0, UpRight = 1, DownRight = 2, DownLeft = 3;

    [Theory]
    [InlineData(0, 0, 1)]
    [InlineData(1, 9, 8)]
    public void Reset_EitherDraw_StartsTheBallDownwardsFromTheEdge(int draw, int startX, int nextX)
    {
        var (game, observation) = (new Breakout(AsChosen), new byte[400]);
        game.Reset(new RecordedDraws(Draw.Integer(0, 2, draw), Draw.Rand(0.5)), observation);
        Assert.Equal([(startX, 3)], Cells(observation, Ball));
        Assert.Equal([(startX, 3)], Cells(observation, Trail));
        Assert.Equal([(4, 9)], Cells(observation, Paddle));
        Assert.Equal([.. from y in new[] { 1, 2, 3 } from x in Enumerable.Range(0, 10) select (x, y)], Cells(observation, Brick));

        observation = Do(game, MinAtarAction.Right).Observation;
        Assert.Equal([(nextX, 4)], Cells(observation, Ball));
        Assert.Equal([(startX, 3)], Cells(observation, Trail));
        Assert.Equal([(5, 9)], Cells(observation, Paddle));
    }

    // Up left from (0, 0): both walls, so the ball stays in the corner cell for a step and leaves down right.
    [Fact]
    public void Step_UpperCorner_TurnsInBothDirections()
    {
        var game = At(x: 0, y: 0, UpLeft, paddle: 4, bricks: [(9, 3)]);
        Assert.Equal([(0, 0)], Cells(Do(game, MinAtarAction.None).Observation, Ball));
        Assert.Equal([(1, 1)], Cells(Do(game, MinAtarAction.None).Observation, Ball));
    }

    // A wall is seen to before the brick: from (9, 4) up right the brick that is hit is that above, in the column at the wall.
    [Fact]
    public void Step_BrickAtTheWall_IsHitInTheClampedColumn()
    {
        var game = At(x: 9, y: 4, UpRight, paddle: 4, bricks: [(9, 3), (8, 3)]);
        var (result, observation) = Do(game, MinAtarAction.None);
        Assert.Equal(1, result.Reward);
        Assert.Equal([(8, 3)], Cells(observation, Brick));
        Assert.Equal([(9, 4)], Cells(observation, Ball));
        Assert.Equal([(8, 5)], Cells(Do(game, MinAtarAction.None).Observation, Ball));
    }

    [Fact]
    public void Step_Brick_BreaksAndSendsTheBallBackInItsRow()
    {
        var game = At(x: 5, y: 4, UpRight, paddle: 4, bricks: [(6, 3), (0, 1)]);
        var (result, observation) = Do(game, MinAtarAction.None);
        Assert.Equal(new StepResult(1, false), result);
        Assert.Equal([(0, 1)], Cells(observation, Brick));
        Assert.Equal([(6, 4)], Cells(observation, Ball));
        Assert.Equal([(7, 5)], Cells(Do(game, MinAtarAction.None).Observation, Ball));
    }

    // The step after a broken brick may lead into another one: it stays, and so does the direction. Once outside, the next one breaks.
    [Fact]
    public void Step_SecondBrickInARow_IsFlownThrough()
    {
        var game = At(x: 5, y: 4, UpRight, paddle: 4, bricks: [(6, 3), (8, 1)], strike: true);
        var (result, observation) = Do(game, MinAtarAction.None);
        Assert.Equal(0, result.Reward);
        Assert.Equal([(8, 1), (6, 3)], Cells(observation, Brick));
        Assert.Equal([(6, 3)], Cells(observation, Ball));

        Assert.Equal([(7, 2)], Cells(Do(game, MinAtarAction.None).Observation, Ball));
        Assert.Equal(1, Do(game, MinAtarAction.None).Result.Reward);
    }

    [Theory]
    [InlineData(2, 4, 7)]   // under where the ball was: back up, onwards
    [InlineData(3, 2, 7)]   // under where it would land: back the way it came
    public void Step_Paddle_SendsTheBallUp(int paddle, int nextX, int nextY)
    {
        var game = At(x: 2, y: 8, DownRight, paddle, bricks: [(0, 1)]);
        var (result, observation) = Do(game, MinAtarAction.None);
        Assert.Equal(new StepResult(0, false), result);
        Assert.Equal([(3, 8)], Cells(observation, Ball));
        Assert.Equal([(nextX, nextY)], Cells(Do(game, MinAtarAction.None).Observation, Ball));
    }

    // The paddle has moved when the ball arrives. At the wall the clamped column is that of the old ball too, so the first case counts.
    [Fact]
    public void Step_LowerCorner_IsBouncedUpLeft()
    {
        var game = At(x: 9, y: 8, DownRight, paddle: 8, bricks: [(0, 1)]);
        var (result, observation) = Do(game, MinAtarAction.Right);
        Assert.False(result.Terminated);
        Assert.Equal([(9, 8)], Cells(observation, Ball));
        Assert.Equal([(8, 7)], Cells(Do(game, MinAtarAction.None).Observation, Ball));
    }

    [Fact]
    public void Step_LastRowWithoutBricks_BringsANewWallEvenOnAMiss()
    {
        var (result, observation) = Do(At(x: 2, y: 8, DownLeft, paddle: 8, bricks: []), MinAtarAction.None);
        Assert.Equal(new StepResult(0, Terminated: true), result);
        Assert.Equal([(1, 9)], Cells(observation, Ball));
        Assert.Equal(30, Cells(observation, Brick).Length);
    }

    [Fact]
    public void Step_LastRowWithABrick_BringsNoNewWall() =>
        Assert.Equal([(0, 1)], Cells(Do(At(x: 2, y: 8, DownLeft, paddle: 2, bricks: [(0, 1)]), MinAtarAction.None).Observation, Brick));

    [Theory]
    [InlineData(0, MinAtarAction.Left, 0)]
    [InlineData(9, MinAtarAction.Right, 9)]
    [InlineData(5, MinAtarAction.Up, 5)]
    [InlineData(5, MinAtarAction.Fire, 5)]
    public void Step_Paddle_StaysInTheGridAndHeedsOnlyLeftAndRight(int paddle, MinAtarAction action, int after) =>
        Assert.Equal([(after, 9)], Cells(Do(At(x: 5, y: 5, UpLeft, paddle, bricks: [(0, 1)]), action).Observation, Paddle));

    private static MinAtarGame At(int x, int y, int direction, int paddle, (int X, int Y)[] bricks, bool strike = false) => In(
        new Breakout(AsChosen), new SameDraws(0.5),
        [
            paddle, x, y, direction, x, y, strike ? 1 : 0,
            .. Enumerable.Range(0, 30).Select(i => bricks.Contains((i % 10, 1 + (i / 10))) ? 1 : 0),
        ]);
}
