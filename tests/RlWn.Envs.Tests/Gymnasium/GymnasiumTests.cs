using RlWn.Testing;
namespace RlWn.Envs.Tests;

/// <summary>What comes over the bridge, against environments that do one thing each.</summary>
public class GymnasiumTests
{
    private const string Count = "Count-v0";

    public GymnasiumTests() => FakeGymnasium.Require();

    public static TheoryData<bool> Ways => [true, false];

    private static BridgeOptions Way(bool shared) => shared ? FakeGymnasium.Shared : FakeGymnasium.Piped;

    [Theory]
    [MemberData(nameof(Ways))]
    public void Step_EndedEpisode_IsResetWithinTheStep(bool shared)
    {
        using var envs = FakeGymnasium.Vector($"{Count}?ends=2", 3, Way(shared));
        Assert.Equal(shared && OperatingSystem.IsLinux(), envs.SharesMemory);
        envs.Reset(1);
        envs.Actions.All<int>().Fill(1);

        envs.Step();
        for (var i = 0; i < 3; i++)
            Assert.Equal([1, 6], envs.Observations.Row<float>(i)[..2].ToArray());   // choice 1 is 6 in Python, where they begin at 5
        Assert.Equal([0.25f, 0.25f, 0.25f], envs.Rewards.ToArray());
        Assert.Equal([false, false, false], envs.Terminated.ToArray());
        var drawn = envs.Observations.Row<float>(2)[2];

        envs.Step();
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal([0, 0], envs.Observations.Row<float>(i)[..2].ToArray());
            Assert.Equal([2, 6], envs.FinalObservations.Row<float>(i)[..2].ToArray());
        }

        Assert.Equal(drawn, envs.FinalObservations.Row<float>(2)[2]);
        Assert.NotEqual(drawn, envs.Observations.Row<float>(2)[2]);
        Assert.Equal([0.5f, 0.5f, 0.5f], envs.Rewards.ToArray());
        Assert.Equal([true, true, true], envs.Terminated.ToArray());
        Assert.Equal([false, false, false], envs.Truncated.ToArray());

        envs.Step();
        Assert.Equal([1, 6], envs.Observations.Row<float>(0)[..2].ToArray());
        Assert.Equal([false, false, false], envs.Terminated.ToArray());
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Step_ObservationInABuffer_IsTakenAsItLies(bool shared)
    {
        using var envs = FakeGymnasium.Vector("Buffer-v0", 3, Way(shared));
        envs.Reset(1);
        Assert.Equal([0.5f, -0.5f, 0.5f, -0.5f, 0.5f, -0.5f], envs.Observations.All<float>().ToArray());
        ((Span<int>)[1, 0, 1]).CopyTo(envs.Actions.All<int>());
        envs.Step();
        Assert.Equal([0.25f, 1, 0.25f, 0, 0.25f, 1], envs.Observations.All<float>().ToArray());
    }

