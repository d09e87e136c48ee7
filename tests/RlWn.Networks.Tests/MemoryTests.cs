using Xunit;
using static TorchSharp.torch;

namespace RlWn.Networks.Tests;

public class MemoryTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void LearningAndActing_TwoThousandRounds_LeaveTheTensorCountAsItWas(bool small)
    {
        const int Batch = 8;
        const double Bound = 1e-3;
        using var network = Seeded.Network(1, 5, 3, continuous: true);
        Seeded.Disturb(network, 2);
        using var parameters = new FlatParameters(network);
        using var adam = new FlatAdam(parameters);
        using var learning = new Learning(network, parameters, Batch, small);
        using var acting = new Acting(network);
        var (x, policy, values) = (Ones(Batch * 5), new float[Batch * 3], new float[Batch]);
        var (byPolicy, byValues, byLogStd) = (Ones(Batch * 3), Ones(Batch), Ones(3));

        Round();   // makes the folded copies
        var before = Seeded.LiveTensors();
        for (var i = 0; i < 2000; i++)
            Round();

        Assert.Equal(before, Seeded.LiveTensors());

        void Round()
        {
            learning.Forward(x, policy, values);
            learning.Backward(byPolicy, byValues, byLogStd);
            Assert.True(parameters.ClipGradients(Bound) > Bound);   // else there was nothing to scale
            adam.Step(1e-3);
            acting.Refresh();
            acting.Evaluate(x, Batch, policy, values);
        }
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public void RecurrentLearningAndActing_ManyRounds_LeaveTheTensorCountAsItWas(bool small, bool shared)
    {
        const int Steps = 6, Rows = 2, All = Steps * Rows;
        using var network = new ActorCritic(5, 3, continuous: true, new() { Lstm = 7, Hidden = [16], Shared = shared }, Seeded.Init(1));
        using var parameters = new FlatParameters(network);
        using var adam = new FlatAdam(parameters);
        using var learning = new RecurrentLearning(network, parameters, All, small);
        using var acting = new RecurrentActing(network, Rows);
        var (x, starts, policy, values, byLogStd) = (new float[All * 5], new bool[All], new float[All * 3], new float[All], new float[3]);
        starts[3] = true;

        Round();   // makes the folded copies
        Round();
        var before = Seeded.LiveTensors();
        for (var i = 0; i < 200; i++)
            Round();

        Assert.Equal(before, Seeded.LiveTensors());

        void Round()
        {
            learning.Forward(x, starts, acting.States, policy, values);
            learning.Backward(policy, values, byLogStd);
            parameters.ClipGradients(0.5);
            adam.Step(1e-3);
            acting.Refresh();
            acting.Evaluate(new(x.AsSpan(0, Rows * 5)), Rows, policy.AsSpan(0, Rows * 3), values.AsSpan(0, Rows));
            acting.Value(new(x.AsSpan(0, Rows * 5)), Rows, values.AsSpan(0, Rows));
            acting.Forget([true, false]);
        }
    }

    [Fact]
    public void Autograd_TwoThousandRounds_LeaveTheTensorCountAsItWas()
    {
        using var network = Seeded.Network(1);
        using var parameters = new FlatParameters(network);
        using var adam = new FlatAdam(parameters);
        using var x = Seeded.Normal(2, 8, 5);

        Round();
        var before = Seeded.LiveTensors();
        for (var i = 0; i < 2000; i++)
            Round();

        Assert.Equal(before, Seeded.LiveTensors());

        void Round()
        {
            using var scope = NewDisposeScope();
            parameters.ZeroGradients();
            network.forward(x).Policy.square().sum().backward();
            adam.Step(1e-3);
            using var noGrad = no_grad();
            network.forward(x);
        }
    }

    [Fact]
    public async Task Training_WhileAnotherThreadCollects_RunsClean()
    {
        // A native Scalar made for one call may be freed during it. With one in ClipGradients, every third run of 20,000 rounds failed.
        using var network = Seeded.Network(1);
        Seeded.Disturb(network, 2);
        using var parameters = new FlatParameters(network);
        using var adam = new FlatAdam(parameters);
        using var learning = new Learning(network, parameters, 8, small: false);
        using var stop = new CancellationTokenSource();
        var collecting = Task.Run(
            () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    GC.Collect(0, GCCollectionMode.Forced, blocking: true);
                    GC.WaitForPendingFinalizers();
                }
            },
            TestContext.Current.CancellationToken);

        var (x, policy, values) = (Ones(40), new float[24], new float[8]);
        var (byPolicy, byValues) = (Ones(24), Ones(8));
        for (var i = 0; i < 80_000; i++)
        {
            if (i % 40 == 0)
            {
                learning.Forward(x, policy, values);
                learning.Backward(byPolicy, byValues, []);
            }

            var bound = 0.1 * Math.Pow(0.9, i % 40);   // each below the last, so that each scales
            Assert.True(parameters.ClipGradients(bound) > bound);
            adam.Step(1e-3);
        }

        await stop.CancelAsync();
        await collecting;
        Assert.False(parameters.Values.isnan().any().item<bool>());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Dispose_EverythingAfterUse_LeavesNoTensorsBehind(bool small)
    {
        var before = Seeded.LiveTensors();
        using (var network = Seeded.Network(1, 5, 3, continuous: true, 512, 512))
        using (var parameters = new FlatParameters(network))
        using (var adam = new FlatAdam(parameters))
        using (var learning = new Learning(network, parameters, 8, small))
        using (var acting = new Acting(network))
        {
            learning.Forward(new float[40], new float[24], new float[8]);   // and no backward pass: its graph is freed too
            acting.Evaluate(new float[40], 8, new float[24], new float[8]);
            adam.Step(0.1);
        }

        Assert.Equal(before, Seeded.LiveTensors());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Dispose_RecurrentAfterUse_LeavesNoTensorsBehind(bool small)
    {
        var before = Seeded.LiveTensors();
        using (var network = new ActorCritic(5, 3, continuous: true, new() { Lstm = 7, Hidden = [16] }, Seeded.Init(1)))
        using (var parameters = new FlatParameters(network))
        using (var learning = new RecurrentLearning(network, parameters, 8, small))
        using (var acting = new RecurrentActing(network, 2))
        {
            learning.Forward(new float[40], new bool[8], acting.States, new float[24], new float[8]);   // and no backward pass
            acting.Evaluate(new float[10], 2, new float[6], new float[2]);
        }

        Assert.Equal(before, Seeded.LiveTensors());
    }

    private static float[] Ones(int count) => [.. Enumerable.Repeat(1f, count)];
}
