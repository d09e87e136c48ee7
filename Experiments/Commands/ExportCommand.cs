using System.CommandLine;
using System.Globalization;
using RlWn.Experiments.Runs;
using RlWn.Experiments.Supervised;
using RlWn.Experiments.Supervised.Data;
using RlWn.Inference;
using RlWn.Init;
using RlWn.Networks;
using static TorchSharp.torch;

namespace RlWn.Experiments.Commands;

/// <summary><c>rlwn export</c></summary>
internal static class ExportCommand
{
    public const string Examples = """
        rlwn export runs/mine --out policy.onnx             for ONNX Runtime, in Python and elsewhere
        rlwn export runs/mine/best.safetensors --out best.onnx
        rlwn export runs/mine --format safetensors --out policy.safetensors
        rlwn export runs/cifar10-resnet20-seed1 --out classifier.onnx   a network of 'rlwn supervised'
        """;

    private const string Onnx = "onnx", Tensors = "safetensors";

    public static Command Make()
    {
        var run = Options.Run();
        var format = new Option<string?>("--format") { Description = $"{Onnx} or {Tensors}. [default: what FILE ends in]", HelpName = "NAME" };
        var file = new Option<string>("--out") { Description = "The file to write; one that exists is replaced by a whole new one.", HelpName = "FILE", Required = true };
        var command = new Command("export", "Write a trained policy or network as a file for other programs.") { run, format, file };
        command.SetAction(parsed =>
        {
            var (path, output) = (parsed.GetRequiredValue(run), parsed.GetRequiredValue(file));
            var isOnnx = IsOnnx(parsed.GetValue(format), output);
            if (File.Exists(Path.Combine(path, SupervisedRun.Model)))
                ExportNetwork(path, output, isOnnx);
            else
                ExportPolicy(path, output, isOnnx);

            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{output}: {new FileInfo(output).Length:N0} bytes of {(isOnnx ? "ONNX" : Tensors)}"));
            return Failures.Done;
        });
        return command;
    }

    private static bool IsOnnx(string? format, string output) => (format ?? Path.GetExtension(output).TrimStart('.')) switch
    {
        Onnx => true,
        Tensors => false,
        var other when format is not null => throw new UsageException($"Expected --format to be {Onnx} or {Tensors}, got '{other}'."),
        _ => throw new UsageException($"Expected --out to name a file that ends in .{Onnx} or .{Tensors}, got '{output}'. Or name the format with --format."),
    };

    private static void ExportPolicy(string path, string output, bool isOnnx)
    {
        using var policy = TrainedRun.LoadPolicy(path);
        RunFolder.Guard(output, () =>
        {
            if (isOnnx)
                OnnxPolicy.Write(output, policy);
            else
                policy.Save(output);
        });
    }

    private static void ExportNetwork(string path, string output, bool isOnnx)
    {
        var file = Path.Combine(path, SupervisedRun.Model);
        var (tensors, metadata) = Safetensors.Read(file);
        if (!isOnnx)
        {
            RunFolder.Guard(output, () => Safetensors.Write(output, tensors, metadata));
            return;
        }

        var settings = SupervisedSettings.Resolve(Recipe.Load(Path.Combine(path, RunFolder.Settings), RecipeShelf.Supervised).Assignments);
        var (shape, classes) = SupervisedData.Describe(settings.Data);
        using var generator = new Generator(settings.Seed);
        using var network = Models.Make(settings, shape, classes, new Initializer(generator));
        PyTorchWeights.Load(network, file);
        int[] image = [(int)shape.Channels, (int)shape.Height, (int)shape.Width];
        int[] input = settings.Model == Architecture.Mlp ? [image[0] * image[1] * image[2]] : image;
        var texts = new Dictionary<string, string>(metadata)
        {
            ["rlwn.image_shape"] = $"[{string.Join(", ", image)}]",
            ["rlwn.image_mean"] = List(Normalization.Of(shape).Mean),
            ["rlwn.image_deviation"] = List(Normalization.Of(shape).Deviation),
        };
        RunFolder.Guard(output, () => OnnxNetwork.Write(output, network, input, metadata: texts));
    }

    private static string List(IEnumerable<double> numbers) => $"[{string.Join(", ", numbers.Select(number => number.ToString(CultureInfo.InvariantCulture)))}]";
}
