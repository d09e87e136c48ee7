namespace RlWn.Envs.Tests;

public class PixelWrapperTests
{
    // 77/256, 150/256 and 29/256 of 255, and a mixture: (77·10 + 150·20 + 29·30 + 128) / 256 = 18.6, rounded down after the half was added.
    [Fact]
    public void GreyScale_FourColours_AreWeighedByTheirBrightness()
    {
        byte[] planes = [255, 0, 0, 10, 0, 255, 0, 20, 0, 0, 255, 30];
        Assert.Equal([77, 149, 29, 18], First(new GreyScale(new FakePixels([3, 2, 2], planes))));
    }

    [Fact]
    public void GreyScale_ManyPixels_AreAllConvertedAlike()   // more than a register holds, and some left over
    {
        var planes = new byte[3 * 77];
        planes.AsSpan(0, 77).Fill(200);
        Assert.All(First(new GreyScale(new FakePixels([3, 7, 11], planes))), grey => Assert.Equal(60, grey));   // 200 · 77 / 256 = 60.2
    }

    [Fact]
    public void GreyScale_OtherShape_IsRefused() =>
        Assert.Throws<ArgumentException>(() => new GreyScale(new FakePixels([1, 2, 2], new byte[4])));

    // Each pixel of the result is 1.5 wide: (10 + 20/2) / 1.5 = 13.33, (20/2 + 40) / 1.5 = 33.33.
    [Fact]
    public void AreaResize_ThreeToTwo_SharesTheMiddlePixel() =>
        Assert.Equal([13, 33], First(new AreaResize(new FakePixels([1, 1, 3], [10, 20, 40]), 1, 2)));

    // The same downwards and across at once: 2.25 pixels of area, weights 1, 1/2, 1/2 and 1/4. (0 + 10/2 + 30/2 + 40/4) / 2.25 = 13.33; the
    // others are 60, 120 and 150 by 2.25.
    [Fact]
    public void AreaResize_ThreeByThreeToTwoByTwo_WeighsByTheSharedArea() =>
        Assert.Equal([13, 27, 53, 67], First(new AreaResize(new FakePixels([1, 3, 3], [0, 10, 20, 30, 40, 50, 60, 70, 80]), 2, 2)));

    [Fact]
    public void AreaResize_WholeBlocks_RoundsHalvesUp() =>
        Assert.Equal([3, 101], First(new AreaResize(new FakePixels([2, 2, 2], [1, 2, 3, 4, 100, 101, 100, 101]), 1, 1)));

    [Fact]
    public void AreaResize_SameSize_ChangesNothing()
    {
        var frame = new byte[210 * 160];
        new Rng(0).NextBytes(frame);
        Assert.Equal(frame, First(new AreaResize(new FakePixels([1, 210, 160], frame), 210, 160)));
    }

    [Theory]
    [InlineData(84)]
    [InlineData(42)]
    [InlineData(37)]
    public void AreaResize_RandomFrame_MatchesTheMeanOverTheArea(int size)
    {
        var frame = new byte[210 * 160];
        new Rng(1).NextBytes(frame);
        var small = First(new AreaResize(new FakePixels([1, 210, 160], frame), size, size));
        for (var y = 0; y < size; y++)
        {
            for (var x = 0; x < size; x++)
                Assert.InRange(small[(y * size) + x] - Mean(frame, size, y, x), -0.5 - 1e-9, 0.5 + 1e-9);
        }
    }

    [Fact]
    public void AreaResize_ToALargerSize_IsRefused() =>
        Assert.Throws<ArgumentException>(() => new AreaResize(new FakePixels([1, 2, 2], new byte[4]), 3, 2));

