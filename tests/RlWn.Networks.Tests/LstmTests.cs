using RlWn.Init;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Networks.Tests;

public class LstmTests
{
    [Theory]
    [InlineData("orthogonal-proposed")]
    [InlineData("he-pytorch-default")]
    [InlineData("he-no-wn")]
    public void Run_Steps_AreThoseOfTheFormula(string scheme)
    {
        const int T = 4, N = 3, D = 2, H = 5;
        using var scope = NewDisposeScope();
        using var lstm = Make(D, H, scheme, ScalarType.Float64);
        var (x, h, c) = (Seeded.Normal(2, ScalarType.Float64, T, N, D), Seeded.Normal(3, ScalarType.Float64, N, H), Seeded.Normal(4, ScalarType.Float64, N, H));

        var (output, hidden, cell) = lstm.Run(x, h, c);

        var (wx, wh, bx, bh) = lstm.Folded();
        for (var n = 0; n < N; n++)
        {
            var (hs, cs) = (Numbers(h[n]), Numbers(c[n]));
            for (var t = 0; t < T; t++)
            {
                (hs, cs) = StepByHand(Numbers(wx), Numbers(wh), Numbers(bx), Numbers(bh), Numbers(x[t][n]), hs, cs);
                for (var k = 0; k < H; k++)
                    Assert.Equal(hs[k], output[t][n][k].item<double>(), 1e-12);
            }

            for (var k = 0; k < H; k++)
            {
                Assert.Equal(hs[k], hidden[n][k].item<double>(), 1e-12);
                Assert.Equal(cs[k], cell[n][k].item<double>(), 1e-12);
            }
        }
    }

    [Fact]
    public void Run_Sequence_IsItsStepsOneByOne()
    {
        using var scope = NewDisposeScope();
        using var lstm = Make(3, 4, "orthogonal-proposed", ScalarType.Float64);
        var x = Seeded.Normal(2, ScalarType.Float64, 6, 2, 3);
        var whole = lstm.call(x);

        var (h, c) = (zeros([2, 4], ScalarType.Float64), zeros([2, 4], ScalarType.Float64));
        for (var t = 0; t < 6; t++)
        {
            (var output, h, c) = lstm.Run(x.narrow(0, t, 1), h, c);
            Seeded.AssertClose(whole[t], output[0], 1e-14);
        }
    }

    [Fact]
    public void Run_EpisodeThatStarts_KnowsNothingOfTheOneBeforeNorItsGradient()
    {
        using var scope = NewDisposeScope();
        using var lstm = Make(3, 4, "orthogonal-proposed", ScalarType.Float64);
        var x = Seeded.Normal(2, ScalarType.Float64, 5, 2, 3).requires_grad_();
        var (h, c) = (Seeded.Normal(3, ScalarType.Float64, 2, 4), Seeded.Normal(4, ScalarType.Float64, 2, 4));
        var starts = zeros([5, 2], ScalarType.Bool);
        starts[2][1] = tensor(true);   // the second environment's episode, at step 2

        var (output, _, _) = lstm.Run(x, h, c, starts);

        Seeded.AssertClose(lstm.Run(x, h, c).Output.narrow(1, 0, 1), output.narrow(1, 0, 1), 1e-14);
        Seeded.AssertClose(lstm.call(x.narrow(0, 2, 3)).narrow(1, 1, 1), output.narrow(0, 2, 3).narrow(1, 1, 1), 1e-14);
        output[4].sum().backward();
        Assert.Equal(0, x.grad![1][1].abs().max().item<double>());
        Assert.True(x.grad[1][0].abs().max().item<double>() > 1e-6);
        Assert.True(x.grad[2][1].abs().max().item<double>() > 1e-6);
    }

