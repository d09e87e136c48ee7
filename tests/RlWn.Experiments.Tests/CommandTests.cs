using System.Buffers.Binary;
using System.CommandLine;
using System.Globalization;
using RlWn.Envs;
using RlWn.Experiments.Commands;
using RlWn.Experiments.Runs;

namespace RlWn.Experiments.Tests;

/// <summary>The command as a process: what it says and how it ends when it is asked for what cannot be.</summary>
public sealed class CommandTests : IDisposable
{
    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    [Theory]
    [InlineData("trian", "rlwn: Expected a command, got 'trian'. Did you mean 'train'? 'rlwn --help' lists all.")]
    [InlineData("train --sede 3", "rlwn: Expected an option of 'rlwn train', got '--sede'. Did you mean '--seed'? 'rlwn train --help' lists all.")]
    [InlineData("train cartpole-ppo --sede 3", "rlwn: Expected an option of 'rlwn train', got '--sede'. Did you mean '--seed'? 'rlwn train --help' lists all.")]
    [InlineData("train cartpole-ppo again", "rlwn: Expected nothing more after 'rlwn train' and its arguments, got 'again'. 'rlwn train --help' lists all.")]
    [InlineData("train --seed", "rlwn: Required argument missing for option: '--seed'. 'rlwn train --help' says what it takes.")]
    [InlineData("train --seed x", "rlwn: Expected seed to be a whole number from 0, got 'x' (--seed).")]
    [InlineData("train cartpol-ppo", "rlwn: Expected a recipe or the path of a .json file, got 'cartpol-ppo'. Did you mean 'cartpole-ppo'?")]
    [InlineData("train none.json", "rlwn: Expected a recipe's file, found none at 'none.json'.")]
    [InlineData("train --env CartPole-v2", "rlwn: Expected the id of a registered environment, got \"CartPole-v2\". Did you mean \"CartPole-v1\"?")]
    [InlineData("train --set ppo.gama=1", "rlwn: Expected the name of a setting, got 'ppo.gama' (--set). Did you mean 'ppo.gamma'?")]
    [InlineData("train --set ppo.gamma=2", "rlwn: Expected ppo.gamma to be a number from 0 to 1, got '2' (--set).")]
    [InlineData("train --device tpu", "rlwn: Expected the device auto, cpu, cuda or cuda:N (as cuda:1), got 'tpu'.")]
    [InlineData("evaluate", "rlwn: Required argument missing for command: 'evaluate'. 'rlwn evaluate --help' says what it takes.")]
    [InlineData("envs chek", "rlwn: Expected a command, got 'chek'. Did you mean 'check'? 'rlwn envs --help' lists all.")]
    [InlineData("envs check", "rlwn: Required argument missing for command: 'check'. 'rlwn envs check --help' says what it takes.")]
    [InlineData("envs check Acrobat-v1", "rlwn: Expected the id of a registered environment, got \"Acrobat-v1\". Did you mean \"Acrobot-v1\"?")]
    [InlineData("envs check Acrobot-v1 --steps 0", "rlwn: Expected --steps to be a whole number of at least 1, got '0'.")]
    [InlineData("play none --record film.gif", "rlwn: Expected --record to name a file that ends in .png or .apng, as a recording is an animated PNG, got 'film.gif'.")]
    [InlineData("figure width", "rlwn: Expected a figure (1, 2, 3, widths, scale-or-direction), got 'width'. Did you mean 'widths'?")]
    [InlineData("figure 1 --scale huge", "rlwn: Expected the scale smoke (tiny, in seconds), cpu (real data, smaller networks) or paper (as in the paper, on a GPU), got 'huge'.")]
    [InlineData("figure 1 --device tpu", "rlwn: Expected the device auto, cpu, cuda or cuda:N (as cuda:1), got 'tpu'.")]
    [InlineData("figure 1 --seed x", "rlwn: Expected --seed to be a whole number from 0, got 'x'.")]
    [InlineData("play none --episodes 0", "rlwn: Expected --episodes to be a whole number of at least 1, got '0'.")]
    [InlineData("table 3", "rlwn: Expected a table of the paper that can be repeated, 1, 2, got '3'.")]
    [InlineData("table 2 --scale huge", "rlwn: Expected the scale smoke (tiny, in seconds), cpu (real data, smaller networks) or paper (as in the paper, on a GPU), got 'huge'.")]
    [InlineData("table 2 --seeds 0", "rlwn: Expected --seeds to be a whole number of at least 1, got '0'.")]
    [InlineData("table 2 --device tpu", "rlwn: Expected the device auto, cpu, cuda or cuda:N (as cuda:1), got 'tpu'.")]
    public void BadUsage_IsOneLineAndExitCode2AndLeavesNothing(string arguments, string message) => Refuses(2, message, arguments.Split(' '));

    [Theory]
    [InlineData("evaluate none", "rlwn: Expected a run folder or a policy file, found nothing at 'none'.")]
    [InlineData("evaluate .", "rlwn: Expected the settings of a run in './settings.json', got: ")]
    [InlineData("play none", "rlwn: Expected a run folder or a policy file, found nothing at 'none'.")]
    public void WhatIsNotThere_IsOneLineAndExitCode1(string arguments, string message) => Refuses(1, message, arguments.Split(' '));

    [Fact]
    public void Evaluate_CutPolicy_IsOneLineAndExitCode1()
    {
        using var trained = new Scratch();
        Train(trained["run"]);
        var policy = Path.Combine(trained["run"], RunFolder.Policy);
        var whole = File.ReadAllBytes(policy);
        File.WriteAllBytes(policy, whole[..(whole.Length / 2)]);

        Refuses(1, $"rlwn: {policy}: ", "evaluate", trained["run"]);

        File.Delete(policy);
        Refuses(1, $"rlwn: Expected a trained policy in '{policy}', got: ", "evaluate", trained["run"]);

        File.WriteAllText(Path.Combine(trained["run"], RunFolder.Settings), "{");
        Refuses(1, "rlwn: Expected the settings of a run in ", "evaluate", trained["run"]);
    }

