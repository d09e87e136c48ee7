using static RlWn.Envs.Tests.MinAtarGames;

namespace RlWn.Envs.Tests;

public class FreewayTests
{
    private const int Chicken = 0, Car = 1;

    [Fact]
    public void Reset_EightSpeedsAndThenEightSigns_PlacesTheCars()
    {
        int[] speeds = [1, 2, 3, 4, 5, 1, 2, 3];
        var draws = new RecordedDraws(
            [.. speeds.Select(speed => Draw.Integer(1, 6, speed)), .. Enumerable.Range(0, 8).Select(i => Draw.Rand(i % 2 == 0 ? 0.51 : 0.49))]);
        var (game, observation) = (new Freeway(), new byte[700]);
        game.Reset(draws, observation);

        Assert.Equal(16, draws.Used);
        Assert.Equal([(4, 9)], Cells(observation, Chicken));
        Assert.Equal([.. Enumerable.Range(1, 8).Select(y => (0, y))], Cells(observation, Car));
        Assert.Equal([(9, 1), (1, 6)], Cells(observation, Car + 1));   // behind one that drives right, round the edge; and one that drives left
        Assert.Equal([(1, 2), (9, 7)], Cells(observation, Car + 2));
        Assert.Equal([(9, 5)], Cells(observation, Car + 5));
    }

    [Fact]
    public void Step_Episode_HasTwoThousandFiveHundredAndOneSteps()
    {
        var game = new Freeway();
        game.Reset(new Rng(1), new byte[700]);
        for (var step = 1; step <= 2500; step++)
            Assert.False(Do(game, MinAtarAction.Up).Result.Terminated);
        Assert.True(Do(game, MinAtarAction.Up).Result.Terminated);
    }

    // The timer is set without being counted down in that step: 2 + 1 steps a cell. And round the edges.
    [Theory]
    [InlineData(2, 9, 0)]
    [InlineData(-2, 0, 9)]
    public void Step_Car_MovesEverySpeedPlusOneSteps(int speed, int from, int to)
    {
        var game = At(row: 9, moveTimer: 3, timeLeft: 100, (Lane: 1, X: from, Timer: 2, speed));
        Assert.Equal([from, from, to, to, to], Enumerable.Range(0, 5).Select(_ => CarOf(game, 1).X));
        Assert.NotEqual(to, CarOf(game, 1).X);
    }

    [Theory]
    [InlineData(4, 1, 1)]   // stands where the chicken is
    [InlineData(3, 0, 1)]   // drives onto it from the left
    [InlineData(5, 0, -1)]  // and from the right
    public void Step_CarHits_SendsTheChickenBackWithoutReward(int x, int timer, int speed)
    {
        var game = At(row: 4, moveTimer: 2, timeLeft: 100, (Lane: 4, x, timer, speed));
        var (result, observation) = Do(game, MinAtarAction.None);
        Assert.Equal(default, result);
        Assert.Equal([(4, 9)], Cells(observation, Chicken));
    }

    // Positions are kept; the car of lane 1 drove off column 7 with a new speed, and its timer begins anew: 3 becomes 2 in the same step.
    [Fact]
    public void Step_Arrival_GivesOneAndNewSpeedsToCarsWhereTheyAre()
    {
        var draws = new RecordedDraws(
            [Draw.Rand(0), .. Enumerable.Repeat(Draw.Integer(1, 6, 3), 8), .. Enumerable.Repeat(Draw.Rand(0.2), 7), Draw.Rand(0.5)]);
        var game = At(row: 1, moveTimer: 0, timeLeft: 100, (Lane: 1, X: 7, Timer: 0, Speed: 1), draws);
        var (result, observation) = Do(game, MinAtarAction.Up);

        Assert.Equal(new StepResult(1, false), result);
        Assert.Equal([(4, 9)], Cells(observation, Chicken));
        Assert.Equal((7, 1), Cells(observation, Car)[0]);
        Assert.Equal((8, 1), Cells(observation, Car + 3)[0]);
        Assert.Equal([7, 2, -3], StateOf(game)[3..6]);
        Assert.Equal([9, 0, 0], StateOf(game)[24..]);   // a sign of 0: no speed, a cell to the left every step, from 0 to 9
        Assert.Equal(17, draws.Used);
    }

    [Theory]
    [InlineData(MinAtarAction.Down)]   // uses up the timer though there is nowhere to go
    [InlineData(MinAtarAction.Up)]
    public void Step_AfterAMove_TheNextComesThreeStepsLater(MinAtarAction first)
    {
        var game = At(row: 9, moveTimer: 0, timeLeft: 100, (Lane: 1, X: 0, Timer: 5, Speed: 5));
        var from = first == MinAtarAction.Up ? 8 : 9;
        Assert.Equal([from], [RowAfter(first)]);
        Assert.Equal([from, from, from - 1], [RowAfter(MinAtarAction.Up), RowAfter(MinAtarAction.Up), RowAfter(MinAtarAction.Up)]);

        int RowAfter(MinAtarAction action) => Cells(Do(game, action).Observation, Chicken)[0].Y;
    }

    private static (int X, int Y) CarOf(MinAtarGame game, int lane) =>
        Cells(Do(game, MinAtarAction.None).Observation, Car).Single(car => car.Y == lane);

    // The other cars creep along from column 0.
    private static MinAtarGame At(int row, int moveTimer, int timeLeft, (int Lane, int X, int Timer, int Speed) car, Random? random = null) => In(
        new Freeway(AsChosen), random ?? new SameDraws(0.9),
        [
            row, moveTimer, timeLeft,
            .. Enumerable.Range(1, 8).SelectMany(lane => lane == car.Lane ? (int[])[car.X, car.Timer, car.Speed] : [0, 5, 5]),
        ]);
}
