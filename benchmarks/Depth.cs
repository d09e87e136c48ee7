using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using RlWn.Init;
using RlWn.Networks;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace RlWn.Benchmarks;

/// <summary>
/// Training steps of WRN-(6n+4)-1 on 4 images of 32x32, with Adam: time by part, and memory. One depth a process, since freed memory stays with it.
/// </summary>
internal static partial class Depth
{
    private const int Batch = 4, Side = 32, Classes = 10;

    /// <summary>Prints a row of the table.</summary>
    /// <param name="layers">6n + 4, as 100, 1000 or 10000.</param>
    /// <param name="checkpointed">Whether activations are kept for one segment at a time.</param>
    public static void Run(int layers, bool checkpointed)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        using var network = WideResNet.OfDepth(layers, 1, 3, Classes, Scheme.Proposed, new Initializer(generator));
        using var parameters = new FlatParameters(network);
        using var adam = new FlatAdam(parameters);
        var images = randn([Batch, 3, Side, Side], generator: generator);
        var labels = arange(Batch, ScalarType.Int64);
        adam.Step(0);   // its memory is in use from now on
        _ = ReturnFreeMemory(0);   // what the flat buffer replaced; else activations would fill it unseen
        File.WriteAllText("/proc/self/clear_refs", "5");   // the most so far counts from here
        var atRest = Megabytes("VmRSS");

        Step();         // and libtorch's own buffers after one step
        var (forward, backward, step, loss) = Step();

        var peak = Megabytes("VmHWM");
        var milliseconds = (forward + backward + step).TotalMilliseconds;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {layers:N0} | {(checkpointed ? "checkpointed" : "ordinary")} | {forward.TotalSeconds:0.000} | {backward.TotalSeconds:0.000} | {step.TotalSeconds:0.000} "
            + $"| {milliseconds / layers:0.00} | {atRest:N0} | {peak - atRest:N0} | {1024 * (peak - atRest) / layers:N0} | {loss:0.0000} |"));

        (TimeSpan Forward, TimeSpan Backward, TimeSpan Step, double Loss) Step()
        {
            using var one = NewDisposeScope();
            parameters.ZeroGradients();
            var from = Stopwatch.GetTimestamp();
            using var pass = new CheckpointedPass(network, images, checkpointed ? null : 1);
            var error = functional.cross_entropy(pass.Output, labels);
            var forward = Stopwatch.GetElapsedTime(from);
            error.backward();
            pass.Backward();
            var backward = Stopwatch.GetElapsedTime(from) - forward;
            adam.Step(1e-4);
            return (forward, backward, Stopwatch.GetElapsedTime(from) - forward - backward, error.item<float>());
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int ReturnFreeMemory(nuint pad);

    // By the system's account of this process: VmRSS is now, VmHWM the most so far.
    private static double Megabytes(string entry)
    {
        var line = File.ReadLines("/proc/self/status").Single(line => line.StartsWith($"{entry}:", StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
    }
}
