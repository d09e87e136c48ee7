using RlWn.Experiments.Runs;

namespace RlWn.Experiments.Tests;

/// <summary>The built command with environments of Python, a stand-in for Gymnasium on its path.</summary>
public sealed class GymnasiumCommandTests : IDisposable
{
    private readonly Scratch scratch = new();

    public GymnasiumCommandTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Was tried on Linux alone.");
        Assert.SkipUnless(Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(folder => File.Exists(Path.Combine(folder, "python3"))), "Needs python3.");
    }

    private static string Python => Path.Combine(AppContext.BaseDirectory, "python");

    public void Dispose() => scratch.Dispose();

    [Fact]
    public void Train_BridgedEnvironment_LeavesAWholeRunAndNoProcess()
    {
        using var running = Start("train", "--env", "gymnasium:CartPole-v1", "--steps", "2048", "--out", "run");
        var (exitCode, output, error) = running.Wait();

        Assert.Equal((0, ""), (exitCode, error));
        Assert.Contains("over 100 episodes", output, StringComparison.Ordinal);
        Assert.True(File.Exists(scratch[Path.Combine("run", RunFolder.Policy)]));

        using var playing = Start("play", "run");
        Assert.Equal(0, playing.Wait().ExitCode);
    }

    [Theory]
    [InlineData("gymnasium:NotThere-v0", 1, "Environment `NotThere-v0` doesn't exist.")]
    [InlineData("gymnasium:Raises-v0", 1, "RuntimeError: the pole is broken")]
    [InlineData("gymnasium:my maze", 2, "Expected gymnasium:Id")]
    public void Train_BridgedEnvironmentThatFails_IsOneLine(string env, int exitCode, string reason)
    {
        using var running = Start("train", "--env", env, "--steps", "2048", "--quiet", "--out", "run");
        var result = running.Wait();
        Assert.Equal(exitCode, result.ExitCode);
        Assert.Contains(reason, Assert.Single(result.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    [Fact]
    public void Train_NoPython_IsOneLineThatSaysHowToInstall()
    {
        using var running = Rlwn.StartFromShell(
            scratch.Path, "RLWN_PYTHON=/no/python exec \"$0\" \"$@\"", "train", "--env", "gymnasium:CartPole-v1", "--quiet", "--out", "run");
        var (exitCode, _, error) = running.Wait();
        Assert.Equal(1, exitCode);
        Assert.EndsWith("python3 -m pip install gymnasium", Assert.Single(error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Still-v0")]   // its processes wait for the next step, or are in one
    [InlineData("Hangs-v0")]   // they never come back
    public void Train_KilledOutright_LeavesNoProcess(string env)
    {
        using var running = Start("train", "--env", $"gymnasium:{env}", "--steps", "1e9", "--out", "run");
        running.WaitForLineWith("Training");
        var children = Children(running.Id);
        Assert.NotEmpty(children);

        running.Signal("KILL");
        Assert.All(children, child => Assert.True(SpinWait.SpinUntil(() => !Rlwn.IsAlive(child), TimeSpan.FromSeconds(10)), $"Process {child} is still there."));
    }

    private Rlwn Start(params IEnumerable<string> arguments) =>
        Rlwn.StartFromShell(scratch.Path, $"PYTHONDONTWRITEBYTECODE=1 PYTHONPATH='{Python}' exec \"$0\" \"$@\"", arguments);

    private static int[] Children(int parent) =>
    [
        .. Directory.GetDirectories($"/proc/{parent}/task").SelectMany(task => File.ReadAllText(Path.Combine(task, "children"))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)).Select(int.Parse),
    ];
}