    [Fact]
    public void Train_IntoAPlaceThatCannotBe_IsOneLineAndExitCode1()
    {
        using var other = new Scratch();
        File.WriteAllText(other["file"], "precious");

        Refuses(1, "rlwn: Expected a folder for the run, got the file ", "train", "--out", other["file"]);
        Refuses(1, $"rlwn: Expected to write '{Path.Combine(other["file"], "run")}', got: ", "train", "--out", Path.Combine(other["file"], "run"));
        Refuses(1, $"rlwn: Expected a new or empty folder for the run, got '{other.Path}'", "train", "--out", other.Path);
        Assert.Equal("precious", File.ReadAllText(other["file"]));
    }

    [Theory]
    [InlineData("envs", "CartPole-v1\t500\t475\t")]
    [InlineData("envs", "MountainCarContinuous-v0\t999\t90\t")]
    [InlineData("envs", "Box([-1..1, -1..1, -8..8])\tBox([1], -2..2)\n")]
    [InlineData("envs check Pendulum-v1 --steps 200", "Pendulum-v1 keeps all ")]
    [InlineData("envs check --help", "rlwn envs check CartPole-v1")]
    [InlineData("recipes", "cartpole-ppo\tCartPole-v1\tppo\t")]
    [InlineData("recipes cartpole-ppo", "ppo.lambda\t")]
    [InlineData("--help", "Examples:")]
    [InlineData("train --help", "rlwn train cartpole-ppo --seed 3 --set ppo.gamma=0.995")]
    [InlineData("table --help", "rlwn table 1 --scale smoke")]
    public void Lists_ArePlainText(string arguments, string text)
    {
        var (exitCode, output, error) = Rlwn.Run(scratch.Path, arguments.Split(' '));

        Assert.Equal((0, ""), (exitCode, error));
        Assert.Contains(text, output, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', output);
    }

    [Theory]
    [InlineData("envs", true)]
    [InlineData("recipes", true)]
    [InlineData("train --help", true)]
    [InlineData("train", false)]
    public void LibtorchThatIsMissing_StopsOnlyWhatNeedsIt(string arguments, bool works)
    {
        using var running = Rlwn.StartFromShell(scratch.Path, "RLWN_LIBTORCH=/nowhere exec \"$0\" \"$@\"", arguments.Split(' '));
        var (exitCode, _, error) = running.Wait();

        Assert.Equal(works ? 0 : 1, exitCode);
        if (!works)
            Assert.StartsWith("rlwn: Expected libtorch in the folder that RLWN_LIBTORCH names", Assert.Single(error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    [Fact]
    public void EnvsCheck_TaskThatBreaksARule_SaysWhichAndEndsWithExitCode1()
    {
        EnvRegistry.Register("TestBroken-v0", () => new NeverWrites());
        using var output = new StringWriter();
        var exitCode = EnvsCommand.Make().Parse(["check", "TestBroken-v0", "--steps", "10"]).Invoke(new InvocationConfiguration { Output = output });

        Assert.Equal(1, exitCode);
        Assert.StartsWith("TestBroken-v0 breaks ObservationWrittenWhole: Expected all 1 numbers of the observation to be written", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Play_Record_WritesAnAnimatedPngOfEveryStep()
    {
        using var trained = new Scratch();
        Train(trained["run"]);
        var (exitCode, output, error) = Rlwn.Run(scratch.Path, "play", trained["run"], "--record", "film.png", "--episodes", "2", "--seed", "5");

        Assert.Equal((0, ""), (exitCode, error));
        var steps = output.Split('\n')[..2].Sum(line => int.Parse(line.Split(" in ")[1].Split(' ')[0], CultureInfo.InvariantCulture));
        Assert.Equal([scratch["film.png"]], Directory.GetFileSystemEntries(scratch.Path));
        var file = File.ReadAllBytes(scratch["film.png"]);
        Assert.Equal("acTL"u8, file.AsSpan(37, 4));
        Assert.Equal(steps + 2, BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(41)));   // and one after each reset
    }

    [Fact]
    public void Play_RecordIntoAFolderThatIsNotThere_IsOneLineAndExitCode1()
    {
        using var trained = new Scratch();
        Train(trained["run"]);
        Refuses(1, "rlwn: Expected the folder of 'none/film.png' to exist, to record into.", "play", trained["run"], "--record", "none/film.png");
    }

    private static void Train(string folder) =>
        Assert.Equal(0, Rlwn.Run(Path.GetTempPath(), "train", "--steps", "512", "--quiet", "--out", folder).ExitCode);

    private void Refuses(int exitCode, string message, params string[] arguments)
    {
        var result = Rlwn.Run(scratch.Path, arguments);

        Assert.Equal((exitCode, ""), (result.ExitCode, result.Output));
        Assert.StartsWith(message, Assert.Single(result.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(scratch.Path));
    }

    private sealed class NeverWrites : IEnv<float, int>
    {
        public Space<float> ObservationSpace { get; } = new Box([1], -1, 1);

        public Space<int> ActionSpace { get; } = new Discrete(1);

        public void Reset(Random random, Span<float> observation) { }

        public StepResult Step(ReadOnlySpan<int> action, Span<float> observation) =>
            ActionSpace.Contains(action) ? new StepResult(0, Terminated: true) : throw new ArgumentException("Expected 0.", nameof(action));
    }
}
