using RlWn.Agents.Data;
using RlWn.Agents.Formulas;
using static TorchSharp.torch;

namespace RlWn.Agents.Dqn;

/// <summary>
/// What the outputs of a Q-network mean, what their errors cost, and the gradient of that in the outputs, in closed form. The network's own
/// gradient is then one backward pass from there.
/// </summary>
/// <remarks>
/// <para>A row of outputs holds M numbers for each of A actions (M = 1 for means), and with dueling M more for the state.</para>
/// <para>
/// Mnih et al. 2015, doi:10.1038/nature14236, algorithm 1; double: van Hasselt, Guez and Silver 2016, arXiv:1509.06461, eq. 4; dueling: Wang et al. 2016,
/// arXiv:1511.06581, eq. 9; categorical: Bellemare, Dabney and Munos 2017, arXiv:1707.06887, algorithm 1; quantiles: Dabney et al. 2018,
/// arXiv:1710.10044, algorithm 1; together: Hessel et al. 2018, arXiv:1710.02298.
/// </para>
/// </remarks>
internal sealed class DqnLoss
{
    private static readonly TorchSharp.Scalar One = 1;   // held: a Scalar made for one call may be collected during it

    private readonly DqnOptions options;
    private readonly int actions;
    private readonly int atoms;
    private readonly double threshold;      // κ of the Huber loss
    private readonly float[] combined;      // A M numbers of one state
    private readonly float[] nextValues;    // Q(s', ·)
    private readonly float[] distribution;  // of the next state's return, moved by reward and discount
    private readonly float[] probability;
    private readonly float[] slope;         // ∂L/∂ of the chosen action's M numbers

    private double loss, error, value, gradientNorm;
    private int batches;

    public DqnLoss(DqnOptions options, int actions)
    {
        (this.options, this.actions) = (options, actions);
        atoms = options.Returns == ReturnModel.Mean ? 1 : options.Atoms;
        threshold = options.Loss == ErrorLoss.Huber ? 1 : double.PositiveInfinity;
        combined = new float[actions * atoms];
        nextValues = new float[actions];
        distribution = new float[atoms];
        probability = new float[atoms];
        slope = new float[atoms];
    }

    /// <summary>How many numbers the network gives for a state.</summary>
    public int Outputs => (actions + (options.Dueling ? 1 : 0)) * atoms;

    /// <summary>How many batches there were since the last <see cref="Clear"/>.</summary>
    public int Batches => batches;

    /// <summary>What the batches since the last <see cref="Clear"/> were like, on average; NaN where there was none.</summary>
    public IEnumerable<Metric> Metrics =>
    [
        new("loss", loss / batches),
        new("td_error", error / batches),
        new("q_mean", value / batches),
        new("gradient_norm", gradientNorm / batches),
    ];

    /// <summary>Starts the averages anew.</summary>
    public void Clear() => (loss, error, value, gradientNorm, batches) = (0, 0, 0, 0, 0);

    /// <summary>Counts the norm of the gradient that came of a batch, before clipping.</summary>
    public void AddGradientNorm(double norm) => gradientNorm += norm;

    /// <summary>The mean return that the outputs of one state say of each action.</summary>
    /// <param name="output">One row of outputs.</param>
    /// <param name="values">Receives Q(s, ·), [A].</param>
    public void Values(ReadOnlySpan<float> output, Span<float> values)
    {
        Combine(output, combined);
        for (var a = 0; a < actions; a++)
            values[a] = (float)Mean(combined.AsSpan(a * atoms, atoms));
    }

    /// <summary>The atoms of categorical returns and their bounds; null for other return models.</summary>
    public (int Atoms, double Low, double High)? Support =>
        options.Returns == ReturnModel.Categorical ? (atoms, options.ValueMin, options.ValueMax) : null;

    /// <summary>
    /// The last layer's rows as a policy needs them: dueling, and the mean over quantiles, are linear and multiplied in. The mean over categorical atoms is
    /// not, so that all of their logits stay.
    /// </summary>
    /// <param name="rows">Weight [O, H] or bias [O] of the last layer.</param>
    /// <returns>[A, H] or [A], which give Q(s, ·); of categorical returns [A M, H] or [A M].</returns>
    public Tensor ActingRows(Tensor rows)
    {
        var numbers = rows.reshape([rows.size(0) / atoms, atoms, .. rows.shape[1..]]);
        if (options.Returns != ReturnModel.Categorical)
            numbers = numbers.mean([1], keepdim: true);
        if (options.Dueling)
        {
            var advantages = numbers.narrow(0, 0, actions);
            numbers = advantages.sub(advantages.mean([0], keepdim: true)).add(numbers.narrow(0, actions, 1), One);
        }

        return numbers.flatten(0, 1);
    }