    [Fact]
    public void FrameSkip_FourFrames_PoolsTheLastTwoAndSumsRewards()
    {
        var env = new FrameSkip(new FakePixels([1, 1, 2], [0, 0], [99, 99], [98, 98], [1, 20], [10, 2], [7, 7]), 4);
        First(env);
        var seen = new byte[2];
        Assert.Equal(new StepResult(1 + 2 + 3 + 4, Terminated: false), env.Step([0], seen));
        Assert.Equal([10, 20], seen);
        Assert.Equal(new StepResult(5, Terminated: true), env.Step([0], seen));
        Assert.Equal([7, 7], seen);   // the episode's last frame, and nothing of the action before
    }

    [Fact]
    public void FrameSkip_EndAfterThreeFrames_PoolsTheSecondAndThird()
    {
        var env = new FrameSkip(new FakePixels([1, 1, 2], [0, 0], [99, 99], [1, 20], [10, 2]), 4);
        First(env);
        var seen = new byte[2];
        Assert.Equal(new StepResult(6, Terminated: true), env.Step([0], seen));
        Assert.Equal([10, 20], seen);
    }

    [Fact]
    public void ActionRepeat_EndOnTheWay_StopsThere()
    {
        var env = new ActionRepeat<byte, int>(new FakePixels([1, 1, 1], [0], [1], [2], [3]), 2);
        First(env);
        var seen = new byte[1];
        Assert.Equal(new StepResult(3, Terminated: false), env.Step([0], seen));
        Assert.Equal(2, seen[0]);
        Assert.Equal(new StepResult(3, Terminated: true), env.Step([0], seen));
    }

    [Fact]
    public void FrameStack_Steps_ShowsTheLastFewOldestFirst()
    {
        var env = new FrameStack<byte, int>(new FakePixels([1, 1, 2], [1, 2], [3, 4], [5, 6], [7, 8], [9, 9]), 3);
        Assert.Equal([3, 1, 2], env.ObservationSpace.Shape);
        Assert.Equal([1, 2, 1, 2, 1, 2], First(env));
        var seen = new byte[6];
        env.Step([0], seen);
        Assert.Equal([1, 2, 1, 2, 3, 4], seen);
        env.Step([0], seen);
        Assert.Equal([1, 2, 3, 4, 5, 6], seen);
        env.Step([0], seen);
        Assert.Equal([3, 4, 5, 6, 7, 8], seen);
        Assert.Equal([1, 2, 1, 2, 1, 2], First(env));
    }

    [Fact]
    public void FrameStack_OfFloats_RepeatsTheBounds()
    {
        var box = Assert.IsType<Box>(new FrameStack<float, int>(new CartPole(), 2).ObservationSpace);
        Assert.Equal([8], box.Shape);
        Assert.Equal([4.8f, float.PositiveInfinity, 0.41887903f, float.PositiveInfinity, 4.8f], box.High[..5]);
    }

    [Fact]
    public void FrameStack_SavedAndLoaded_GoesOnAlike()
    {
        byte[][] frames = [[1], [2], [3], [4], [5]];
        var saved = new FrameStack<byte, int>(new FakePixels([1, 1, 1], frames), 2);
        First(saved);
        saved.Step([0], new byte[2]);
        using var file = new MemoryStream();
        saved.Save(new BinaryWriter(file));

        file.Position = 0;
        var loaded = new FrameStack<byte, int>(new FakePixels([1, 1, 1], frames), 2);
        loaded.Load(new BinaryReader(file), new Rng(0));
        var seen = new byte[2];
        loaded.Step([0], seen);
        Assert.Equal([2, 3], seen);
    }

    [Fact]
    public void NoOpStarts_ManyResets_DrawEveryNumberFromOneToTheMost()
    {
        var env = new NoOpStarts<byte>(new FakePixels([1, 1, 1], [0], [1], [2], [3], [4]), maxNoOps: 3);
        var (random, seen) = (new Rng(0), new byte[1]);
        var numbers = new HashSet<byte>();
        for (var reset = 0; reset < 100; reset++)
        {
            env.Reset(random, seen);
            numbers.Add(seen[0]);
        }

        Assert.Equal<byte[]>([1, 2, 3], [.. numbers.Order()]);
    }

