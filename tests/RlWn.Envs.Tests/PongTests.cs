namespace RlWn.Envs.Tests;

public class PongTests
{
    private const int Nothing = 0, Up = 2, Down = 3, UpAndFire = 4, DownAndFire = 5;

    private static readonly PongState InPlay = new() { LeftY = 106, RightY = 106, BallX = 78, BallY = 100, BallVx = 2, BallVy = 1 };

    [Fact]
    public void Get_Pong_IsThere() => Assert.Equal(
        [("RlWnPong-42-v0", 27_000), ("RlWnPong-84-v0", 27_000), ("RlWnPong-v0", 108_000)],
        EnvRegistry.All.Where(spec => spec.Id.StartsWith("RlWnPong", StringComparison.Ordinal)).Select(spec => (spec.Id, spec.MaxSteps!.Value)));

    [Theory]
    [InlineData(Nothing, 106)]
    [InlineData(1, 106)]
    [InlineData(Up, 103.5)]
    [InlineData(Down, 108.5)]
    [InlineData(UpAndFire, 103.5)]
    [InlineData(DownAndFire, 108.5)]
    public void Step_Action_MovesThePlayerTwoAndAHalfPixels(int action, double y) => Assert.Equal(y, Step(InPlay, action).State.RightY);

    [Theory]
    [InlineData(34, Up)]
    [InlineData(178, Down)]
    public void Step_AtTheWall_StaysInTheField(double y, int action) => Assert.Equal(y, Step(InPlay with { RightY = y }, action).State.RightY);

    [Fact]
    public void Step_BallInPlay_FliesOn()
    {
        var state = Step(InPlay, Nothing).State;
        Assert.Equal((80, 101, 2, 1), (state.BallX, state.BallY, state.BallVx, state.BallVy));
    }

    [Fact]
    public void Step_BallAtTheWalls_IsReflected()
    {
        var up = Step(InPlay with { BallY = 35, BallVy = -3 }, Nothing).State;       // to 32, two beyond the wall at 34
        Assert.Equal((36, 3), (up.BallY, up.BallVy));
        var down = Step(InPlay with { BallY = 188, BallVy = 3 }, Nothing).State;     // to 191, one beyond 190, where the ball's lower edge is at 194
        Assert.Equal((189, -3), (down.BallY, down.BallVy));
    }

    // The ball's middle at 105 + 2 is 7 above the paddle's at 106 + 8: -0.7 of the way to the edge. 2.15 across, -0.7 · 1.2 · 2.15 down.
    [Fact]
    public void Step_BallMeetsThePlayer_ComesBackFasterAndSteeperTowardsTheEdge()
    {
        var state = Step(InPlay with { BallX = 135, BallY = 104 }, Nothing).State;
        Assert.Equal((136, 105), (state.BallX, state.BallY));
        Assert.Equal(-2.15, state.BallVx, 1e-12);
        Assert.Equal(-0.7 * 1.2 * 2.15, state.BallVy, 1e-12);
    }

    // The opponent moves first: its paddle is 0 from where it wants to be, with the ball's middle at 112 + 2 against its own at 106 + 8.
    [Fact]
    public void Step_BallMeetsTheOpponentsMiddle_ComesBackStraightAndNoFasterThanTheFastest()
    {
        var state = Step(InPlay with { BallX = 21, BallY = 112, BallVx = -3.6, BallVy = 0 }, Nothing).State;
        Assert.Equal((20, 3.6, 0), (state.BallX, state.BallVx, state.BallVy));
    }

    [Fact]
    public void Step_BallPastThePaddles_IsAPoint()
    {
        var (lost, state) = Step(InPlay with { BallX = 159 }, Nothing);
        Assert.Equal(new StepResult(-1, Terminated: false), lost);
        Assert.Equal((1, 0, 30), (state.LeftPoints, state.RightPoints, state.Pause));

        var (won, after) = Step(InPlay with { BallX = -3, BallVx = -2 }, Nothing);
        Assert.Equal(new StepResult(1, Terminated: false), won);
        Assert.Equal((0, 1, 30), (after.LeftPoints, after.RightPoints, after.Pause));
    }

    [Fact]
    public void Step_TwentyFirstPoint_EndsTheEpisode()
    {
        Assert.Equal(new StepResult(-1, Terminated: true), Step(InPlay with { BallX = 159, LeftPoints = 20 }, Nothing).Result);
        Assert.Equal(new StepResult(1, Terminated: true), Step(InPlay with { BallX = -3, BallVx = -2, RightPoints = 20 }, Nothing).Result);
    }

    [Fact]
    public void Step_OpponentFarFromTheBall_FollowsNoFasterThanItCan()
    {
        var state = Step(InPlay with { BallX = 100, BallY = 180, BallVx = -2, BallVy = 0 }, Nothing).State;
        Assert.Equal(107.8, state.LeftY, 1e-12);
        Assert.Equal(106, Step(InPlay with { BallY = 180 }, Nothing).State.LeftY);   // the ball flies away from it
    }

    [Fact]
    public void Reset_AfterThePause_ServesFromTheMiddle()
    {
        var env = new Pong(grey: true);
        var observation = new byte[210 * 160];
        env.Reset(new Rng(3), observation);
        for (var frame = 0; frame < 29; frame++)
            env.Step([Nothing], observation);
        Assert.Equal(1, env.State.Pause);
        env.Step([Nothing], observation);
        Assert.Equal((0, 78, 1.6), (env.State.Pause, env.State.BallX, Math.Abs(env.State.BallVx)));
        Assert.InRange(env.State.BallY, 34, 190);
        Assert.InRange(Math.Abs(env.State.BallVy), 0, 0.6 * 1.6);
    }

