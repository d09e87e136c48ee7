using static RlWn.Envs.Tests.MinAtarGames;

namespace RlWn.Envs.Tests;

/// <summary>What the five games have in common.</summary>
public class MinAtarGameTests
{
    public static TheoryData<string> Games => Names;

    [Theory]
    [InlineData("Breakout", 4, 3)]
    [InlineData("Asterix", 4, 5)]
    [InlineData("Freeway", 7, 3)]
    [InlineData("Seaquest", 10, 6)]
    [InlineData("SpaceInvaders", 6, 4)]
    public void Make_ByGymnasiumsNames_HasAllActionsOrTheMinimalOnes(string name, int channels, int minimal)
    {
        var (all, few) = (EnvRegistry.Make($"MinAtar/{name}-v0"), EnvRegistry.Make($"MinAtar/{name}-v1"));
        Assert.Equal([channels, 10, 10], all.ObservationSpace.Shape);
        Assert.Equal(1, Assert.IsType<ByteBox>(few.ObservationSpace).High);
        Assert.Equal((6, minimal), (Assert.IsType<Discrete>(all.ActionSpace).N, Assert.IsType<Discrete>(few.ActionSpace).N));
        Assert.Equal(channels, ((MinAtarGame)all).Channels.Count);
        Assert.Null(EnvRegistry.Get($"MinAtar/{name}-v0").MaxSteps);
    }

    [Fact]
    public void Actions_Minimal_AreThoseOfTheReferenceInItsOrder()
    {
        var minimal = new MinAtarOptions { MinimalActions = true };
        Assert.Equal([0, 1, 3], Numbers(new Breakout(minimal)));
        Assert.Equal([0, 1, 2, 3, 4], Numbers(new Asterix(minimal)));
        Assert.Equal([0, 2, 4], Numbers(new Freeway(minimal)));
        Assert.Equal([0, 1, 2, 3, 4, 5], Numbers(new Seaquest(minimal)));
        Assert.Equal([0, 1, 3, 5], Numbers(new SpaceInvaders(minimal)));
        Assert.Equal([0, 1, 2, 3, 4, 5], Numbers(new Freeway()));

        static IEnumerable<int> Numbers(MinAtarGame game) => game.Actions.Select(action => (int)action);
    }

    // The action that was done is the one that sticks, not the one that was chosen. 0.1 is not less than 0.1.
    [Fact]
    public void Step_Sticky_RepeatsTheLastActionThatWasDone()
    {
        var (game, observation) = (new Breakout(), new byte[400]);
        var draws = new RecordedDraws(
            Draw.Integer(0, 2, 0), Draw.Rand(0.1), Draw.Rand(0.09), Draw.Rand(0), Draw.Rand(0.5),
            Draw.Integer(0, 2, 0), Draw.Rand(0));
        game.Reset(draws, observation);
        Assert.Equal([3, 2, 1, 2], [PaddleAfter(1), PaddleAfter(3), PaddleAfter(3), PaddleAfter(3)]);

        game.Reset(draws, observation);   // forgets the action
        Assert.Equal(4, PaddleAfter(3));

        int PaddleAfter(int action)
        {
            game.Step([action], observation);
            return Cells(observation, 0).Single().X;
        }
    }

    [Fact]
    public void Step_AlwaysSticky_DoesNothing()
    {
        var (game, observation) = (new Breakout(new MinAtarOptions { StickyProbability = 1 }), new byte[400]);
        game.Reset(new Rng(0), observation);
        game.Step([1], observation);
        Assert.Equal([(4, 9)], Cells(observation, 0));
    }

    // The miss is sure: the ball comes down on the left of column 5, the paddle goes to the right.
    [Fact]
    public void Step_AfterTheEnd_ChangesNothingButDrawsTheStickyAction()
    {
        var game = new Breakout(AsChosen);
        var draws = new RecordedDraws([Draw.Integer(0, 2, 1), .. Enumerable.Repeat(Draw.Rand(0), 9)]);
        var observation = new byte[400];
        game.Reset(draws, observation);
        for (var step = 1; step <= 6; step++)
            Assert.Equal(step == 6, game.Step([3], observation).Terminated);

        var last = observation.ToArray();
        var used = draws.Used;
        Assert.Equal(new StepResult(0, true), game.Step([1], observation));
        Assert.Equal(last, observation);
        Assert.Equal(used + 1, draws.Used);
    }

    [Fact]
    public void Step_BeforeReset_IsRefused() =>
        Assert.Throws<InvalidOperationException>(() => new Breakout().Step([0], new byte[400]));

