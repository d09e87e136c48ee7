using NumSharp;
using SixLabors.ImageSharp;
using GymStep = Gym.Observations.Step;

namespace RlWn.Envs.GymNet.Tests;

/// <summary>What Gym.NET's environments do that an adapter must know, one test or more for each, against a double of its types.</summary>
public class GymNetTests
{
    private readonly Walk walk = new();

    [Theory]
    [InlineData(typeof(double))]
    [InlineData(typeof(float))]
    [InlineData(typeof(int))]
    [InlineData(typeof(long))]
    [InlineData(typeof(byte))]
    [InlineData(typeof(bool))]
    public void Trap1_ObservationOfAnotherTypeThanDeclared_IsCopiedToFloat(Type type)
    {
        walk.Type = type;
        var (env, observation) = (Discrete(walk), new float[2]);
        env.Reset(new Rng(1), observation);
        env.Step([1], observation);
        Assert.Equal([1, 0], observation);
    }

    [Fact]
    public void Trap1_ObservationOfNoNumber_IsRefused()
    {
        walk.Type = typeof(string);
        var failure = Assert.Throws<InvalidOperationException>(() => Discrete(walk).Reset(new Rng(1), new float[2]));
        Assert.Contains("got String", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Trap2_DiscreteAction_IsABoxedIntFromTheStart()
    {
        walk.ActionSpace = new Gym.Spaces.Discrete(3, start: 5);
        var env = Discrete(walk);
        Assert.Equal(3, Assert.IsType<Discrete>(env.ActionSpace).N);
        env.Reset(new Rng(1), new float[2]);
        env.Step([2], new float[2]);
        Assert.Equal(7, Assert.IsType<int>(walk.LastAction));
    }

    [Fact]
    public void Trap2_ScalarBoxThatWantsTwoNumbers_CanBeSetRight()
    {
        walk.ActionSpace = new Gym.Spaces.Box(new float[] { -1 }, new float[] { 1 });
        var declared = (IEnv<float, float>)walk.ToRlWn();
        Assert.Equal(1, declared.ActionSpace.Size);

        var env = (IEnv<float, float>)walk.ToRlWn(new GymNetOptions { ActionSpace = new Box([2], -1, 1) });
        env.Reset(new Rng(1), new float[2]);
        env.Step([0.5f, -0.5f], new float[2]);
        var given = Assert.IsType<NDArray>(walk.LastAction);
        Assert.Equal([2], given.shape);
        Assert.Equal([0.5f, -0.5f], Numbers(given));
    }

    [Fact]
    public void Trap2_ObservationOfAnotherSizeThanDeclared_SaysHowToGoOn()
    {
        walk.ObservationSpace = new Gym.Spaces.Box(new float[] { -1 }, new float[] { 1 });
        var failure = Assert.Throws<InvalidOperationException>(() => Discrete(walk).Reset(new Rng(1), new float[1]));
        Assert.Contains("an observation of 1 numbers, as the space says, got 2. Give the right space in GymNetOptions", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Trap3_Spaces_AreReadAndNeverAsked()   // the double's Sample and Contains throw
    {
        var env = Discrete(walk);
        var box = Assert.IsType<Box>(env.ObservationSpace);
        Assert.Equal([-9, -1], box.Low);
        Assert.Equal([9, float.PositiveInfinity], box.High);
        env.Reset(new Rng(1), new float[2]);
        Assert.Throws<ArgumentException>(() => env.Step([2], new float[2]));
        Assert.Null(walk.LastAction);
    }

    [Fact]
    public void Trap3_SpaceOfAnotherKind_IsRefused()
    {
        walk.ActionSpace = new Gym.Spaces.Tuple();
        Assert.Contains("GymNetOptions.ActionSpace", Assert.Throws<NotSupportedException>(() => walk.ToRlWn()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Trap4_Done_MeansTerminated()
    {
        var env = Discrete(walk);
        env.Reset(new Rng(1), new float[2]);
        Assert.Equal(new StepResult(0.5f, Terminated: false), env.Step([1], new float[2]));
        Assert.Equal(new StepResult(0.5f, Terminated: false), env.Step([1], new float[2]));
        Assert.Equal(new StepResult(0.5f, Terminated: true), env.Step([1], new float[2]));
    }

    [Fact]
    public void Trap4_StepLimit_Truncates()
    {
        var env = Discrete(walk, new GymNetOptions { MaxSteps = 2 });
        env.Reset(new Rng(1), new float[2]);
        env.Step([1], new float[2]);
        Assert.Equal(new StepResult(0.5f, Terminated: false, Truncated: true), env.Step([1], new float[2]));
    }

    [Fact]
    public void Trap5_Reset_SeedsBeforeItDraws()
    {
        var (env, random) = (Discrete(walk), new Rng(4));
        env.Reset(random, new float[2]);
        env.Reset(random, new float[2]);
        env.Reset(new Rng(5), new float[2]);
        Assert.Equal([$"seed {new Rng(4).Next()}", "reset", "reset", $"seed {new Rng(5).Next()}", "reset"], walk.Calls);
    }

    [Fact]
    public void Trap6_StepBeforeReset_IsRefusedAndNeverReachesIt()
    {
        Assert.Throws<InvalidOperationException>(() => Discrete(walk).Step([1], new float[2]));
        Assert.Empty(walk.Calls);
    }

    [Fact]
    public void Trap6_StepAfterTheEnd_IsRefused()
    {
        var env = Discrete(walk);
        env.Reset(new Rng(1), new float[2]);
        while (!env.Step([1], new float[2]).Ended)   // Information is null all along
        {
        }

        Assert.Throws<InvalidOperationException>(() => env.Step([1], new float[2]));
    }

    [Fact]
    public void Trap7_Dispose_ClosesOnceAndNothingRunsElsewhere()   // the double's StepAsync throws
    {
        var env = Discrete(walk, new GymNetOptions { MaxSteps = 2 });
        env.Reset(new Rng(1), new float[2]);
        env.Step([1], new float[2]);
        ((IDisposable)env).Dispose();
        ((IDisposable)env).Dispose();
        Assert.Equal("close", Assert.Single(walk.Calls, call => call == "close"));
        Assert.Throws<ObjectDisposedException>(() => env.Reset(new Rng(1), new float[2]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Trap8_Particles_AreSwitchedOffUnlessRendered(bool isHeadless)
    {
        walk.ToRlWn(new GymNetOptions { IsHeadless = isHeadless });
        Assert.Equal(!isHeadless, walk.RenderEngineParticles);
    }

    [Fact]
    public void ToRlWn_Contract_FindsOnlyWhatTheEnvironmentItselfDoes()
    {
        var violations = EnvContract.Check(() => Discrete(new Walk()), new EnvContractOptions { Steps = 500 });
        Assert.Equal([EnvRule.SeedMatters, EnvRule.StepAllocatesNothing], violations.Select(violation => violation.Rule));   // nothing is random in Walk, and it makes arrays
    }

    [Fact]
    public void ToGymNet_CartPole_DoesTheSame()
    {
        using var gym = new TimeLimit<float, int>(new CartPole(), 3).ToGymNet();
        var (alone, observation) = (new TimeLimit<float, int>(new CartPole(), 3), new float[4]);
        Assert.Equal(2, Assert.IsType<Gym.Spaces.Discrete>(gym.ActionSpace).N);
        Assert.Equal(4, Assert.IsType<Gym.Spaces.Box>(gym.ObservationSpace).Low.size);

        gym.Seed(7);
        alone.Reset(new Rng(7), observation);
        Assert.Equal(observation, Numbers(gym.Reset()));
        for (var step = 1; step <= 3; step++)
        {
            var came = gym.Step(1);
            alone.Step([1], observation);
            Assert.Equal(observation, Numbers(came.Observation));
            Assert.Equal((1, step == 3), (came.Reward, came.Done));
            Assert.Equal((false, step == 3), ((bool)came.Information!["terminated"], (bool)came.Information["truncated"]));
        }

        Assert.Throws<InvalidOperationException>(() => gym.Step(1));
    }

    [Fact]
    public void ToGymNet_Action_MayBeAnNDArrayOrAnArray()
    {
        using var gym = new CartPole().ToGymNet();
        gym.Reset();
        gym.Step(new NDArray(new[] { 1 }));
        gym.Step(new NDArray(new[] { 1L }));
        gym.Step(new[] { 0 });
        Assert.Throws<ArgumentException>(() => gym.Step("left"));
        Assert.Throws<ArgumentException>(() => gym.Step(2));

        using var pendulum = new Pendulum().ToGymNet();
        pendulum.Reset();
        pendulum.Step(new NDArray(new[] { 0.5f }));
        Assert.Equal([-2, 2], [((Gym.Spaces.Box)pendulum.ActionSpace).Low.GetAtIndex<float>(0), ((Gym.Spaces.Box)pendulum.ActionSpace).High.GetAtIndex<float>(0)]);
    }

    [Fact]
    public void ToGymNet_Render_IsTheFrame()
    {
        var env = new CartPole();
        using var gym = env.ToGymNet();
        gym.Reset();
        var image = gym.Render();
        var frame = new byte[image.Data.Length];
        env.DrawFrame(frame);
        Assert.Equal(env.FrameSize, (image.Height, image.Width));
        Assert.Equal(frame, image.Data);
    }

    [Fact]
    public void ThereAndBack_CartPole_DoesTheSame()
    {
        var there = (IEnv<float, int>)new CartPole().ToGymNet().ToRlWn();
        var (one, two) = (new float[4], new float[4]);
        there.Reset(new Rng(3), one);
        new CartPole().Reset(new Rng((ulong)new Rng(3).Next()), two);
        Assert.Equal(two, one);
    }

    private static IEnv<float, int> Discrete(Gym.Envs.IEnv env, GymNetOptions? options = null) => (IEnv<float, int>)env.ToRlWn(options);

    private static float[] Numbers(NDArray array) => [.. Enumerable.Range(0, array.size).Select(array.GetAtIndex<float>)];

    /// <summary>Observes how many steps were done; the third ends it. It does what Gym.NET's do: rejects all but an int, and knows no episode before Reset.</summary>
    private sealed class Walk : Gym.Envs.Env
    {
        private int? steps;

        public Walk()
        {
            ActionSpace = new Gym.Spaces.Discrete(2);
            ObservationSpace = new Gym.Spaces.Box(new float[] { -9, -1 }, new[] { 9, float.PositiveInfinity });
        }

        public Type Type { get; set; } = typeof(double);

        public bool RenderEngineParticles { get; set; } = true;

        public object? LastAction { get; private set; }

        public List<string> Calls { get; } = [];

        public override NDArray Reset()
        {
            Calls.Add("reset");
            steps = 0;
            return Observation();
        }

        public override GymStep Step(object action)
        {
            LastAction = action;
            if (ActionSpace is Gym.Spaces.Discrete)
                _ = (int)action;
            steps = steps!.Value + 1;
            return new(Observation(), 0.5f, steps == 3, information: null);
        }

        public override Image Render(string mode = "human") => throw new NotSupportedException();

        public override void CloseEnvironment() => Calls.Add("close");

        public override void Seed(int seed) => Calls.Add($"seed {seed}");

        private NDArray Observation()
        {
            var values = Array.CreateInstance(Type, 2);
            values.SetValue(Convert.ChangeType(steps!.Value, Type, System.Globalization.CultureInfo.InvariantCulture), 0);
            values.SetValue(Convert.ChangeType(0, Type, System.Globalization.CultureInfo.InvariantCulture), 1);
            return new NDArray(values);
        }
    }
}
