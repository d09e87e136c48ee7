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
        Assert.NotEqual(policy[..(N * K)], policy[^(N * K)..]);
    }

    [Fact]
    public void Value_Alone_LeavesTheMemoryAsItIs()
    {
        using var network = Make(Small);
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

    // ∂/∂θ of Σ w · outputs, by differences in double precision.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Backward_OfSequences_IsTheGradientByDifferences(bool shared)
    {
        using var network = new ActorCritic(D, K, continuous: false, Small with { Shared = shared, Lstm = 4, Hidden = [6] }, Seeded.Init(1, ScalarType.Float64));
        Seeded.Disturb(network, 3);
        using var parameters = new FlatParameters(network);
        using var learning = new RecurrentLearning(network, parameters, T * N);
        var states = Enumerable.Range(0, shared ? 1 : 2).Select(_ => new RecurrentState(N, 4)).ToArray();
        var random = new Random(5);
        foreach (var state in states)
        {
            for (var i = 0; i < state.Hidden.Length; i++)
                (state.Hidden[i], state.Cell[i]) = (random.NextSingle() - 0.5f, random.NextSingle() - 0.5f);
        }

        var observations = Observations();
        var starts = new bool[T * N];
        starts[(2 * N) + 1] = true;
        float[] byPolicy = [.. Enumerable.Range(0, T * N * K).Select(_ => random.NextSingle() - 0.5f)], byValue = [.. Enumerable.Range(0, T * N).Select(_ => random.NextSingle() - 0.5f)];
        var (policy, values) = (new float[T * N * K], new float[T * N]);
        learning.Forward(new(observations), starts, states, policy, values);
        learning.Backward(byPolicy, byValue, []);

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (name, parameter) in network.named_parameters())
        {
            var flat = parameter.view(-1);
            var index = random.Next((int)flat.numel());
            var expected = (Weighed(1e-3) - Weighed(-1e-3)) / 2e-3;
            Assert.Equal(expected, parameter.grad!.view(-1)[index].item<double>(), 2e-3 * Math.Max(1, Math.Abs(expected)));

            double Weighed(double by)
            {
                flat[index].add_(by);
                learning.Forward(new(observations), starts, states, policy, values);
                flat[index].sub_(by);
                return policy.Zip(byPolicy, (output, weight) => (double)output * weight).Sum() + values.Zip(byValue, (output, weight) => (double)output * weight).Sum();
            }
        }
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
        var random = new Random(5);
        var states = Enumerable.Range(0, shared ? 1 : 2).Select(_ => new RecurrentState(N, 11)).ToArray();
        foreach (var state in states)
        {
            for (var i = 0; i < state.Hidden.Length; i++)
                (state.Hidden[i], state.Cell[i]) = (random.NextSingle() - 0.5f, random.NextSingle() - 0.5f);
        }

        var starts = new bool[T * N];
        starts[0] = starts[(3 * N) + 1] = true;
        float[] byPolicy = [.. Enumerable.Range(0, T * N * K).Select(_ => random.NextSingle() - 0.5f)], byValue = [.. Enumerable.Range(0, T * N).Select(_ => random.NextSingle() - 0.5f)];
        var (expected, expectedGradient) = Learn(graph);
        for (var pass = 0; pass < 2; pass++)   // nothing of the pass before is left
        {
            var (outputs, gradient) = Learn(plain);
            Assert.All(expected.Zip(outputs), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
            Assert.All(expectedGradient.Zip(gradient), pair => Assert.Equal(pair.First, pair.Second, 2e-5f * Math.Max(1, Math.Abs(pair.First))));
        }

        (float[] Outputs, float[] Gradient) Learn(RecurrentLearning learning)
        {
            var (policy, values) = (new float[T * N * K], new float[T * N]);
            learning.Forward(new(Observations()), starts, states, policy, values);
            learning.Backward(byPolicy, byValue, []);
            return ([.. policy, .. values], Aten.Memory<float>(parameters.Gradients).ToArray());
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

    private static ActorCritic Make(NetworkOptions options) => new(D, K, continuous: false, options, Seeded.Init(1));

    private static float[] Observations()
    {
        using var normal = Seeded.Normal(2, T, N, D);
        return normal.data<float>().ToArray();
    }
}
