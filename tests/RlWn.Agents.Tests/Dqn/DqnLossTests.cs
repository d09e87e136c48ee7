using RlWn.Agents.Data;
using RlWn.Agents.Dqn;
using RlWn.Envs;
using static TorchSharp.torch;

namespace RlWn.Agents.Tests.Dqn;

/// <summary>The loss and its slope in closed form, against the papers' equations written in tensors of float64, and autograd's slope of them.</summary>
public class DqnLossTests
{
    private const int Batch = 12, Actions = 3, Atoms = 7;
    private const double Low = -2, High = 3;

    public static TheoryData<ReturnModel, ErrorLoss, bool, bool> Switches
    {
        get
        {
            var all = new TheoryData<ReturnModel, ErrorLoss, bool, bool>();
            foreach (var doubleQ in (bool[])[false, true])
            {
                foreach (var dueling in (bool[])[false, true])
                {
                    all.Add(ReturnModel.Mean, ErrorLoss.Huber, doubleQ, dueling);
                    all.Add(ReturnModel.Mean, ErrorLoss.Squared, doubleQ, dueling);
                    all.Add(ReturnModel.Categorical, ErrorLoss.Huber, doubleQ, dueling);
                    all.Add(ReturnModel.Quantile, ErrorLoss.Huber, doubleQ, dueling);
                }
            }

            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Switches))]
    public void Evaluate_RandomOutputs_HasTheValueAndSlopeOfTheEquations(ReturnModel returns, ErrorLoss cost, bool doubleQ, bool dueling)
    {
        using var scope = NewDisposeScope();
        var options = new DqnOptions { Returns = returns, Loss = cost, DoubleQ = doubleQ, Dueling = dueling, Atoms = Atoms, ValueMin = Low, ValueMax = High };
        var loss = new DqnLoss(options, Actions);
        var size = Batch * loss.Outputs;
        var random = new Rng(3);
        float[] output = Normal(size), nextOutput = Normal(size), online = Normal(size), weights = [.. Normal(Batch).Select(MathF.Abs)];
        var choosing = doubleQ ? online : nextOutput;
        var batch = new Transitions(Batch, new Box([1], -1, 1));
        Normal(Batch).CopyTo(batch.Rewards, 0);
        for (var i = 0; i < Batch; i++)
            (batch.Actions[i], batch.Discounts[i]) = (i % Actions, i % 4 == 0 ? 0 : 0.9f);   // every fourth terminated

        var (slope, errors) = (new float[size], new double[Batch]);
        loss.Evaluate(output, nextOutput, choosing, batch, weights, slope, errors);

        var z = Rows(output).requires_grad_();
        var actions = tensor(batch.Actions, ScalarType.Int64);
        var predicted = Of(Combined(z, dueling), actions);
        var next = Of(Combined(Rows(nextOutput), dueling), Means(Combined(Rows(choosing), dueling), returns).argmax(1));
        var (reward, discount) = (Column(batch.Rewards), Column(batch.Discounts));
        var (costs, wrong) = returns switch
        {
            ReturnModel.Mean => Mean(predicted, reward + (discount * next), cost),
            ReturnModel.Categorical => Same(CrossEntropy(predicted, next, reward, discount)),
            _ => Same(Quantiles(predicted, reward + (discount * next))),
        };
        var total = (tensor(weights, ScalarType.Float64) * costs).mean();
        total.backward();

        AssertClose(z.grad!.data<double>().ToArray(), slope.Select(number => (double)number));
        AssertClose(wrong.data<double>().ToArray(), errors);
        AssertClose([total.item<double>(), wrong.mean().item<double>(), Means(predicted.unsqueeze(1), returns).mean().item<double>()], loss.Metrics.Take(3).Select(metric => metric.Value));
        Assert.Equal(["loss", "td_error", "q_mean"], loss.Metrics.Take(3).Select(metric => metric.Name));

        float[] Normal(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)random.NextUniform(-2, 2))];
        Tensor Rows(float[] numbers) => tensor(numbers, [Batch, loss.Outputs], ScalarType.Float64);
        static Tensor Column(float[] numbers) => tensor(numbers, [Batch, 1], ScalarType.Float64);
        static (Tensor, Tensor) Same(Tensor costs) => (costs, costs.detach());
        static void AssertClose(IEnumerable<double> expected, IEnumerable<double> actual) =>
            Assert.All(expected.Zip(actual, (exact, own) => (exact, own)), pair => Assert.Equal(pair.exact, pair.own, 2e-6));
    }

    [Theory]
    [InlineData(false, 1.0, -1.0, 1.5)]    // the target network's best is worth 5: 1 + ½ · 5 = 3.5 wanted, 2 said, of which Huber's loss is 1½ - ½
    [InlineData(true, 0.125, 0.5, 0.5)]    // the online network would take the other, worth 1: 1.5 wanted
    public void Evaluate_PlainAndDouble_ByHand(bool doubleQ, double cost, float slope, double error)
    {
        var loss = new DqnLoss(new() { DoubleQ = doubleQ }, actions: 2);
        var batch = new Transitions(1, new Box([1], -1, 1));
        (batch.Actions[0], batch.Rewards[0], batch.Discounts[0]) = (1, 1, 0.5f);
        var (byOutput, errors) = (new float[2], new double[1]);
        float[] target = [1, 5];
        loss.Evaluate([9, 2], target, doubleQ ? [3, 2] : target, batch, [1], byOutput, errors);

        Assert.Equal([0, slope], byOutput);
        Assert.Equal(error, errors[0], 1e-6);
        Assert.Equal(cost, loss.Metrics.First().Value, 1e-6);
    }

    // [B, O] to [B, A, M]: Q = V + A - mean A, each of the M numbers for itself (Wang et al. 2016, eq. 9).
    private static Tensor Combined(Tensor output, bool dueling)
    {
        var numbers = output.reshape(Batch, -1, output.size(1) / (Actions + (dueling ? 1 : 0)));
        if (!dueling)
            return numbers;
        var advantages = numbers.narrow(1, 0, Actions);
        return numbers.narrow(1, Actions, 1) + advantages - advantages.mean([1], keepdim: true);
    }

    private static Tensor Of(Tensor numbers, Tensor actions) => numbers.take_along_dim(actions.view(-1, 1, 1), 1).squeeze(1);

    private static Tensor Support => linspace(Low, High, Atoms, ScalarType.Float64);

    private static Tensor Means(Tensor numbers, ReturnModel returns) =>
        returns == ReturnModel.Categorical ? (numbers.softmax(-1) * Support).sum(-1) : numbers.mean([-1]);

    private static (Tensor Costs, Tensor Errors) Mean(Tensor predicted, Tensor target, ErrorLoss cost)
    {
        var error = (target.detach() - predicted).squeeze(1).abs();
        var half = error * error / 2;
        return (cost == ErrorLoss.Squared ? half : where(error <= 1, half, error - 0.5), error.detach());
    }

    // Each atom's mass falls on the support by a hat as wide as the atoms lie apart (Bellemare et al. 2017, eq. 7).
    private static Tensor CrossEntropy(Tensor logits, Tensor next, Tensor reward, Tensor discount)
    {
        var moved = (reward + (discount * Support)).clamp(Low, High);
        var hats = (1 - ((moved.unsqueeze(2) - Support).abs() * ((Atoms - 1) / (High - Low)))).clamp(min: 0);
        var target = (next.softmax(-1).unsqueeze(2) * hats).sum(1).detach();
        return -(target * logits.log_softmax(-1)).sum(-1);
    }

    // Dabney et al. 2018, eq. 10, κ = 1, summed over quantiles and averaged over samples.
    private static Tensor Quantiles(Tensor predicted, Tensor target)
    {
        var error = target.detach().unsqueeze(1) - predicted.unsqueeze(2);
        var fraction = ((arange(Atoms, ScalarType.Float64) + 0.5) / Atoms).view(1, -1, 1);
        var size = error.abs();
        var huber = where(size <= 1, error * error / 2, size - 0.5);
        return ((fraction - (error.detach() < 0).to(ScalarType.Float64)).abs() * huber).mean([2]).sum(1);
    }
}
