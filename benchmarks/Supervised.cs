using System.Diagnostics;
using System.Globalization;
using RlWn.Init;
using RlWn.Networks;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Benchmarks;

/// <summary>
/// Training steps on images of 32x32, batch 128: weight-normalized as 'rlwn supervised' trains, in float32 and bfloat16, against the same network,
/// plain, in TorchSharp's own modules and optimizer. Each turn is a process of its own, for glibc's settings stay; turns take turns. Time is
/// the clock's: let the machine be quiet.
/// </summary>
internal static class Supervised
{
    private const int Batch = 128, Side = 32, Classes = 10;

    private static readonly string[] Ways = ["torchsharp", "float32", "bfloat16"];

    private static readonly (string Name, int Stages, int Widening, int Steps)[] Measured = [("resnet-20", 3, 0, 40), ("resnet-56", 9, 0, 15), ("wrn-16-4", 2, 4, 12)];

    /// <summary>Prints the table: medians, and the medians of the ratios of a turn.</summary>
    /// <param name="threads">Of libtorch.</param>
    /// <param name="repeats">Turns of each.</param>
    public static void Run(int threads, int repeats)
    {
        Console.WriteLine("| network | TorchSharp's modules, images/s | rlwn float32, images/s | ratio | rlwn bfloat16, images/s | ratio |");
        Console.WriteLine("|---------|-------------------------------:|-----------------------:|------:|------------------------:|------:|");
        foreach (var (name, _, _, _) in Measured)
        {
            var turns = Enumerable.Range(0, repeats).Select(_ => Ways.ToDictionary(way => way, way => Turn(name, way, threads))).ToArray();
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {name} | {Speed("torchsharp"):0} | {Speed("float32"):0} | {Ratio("float32"):0.00} | {Speed("bfloat16"):0} | {Ratio("bfloat16"):0.00} |"));

            double Speed(string way) => Median(turns.Select(turn => turn[way]));
            double Ratio(string way) => Median(turns.Select(turn => turn[way] / turn["torchsharp"]));
        }
    }

    /// <summary>Prints the images a second of one turn.</summary>
    /// <param name="name">The network's.</param>
    /// <param name="way">torchsharp, float32 or bfloat16.</param>
    /// <param name="threads">Of libtorch.</param>
    public static void RunOne(string name, string way, int threads)
    {
        set_num_threads(threads);
        var (_, blocks, widening, steps) = Measured.Single(network => network.Name == name);
        var images = randn(Batch, 3, Side, Side);
        var labels = randint(0, Classes, Batch, ScalarType.Int64);
        var step = way == "torchsharp"
            ? Plain(blocks, widening, images, labels)
            : Own(blocks, widening, way == "bfloat16" ? ScalarType.BFloat16 : ScalarType.Float32, images, labels);
        step();
        step();
        var from = Stopwatch.GetTimestamp();
        for (var i = 0; i < steps; i++)
            step();
        Console.WriteLine((steps * Batch / Stopwatch.GetElapsedTime(from).TotalSeconds).ToString(CultureInfo.InvariantCulture));
    }

    private static Action Own(int blocks, int widening, ScalarType type, Tensor images, Tensor labels)
    {
        NativeHeap.KeepFreed();
        var init = new Initializer(new Generator(1));
        Module<Tensor, Tensor> network = widening == 0
            ? new RlWn.Networks.ResNet(3, blocks, Classes, Scheme.Proposed, init)
            : new WideResNet(3, blocks, widening, Classes, Scheme.Proposed, init);
        var parameters = new FlatParameters(network);
        var sgd = new FlatSgd(parameters, 0.9, 1e-4);
        return () =>
        {
            using var scope = NewDisposeScope();
            parameters.ZeroGradients();
            functional.cross_entropy(network.call(Aten.ChannelsLast(images.to(type))), labels).backward();
            sgd.Step(0.01);
        };
    }

    private static Action Plain(int blocks, int widening, Tensor images, Tensor labels)
    {
        var network = new PlainNetwork(blocks, widening);
        var sgd = optim.SGD(network.parameters(), 0.01, 0.9, weight_decay: 1e-4);
        return () =>
        {
            using var scope = NewDisposeScope();
            sgd.zero_grad();
            functional.cross_entropy(network.call(images), labels).backward();
            sgd.step();
        };
    }

    private static double Turn(string name, string way, int threads)
    {
        using var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["supervised", name, way, $"{threads}"]) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return double.Parse(output, CultureInfo.InvariantCulture);
    }

    private static double Median(IEnumerable<double> numbers)
    {
        var sorted = numbers.Order().ToArray();
        return sorted[sorted.Length / 2];
    }

    // The same convolutions, shortcuts and output, as anyone would write them; weights as TorchSharp starts them.
    private sealed class PlainNetwork : Module<Tensor, Tensor>
    {
        private readonly Conv2d conv1 = Conv2d(3, 16, 3, padding: 1);
        private readonly ModuleList<Module<Tensor, Tensor>> blocks = [];
        private readonly Linear output;

        public PlainNetwork(int perStage, int widening) : base(nameof(PlainNetwork))
        {
            var (inputs, width) = (16, 16 * Math.Max(widening, 1));
            for (var stage = 0; stage < 3; stage++, width *= 2)
            {
                for (var b = 0; b < perStage; b++, inputs = width)
                    blocks.Add(new Block(inputs, width, stage > 0 && b == 0 ? 2 : 1));
            }

            output = Linear(inputs, Classes);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            var features = conv1.forward(input);
            foreach (var block in blocks)
                features = block.call(features);
            return output.forward(features.mean([2, 3]));
        }
    }

    private sealed class Block : Module<Tensor, Tensor>
    {
        private readonly Conv2d first, last;
        private readonly Conv2d? shortcut;

        public Block(int inputs, int outputs, int stride) : base(nameof(Block))
        {
            first = Conv2d(inputs, outputs, 3, stride: stride, padding: 1);
            last = Conv2d(outputs, outputs, 3, padding: 1);
            shortcut = inputs != outputs || stride != 1 ? Conv2d(inputs, outputs, 1, stride: stride) : null;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) =>
            (shortcut?.forward(input) ?? input) + last.forward(functional.relu(first.forward(input)));
    }
}
