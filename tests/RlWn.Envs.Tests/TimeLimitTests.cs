namespace RlWn.Envs.Tests;

public class TimeLimitTests
{
    [Fact]
    public void Step_AtTheLimit_TruncatesAndDoesNotTerminate()
    {
        var (task, observation) = (new CartPole(), new float[4]);
        var env = new TimeLimit<float, int>(task, 500);
        env.Reset(new Rng(0), observation);
        for (var step = 1; step <= 500; step++)
        {
            task.State = default;
            Assert.Equal(new StepResult(1, Terminated: false, Truncated: step == 500), env.Step([1], observation));
        }

        env.Reset(new Rng(1), observation);
        Assert.False(env.Step([1], observation).Ended);
    }

    [Fact]
    public void Step_TaskEndsAtTheLimit_CountsAsTerminated()
    {
        var task = new CartPole();
        var env = new TimeLimit<float, int>(task, 1);
        env.Reset(new Rng(0), new float[4]);
        task.State = (3, 0, 0, 0);
        Assert.Equal(new StepResult(1, Terminated: true, Truncated: false), env.Step([1], new float[4]));
    }

    [Fact]
    public void Step_TaskTruncatesEarlier_StaysTruncated()
    {
        var env = new TimeLimit<float, int>(new TimeLimit<float, int>(new CartPole(), 2), 5);
        env.Reset(new Rng(0), new float[4]);
        Assert.False(env.Step([1], new float[4]).Truncated);
        Assert.True(env.Step([0], new float[4]).Truncated);
    }

    [Fact]
    public void Find_TaskInsideThatDraws_IsThatTask()
    {
        var task = new CartPole();
        var env = new TimeLimit<float, int>(new TimeLimit<float, int>(task, 5), 9);
        Assert.Same(task, env.Find<ITextView>());
        Assert.Same(env, env.Find<IWrapper>());
    }

    [Fact]
    public void Find_TaskInsideThatDoesNot_IsNull() => Assert.Null(new TimeLimit<float, int>(new SoundEnv(), 5).Find<ITextView>());

    [Fact]
    public void AsSavable_TaskInsideThatCannotBeSaved_IsNullAndSavingSaysWhich()
    {
        var env = new TimeLimit<float, int>(new TimeLimit<float, int>(new SoundEnv(), 5), 9);
        using var writer = new BinaryWriter(Stream.Null);

        Assert.Null(env.AsSavable());
        Assert.Contains("got SoundEnv", Assert.Throws<NotSupportedException>(() => env.Save(writer)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_MoreStepsThanTheLimit_IsRefused()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        var env = new TimeLimit<float, int>(new CartPole(), 5);
        env.Reset(new Rng(0), new float[4]);
        for (var step = 0; step < 4; step++)
            env.Step([step % 2], new float[4]);
        env.Save(writer);
        writer.Flush();

        stream.Position = 0;
        using var reader = new BinaryReader(stream);
        var shorter = new TimeLimit<float, int>(new CartPole(), 3);
        Assert.Contains("got 4", Assert.Throws<InvalidDataException>(() => shorter.Load(reader, new Rng(0))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Construct_NoSteps_IsRefused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new TimeLimit<float, int>(new CartPole(), 0));
}
