using static RlWn.Envs.Tests.MinAtarGames;

namespace RlWn.Envs.Tests;

public class SeaquestTests
{
    private const int Front = 0, Back = 1, OwnBullet = 2, Trail = 3, EnemyBullet = 4, Fish = 5, EnemySub = 6, Oxygen = 7, Gauge = 8, Diver = 9;

    [Fact]
    public void Reset_Observation_ShowsTheSubmarineAtTheSurfaceFacingLeft()
    {
        var observation = new byte[1000];
        new Seaquest().Reset(new RecordedDraws(), observation);
        Assert.Equal([(5, 0)], Cells(observation, Front));
        Assert.Equal([(6, 0)], Cells(observation, Back));
        Assert.Equal([.. Enumerable.Range(0, 10).Select(x => (x, 9))], Cells(observation, Oxygen));
        Assert.Equal(12, observation.Sum(flag => flag));
    }

    // 120 of 200 is six tenths. Six divers become none, and then one is let out.
    [Fact]
    public void Step_SurfacingWithSix_GivesTheGaugeAndLeavesMinusOne()
    {
        var game = In(Game(), Quiet, State(oxygen: 120, divers: 6, y: 1));
        var (result, observation) = Do(game, MinAtarAction.Up);
        Assert.Equal(new StepResult(6, false), result);
        Assert.Equal([200, -1], StateOf(game)[..2]);
        Assert.Empty(Cells(observation, Gauge));

        Assert.Equal(default, Do(game, MinAtarAction.Down).Result);
        Assert.Equal(default, Do(game, MinAtarAction.Up).Result);   // not fatal, and worth nothing
        Assert.Equal([200, -2], StateOf(game)[..2]);
    }

    [Fact]
    public void Step_SurfacingWithTwo_LetsOneOutForNothing()
    {
        var game = In(Game(), Quiet, State(oxygen: 120, divers: 2, y: 1));
        var (result, observation) = Do(game, MinAtarAction.Up);
        Assert.Equal(default, result);
        Assert.Equal([200, 1], StateOf(game)[..2]);
        Assert.Equal([(8, 9)], Cells(observation, Gauge));
    }

    [Fact]
    public void Step_SurfacingWithNone_Terminates() =>
        Assert.Equal(new StepResult(0, true), Do(In(Game(), Quiet, State(oxygen: 120, divers: 0, y: 1)), MinAtarAction.Up).Result);

    // The oxygen is looked at before it is used: at 1 it falls to 0, and the step after that is the last. What is shot in it still counts.
    [Fact]
    public void Step_OutOfOxygen_TerminatesAfterTheRewardOfTheStep()
    {
        var game = In(Game(), Quiet, State(oxygen: 1, y: 4, ownBullets: [[1, 2, 1, 0, 0]], fish: [[3, 2, 1, 5, 0]]));
        Assert.Equal(default, Do(game, MinAtarAction.None).Result);
        Assert.Equal(new StepResult(1, true), Do(game, MinAtarAction.None).Result);
    }

    [Fact]
    public void Step_AtTheSurface_UsesNoOxygen()
    {
        var game = Game();
        game.Reset(Quiet, new byte[1000]);
        for (var step = 0; step < 15; step++)
            Assert.False(Do(game, MinAtarAction.Left).Result.Terminated);
        Assert.Equal(200, StateOf(game)[0]);
    }

    // At 159 of 200 seven tenths are shown, 159 · 10 / 200 = 7.95. The submarine faces right at the edge: its back lies outside.
    [Fact]
    public void Step_Observation_ShowsGaugesAndTrails()
    {
        var state = State(
            oxygen: 160, divers: 3, x: 0, y: 4, right: 1, fish: [[9, 2, 0, 3, 0], [4, 3, 1, 3, 0]], subs: [[5, 1, 0, 3, 5]],
            diversAtSea: [[2, 6, 1, 3, 0]]);
        var observation = Do(In(Game(), Quiet, state), MinAtarAction.None).Observation;
        Assert.Equal(7, Cells(observation, Oxygen).Length);
        Assert.Equal([(6, 9), (7, 9), (8, 9)], Cells(observation, Gauge));
        Assert.Empty(Cells(observation, Back));
        Assert.Equal([(9, 2), (4, 3)], Cells(observation, Fish));
        Assert.Equal([(5, 1)], Cells(observation, EnemySub));
        Assert.Equal([(2, 6)], Cells(observation, Diver));
        Assert.Equal([(6, 1), (3, 3), (1, 6)], Cells(observation, Trail));
    }

    // An enemy comes in step 21 and moves in steps 26 and 32: set when it comes and counted down in the same step, then every T + 1.
    [Fact]
    public void Step_Enemies_ComeAfterTwentyStepsAndMoveEverySixth()
    {
        var game = Game();
        game.Reset(new SameDraws(0.4), new byte[1000]);   // to the right, a fish, in row 1
        var columns = Enumerable.Range(1, 32).Select(_ => Cells(Do(game, MinAtarAction.None).Observation, Fish)).ToArray();
        Assert.All(columns[..20], Assert.Empty);
        Assert.All(columns[20..25], cells => Assert.Equal([(0, 1)], cells));
        Assert.All(columns[25..31], cells => Assert.Equal([(1, 1)], cells));
        Assert.Equal([(2, 1)], columns[31]);
    }

