namespace RlWn.Envs.Tests;

public class SmallPongTests
{
    // Whole games, so that points, serves and hits at every place come up; and the next, so that nothing stays from the one before.
    [Theory]
    [InlineData(84, 4)]
    [InlineData(42, 4)]
    [InlineData(37, 3)]
    [InlineData(160, 1)]
    public void Step_WholeGames_SeesToTheBitWhatTheWrappersSee(int size, int frames)
    {
        var game = new Pong(grey: true);
        var slow = new AreaResize(new FrameSkip(new NoOpStarts<byte>(game), frames), size, size);
        var fast = new SmallPong(size, frames);
        var (expected, seen) = (new byte[size * size], new byte[size * size]);
        var (slowRandom, fastRandom, actions) = (new Rng(5), new Rng(5), new Rng(6));

        for (var episode = 0; episode < 3; episode++)
        {
            slow.Reset(slowRandom, expected);
            fast.Reset(fastRandom, seen);
            Assert.Equal(expected, seen);

            for (var ended = false; !ended;)
            {
                // The first at random, the others after the ball: so both sides make points, and balls meet paddles.
                var up = game.State.BallY < game.State.RightY + 6;
                var action = episode == 0 || actions.Next(4) == 0 ? actions.Next(6) : up ? 2 : 3;
                var result = slow.Step([action], expected);
                Array.Fill(seen, (byte)0xA5);
                Assert.Equal(result, fast.Step([action], seen));
                Assert.True(expected.AsSpan().SequenceEqual(seen), $"Other pixels in episode {episode}, after which the game is {game.State}.");
                ended = result.Ended;
            }
        }
    }

    [Theory]
    [InlineData("RlWnPong-84-v0", 84)]
    [InlineData("RlWnPong-42-v0", 42)]
    public void Make_Registered_IsTheStandardPreprocessing(string id, int size)
    {
        var (fast, slow) = ((IEnv<byte, int>)EnvRegistry.Make(id), StandardPixels.Wrap(new Pong(), size));
        Assert.Equal(slow.ObservationSpace.Shape, fast.ObservationSpace.Shape);
        var (seen, expected) = (new byte[4 * size * size], new byte[4 * size * size]);
        fast.Reset(new Rng(7), seen);
        slow.Reset(new Rng(7), expected);
        for (var step = 0; step < 50; step++)
        {
            Assert.Equal(expected, seen);
            Assert.Equal(slow.Step([step % 6], expected), fast.Step([step % 6], seen));
        }
    }

    [Fact]
    public void Construct_OutOfRange_IsRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new SmallPong(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SmallPong(161));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SmallPong(84, frames: 0));
    }

    [Fact]
    public void Step_ActionOutsideTheSpace_IsRefused()
    {
        var env = new SmallPong(42);
        env.Reset(new Rng(0), new byte[42 * 42]);
        Assert.Throws<ArgumentException>(() => env.Step([6], new byte[42 * 42]));
    }
}
