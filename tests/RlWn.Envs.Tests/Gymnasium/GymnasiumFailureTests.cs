using System.Diagnostics;

namespace RlWn.Envs.Tests;

/// <summary>Python environments that fail in every way, and what is left of them.</summary>
public class GymnasiumFailureTests
{
    public GymnasiumFailureTests() => FakeGymnasium.Require();

    [Fact]
    public void Step_EnvironmentThatRaises_CarriesPythonsWords()
    {
        using var envs = FakeGymnasium.Vector("Raises-v0", 3);
        envs.Reset(1);
        envs.Actions.Row<int>(1)[0] = 1;

        var failure = Assert.Throws<GymnasiumException>(envs.Step);
        Assert.Equal("Environment 1 of gymnasium:Raises-v0 failed in step: Python says RuntimeError: the pole is broken", failure.Message);
        Assert.Equal("gymnasium:Raises-v0", failure.EnvId);
        Assert.StartsWith("Traceback (most recent call last):", failure.PythonTraceback, StringComparison.Ordinal);
        Assert.Contains("in step", failure.PythonTraceback, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("make")]
    [InlineData("reset")]
    public void EnvironmentThatRaises_Elsewhere_SaysWhere(string where)
    {
        var failure = Assert.Throws<GymnasiumException>(() =>
        {
            using var envs = FakeGymnasium.Vector($"Raises-v0?where={where}");
            envs.Reset(1);
        });
        Assert.Equal($"Environment 0 of gymnasium:Raises-v0?where={where} failed in {where}: Python says RuntimeError: the pole is broken", failure.Message);
    }

    [Theory]
    [InlineData("die Stange ist zerbrochen: ü, 竿, 🎈")]
    [InlineData("half a \\ud83d pair")]
    public void Error_InAnyScript_ComesThrough(string text)
    {
        using var envs = FakeGymnasium.Vector($"Raises-v0?text=\"{text}\"".Replace("\\ud83d", "\uFFFD", StringComparison.Ordinal));
        envs.Reset(1);
        envs.Actions.All<int>()[0] = 1;
        var failure = Assert.Throws<GymnasiumException>(envs.Step);
        Assert.EndsWith(text.Replace("\\ud83d", "\uFFFD", StringComparison.Ordinal), failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Step_AfterAnError_IsRefusedUntilAResetStartsAnew()
    {
        using var envs = FakeGymnasium.Vector("Raises-v0", 3);
        envs.Reset(1);
        var before = envs.ProcessIds;
        envs.Actions.All<int>()[0] = 1;
        Assert.Throws<GymnasiumException>(envs.Step);
        Assert.All(before, process => Assert.False(FakeGymnasium.IsAlive(process)));
        Assert.Throws<InvalidOperationException>(envs.Step);

        envs.Actions.All<int>().Clear();
        envs.Reset(1);
        envs.Step();
        Assert.Empty(before.Intersect(envs.ProcessIds));
    }

    [Theory]
    [InlineData("Exits-v0", "Python says SystemExit: 3")]
    [InlineData("EndOfFile-v0", "Python says EOFError")]   // standard input is the bridge's
    [InlineData("WrongSize-v0", "Expected an observation of 2 numbers, as the space says, got 1.")]
    [InlineData("Nested-v0", "Flatten it in Python")]
    public void Environment_ThatMisbehaves_IsAPythonError(string id, string reason)
    {
        var failure = Assert.Throws<GymnasiumException>(() =>
        {
            using var envs = FakeGymnasium.Vector(id);
            envs.Reset(1);
            envs.Step();
        });
        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
        Assert.NotNull(failure.PythonTraceback);
    }

    [Theory]
    [InlineData("exit", "with exit code 7.")]
    [InlineData("kill", "with exit code 137 (signal 9).")]
    public void Step_ProcessThatDies_SaysHowAndItsLastWords(string how, string code)
    {
        using var envs = FakeGymnasium.Vector($"Dies-v0?how={how}", 2);
        envs.Reset(1);
        var failure = Assert.Throws<GymnasiumException>(envs.Step);
        Assert.Contains($"gymnasium:Dies-v0?how={how} to go on, but it ended in step, {code}", failure.Message, StringComparison.Ordinal);
        Assert.EndsWith("It said last: about to die: ä", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Step_ProcessKilledBetweenSteps_IsAnError()
    {
        using var envs = FakeGymnasium.Vector("Still-v0", 2);
        envs.Reset(1);
        using (var victim = Process.GetProcessById(envs.ProcessIds[1]))
            victim.Kill();
        Assert.False(FakeGymnasium.IsAlive(envs.ProcessIds[1]));
        Assert.Contains("(signal 9)", Assert.Throws<GymnasiumException>(envs.Step).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Step_EnvironmentThatHangs_IsEndedAfterItsTime()
    {
        using var envs = FakeGymnasium.Vector("Hangs-v0", 1, FakeGymnasium.Hasty);
        envs.Reset(1);
        var failure = Assert.Throws<GymnasiumException>(envs.Step);
        Assert.Contains("Expected an answer from gymnasium:Hangs-v0 within 0.5 s, got none in step", failure.Message, StringComparison.Ordinal);
        Assert.False(FakeGymnasium.IsAlive(envs.ProcessIds[0]));
    }

    [Fact]
    public void Make_EnvironmentThatHangs_IsEndedAfterItsTime()
    {
        var options = new BridgeOptions { StartTimeout = TimeSpan.FromSeconds(1) };
        var failure = Assert.Throws<GymnasiumException>(() => FakeGymnasium.Vector("Hangs-v0?where=make", 1, options));
        Assert.Contains("within 1 s, got none in ", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Step_EnvironmentThatPrints_DoesNotDisturb()
    {
        using var envs = FakeGymnasium.Vector("Prints-v0", 4);
        envs.Reset(1);
        for (var step = 0; step < 200; step++)
            envs.Step();
    }

    [Fact]
    public void Step_GarbageAmongTheAnswers_IsNamed()
    {
        using var envs = FakeGymnasium.Vector("Garbage-v0");
        envs.Reset(1);
        var failure = Assert.Throws<GymnasiumException>(envs.Step);
        Assert.Contains("from gymnasium:Garbage-v0 in step, got \"garbage", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Make_InterpreterThatPrints_IsNamed()
    {
        var options = new BridgeOptions { Python = FakeGymnasium.Interpreter("echo Welcome to our cluster; cat > /dev/null") };
        var failure = Assert.Throws<GymnasiumException>(() => FakeGymnasium.Vector("Still-v0", 1, options));
        Assert.Contains("got \"Welcome to our cluster\"", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Make_InterpreterThatEnds_SaysWhatItSaid()
    {
        var options = new BridgeOptions { Python = FakeGymnasium.Interpreter("echo no such licence >&2; exit 4") };
        var failure = Assert.Throws<GymnasiumException>(() => FakeGymnasium.Vector("Still-v0", 1, options));
        Assert.Contains("with exit code 4. It said last: no such licence", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Make_NoInterpreter_SaysHowToGoOn()
    {
        var failure = Assert.Throws<GymnasiumException>(() => Gymnasium.Make("gymnasium:Still-v0", new BridgeOptions { Python = "no-such-python" }));
        Assert.Contains("got \"no-such-python\", which cannot be started", failure.Message, StringComparison.Ordinal);
        Assert.EndsWith("RLWN_PYTHON, and install Gymnasium for it: python3 -m pip install gymnasium", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Make_NoGymnasium_SaysHowToInstallIt()
    {
        var python = FakeGymnasium.Interpreter("PYTHONPATH= exec python3 -I \"$@\"");
        var failure = Assert.Throws<GymnasiumException>(() => Gymnasium.Make("gymnasium:Still-v0", new BridgeOptions { Python = python }));
        Assert.Contains($"Install it: {python} -m pip install gymnasium", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Dispose_ClosesTheEnvironmentsAndEndsTheirProcesses()
    {
        var envs = FakeGymnasium.Vector("Count-v0", 3);
        var processes = envs.ProcessIds;
        envs.Reset(1);
        envs.Dispose();
        envs.Dispose();
        Assert.All(processes, process => Assert.False(FakeGymnasium.IsAlive(process)));
        Assert.Throws<InvalidOperationException>(envs.Step);
    }

    [Fact]
    public void Options_OutOfRange_AreRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Gymnasium.MakeVector("gymnasium:Still-v0", 1, new BridgeOptions { Processes = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => Gymnasium.MakeVector("gymnasium:Still-v0", 1, new BridgeOptions { StepTimeout = TimeSpan.Zero }));
        Assert.Throws<ArgumentOutOfRangeException>(() => Gymnasium.MakeVector("gymnasium:Still-v0", 0));
    }
}
