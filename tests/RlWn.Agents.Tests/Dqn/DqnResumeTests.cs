using RlWn.Agents.Dqn;
using RlWn.Envs;
using RlWn.Inference;
using static TorchSharp.torch;

namespace RlWn.Agents.Tests.Dqn;

public class DqnResumeTests
{
    private static readonly DqnOptions Small = new()
    {
        Environments = 2, BufferSize = 400, BatchSize = 16, LearningStarts = 60, TrainEvery = 3, SyncTargetEvery = 70, ReportEvery = 100,
    };

    private static readonly DqnOptions Rainbow = Small with
    {
        DoubleQ = true, Dueling = true, Steps = 3, Prioritized = true, Noisy = true, Returns = ReturnModel.Categorical, Atoms = 11, ValueMin = 0, ValueMax = 20,
    };

    [Theory]
    [InlineData("plain", 16)]
    [InlineData("noisy", 16)]
    [InlineData("noisy", Agents.TooWideForPlain)]
    [InlineData("rainbow", 16)]
    [InlineData("rainbow", Agents.TooWideForPlain)]
    public void Load_AfterSave_GoesOnBitByBit(string name, int width)
    {
        var options = name switch
        {
            "plain" => Small,
            "noisy" => Small with { Noisy = true, DoubleQ = true, TargetStep = 0.1 },
            _ => Rainbow,
        };
        const long Steps = 900;   // the ring of 400 has gone round
        using var envs = EnvRegistry.MakeVector("CartPole-v1", 2);
        using var whole = Agents.MakeDqn(envs, options, Steps, 1, width);
        var expected = whole.Train().ToArray();

        using var firstEnvs = EnvRegistry.MakeVector("CartPole-v1", 2);
        using var first = Agents.MakeDqn(firstEnvs, options, Steps, 1, width);
        using var saved = new MemoryStream();
        Assert.Equal(5, first.Train().Take(5).Count());
        Assert.True(first.ResumesExactly);
        first.Save(new BinaryWriter(saved));

        saved.Position = 0;
        using var secondEnvs = EnvRegistry.MakeVector("CartPole-v1", 2);
        using var second = Agents.MakeDqn(secondEnvs, options, Steps, 99, width);   // nothing of its own seed is left
        second.Load(new BinaryReader(saved));
        var resumed = second.Train().ToArray();

        Assert.Equal(saved.Length, saved.Position);
        Assert.Equal(expected.Skip(5).Select(Numbers), resumed.Select(Numbers));
        Assert.Equal(whole.Weights(), second.Weights());
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("rainbow")]
    public void Train_OnTwoThreads_IsTheSameToTheBit(string name)
    {
        Assert.Equal(Weights(threads: 1), Weights(threads: 2));

        float[] Weights(int threads)
        {
            using var envs = EnvRegistry.MakeVector("MinAtar/Breakout-v1", 2);
            using var agent = new DqnAgent(
                envs, name == "plain" ? Small : Rainbow, new() { Torso = Torso.MinAtar, Threads = threads, ScaleLearningRate = 2 }, 1, CPU, totalSteps: 500);
            Assert.Equal(5, agent.Train().Count());
            return agent.Weights();
        }
    }

    [Fact]
    public void Load_OfNoisyLayersIntoPlainOnes_IsRefused()
    {
        using var envs = EnvRegistry.MakeVector("CartPole-v1", 2);
        using var noisy = Agents.MakeDqn(envs, Small with { Noisy = true }, steps: 100);
        using var saved = new MemoryStream();
        _ = noisy.Train().Count();
        noisy.Save(new BinaryWriter(saved));

        saved.Position = 0;
        using var plain = Agents.MakeDqn(envs, Small, steps: 100);
        Assert.Contains("parameters", Assert.Throws<InvalidDataException>(() => plain.Load(new BinaryReader(saved))).Message, StringComparison.Ordinal);
    }

    private static (long, long, string, string) Numbers(TrainingReport report) =>
        (report.Steps, report.Updates, string.Join(" ", report.Episodes), string.Join(" ", report.Metrics));
}