    [Fact]
    public void Run_SequenceAndGradients_AreThoseOfPyTorchsLstm()
    {
        using var scope = NewDisposeScope();
        using var lstm = Make(3, 4, "he-no-wn", ScalarType.Float32);
        Seeded.Disturb(lstm, 5);
        var theirs = LSTM(3, 4);
        string[] names = ["ih.weight", "hh.weight", "ih.bias", "hh.bias"], their = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"];
        var (mine, other) = (lstm.named_parameters().ToDictionary(entry => entry.name, entry => entry.parameter), theirs.named_parameters().ToDictionary(entry => entry.name, entry => entry.parameter));
        using (no_grad())
        {
            foreach (var (name, same) in names.Zip(their))
                other[same].copy_(mine[name]);
        }

        var (x, h, c) = (Seeded.Normal(2, 7, 2, 3), Seeded.Normal(3, 2, 4), Seeded.Normal(4, 2, 4));
        var (output, hidden, cell) = lstm.Run(x, h, c);
        var (expected, lastHidden, lastCell) = theirs.call(x, (h.unsqueeze(0), c.unsqueeze(0)));

        Seeded.AssertClose(expected, output, 1e-6);
        Seeded.AssertClose(lastHidden[0], hidden, 1e-6);
        Seeded.AssertClose(lastCell[0], cell, 1e-6);
        var weights = Seeded.Normal(6, 7, 2, 4);
        (output * weights).sum().backward();
        (expected * weights).sum().backward();
        foreach (var (name, same) in names.Zip(their))
            Seeded.AssertClose(other[same].grad!, mine[name].grad!, 1e-5);
    }

    // Each gate is a layer of its own: a square orthogonal one of gain 1, kept as it is.
    [Fact]
    public void Make_Proposed_EveryGateIsOrthogonalAndTheForgetGateIsOpen()
    {
        using var scope = NewDisposeScope();
        using var lstm = Make(6, 6, "orthogonal-proposed", ScalarType.Float64);
        var (ofInput, ofHidden, biasOfInput, biasOfHidden) = lstm.Folded();

        foreach (var gate in ofInput.chunk(4).Concat(ofHidden.chunk(4)))
            Seeded.AssertClose(eye(6, dtype: ScalarType.Float64), gate.mm(gate.t()), 1e-10);
        Assert.True((ofHidden.chunk(4)[0] - ofHidden.chunk(4)[1]).abs().max().item<double>() > 0.1);   // and drawn apart
        Assert.Equal([.. new double[6], .. Enumerable.Repeat(1.0, 6), .. new double[12]], Numbers(biasOfInput + biasOfHidden));
    }

    [Fact]
    public void Run_OtherShapes_AreRefused()
    {
        using var scope = NewDisposeScope();
        using var lstm = Make(3, 4, "orthogonal-proposed", ScalarType.Float32);

        Assert.StartsWith("Expected sequences of shape [T, N, 3], got [2, 3].", Assert.Throws<ArgumentException>(() => lstm.call(zeros(2, 3))).Message, StringComparison.Ordinal);
        Assert.StartsWith(
            "Expected hidden of shape [2, 4], got [1, 4].", Assert.Throws<ArgumentException>(() => lstm.Run(zeros(5, 2, 3), zeros(1, 4), zeros(2, 4))).Message, StringComparison.Ordinal);
        Assert.StartsWith(
            "Expected starts of shape [5, 2], got [2, 5].",
            Assert.Throws<ArgumentException>(() => lstm.Run(zeros(5, 2, 3), zeros(2, 4), zeros(2, 4), zeros(2, 5))).Message, StringComparison.Ordinal);
    }

    private static Lstm Make(long inputs, long units, string scheme, ScalarType dtype) => new(inputs, units, new LayerFactory(Scheme.Parse(scheme), Seeded.Init(1, dtype)));

    private static double[] Numbers(Tensor tensor) => tensor.detach().contiguous().data<double>().ToArray();

    // Gates in the order input, forget, candidate, output, one below the other.
    private static (double[] Hidden, double[] Cell) StepByHand(double[] wx, double[] wh, double[] bx, double[] bh, double[] x, double[] h, double[] c)
    {
        var units = h.Length;
        var gates = Enumerable.Range(0, 4 * units)
            .Select(row => bx[row] + bh[row] + x.Select((value, i) => wx[(row * x.Length) + i] * value).Sum() + h.Select((value, i) => wh[(row * units) + i] * value).Sum())
            .ToArray();
        var cell = Enumerable.Range(0, units).Select(k => (Sigmoid(gates[units + k]) * c[k]) + (Sigmoid(gates[k]) * Math.Tanh(gates[(2 * units) + k]))).ToArray();
        return ([.. Enumerable.Range(0, units).Select(k => Sigmoid(gates[(3 * units) + k]) * Math.Tanh(cell[k]))], cell);

        static double Sigmoid(double a) => 1 / (1 + Math.Exp(-a));
    }
}
