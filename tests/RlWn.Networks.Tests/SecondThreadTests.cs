using System.Diagnostics;
using Xunit;
using static TorchSharp.torch;

namespace RlWn.Networks.Tests;

public sealed class SecondThreadTests
{
    private const int Rounds = 50;

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
        using var second = new SecondThread { IsNeverAlone = true };   // after a stall the next pieces would be the caller's
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

    // Whatever the machine does, from Run to the second rest pass the wake and all of the patience.
    [Fact]
    public void Run_WokenTooLate_LooksOutAgainBeforeItRests()
    {
        using var second = new SecondThread();
        second.Run(() => { }, () => { });
        var tries = 0;
        for (var clock = Stopwatch.StartNew(); tries < 20 && clock.Elapsed < TimeSpan.FromSeconds(20);)
        {
            Assert.True(SpinWait.SpinUntil(() => second.IsResting, TimeSpan.FromSeconds(30)));
            var (done, since) = (second.DoneBeside, Stopwatch.GetTimestamp());
            second.Run(() => { }, () => { });   // over before a thread can wake, as a rule
            if (second.DoneBeside > done || !Spin(until: false) || !Spin(until: true))
                continue;   // it was in time, or this thread missed what it did

            tries++;
            Assert.True(Stopwatch.GetElapsedTime(since) >= SecondThread.Patience, $"Expected {SecondThread.Patience} before it rests again, got {Stopwatch.GetElapsedTime(since)}.");
        }

        Assert.True(tries > 0);

        bool Spin(bool until)
        {
            for (var clock = Stopwatch.StartNew(); second.IsResting != until;)
            {
                if (clock.Elapsed > TimeSpan.FromMilliseconds(50))
                    return false;
            }

            return true;
        }
    }

    [Fact]
    public void Run_OutOfAPieceOfWork_IsRefused()
    {
        using var second = new SecondThread();
        Assert.Contains("one caller", Assert.Throws<InvalidOperationException>(() => second.Run(() => { }, () => second.Run(() => { }, () => { }))).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => second.Run(() => second.Run(() => { }, () => { }), () => { }));

        var isRun = false;
        second.Run(() => isRun = true, () => { });
        Assert.True(isRun);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Dispose_Twice_DoesNothingMore(bool isStarted)
    {
        var second = new SecondThread();
        if (isStarted)
            second.Run(() => { }, () => { });
        second.Dispose();
        second.Dispose();
        Assert.Throws<ObjectDisposedException>(() => second.Run(() => { }, () => { }));
    }

    [Fact]
    public void Run_TheFirst_LeavesLibtorchsThreadsToOthersAsTheyWere()
    {
        try
        {
            set_num_threads(3);
            using var second = new SecondThread { IsNeverAlone = true };
            var (beside, later) = (0, 0);
            second.Run(() => beside = get_num_threads(), () => { });
            var other = new Thread(() => later = get_num_threads());
            other.Start();
            other.Join();
            Assert.Equal((1, 3, 3), (beside, get_num_threads(), later));
        }
        finally
        {
            set_num_threads(1);
        }
    }

    // The torso's layers are split, and the 21 thousand numbers are not of whole vectors.
    [Theory]
    [InlineData(1)]
    [InlineData(2.5)]
    public void LearningAndAdam_WithASecondThread_AreTheSameToTheBit(double scaleLearningRate)
    {
        using var second = new SecondThread { IsNeverAlone = true };
        Assert.Equal(Learned(null, scaleLearningRate), Learned(second, scaleLearningRate));
        Assert.Equal(2 * Rounds, second.DoneBeside);   // of each backward pass and of each step of Adam
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
        for (var i = 0; i < Rounds; i++)
        {
            learning.Forward(Seeded.Normal((ulong)i, 7, 300).data<float>().ToArray(), output);
            learning.Backward(output);
            adam.Step(1e-3);
        }

        return parameters.Values.data<float>().ToArray();
    }
}
