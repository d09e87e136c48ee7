using System.Globalization;
using System.Runtime.InteropServices;
using RlWn.Agents.Ppo;
using RlWn.Envs;
using RlWn.Init;
using RlWn.Networks;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Layers = RlWn.Networks.Diagnostics;

namespace RlWn.Benchmarks;

/// <summary>
/// Training steps (forward, backward, Adam) of weight-normalized networks against plain ones, step by step in turns, so that whatever else
/// the machine does meets both; and what looking at the layers costs beside it.
/// </summary>
internal static partial class WeightNormCost
{
    private static readonly Scheme Plain = Scheme.Parse("he-no-wn"), Normalized = Scheme.Parse("he-proposed");

    /// <summary>Prints the table.</summary>
    public static void Run()
    {
        Console.WriteLine("| network | batch | plain, ms | weight norm, ms | ratio | diagnosis, ms |");
        Console.WriteLine("|---------|------:|----------:|----------------:|------:|--------------:|");
        InCSharp("MLP 2x64, plain C#", [64, 64], 64, rounds: 10_000);
        Compare("MLP 2x64, libtorch", (scheme, init) => Mlp([64, 64], scheme, init), [64, 8], rounds: 3_000);
        Compare("MLP 10x512", (scheme, init) => Mlp([.. Enumerable.Repeat(512, 10)], scheme, init), [256, 8], rounds: 80);
        Compare("ResNet-20", (scheme, init) => ResNet.OfDepth(20, 3, 10, scheme, init), [128, 3, 32, 32], rounds: 14);
        Compare("IMPALA, 100 layers", (scheme, init) => Impala.OfDepth(100, new(4, 84, 84), 6, OutputLayer.Plain, 1, scheme, init), [32, 4, 84, 84], rounds: 10);
        CartPole();
    }

    private static Mlp Mlp(int[] hidden, Scheme scheme, Initializer init) => new(8, hidden, 4, OutputLayer.Plain, 1, init, scheme);

    private static void Compare(string name, Func<Scheme, Initializer, Module<Tensor, Tensor>> make, long[] shape, int rounds)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var input = randn(shape, generator: generator);
        using var plain = make(Plain, new Initializer(generator));
        using var normalized = make(Normalized, new Initializer(generator));
        Write(name, shape[0], Alternate([Step(plain), Step(normalized)], rounds), Alternate([() => Layers.Of(normalized, 1e-4, input)], 5));

        Action Step(Module<Tensor, Tensor> network)
        {
            var parameters = new FlatParameters(network);
            var adam = new FlatAdam(parameters);
            return () =>
            {
                using var step = NewDisposeScope();
                parameters.ZeroGradients();
                network.call(input).square().mean().backward();
                adam.Step(1e-5);
            };
        }
    }

    // As agents train small networks.
    private static void InCSharp(string name, int[] hidden, int batch, int rounds)
    {
        using var generator = new Generator(1);
        var input = new float[batch * 8];
        input.AsSpan().Fill(0.5f);
        var (output, byOutput) = (new float[batch * 4], new float[batch * 4]);
        byOutput.AsSpan().Fill(1f / batch);
        Write(name, batch, Alternate([Step(Plain), Step(Normalized)], rounds));

        Action Step(Scheme scheme)
        {
            var network = Mlp(hidden, scheme, new Initializer(generator));
            var parameters = new FlatParameters(network);
            var adam = new FlatAdam(parameters);
            var gradient = new MlpGradient(network, batch);
            return () =>
            {
                gradient.Forward(input, output);
                gradient.Backward(byOutput);
                adam.Step(1e-5);
            };
        }
    }

    // The recipe cartpole-ppo, a diagnosis at every twentieth report: what share of the time it takes.
    private static void CartPole()
    {
        var options = new PpoOptions { Environments = 8, RolloutSteps = 64, Epochs = 8, LearningRate = 3e-3 };
        using var envs = EnvRegistry.MakeVector("CartPole-v1", options.Environments);
        using var agent = new PpoAgent(envs, options, new NetworkOptions(), seed: 1, CPU, totalSteps: 600_000);
        var (training, diagnosing) = (new List<double>(), new List<double>());
        var from = Milliseconds();
        foreach (var report in agent.Train())
        {
            if (report.Updates % (20 * options.Epochs * options.Minibatches) != 0)
                continue;

            training.Add(Milliseconds() - from);
            diagnosing.Add(Milliseconds(() => agent.Diagnose()));
            from = Milliseconds();
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"cartpole-ppo: twenty reports take {Median(training):0.00} ms, a diagnosis {Median(diagnosing):0.000} ms, {Median(diagnosing) / Median(training):P1}"));
    }

    private static double[][] Alternate(Action[] actions, int rounds)
    {
        var times = actions.Select(_ => new double[rounds]).ToArray();
        for (var round = -rounds / 5; round < rounds; round++)
        {
            for (var turn = 0; turn < actions.Length; turn++)
            {
                var i = (round & 1) == 0 ? turn : actions.Length - 1 - turn;   // nobody always follows the same one
                var time = Milliseconds(actions[i]);
                if (round >= 0)
                    times[i][round] = time;
            }
        }

        return times;
    }

    private static double Milliseconds(Action action)
    {
        var from = Milliseconds();
        action();
        return Milliseconds() - from;
    }

    // That this thread, which does all the work, has run: waiting for others on a busy machine does not count.
    private static double Milliseconds()
    {
        const int ThreadTime = 3;   // CLOCK_THREAD_CPUTIME_ID
        if (GetTime(ThreadTime, out var time) != 0)
            throw new PlatformNotSupportedException("Expected Linux's clock of a thread's time.");
        return (time.Seconds * 1e3) + (time.Nanoseconds / 1e6);
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, out Time time);

    // The ratio is the median of each round's own, so that a slow spell counts on both sides or not at all.
    private static void Write(string name, long batch, double[][] times, double[][]? diagnosis = null) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"| {name} | {batch} | {Median(times[0]):0.000} | {Median(times[1]):0.000} | {Median(times[1].Zip(times[0], (normalized, plain) => normalized / plain)):0.00} "
        + $"| {(diagnosis is not null ? Median(diagnosis[0]).ToString("0.000", CultureInfo.InvariantCulture) : "")} |"));

    private static double Median(IEnumerable<double> numbers)
    {
        var sorted = numbers.Order().ToArray();
        return sorted[sorted.Length / 2];
    }

    private readonly record struct Time(long Seconds, long Nanoseconds);
}