    [Fact]
    public void Step_ActionOutsideTheSpace_IsRefused() =>
        Assert.StartsWith("Expected one action from 0 to 5, got [6].", Assert.Throws<ArgumentException>(() => Step(InPlay, 6)).Message, StringComparison.Ordinal);

    [Fact]
    public void Step_BeforeReset_IsRefused() => Assert.Throws<InvalidOperationException>(() => new Pong().Step([0], new byte[3 * 210 * 160]));

    [Fact]
    public void State_BallOutsideTheField_IsRefused() => Assert.Throws<ArgumentException>(() => new Pong { State = InPlay with { BallY = 20 } });

    // The brightest things on the dark field: 4 x 4 of ball where it is, 4 x 16 of each paddle.
    [Fact]
    public void Draw_Frame_ShowsBallAndPaddlesWhereTheyAre()
    {
        var env = new Pong(grey: true);
        var frame = new byte[210 * 160];
        env.Reset(new Rng(0), frame);
        env.State = InPlay;
        env.Step([Nothing], frame);   // the ball to 80, 101

        Assert.Equal([.. Enumerable.Range(0, 4).SelectMany(row => Enumerable.Range(((101 + row) * 160) + 80, 4))], Enumerable.Range(0, frame.Length).Where(i => frame[i] == 240));
        var left = Enumerable.Range(106, 16).SelectMany(y => Enumerable.Range((y * 160) + 16, 4));
        var right = Enumerable.Range(106, 16).SelectMany(y => Enumerable.Range((y * 160) + 140, 4));
        Assert.All(left.Concat(right), i => Assert.InRange(frame[i], 100, 200));
    }

    [Fact]
    public void DrawFrame_Image_HasTheColoursOfTheObservation()
    {
        var env = new Pong();
        var (planes, image) = (new byte[3 * 210 * 160], new byte[210 * 160 * 3]);
        env.Reset(new Rng(0), planes);
        env.State = InPlay with { LeftPoints = 3, RightPoints = 20 };
        env.Step([Down], planes);
        env.DrawFrame(image);
        for (var channel = 0; channel < 3; channel++)
            Assert.Equal(planes.AsSpan(channel * 210 * 160, 210 * 160).ToArray(), image.Where((_, i) => i % 3 == channel));
    }

    // Wherever the ball is, one of the 42 x 42 pixels at least stands out from the empty field by a tenth of the whole range.
    [Fact]
    public void Draw_At42Pixels_TheBallCanBeSeenEverywhere()
    {
        var game = new Pong(grey: true);
        var env = new AreaResize(game, 42, 42);
        var seen = new byte[42 * 42];
        env.Reset(new Rng(0), seen);
        var field = seen[(20 * 42) + 20];
        for (var y = 36; y < 46; y++)
        {
            for (var x = 30; x < 60; x++)
            {
                game.State = InPlay with { BallX = x - 2, BallY = y - 1 };
                env.Step([Nothing], seen);
                var brightest = 0;
                for (var row = 7; row < 38; row++)
                    brightest = Math.Max(brightest, seen.AsSpan((row * 42) + 6, 30).ToArray().Max());
                Assert.InRange(brightest - field, 26, 255);
            }
        }
    }

    [Fact]
    public void DrawText_InPlay_ShowsPointsAndBall()
    {
        var env = new Pong { State = InPlay with { LeftPoints = 3, RightPoints = 12 } };
        var lines = env.DrawText().Split('\n');
        Assert.Equal(23, lines.Length);
        Assert.Equal("3 : 12", lines[0].Trim());
        Assert.Equal('O', lines[2 + ((100 - 34) / 8)][78 / 4]);
    }

    [Fact]
    public void Step_RandomPlay_LosesByAboutTwenty()
    {
        var random = new Rng(2);
        Assert.InRange(MeanReturn(_ => random.Next(6)), -21, -19);
    }

    // It can be beaten, but not by whoever only runs after the ball.
    [Fact]
    public void Step_PaddleThatFollowsTheBall_IsAboutTheOpponentsEqual() => Assert.InRange(MeanReturn(state => Toward(state.BallY + 2 - 8, state)), -10, 14);

    // Where the ball will be when it comes to x = 136, between walls at 34 and 190; met 6 px from the paddle's middle, so that it flies off steeply.
    [Fact]
    public void Step_PaddleThatAimsWithItsEdge_Wins() => Assert.InRange(
        MeanReturn(state =>
        {
            if (state.BallVx <= 0)
                return Toward(106, state);
            var fall = state.BallY - 34 + (state.BallVy * (136 - state.BallX) / state.BallVx);
            var folded = Math.Abs(Math.IEEERemainder(fall, 2 * 156));
            return Toward(34 + folded + 2 - 8 - 6, state);
        }),
        18, 21);

    private static int Toward(double top, in PongState state) => Math.Abs(state.RightY - top) < 1.25 ? Nothing : state.RightY > top ? Up : Down;

    private static float MeanReturn(Func<PongState, int> play)
    {
        const int Games = 10;
        var (env, observation) = (new Pong(grey: true), new byte[210 * 160]);
        var sum = 0f;
        for (ulong game = 0; game < Games; game++)
        {
            env.Reset(new Rng(game), observation);
            for (var ended = false; !ended;)
            {
                var result = env.Step([play(env.State)], observation);
                sum += result.Reward;
                ended = result.Ended;
            }
        }

        return sum / Games;
    }

    private static (StepResult Result, PongState State) Step(PongState state, int action)
    {
        var (env, observation) = (new Pong(grey: true), new byte[210 * 160]);
        env.Reset(new Rng(0), observation);
        env.State = state;
        var result = env.Step([action], observation);
        return (result, env.State);
    }
}
