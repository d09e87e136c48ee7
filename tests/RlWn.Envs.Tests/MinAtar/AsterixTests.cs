using static RlWn.Envs.Tests.MinAtarGames;

namespace RlWn.Envs.Tests;

public class AsterixTests
{
    private const int Player = 0, Enemy = 1, Trail = 2, Gold = 3;

    // Entities move in steps 6, 11, 16 and come in steps 11, 21: set and counted down in the same step, 5 and 10 are the periods. The one that
    // comes in step 11 moves in step 11.
    [Fact]
    public void Step_FromReset_SpawnsInTheEleventhStepAndMovesEveryFifth()
    {
        Draw[] sticky = [.. Enumerable.Repeat(Draw.Rand(0.5), 10)];
        var draws = new RecordedDraws(
            [.. sticky, Draw.Rand(0.5), Draw.Rand(0.49), Draw.Rand(0.33), Draw.Integer(0, 8, 2), .. sticky]);
        var (game, observation) = (new Asterix(AsChosen), new byte[400]);
        game.Reset(draws, observation);
        Assert.Equal([(5, 5)], Cells(observation, Player));

        for (var step = 1; step <= 11; step++)
        {
            Assert.DoesNotContain((byte)1, observation[100..]);
            observation = Do(game, MinAtarAction.None).Observation;
        }

        Assert.Equal([(1, 3)], Cells(observation, Gold));   // to the right, gold, in the third of all slots
        Assert.Equal([(0, 3)], Cells(observation, Trail));

        for (var step = 12; step <= 15; step++)
            observation = Do(game, MinAtarAction.None).Observation;
        Assert.Equal([(1, 3)], Cells(observation, Gold));
        observation = Do(game, MinAtarAction.None).Observation;
        Assert.Equal([(2, 3)], Cells(observation, Gold));

        for (var step = 17; step <= 20; step++)
            Do(game, MinAtarAction.None);
        Assert.Equal(11 + 3 + 9, draws.Used);
    }

    // A half is not less than a half: to the left; a third is: gold. Of the seven free slots the third is that of row 4, for row 3 is taken.
    [Fact]
    public void Step_SlotTaken_CountsOnlyTheFreeOnes()
    {
        var game = In(
            new Asterix(AsChosen), new RecordedDraws(Draw.Rand(0), Draw.Rand(0.5), Draw.Rand(1.0 / 3), Draw.Integer(0, 7, 2)),
            State(spawnTimer: 0, entity: (Row: 3, X: 4, Right: 1, Gold: 1)));
        var observation = Do(game, MinAtarAction.None).Observation;
        Assert.Equal([(9, 4)], Cells(observation, Enemy));
        Assert.Equal([(4, 3)], Cells(observation, Gold));
        Assert.Equal([(3, 3)], Cells(observation, Trail));   // behind the enemy lies the edge
    }

    [Fact]
    public void Step_NoFreeSlot_DrawsTwiceAndSpawnsNothing()
    {
        var draws = new RecordedDraws(Draw.Rand(0), Draw.Rand(0.1), Draw.Rand(0.1));
        var game = In(
            new Asterix(AsChosen), draws,
            [5, 5, 10, 0, 5, 5, 100, 0, .. Enumerable.Repeat((int[])[1, 7, 1, 0], 8).SelectMany(entity => entity)]);
        Assert.Equal(8, Cells(Do(game, MinAtarAction.None).Observation, Enemy).Length);
        Assert.Equal(3, draws.Used);
        Assert.Equal(9, StateOf(game)[3]);   // and the timer runs anew
    }

    [Theory]
    [InlineData(1, 5, 1, false)]   // the player walks into gold in step 3
    [InlineData(0, 5, 0, true)]    // and into an enemy
    public void Step_WalkingIntoAnEntity_TakesGoldAndEndsWithAnEnemy(int gold, int moveTimer, int reward, bool ended)
    {
        var game = In(new Asterix(AsChosen), new SameDraws(0.9), State(moveTimer: moveTimer, entity: (Row: 5, X: 4, Right: 0, gold)));
        var (result, observation) = Do(game, MinAtarAction.Left);
        Assert.Equal(new StepResult(reward, ended), result);
        Assert.Equal(gold == 1 ? 0 : 1, Cells(observation, Enemy).Length + Cells(observation, Gold).Length);
    }