    [Fact]
    public void Step_BufferOfAnotherSize_IsRefused()
    {
        using var envs = FakeGymnasium.Vector("Buffer-v0?grows=true", 1);
        envs.Reset(1);
        Assert.Contains("Expected an observation of 2 numbers", Assert.Throws<GymnasiumException>(envs.Step).Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Step_TruncatedEpisode_IsNotTerminated(bool shared)
    {
        using var envs = FakeGymnasium.Vector($"{Count}?ends=1,truncates=true", 2, Way(shared));
        envs.Reset(1);
        envs.Step();
        Assert.Equal([true, true], envs.Truncated.ToArray());
        Assert.Equal([false, false], envs.Terminated.ToArray());
        Assert.Equal(1, envs.FinalObservations.Row<float>(1)[0]);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Reset_Environment_IsSeededFromItsOwnStream(bool shared)
    {
        using var envs = FakeGymnasium.Vector(Count, 5, Way(shared));
        envs.Reset(7);
        using var alone = (IDisposable)FakeGymnasium.Env<float, int>(Count);
        for (ulong i = 0; i < 5; i++)
        {
            var observation = new float[3];
            ((IEnv<float, int>)alone).Reset(new Rng(7, i), observation);
            Assert.Equal(observation, envs.Observations.Row<float>((int)i).ToArray());
        }
    }

    [Fact]
    public void Reset_SameSourceAgain_GoesOnWithTheEnvironmentsOwnGenerator()
    {
        var env = FakeGymnasium.Env<float, int>(Count);
        using var owned = (IDisposable)env;
        var (random, first, second, again) = (new Rng(3), new float[3], new float[3], new float[3]);
        env.Reset(random, first);
        var state = random.State;
        env.Reset(random, second);
        env.Reset(new Rng(3), again);

        Assert.Equal(state, random.State);
        Assert.NotEqual(first[2], second[2]);
        Assert.Equal(first, again);
    }

    [Fact]
    public void Contract_OfABridgedTask_IsKept() =>
        Assert.Empty(EnvContract.Check(Gymnasium.Spec("gymnasium:CartPole-v1", FakeGymnasium.Shared), new EnvContractOptions { Steps = 200 }));

    [Fact]
    public void Contract_OverPipes_IsKept() =>
        Assert.Empty(EnvContract.CheckVector(
            count => FakeGymnasium.Vector("CartPole-v1", count, FakeGymnasium.Piped), () => FakeGymnasium.Env<float, int>("CartPole-v1"),
            new EnvContractOptions { Steps = 100 }));

    [Fact]
    public void Step_Processes_MakeNoDifference()
    {
        float[] Run(int processes)
        {
            using var envs = FakeGymnasium.Vector("CartPole-v1", 5, new BridgeOptions { Processes = processes });
            Assert.Equal(processes, envs.ProcessIds.Distinct().Count());
            envs.Reset(1);
            for (var step = 0; step < 100; step++)
            {
                envs.Actions.All<int>().Fill(step % 3 == 0 ? 1 : 0);
                envs.Step();
            }

            return envs.Observations.All<float>().ToArray();
        }

        Assert.Equal(Run(1), Run(3));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Doubles_Observations_AreRoundedAndActionsKeepTheirShape(bool shared)
    {
        using var envs = FakeGymnasium.Vector("Doubles-v0", 2, Way(shared));
        var space = Assert.IsType<Box>(envs.ObservationSpace);
        Assert.Equal([2, 2], space.Shape);
        Assert.Equal([float.NegativeInfinity, -2, -3, 0.1f], space.Low);
        Assert.Equal([float.PositiveInfinity, 2, 3, 0.1f], space.High);

        envs.Reset(1);
        Assert.Equal([0.1f, 0.2f, 0.3f, 0.1f], envs.Observations.Row<float>(1).ToArray());
        ((ReadOnlySpan<float>)[-2, -0.5f, 0.25f, 2, 1, 0, -1, 0.125f]).CopyTo(envs.Actions.All<float>());
        envs.Step();
        Assert.Equal([-2, -0.5f, 0.25f, 2, 1, 0, -1, 0.125f], envs.Observations.All<float>().ToArray());
    }

    [Fact]
    public void Pixels_Image_StandsChannelsFirst()
    {
        using var envs = FakeGymnasium.Vector("Pixels-v0", 2);
        Assert.Equal([3, 6, 2], envs.ObservationSpace.Shape);
        envs.Reset(1);
        var row = envs.Observations.Row<byte>(1);
        Assert.Equal([0, 1, 10, 11], row[..4].ToArray());
        Assert.Equal(100, row[12]);
        Assert.Equal(251, row[35]);   // channel 2, row 5, column 1
    }

    [Fact]
    public void Bytes_OfLesserBound_KeepIt()
    {
        using var envs = FakeGymnasium.Vector("Ram-v0");
        Assert.Equal(7, Assert.IsType<ByteBox>(envs.ObservationSpace).High);
        envs.Reset(1);
        Assert.Equal([1, 2, 3, 7], envs.Observations.Row<byte>(0).ToArray());
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void MultiDiscrete_Choices_CountFromZeroHere(bool shared)
    {
        using var envs = FakeGymnasium.Vector("Choices-v0", 2, Way(shared));
        Assert.Equal([3, 4], Assert.IsType<MultiDiscrete>(envs.ActionSpace).Choices);
        envs.Reset(1);
        Assert.Equal([2, 3, 2, 3], envs.Observations.All<int>().ToArray());
        ((ReadOnlySpan<int>)[0, 3, 1, 2]).CopyTo(envs.Actions.All<int>());
        envs.Step();
        Assert.Equal([0, 3, 1, 2], envs.Observations.All<int>().ToArray());
        Assert.Equal([10, 11], envs.Rewards.ToArray());
    }

    [Fact]
    public void MultiBinary_Action_IsChoicesOfTwo()
    {
        using var envs = FakeGymnasium.Vector("Bits-v0");
        Assert.Equal([2, 2], Assert.IsType<MultiDiscrete>(envs.ActionSpace).Choices);
        Assert.Equal(4, Assert.IsType<Discrete>(envs.ObservationSpace).N);
        envs.Reset(1);
        Assert.Equal(0, envs.Observations.All<int>()[0]);   // -1 in Python
        ((ReadOnlySpan<int>)[1, 0]).CopyTo(envs.Actions.All<int>());
        envs.Step();
        Assert.Equal(2, envs.Observations.All<int>()[0]);
    }

    [Fact]
    public void Step_ActionOutsideTheSpace_IsRefusedBeforeAnyStep()
    {
        using var envs = FakeGymnasium.Vector(Count, 3);
        envs.Reset(1);
        envs.Actions.Row<int>(2)[0] = 3;
        var refusal = Assert.Throws<ArgumentException>(envs.Step);
        Assert.Contains("Discrete(3), got [3] in row 2", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(0, envs.Observations.Row<float>(0)[0]);
    }

    [Fact]
    public void Step_BeforeReset_IsRefused()
    {
        using var envs = FakeGymnasium.Vector(Count);
        Assert.Throws<InvalidOperationException>(envs.Step);
    }

    [Fact]
    public void Observations_AfterDispose_CanStillBeRead()
    {
        Batch observations;
        using (var envs = FakeGymnasium.Vector($"{Count}?label=abcd", 2))
        {
            envs.Reset(1);
            observations = envs.Observations;
        }

        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.Equal(4, observations.Row<float>(1)[1]);
    }

    [Fact]
    public void DrawFrame_WithRenderMode_ShowsTheState()
    {
        var env = FakeGymnasium.Env<float, int>($"{Count}?render_mode=rgb_array");
        using var owned = (IDisposable)env;
        var view = Assert.IsType<IFrameView>(env, exactMatch: false);
        Assert.Equal(((2, 3), 25.0), (view.FrameSize, view.FramesPerSecond));

        env.Reset(new Rng(1), new float[3]);
        env.Step([0], new float[3]);
        var frame = new byte[18];
        view.DrawFrame(frame);
        Assert.Equal([0, 0, 1, 0, 1, 1, 0, 2, 1, 1, 0, 1, 1, 1, 1, 1, 2, 1], frame);
        Assert.Throws<ArgumentException>(() => view.DrawFrame(new byte[17]));
    }

    [Fact]
    public void Make_WithoutRenderMode_DrawsNothing()
    {
        using var env = (IDisposable)Gymnasium.Make($"gymnasium:{Count}", FakeGymnasium.Shared);
        Assert.False(env is IFrameView);
    }

    [Fact]
    public void Make_Module_IsImportedFirst()
    {
        using var envs = FakeGymnasium.Vector("more_envs:Extra-v0");
        envs.Reset(1);
        using var atari = FakeGymnasium.Vector("ALE/Pong-v5?frameskip=1,obs_type=ram");
        Assert.Equal((3, 1), (atari.ObservationSpace.Size, Assert.IsType<ByteBox>(atari.ObservationSpace).High));
    }

    [Theory]
    [InlineData("""label=a,ends=4""", 1)]
    [InlineData("""label="a, b=c",ends=4""", 6)]
    [InlineData("""ends=4,label=[1,{"x":[2,3]}]""", 2)]
    [InlineData("""ends=4,label=rgb array""", 9)]
    public void Make_Arguments_AreJsonOrPlainWords(string arguments, int length)
    {
        using var envs = FakeGymnasium.Vector($"{Count}?{arguments}");
        envs.Reset(1);
        Assert.Equal(length, envs.Observations.All<float>()[1]);
    }

    [Theory]
    [InlineData("gymnasium:")]
    [InlineData("gymnasium::Maze-v0")]
    [InlineData("gymnasium:my maze")]
    [InlineData("gymnasium:Maze-v0?")]
    [InlineData("gymnasium:Maze-v0?size")]
    [InlineData("gymnasium:Maze-v0?size=1,size=2")]
    public void Get_MisformedId_SaysTheForm(string id)
    {
        var refusal = Assert.Throws<UnknownEnvException>(() => EnvRegistry.Get(id));
        Assert.Contains("gymnasium:module:Id", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(id, refusal.Id);
    }

    [Fact]
    public void Get_BridgedId_StartsNothingUntilItMakes()
    {
        var spec = EnvRegistry.Get("gymnasium:NotThere-v0");
        Assert.Equal("gymnasium:NotThere-v0", spec.Id);
        var failure = Assert.Throws<GymnasiumException>(() => spec.CreateVector(2));
        Assert.Contains("Environment `NotThere-v0` doesn't exist.", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void CreateVector_Workers_AreProcesses()
    {
        using var envs = EnvRegistry.Get($"gymnasium:{Count}").CreateVector(4, workers: 3);
        Assert.Equal(3, Assert.IsType<GymnasiumVectorEnv>(envs).ProcessIds.Distinct().Count());
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Send_UntilReceive_IsAStep(bool shared)
    {
        using var envs = FakeGymnasium.Vector(Count, 3, Way(shared));
        envs.Reset(1);
        envs.Send();
        Assert.Throws<InvalidOperationException>(() => envs.Reset(1));
        envs.Receive();
        Assert.Equal(1, envs.Observations.Row<float>(2)[0]);
        Assert.Equal(0.25f, envs.Rewards[2]);
    }

    [Fact]
    public void Step_OfAVector_AllocatesNothing()
    {
        using var envs = FakeGymnasium.Vector("CartPole-v1", 4);
        envs.Reset(1);
        for (var step = 0; step < 100; step++)
            envs.Step();

        Allocations.AssertNone(envs.Step);
    }
}