    /// <summary>The gradient of the loss over one batch.</summary>
    /// <param name="output">Of the online network at s, [B, O].</param>
    /// <param name="nextOutput">Of the target network at s', [B, O].</param>
    /// <param name="choosing">Of the network that chooses the next action at s', [B, O]: the target network, or the online one.</param>
    /// <param name="batch">The transitions.</param>
    /// <param name="weights">Of each transition, [B].</param>
    /// <param name="byOutput">Receives ∂L/∂output, [B, O].</param>
    /// <param name="errors">Receives how wrong each was, at least 0: |TD error|, or the loss of a distribution, [B].</param>
    public void Evaluate(
        ReadOnlySpan<float> output, ReadOnlySpan<float> nextOutput, ReadOnlySpan<float> choosing, Transitions batch, ReadOnlySpan<float> weights,
        Span<float> byOutput, Span<double> errors)
    {
        var outputs = Outputs;
        batches++;
        for (var i = 0; i < batch.Size; i++)
        {
            Values(choosing.Slice(i * outputs, outputs), nextValues);
            var next = Inference.Categorical.Greedy(nextValues);
            Combine(nextOutput.Slice(i * outputs, outputs), combined);
            combined.AsSpan(next * atoms, atoms).CopyTo(distribution);

            Combine(output.Slice(i * outputs, outputs), combined);
            var predicted = combined.AsSpan(batch.Actions[i] * atoms, atoms);
            var cost = options.Returns switch
            {
                ReturnModel.Mean => Mean(predicted[0], batch.Rewards[i] + (batch.Discounts[i] * distribution[0]), out errors[i]),
                ReturnModel.Categorical => errors[i] = CrossEntropy(predicted, batch.Rewards[i], batch.Discounts[i]),
                _ => errors[i] = Quantiles(predicted, batch.Rewards[i], batch.Discounts[i]),
            };

            loss += weights[i] * cost / batch.Size;
            error += errors[i] / batch.Size;
            value += Mean(predicted) / batch.Size;
            Spread(batch.Actions[i], weights[i] / batch.Size, byOutput.Slice(i * outputs, outputs));
        }
    }

    private double Mean(float predicted, double target, out double error)
    {
        var difference = predicted - target;
        slope[0] = (float)Errors.HuberSlope(difference, threshold);
        error = Math.Abs(difference);
        return Errors.Huber(difference, threshold);
    }

    // -Σ p' log softmax(z), whose slope in z is softmax(z) - p'.
    private double CrossEntropy(ReadOnlySpan<float> logits, double reward, double discount)
    {
        Softmax(distribution, probability);
        Distributional.Project(probability, reward, discount, options.ValueMin, options.ValueMax, distribution);

        var normalizer = Softmax(logits, probability);
        var cost = 0.0;
        for (var m = 0; m < atoms; m++)
        {
            cost -= distribution[m] * (logits[m] - normalizer);
            slope[m] = probability[m] - distribution[m];
        }

        return cost;
    }

    private double Quantiles(ReadOnlySpan<float> quantiles, double reward, double discount)
    {
        foreach (ref var sample in distribution.AsSpan())
            sample = (float)(reward + (discount * sample));
        return Distributional.QuantileLoss(quantiles, distribution, threshold: 1, slope);
    }

    // With dueling, adv + v - mean over actions of adv, number by number; else the outputs as they are.
    private void Combine(ReadOnlySpan<float> output, Span<float> numbers)
    {
        output[..(actions * atoms)].CopyTo(numbers);
        if (!options.Dueling)
            return;

        for (var m = 0; m < atoms; m++)
        {
            var mean = 0.0;
            for (var a = 0; a < actions; a++)
                mean += output[(a * atoms) + m];

            var shift = output[(actions * atoms) + m] - (mean / actions);
            for (var a = 0; a < actions; a++)
                numbers[(a * atoms) + m] += (float)shift;
        }
    }

    // From the slope in the chosen action's numbers to that in the outputs: Combine is linear, and this is it transposed.
    private void Spread(int action, double weight, Span<float> byOutput)
    {
        byOutput.Clear();
        for (var m = 0; m < atoms; m++)
        {
            var by = weight * slope[m];
            byOutput[(action * atoms) + m] = (float)by;
            if (!options.Dueling)
                continue;

            byOutput[(actions * atoms) + m] = (float)by;
            for (var a = 0; a < actions; a++)
                byOutput[(a * atoms) + m] -= (float)(by / actions);
        }
    }

    private double Mean(ReadOnlySpan<float> numbers)
    {
        if (options.Returns == ReturnModel.Mean)
            return numbers[0];

        var mean = 0.0;
        if (options.Returns == ReturnModel.Quantile)
        {
            foreach (var quantile in numbers)
                mean += quantile / (double)atoms;
            return mean;
        }

        Softmax(numbers, probability);
        var distance = (options.ValueMax - options.ValueMin) / (atoms - 1);
        for (var m = 0; m < atoms; m++)
            mean += probability[m] * (options.ValueMin + (m * distance));
        return mean;
    }

    // Returns log Σ exp.
    private static double Softmax(ReadOnlySpan<float> logits, Span<float> probability)
    {
        var highest = float.NegativeInfinity;
        foreach (var logit in logits)
            highest = Math.Max(highest, logit);

        var sum = 0.0;
        foreach (var logit in logits)
            sum += Math.Exp(logit - highest);

        var normalizer = highest + Math.Log(sum);
        for (var m = 0; m < logits.Length; m++)
            probability[m] = (float)Math.Exp(logits[m] - normalizer);
        return normalizer;
    }
}
