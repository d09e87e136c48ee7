using Xunit;
using static TorchSharp.torch;

namespace RlWn.Networks.Tests;

public sealed class SecondThreadTests
{
    [Fact]
    public void Run_ManyPieces_DoesBothOfEach()
    {
        using var second = new SecondThread();
        var (beside, own) = (0, 0);
        for (var i = 1; i <= 20_000; i++)
        {
            second.Run(() => beside++, () => own++);
            Assert.Equal((i, i), (beside, own));
        }
    }

    [Fact]
    public void Run_AfterARest_WakesUp()
    {
        using var second = new SecondThread();
        for (var i = 0; i < 5; i++)
        {
            Thread.Sleep(20);
            using var done = new ManualResetEventSlim();
            second.Run(done.Set, () => Assert.True(done.Wait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken)));   // which only the other thread can bring about
        }
    }

    [Fact]
    public void Run_EitherFails_SaysSoAndGoesOn()
    {
        using var second = new SecondThread();
        var isRun = false;
        for (var i = 0; i < 100; i++)
        {
            Assert.Throws<IOException>(() => second.Run(() => throw new IOException(), () => { }));
            Assert.Throws<FormatException>(() => second.Run(() => throw new IOException(), () => throw new FormatException()));
        }

        second.Run(() => isRun = true, () => { });
        Assert.True(isRun);
    }

    // The torso's layers are split, and the 21 thousand numbers are not of whole vectors.
    [Theory]
    [InlineData(1)]
    [InlineData(2.5)]
    public void LearningAndAdam_WithASecondThread_AreTheSameToTheBit(double scaleLearningRate)
    {
        using var second = new SecondThread();
        Assert.Equal(Learned(null, scaleLearningRate), Learned(second, scaleLearningRate));
    }

    private static float[] Learned(SecondThread? second, double scaleLearningRate)
    {
        using var scope = NewDisposeScope();
        using var network = AgentNetwork.Make([3, 10, 10], 4, new() { Torso = Inference.Torso.MinAtar, Hidden = [19] }, OutputLayer.Plain, 1, Seeded.Init(1));
        using var parameters = new FlatParameters(network, scalesLast: scaleLearningRate != 1);
        using var learning = new LearningNetwork(network, parameters, 7, second);
        using var adam = new FlatAdam(parameters, scaleLearningRate: scaleLearningRate, second: second);
        Assert.True(learning.IsPlainCSharp);
        var output = new float[28];
        for (var i = 0; i < 50; i++)
        {
            learning.Forward(Seeded.Normal((ulong)i, 7, 300).data<float>().ToArray(), output);
            learning.Backward(output);
            adam.Step(1e-3);
        }

        return parameters.Values.data<float>().ToArray();
    }
}