    [Theory]
    [InlineData(1, 1, false)]
    [InlineData(0, 0, true)]
    public void Step_EntityMovesIntoThePlayer_TakesGoldAndEndsWithAnEnemy(int gold, int reward, bool ended)
    {
        var game = In(new Asterix(AsChosen), new SameDraws(0.9), State(moveTimer: 0, entity: (Row: 5, X: 4, Right: 1, gold)));
        var (result, observation) = Do(game, MinAtarAction.None);
        Assert.Equal(new StepResult(reward, ended), result);
        Assert.Equal(gold == 1 ? [] : [(5, 5)], Cells(observation, Enemy));
    }

    [Fact]
    public void Step_EntityLeavesTheGrid_EmptiesItsSlot()
    {
        var game = In(new Asterix(AsChosen), new SameDraws(0.9), State(moveTimer: 0, entity: (Row: 1, X: 9, Right: 1, Gold: 0)));
        Assert.Empty(Cells(Do(game, MinAtarAction.None).Observation, Enemy));
    }

    // The first 101 steps take the timer from 100 to -1, the 102nd ramps. Every draw makes gold, so that the game goes on.
    [Fact]
    public void Step_Ramping_SpawnsFasterEvery102StepsAndMovesFasterEverySecondTime()
    {
        var game = new Asterix(AsChosen);
        game.Reset(new SameDraws(0.2), new byte[400]);
        Assert.Equal((10, 5), SpeedsAfter(101));
        Assert.Equal((9, 5), SpeedsAfter(1));
        Assert.Equal((9, 5), SpeedsAfter(101));
        Assert.Equal((8, 4), SpeedsAfter(1));
        Assert.Equal((1, 1), SpeedsAfter(7 * 102));   // moves were as fast as can be after 8 ramps; nine take the spawns there
        Assert.Equal(9, StateOf(game)[7]);
        Assert.Equal((1, 1), SpeedsAfter(500));
        Assert.Equal(9, StateOf(game)[7]);

        (int Spawn, int Move) SpeedsAfter(int steps)
        {
            for (var step = 0; step < steps; step++)
                Assert.False(Do(game, MinAtarAction.None).Result.Terminated);
            var state = StateOf(game);
            return (state[2], state[4]);
        }
    }

    [Fact]
    public void Step_WithoutRamping_StaysAsFast()
    {
        var game = new Asterix(AsChosen with { Ramping = false });
        game.Reset(new SameDraws(0.2), new byte[400]);
        for (var step = 0; step < 500; step++)
            Do(game, MinAtarAction.None);
        Assert.Equal([10, 5, 100, 0], StateOf(game).Where((_, i) => i is 2 or 4 or 6 or 7));
    }

    [Theory]
    [InlineData(0, 1, MinAtarAction.Left, 0, 1)]
    [InlineData(0, 1, MinAtarAction.Up, 0, 1)]
    [InlineData(9, 8, MinAtarAction.Right, 9, 8)]
    [InlineData(9, 8, MinAtarAction.Down, 9, 8)]
    [InlineData(5, 5, MinAtarAction.Down, 5, 6)]
    public void Step_Player_StaysInRowsOneToEight(int x, int y, MinAtarAction action, int nextX, int nextY)
    {
        var game = In(new Asterix(AsChosen), new SameDraws(0.9), [x, y, 10, 9, 5, 4, 100, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        Assert.Equal([(nextX, nextY)], Cells(Do(game, action).Observation, Player));
    }

    private static IEnumerable<int> State((int Row, int X, int Right, int Gold) entity, int spawnTimer = 9, int moveTimer = 4) =>
    [
        5, 5, 10, spawnTimer, 5, moveTimer, 100, 0,
        .. Enumerable.Range(1, 8).SelectMany(row => row == entity.Row ? (int[])[1, entity.X, entity.Right, entity.Gold] : [0]),
    ];
}