    [Fact]
    public void Step_RowWithOncomingEnemies_KeepsTheNewOneOutAfterThreeDraws()
    {
        var draws = new RecordedDraws(Draw.Rand(0), Draw.Rand(0.5), Draw.Rand(0.3), Draw.Integer(1, 9, 3));
        var game = In(Game(), draws, State(spawnTimer: 0, fish: [[4, 3, 1, 4, 0]]));
        var observation = Do(game, MinAtarAction.None).Observation;
        Assert.Equal(4, draws.Used);
        Assert.Equal([(4, 3)], Cells(observation, Fish));
        Assert.Empty(Cells(observation, EnemySub));
        Assert.Equal(19, StateOf(game)[6]);
    }

    // The enemy comes before the diver.
    [Fact]
    public void Step_EnemyAndDiverAtOnce_DrawInThisOrder()
    {
        var draws = new RecordedDraws(Draw.Rand(0), Draw.Rand(0.6), Draw.Rand(0.3), Draw.Integer(1, 9, 3), Draw.Rand(0.1), Draw.Integer(1, 9, 8));
        var observation = Do(In(Game(), draws, State(spawnTimer: 0, diverTimer: 0)), MinAtarAction.None).Observation;
        Assert.Equal([(9, 3)], Cells(observation, EnemySub));
        Assert.Equal([(0, 8)], Cells(observation, Diver));
    }

    // In the reference the rear bullet, moved onto its twin's cell, hits the fish there and takes the twin away instead of itself; then it moves
    // a second time. Either way one bullet is left, a cell further.
    [Fact]
    public void Step_TwinBullets_LeaveOneACellFurther()
    {
        var game = In(Game(), Quiet, State(ownBullets: [[3, 2, 1, 0, 0], [2, 2, 1, 0, 0]], fish: [[3, 2, 1, 4, 0]]));
        var (result, observation) = Do(game, MinAtarAction.None);
        Assert.Equal(1, result.Reward);
        Assert.Equal([(4, 2)], Cells(observation, OwnBullet));
        Assert.Empty(Cells(observation, Fish));
    }

    // A fish goes before a submarine in the same cell; of two fish the first.
    [Fact]
    public void Step_BulletMeetsSeveral_TakesTheFirstFish()
    {
        var game = In(Game(), Quiet, State(ownBullets: [[2, 2, 1, 0, 0]], fish: [[3, 2, 1, 4, 0], [3, 2, 1, 2, 0]], subs: [[3, 2, 1, 4, 9]]));
        Assert.Equal(1, Do(game, MinAtarAction.None).Result.Reward);
        Assert.Equal([0, 0, 1, 3, 2, 1, 1, 0, 1, 3, 2, 1, 3, 8, 0], StateOf(game)[12..]);   // the other fish and the submarine, a step on
    }

    // It moves onto the bullet, is hit, and fires all the same; that bullet moves at once.
    [Fact]
    public void Step_SubmarineHitWhileFiring_StillFires()
    {
        var game = In(Game(), Quiet, State(ownBullets: [[6, 3, 0, 0, 0]], subs: [[4, 3, 1, 0, 0]]));
        var (result, observation) = Do(game, MinAtarAction.None);
        Assert.Equal(1, result.Reward);
        Assert.Empty(Cells(observation, EnemySub));
        Assert.Empty(Cells(observation, OwnBullet));
        Assert.Equal([(6, 3)], Cells(observation, EnemyBullet));
    }

    // The bullet moves from 3 to 4 and the fish then from 5 to 4; from 4 it would have been hit before it moved.
    [Theory]
    [InlineData(5)]
    [InlineData(4)]
    public void Step_BulletAndFishFaceToFace_DoNotPassEachOther(int x)
    {
        var (result, observation) = Do(In(Game(), Quiet, State(ownBullets: [[3, 3, 1, 0, 0]], fish: [[x, 3, 0, 0, 0]])), MinAtarAction.None);
        Assert.Equal(1, result.Reward);
        Assert.Empty(Cells(observation, OwnBullet));
        Assert.Empty(Cells(observation, Fish));
    }

    [Fact]
    public void Step_EnemySubmarine_FiresEveryEleventhStep()
    {
        var game = In(Game(), Quiet, State(y: 8, x: 9, subs: [[0, 1, 1, 5, 10]]));
        var shots = Enumerable.Range(1, 22).Select(_ => Do(game, MinAtarAction.None).Observation)
            .Select((observation, i) => (Step: i + 1, Count: Cells(observation, EnemyBullet).Length)).ToArray();
        Assert.All(shots[..10], shot => Assert.Equal(0, shot.Count));
        Assert.Equal(1, shots[10].Count);   // from column 1, now in 2; gone after seven more steps
        Assert.Equal(1, shots[17].Count);
        Assert.Equal(0, shots[18].Count);
        Assert.Equal(1, shots[21].Count);
    }