    [Fact]
    public void NoOpStarts_EndDuringThem_StartsAnew()
    {
        var task = new FakePixels([1, 1, 1], [0], [1]);   // ends with its first step: never left ended
        Assert.Equal([0], First(new NoOpStarts<byte>(task, maxNoOps: 5)));
        Assert.True(task.Resets > 1);
    }

    [Fact]
    public void NoOpStarts_UnknownAction_IsRefused() =>
        Assert.Throws<ArgumentException>(() => new NoOpStarts<byte>(new FakePixels([1, 1, 1], [0]), noOp: 2));

    [Fact]
    public void Rewards_ClippedSignedScaled_AreAsTheySay()
    {
        Assert.Equal([-1, 0, 1], Rewards(env => new RewardSign<float, int>(env), -0.3f, 0, 8));
        Assert.Equal([-0.5f, 0.25f, 2], Rewards(env => new RewardClip<float, int>(env, -0.5f, 2), -0.7f, 0.25f, 8));
        Assert.Equal([-0.6f, 0, 16], Rewards(env => new RewardScale<float, int>(env, 2), -0.3f, 0, 8));
    }

    [Fact]
    public void Wrap_Colours_SeesWhatTheGreyGameShows()
    {
        var (coloured, grey) = (StandardPixels.Wrap(new Pong()), StandardPixels.Wrap(new Pong(grey: true)));
        Assert.Equal([4, 84, 84], grey.ObservationSpace.Shape);
        var (one, two) = (new byte[4 * 84 * 84], new byte[4 * 84 * 84]);
        coloured.Reset(new Rng(5), one);
        grey.Reset(new Rng(5), two);
        for (var step = 0; step < 50; step++)
        {
            Assert.Equal(one, two);
            coloured.Step([step % 6], one);
            grey.Step([step % 6], two);
        }
    }

    // 60 frames a second, 4 to an action: 15 actions; where each of these lasts twice as long, 7.5.
    [Fact]
    public void StepsPerSecond_ActionsThatLast_AreFewer()
    {
        Assert.Equal(60, new TimeLimit<byte, int>(new Pong(), 10).StepsPerSecond());
        Assert.Equal(15, StandardPixels.Wrap(new Pong()).StepsPerSecond());
        Assert.Equal(7.5, new ActionRepeat<byte, int>(StandardPixels.Wrap(new Pong()), 2).StepsPerSecond());
        Assert.Equal(15, EnvRegistry.Make("RlWnPong-84-v0").StepsPerSecond());
        Assert.Null(new FrameSkip(new FakePixels([1, 1, 1], [0]), 4).StepsPerSecond());
    }

    private static byte[] First(IEnv<byte, int> env)
    {
        var seen = new byte[env.ObservationSpace.Size];
        env.Reset(new Rng(0), seen);
        return seen;
    }

    private static float[] Rewards(Func<IEnv<float, int>, IEnv<float, int>> wrap, params float[] given)
    {
        var env = wrap(new Given(given));
        env.Reset(new Rng(0), new float[2]);
        return [.. given.Select(_ => env.Step([0], new float[2]).Reward)];
    }

    // The area under a pixel of the result, in double precision.
    private static double Mean(byte[] frame, int size, int y, int x)
    {
        var sum = 0.0;
        for (var row = y * 210 / size; row < Math.Min(210, ((y + 1) * 210 / size) + 1); row++)
        {
            for (var column = x * 160 / size; column < Math.Min(160, ((x + 1) * 160 / size) + 1); column++)
                sum += frame[(row * 160) + column] * Shared(row, y * 210.0 / size, (y + 1) * 210.0 / size) * Shared(column, x * 160.0 / size, (x + 1) * 160.0 / size);
        }

        return sum / (210.0 / size * 160.0 / size);

        static double Shared(int pixel, double from, double to) => Math.Max(0, Math.Min(pixel + 1, to) - Math.Max(pixel, from));
    }

    private sealed class Given(float[] rewards) : SoundEnv
    {
        protected override float Reward() => rewards[Steps - 1];
    }
}
