using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using RlWn.Benchmarks;
using TorchSharp;

// dotnet run -c Release --project benchmarks -- --filter '*'          everything, about ten minutes
// dotnet run -c Release --project benchmarks -- --filter '*Stepping*' one file
// dotnet run -c Release --project benchmarks -- depth 1000 checkpointed   one row about the cost of depth, Linux only; or ordinary
// dotnet run -c Release --project benchmarks -- weight-norm                what weight norm costs a training step, and a look at the layers; Linux only
// dotnet run -c Release --project benchmarks -- supervised 2               training on images with 2 threads, against TorchSharp's own modules
// dotnet run -c Release --project benchmarks -- environments               steps a second of every built-in environment, in half a minute
// dotnet run -c Release --project benchmarks -- bridge                     what stepping Python's environments costs beside Python alone
// dotnet run -c Release --project benchmarks -- minatar-dqn 2                frames a second of Q-learning by MinAtar's settings, on 1 thread or 2
// Tables land in BenchmarkDotNet.Artifacts/results; those that the README quotes are kept in benchmarks/results.
torch.set_num_threads(1);
torch.manual_seed(1);

if (args is ["depth", var layers, "ordinary" or "checkpointed"])
{
    Depth.Run(int.Parse(layers, CultureInfo.InvariantCulture), checkpointed: args[2] == "checkpointed");
    return 0;
}

if (args is ["supervised", var network, "torchsharp" or "float32" or "bfloat16", var torchThreads])
{
    Supervised.RunOne(network, args[2], int.Parse(torchThreads, CultureInfo.InvariantCulture));
    return 0;
}

if (args is ["supervised", var threads])
{
    Supervised.Run(int.Parse(threads, CultureInfo.InvariantCulture), repeats: 3);
    return 0;
}

if (args is ["environments"])
{
    RlWn.Benchmarks.Environments.Run();
    return 0;
}

if (args is ["minatar-dqn", var dqnThreads])
{
    MinAtarDqn.Run(int.Parse(dqnThreads, CultureInfo.InvariantCulture));
    return 0;
}

if (args is ["bridge"])
{
    Bridge.Run();
    return 0;
}

if (args is ["weight-norm"])
{
    WeightNormCost.Run();
    return 0;
}

var config = ManualConfig.CreateEmpty()
    .AddJob(Job.Default.WithToolchain(InProcessEmitToolchain.Instance).WithWarmupCount(4).WithIterationCount(9).WithMinIterationTime(Perfolizer.Horology.TimeInterval.FromMilliseconds(120)))
    .AddColumnProvider(DefaultColumnProviders.Instance)
    .AddExporter(MarkdownExporter.GitHub)
    .AddDiagnoser(BenchmarkDotNet.Diagnosers.MemoryDiagnoser.Default)
    .AddLogger(ConsoleLogger.Default);

return BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args, config).Any(summary => summary.HasCriticalValidationErrors) ? 1 : 0;
