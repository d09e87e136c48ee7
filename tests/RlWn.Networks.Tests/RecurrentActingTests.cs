using RlWn.Inference;
using RlWn.Init;
using Xunit;
using static TorchSharp.torch;

namespace RlWn.Networks.Tests;

public class RecurrentActingTests
{
    private const int T = 6, N = 3, D = 5, K = 2;

    private static readonly NetworkOptions Small = new() { Lstm = 11, Hidden = [16], PolicyScale = 1 };

    [Theory]
    [InlineData(false, "orthogonal-proposed")]
    [InlineData(true, "orthogonal-proposed")]
    [InlineData(false, "he-pytorch-default")]
    [InlineData(false, "he-no-wn")]
    public void Evaluate_StepByStep_IsTheSequenceThatIsLearnedFrom(bool shared, string scheme)
    {
        using var network = Make(Small with { Shared = shared, Scheme = Scheme.Parse(scheme) });
        Seeded.Disturb(network, 3);
        using var acting = new RecurrentActing(network, N);
        using var parameters = new FlatParameters(network);
        using var learning = new RecurrentLearning(network, parameters, T * N);
        var before = acting.States.Select(state => new RecurrentState(N, state.Units)).ToArray();
        var observations = Observations();
        observations.AsSpan(0, N * D).CopyTo(observations.AsSpan((T - 1) * N * D));
        var starts = new bool[T * N];
        starts[(3 * N) + 1] = true;   // the second environment's episode ended with step 2

        var (policy, values) = (new float[T * N * K], new float[T * N]);
        for (var t = 0; t < T; t++)
        {
            acting.Forget(starts.AsSpan(t * N, N));
            acting.Evaluate(new(observations.AsSpan(t * N * D, N * D)), N, policy.AsSpan(t * N * K, N * K), values.AsSpan(t * N, N));
        }

        var (learned, learnedValues) = (new float[T * N * K], new float[T * N]);
        learning.Forward(new(observations), starts, before, learned, learnedValues);
        Assert.All(policy.Zip(learned), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
        Assert.All(values.Zip(learnedValues), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
        for (var environment = 0; environment < N; environment++)   // the same was observed with something else, or nothing, before it
            Assert.NotEqual(policy.AsSpan(environment * K, K).ToArray(), policy.AsSpan((((T - 1) * N) + environment) * K, K).ToArray());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Value_Alone_LeavesTheMemoryAsItIs(bool shared)
    {
        using var network = Make(Small with { Shared = shared });
        using var acting = new RecurrentActing(network, N);
        var observations = Observations();
        var (policy, values, before) = (new float[N * K], new float[N], new float[N]);
        acting.Evaluate(new(observations.AsSpan(0, N * D)), N, policy, values);
        float[][] remembered = [.. acting.States.Select(state => state.Hidden.ToArray())];

        acting.Value(new(observations.AsSpan(N * D, N * D)), N, before);
        Assert.Equal(remembered, acting.States.Select(state => state.Hidden.ToArray()));

        acting.Evaluate(new(observations.AsSpan(N * D, N * D)), N, policy, values);
        Assert.Equal(values, before);   // given the same that was seen before
        Assert.NotEqual(remembered, acting.States.Select(state => state.Hidden.ToArray()));
    }

    // The slope of Σ w · outputs along a random direction of each parameter, by differences in double precision.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Backward_OfSequences_IsTheSlopeByDifferences(bool shared)
    {
        const double Step = 1e-5;
        using var scope = NewDisposeScope();
        using var network = new ActorCritic(D, K, continuous: false, Small with { Shared = shared, Lstm = 4, Hidden = [6] }, Seeded.Init(1, ScalarType.Float64));
        Seeded.Disturb(network, 3);
        using var parameters = new FlatParameters(network);
        using var learning = new RecurrentLearning(network, parameters, T * N);
        var states = States(shared ? 1 : 2, units: 4);
        var starts = new bool[T * N];
        starts[(2 * N) + 1] = true;
        float[] byPolicy = Numbers(T * N * K, seed: 6), byValue = Numbers(T * N, seed: 7);
        learning.Forward(new(Observations()), starts, states, new float[T * N * K], new float[T * N]);
        learning.Backward(byPolicy, byValue, []);

        using var noGrad = no_grad();
        var (x, begins) = (tensor(Observations(), [T, N, D]).to(ScalarType.Float64), tensor(starts).view(T, N));
        var weights = cat([tensor(byPolicy, [T, N, K]), tensor(byValue, [T, N, 1])], -1).to(ScalarType.Float64);
        foreach (var (name, parameter) in network.named_parameters())
        {
            var (before, direction) = (parameter.clone(), Seeded.Normal(8, ScalarType.Float64, parameter.shape));
            var expected = (Weighed(Step) - Weighed(-Step)) / (2 * Step);
            Assert.True(Math.Abs(expected) > 1e-3, $"{name}: {expected} tells nothing.");
            Assert.Equal(expected, parameter.grad!.mul(direction).sum().item<double>(), 1e-6 * Math.Abs(expected));

            double Weighed(double by)
            {
                parameter.copy_(before.add(direction, by));
                var outputs = cat([.. Recurrent.Of(network).Zip(states, (part, state) => part.Run(x, Memory(state.Hidden), Memory(state.Cell), begins))], -1);
                parameter.copy_(before);
                return outputs.mul(weights).sum().item<double>();
            }
        }

        static Tensor Memory(ReadOnlySpan<float> numbers) => tensor(numbers.ToArray(), [N, 4]).to(ScalarType.Float64);
    }

    // Both ways, with units that fill no whole number of vectors, an episode that starts amid a sequence, and one at its very beginning.
    [Theory]
    [InlineData("orthogonal-proposed", ScaleMode.Learnable, false)]
    [InlineData("orthogonal-proposed", ScaleMode.Learnable, true)]
    [InlineData("orthogonal-proposed", ScaleMode.Fixed, false)]
    [InlineData("orthogonal-proposed", ScaleMode.Absent, false)]
    [InlineData("he-pytorch-default", ScaleMode.Learnable, false)]
    [InlineData("he-no-wn", ScaleMode.Learnable, true)]
    public void Learn_InPlainCSharp_IsWhatAutogradGives(string scheme, ScaleMode scale, bool shared)
    {
        using var network = Make(Small with { Shared = shared, Scheme = Scheme.Parse(scheme), Scale = scale });
        Seeded.Disturb(network, 3);
        using var parameters = new FlatParameters(network);
        using var plain = new RecurrentLearning(network, parameters, T * N, small: true);
        using var graph = new RecurrentLearning(network, parameters, T * N, small: false);
        Assert.True(plain.IsPlainCSharp && !graph.IsPlainCSharp);
        var states = States(shared ? 1 : 2, units: 11);
        var starts = new bool[T * N];
        starts[0] = starts[(3 * N) + 1] = true;
        float[] byPolicy = Numbers(T * N * K, seed: 6), byValue = Numbers(T * N, seed: 7);
        var (expected, expectedGradient) = Learn(graph);
        for (var pass = 0; pass < 2; pass++)   // nothing of the pass before is left
        {
            var (outputs, gradient) = Learn(plain);
            Assert.All(expected.Zip(outputs), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
            foreach (var (name, own) in gradient)
            {
                var size = expectedGradient[name].Max(Math.Abs);
                Assert.True(size > 0.01, $"{name}: {size} tells nothing.");
                Assert.All(expectedGradient[name].Zip(own), pair => Assert.Equal(pair.First, pair.Second, 2e-5f * size));
            }
        }

        (float[] Outputs, Dictionary<string, float[]> Gradient) Learn(RecurrentLearning learning)
        {
            using (no_grad())
                parameters.Gradients.fill_(float.NaN);   // each writes all of its own
            var (policy, values) = (new float[T * N * K], new float[T * N]);
            learning.Forward(new(Observations()), starts, states, policy, values);
            learning.Backward(byPolicy, byValue, []);
            return ([.. policy, .. values], network.named_parameters().Where(entry => entry.parameter.requires_grad).ToDictionary(
                entry => entry.name, entry => entry.parameter.grad!.contiguous().data<float>().ToArray()));
        }
    }

    // Freeing twice what malloc gave ends the process.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Dispose_Twice_FreesOnceAndPassesAreRefusedAfterIt(bool shared)
    {
        using var network = Make(Small with { Shared = shared });
        using var parameters = new FlatParameters(network);
        var acting = new RecurrentActing(network, N);
        var learning = new RecurrentLearning(network, parameters, T * N, small: true);
        var (policy, values) = (new float[T * N * K], new float[T * N]);
        learning.Forward(new(Observations()), new bool[T * N], acting.States, policy, values);
        for (var i = 0; i < 2; i++)
        {
            learning.Dispose();
            acting.Dispose();
        }

        Assert.Throws<ObjectDisposedException>(() => learning.Forward(new(Observations()), new bool[T * N], acting.States, policy, values));
        Assert.Throws<ObjectDisposedException>(() => learning.Backward(policy, values, []));
        Assert.Throws<ObjectDisposedException>(() => acting.Evaluate(new(Observations().AsSpan(0, N * D)), N, policy.AsSpan(0, N * K), values.AsSpan(0, N)));
    }

    [Fact]
    public void Make_NetworkWithoutMemory_IsRefusedAndSoIsOneWithItWhereNothingRemembers()
    {
        using var plain = Make(Small with { Lstm = 0 });
        using var recurrent = Make(Small);

        Assert.StartsWith("Expected network.lstm above 0", Assert.Throws<ArgumentException>(() => new RecurrentActing(plain, N)).Message, StringComparison.Ordinal);
        Assert.StartsWith("Expected network.lstm 0", Assert.Throws<ArgumentException>(() => new Acting(recurrent)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Forward_WhatDoesNotFit_IsRefused()
    {
        using var network = Make(Small);
        using var parameters = new FlatParameters(network);
        foreach (var small in (bool[])[false, true])
        {
            using var learning = new RecurrentLearning(network, parameters, T * N, small);
            var states = States(2, units: 11);
            Forward(T * N, states);

            Refuse(T * N, [states[0]]);
            Refuse(T * N, [states[0], new(N + 3, 11)]);   // 6 divides 18, too
            Refuse(T * N, [states[0], new(N, 10)]);
            Refuse((T + 1) * N, states);                  // beyond its room
            Refuse((T * N) - 1, states);                  // no whole sequences
            Refuse(0, states);

            void Refuse(int steps, RecurrentState[] wrong) => Assert.StartsWith(
                "Expected 2 states [N, 11] and [N, 11], up to 18 steps", Assert.Throws<ArgumentException>(() => Forward(steps, wrong)).Message, StringComparison.Ordinal);

            void Forward(int steps, RecurrentState[] states) =>
                learning.Forward(new(new float[steps * D]), new bool[steps], states, new float[steps * K], new float[steps]);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Act_OtherNumberOfEnvironments_IsRefused(bool shared)
    {
        using var network = Make(Small with { Shared = shared });
        using var acting = new RecurrentActing(network, N);

        foreach (var rows in (int[])[N - 1, N + 1])
        {
            Refuse(() => acting.Evaluate(new(new float[rows * D]), rows, new float[rows * K], new float[rows]));
            Refuse(() => acting.Evaluate(new(new byte[rows * D], 1), rows, new float[rows * K], new float[rows]));
            Refuse(() => acting.Value(new(new float[rows * D]), rows, new float[rows]));
            Assert.StartsWith("Expected whether the episode of each of 3", Assert.Throws<ArgumentException>(() => acting.Forget(new bool[rows])).Message, StringComparison.Ordinal);
        }

        Refuse(() => acting.Evaluate(new(new float[N * D]), N - 1, new float[N * K], new float[N]));
        Refuse(() => acting.Evaluate(new(new float[N * D]), N, new float[(N * K) - 1], new float[N]));
        Refuse(() => acting.Value(new(new float[N * D]), N, new float[N - 1]));
        Assert.All(acting.States, state => Assert.Equal(new float[N * 11], state.Hidden));

        static void Refuse(Action act) => Assert.StartsWith("Expected a batch of all 3 environments", Assert.Throws<ArgumentException>(act).Message, StringComparison.Ordinal);
    }

    private static ActorCritic Make(NetworkOptions options) => new(D, K, continuous: false, options, Seeded.Init(1));

    // Something is remembered of every episode.
    private static RecurrentState[] States(int count, int units)
    {
        RecurrentState[] states = [.. Enumerable.Range(0, count).Select(_ => new RecurrentState(N, units))];
        for (var i = 0; i < count; i++)
        {
            Numbers(N * units, seed: 2 * i).CopyTo(states[i].Hidden);
            Numbers(N * units, seed: (2 * i) + 1).CopyTo(states[i].Cell);
        }

        return states;
    }

    private static float[] Numbers(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
    }

    private static float[] Observations()
    {
        using var normal = Seeded.Normal(2, T, N, D);
        return normal.data<float>().ToArray();
    }
}
