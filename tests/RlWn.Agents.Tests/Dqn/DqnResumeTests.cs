using RlWn.Agents.Dqn;
using RlWn.Envs;
using RlWn.Inference;
using static TorchSharp.torch;

namespace RlWn.Agents.Tests.Dqn;

public class DqnResumeTests
{
    private const long Steps = 900;   // the ring of 400 has gone round

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
        GoesOnBitByBit("CartPole-v1", (envs, seed) => Agents.MakeDqn(envs, options, Steps, seed, width));
    }

    // Rows are scaled back after each update: what was folded before is old also where no gradient was.
    [Theory]
    [InlineData("plain")]
    [InlineData("rainbow")]
    public void Load_OnTwoThreadsWithProjections_GoesOnBitByBit(string name) => GoesOnBitByBit(
        "MinAtar/Breakout-v1",
        (envs, seed) =>
        {
            var agent = new DqnAgent(envs, name == "plain" ? Small : Rainbow, new() { Torso = Torso.MinAtar, Threads = 2, ProjectEvery = 1 }, seed, CPU, Steps);
            agent.Second()!.SetNeverAlone(true);
            return agent;
        });

    private static void GoesOnBitByBit(string env, Func<VectorEnv, ulong, DqnAgent> make)
    {
        using var envs = EnvRegistry.MakeVector(env, 2);
        using var whole = make(envs, 1);
        var expected = whole.Train().ToArray();

        using var firstEnvs = EnvRegistry.MakeVector(env, 2);
        using var first = make(firstEnvs, 1);
        using var saved = new MemoryStream();
        Assert.Equal(5, first.Train().Take(5).Count());
        Assert.True(first.ResumesExactly);
        first.Save(new BinaryWriter(saved));

        saved.Position = 0;
        using var secondEnvs = EnvRegistry.MakeVector(env, 2);
        using var second = make(secondEnvs, 99);   // nothing of its own seed is left
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
            agent.Second()?.SetNeverAlone(true);
            Assert.Equal(5, agent.Train().Count());
            Assert.Equal(threads == 1 ? null : (long?)(3 * agent.Updates), agent.Second()?.DoneBeside());   // of both networks, of the backward pass, of Adam
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