    // A shot in the first step moves at once, and the next goes off five steps later.
    [Fact]
    public void Step_Fire_GoesOffEveryFifthStep()
    {
        var game = In(Game(), Quiet, State(x: 0, y: 4, right: 1));
        var bullets = Enumerable.Range(0, 6).Select(_ => Cells(Do(game, MinAtarAction.Fire).Observation, OwnBullet)).ToArray();
        Assert.Equal([(1, 4)], bullets[0]);
        Assert.Equal([(5, 4)], bullets[4]);
        Assert.Equal([(1, 4), (6, 4)], bullets[5]);
    }

    [Fact]
    public void Step_Diver_MovesEverySixthStepAndIsPickedUpUnlessSixAreAboard()
    {
        Assert.Equal(6, DiversAfter(aboard: 5));
        Assert.Equal(6, DiversAfter(aboard: 6));

        static int DiversAfter(int aboard)
        {
            var game = In(Game(), Quiet, State(divers: aboard, x: 3, y: 4, diversAtSea: [[2, 4, 1, 5, 0]]));
            for (var step = 1; step <= 5; step++)
                Assert.Equal([(2, 4)], Cells(Do(game, MinAtarAction.None).Observation, Diver));
            Assert.Equal(aboard == 6 ? 1 : 0, Cells(Do(game, MinAtarAction.None).Observation, Diver).Length);
            return StateOf(game)[1];
        }
    }

    [Theory]
    [InlineData(0)]   // stands on it
    [InlineData(1)]   // moves onto it
    [InlineData(2)]   // a bullet
    public void Step_FrontIsHit_Terminates(int kind)
    {
        var game = In(Game(), Quiet, kind switch
        {
            0 => State(x: 5, y: 4, fish: [[5, 4, 1, 3, 0]]),
            1 => State(x: 5, y: 4, subs: [[4, 4, 1, 0, 5]]),
            _ => State(x: 5, y: 4, enemyBullets: [[4, 4, 1, 0, 0]]),
        });
        Assert.True(Do(game, MinAtarAction.None).Result.Terminated);
    }

    [Fact]
    public void Step_BackIsHit_GoesOn() =>
        Assert.False(Do(In(Game(), Quiet, State(x: 5, y: 4, right: 1, fish: [[3, 4, 1, 0, 0]])), MinAtarAction.None).Result.Terminated);

    // Spawns get faster with each surfacing, moves with every second.
    [Theory]
    [InlineData(true, 20, 5, 0, 19, 5, 1)]
    [InlineData(true, 19, 5, 1, 18, 4, 2)]
    [InlineData(true, 1, 2, 20, 1, 2, 20)]
    [InlineData(true, 1, 3, 21, 1, 2, 22)]
    [InlineData(false, 20, 5, 0, 20, 5, 0)]
    public void Step_Surfacing_Ramps(bool ramping, int spawn, int move, int index, int nextSpawn, int nextMove, int nextIndex)
    {
        var game = In(
            new Seaquest(AsChosen with { Ramping = ramping }), Quiet, State(divers: 1, y: 1, spawnSpeed: spawn, moveSpeed: move, rampIndex: index));
        Do(game, MinAtarAction.Up);
        var state = StateOf(game);
        Assert.Equal((nextSpawn, nextMove, nextIndex), (state[5], state[8], state[9]));
    }

    // The densest sea that there is: an enemy every step in one row, each with 30 steps to live, every one a submarine.
    [Fact]
    public void Step_SubmarineEveryStep_FitsIn()
    {
        var game = In(Game(), new SameDraws(0.2), State(y: 8, spawnSpeed: 1, spawnTimer: 0, moveSpeed: 2, oxygen: 200));
        var most = 0;
        for (var step = 0; step < 190; step++)
        {
            Assert.False(Do(game, MinAtarAction.None).Result.Terminated);
            var state = StateOf(game);
            var bullets = state[13];
            most = Math.Max(most, state[15 + (5 * bullets)]);
        }

        Assert.Equal(29, most);   // the thirtieth has left by the end of the step
    }

    private static Seaquest Game() => new(AsChosen);

    private static SameDraws Quiet => new(0.9);

    private static IEnumerable<int> State(
        int oxygen = 200, int divers = 1, int x = 5, int y = 8, int right = 0, int spawnSpeed = 20, int spawnTimer = 20, int diverTimer = 30,
        int moveSpeed = 5, int rampIndex = 0, int[][]? ownBullets = null, int[][]? enemyBullets = null, int[][]? fish = null, int[][]? subs = null,
        int[][]? diversAtSea = null) =>
    [
        oxygen, divers, x, y, right, spawnSpeed, spawnTimer, diverTimer, moveSpeed, rampIndex, 0, 0,
        .. from movers in new[] { ownBullets, enemyBullets, fish, subs, diversAtSea }
           from number in (IEnumerable<int>)[movers?.Length ?? 0, .. (movers ?? []).SelectMany(mover => mover)]
           select number,
    ];
}