    [Fact]
    public void Step_OutsideAction_NamesTheActions()
    {
        var game = new Freeway(new MinAtarOptions { MinimalActions = true });
        game.Reset(new Rng(0), new byte[700]);
        var exception = Assert.Throws<ArgumentException>(() => game.Step([3], new byte[700]));
        Assert.Contains("0 to 2 (None, Up, Down), got [3]", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1.1)]
    [InlineData(double.NaN)]
    public void Constructor_StickyProbabilityOutsideItsRange_IsRefused(double probability) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new Breakout(new MinAtarOptions { StickyProbability = probability }));

    [Theory]
    [MemberData(nameof(Games))]
    public void Load_SavedInMidEpisode_GoesOnBitForBit(string name)
    {
        var (one, other) = (Create(name), Create(name));
        var (random, actions) = (new Rng(7), new Rng(8));
        var (seen, seenByOther) = (new byte[one.ObservationSpace.Size], new byte[one.ObservationSpace.Size]);
        one.Reset(random, seen);
        for (var round = 0; round < 30; round++)
        {
            for (var step = 0; step < 37; step++)
                Step(one, random, actions.Next(6), seen);

            using var stream = new MemoryStream(BytesOf(one));
            var otherRandom = new Rng(0) { State = random.State };
            other.Load(new BinaryReader(stream), otherRandom);
            Assert.Equal(stream.Length, stream.Position);
            Assert.Equal(BytesOf(one), BytesOf(other));
            for (var step = 0; step < 100; step++)
            {
                var action = actions.Next(6);
                Assert.Equal(Step(one, random, action, seen), Step(other, otherRandom, action, seenByOther));
                Assert.Equal(seen, seenByOther);
            }
        }

        static StepResult Step(MinAtarGame game, Random random, int action, byte[] observation)
        {
            var result = game.Step([action], observation);
            if (result.Terminated)
                game.Reset(random, observation);
            return result;
        }
    }

    // The first three numbers of a state: the last action, whether the game has ended, and the first of the game's own.
    [Theory]
    [MemberData(nameof(Games))]
    public void Load_NumberOutsideItsRange_IsRefused(string name)
    {
        var game = Create(name);
        game.Reset(new Rng(0), new byte[game.ObservationSpace.Size]);
        var bytes = BytesOf(game);
        for (var i = 0; i < 3; i++)
        {
            byte[] damaged = [.. bytes];
            damaged[(4 * i) + 3] = 0x7F;   // more than two thousand million
            using var stream = new MemoryStream(damaged);
            var exception = Assert.Throws<InvalidDataException>(() => game.Load(new BinaryReader(stream), new Rng(0)));
            Assert.Contains("saved state of a game", exception.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Load_NoAliens_IsRefused() =>
        Assert.Throws<InvalidDataException>(() => In(new SpaceInvaders(), new Rng(0), Enumerable.Repeat(0, 37)));

    [Fact]
    public void DrawText_BreakoutAfterOneStep_ShowsTheGridAndTheLegend()
    {
        var game = new Breakout(AsChosen);
        game.Reset(new RecordedDraws(Draw.Integer(0, 2, 0), Draw.Rand(0)), new byte[400]);
        game.Step([0], new byte[400]);
        Assert.Equal(
            """
            +----------+
            |          |   = paddle
            |##########|   o ball
            |##########|   . trail
            |##########|   # brick
            | o        |
            |          |
            |          |
            |          |
            |          |
            |    =     |
            +----------+
            """.ReplaceLineEndings("\n"), game.DrawText());
    }

    [Theory]
    [MemberData(nameof(Games))]
    public void DrawFrame_AfterSteps_HasOneColourACell(string name)
    {
        var game = Create(name);
        var (observation, random) = (new byte[game.ObservationSpace.Size], new Rng(3));
        game.Reset(random, observation);
        for (var step = 0; step < 60; step++)
        {
            if (game.Step([5], observation).Terminated)
                game.Reset(random, observation);
        }

        var (height, width) = game.FrameSize;
        Assert.Equal((160, 160), (height, width));
        var frame = new byte[height * width * 3];
        frame.AsSpan().Fill(0x7B);
        game.DrawFrame(frame);

        var colors = new Dictionary<int, (byte, byte, byte)>();   // of the last channel in a cell, -1 where there is none
        for (var pixel = 0; pixel < height * width; pixel++)
        {
            var cell = (pixel / width / 16 * 10) + (pixel % width / 16);
            var channel = Enumerable.Range(0, game.Channels.Count).LastOrDefault(c => observation[(100 * c) + cell] == 1, -1);
            var color = (frame[3 * pixel], frame[(3 * pixel) + 1], frame[(3 * pixel) + 2]);
            Assert.Equal(colors.TryAdd(channel, color) ? color : colors[channel], color);
        }

        Assert.Equal((0, 0, 0), colors[-1]);
        Assert.Equal(colors.Count, colors.Values.Distinct().Count());
    }

    [Fact]
    public void DrawFrame_WrongLength_IsRefused() => Assert.Throws<ArgumentException>(() => new Breakout().DrawFrame(new byte[3]));
}
