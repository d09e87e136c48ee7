using System.Collections;
using System.Diagnostics;
using System.Globalization;
using RlWn.Envs;
using RlWn.Experiments.Supervised.Data;
using RlWn.Experiments.Terminal;
using RlWn.Init;
using RlWn.Networks;
using static TorchSharp.torch;

namespace RlWn.Experiments.Tables;

/// <summary>One measurement: a network of one seed under one scheme.</summary>
/// <param name="Data">The row's data.</param>
/// <param name="Model">The row's model.</param>
/// <param name="Scheme">The scheme's name.</param>
/// <param name="Seed">Decides weights and images.</param>
internal sealed record Table2Cell(string Data, string Model, string Scheme, int Seed)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Data} {Model} {Scheme} seed {Seed}");
}

/// <summary>What was measured.</summary>
/// <param name="Loss">The mean cross entropy at the start.</param>
/// <param name="Norm">||H||₂; null where activations or gradients overflowed.</param>
/// <param name="Seconds">How long it took.</param>
internal sealed record Table2Result(double Loss, SpectralNorm? Norm, double Seconds);

/// <summary>A measurement that was not made.</summary>
/// <param name="Cell">Which.</param>
/// <param name="Message">Why, in one line.</param>
internal sealed record Table2Failure(Table2Cell Cell, string Message);

/// <summary>Table 2 of Arpit, Campos and Bengio 2019: the spectral norm of the loss's Hessian at the start, by scheme.</summary>
/// <remarks>
/// Training images, cropped and mirrored as in training, without cutout or weight decay. A data-dependent scheme starts from one batch and
/// is measured, as all others, on another.
/// </remarks>
internal sealed class Table2(Table2Settings settings, Device device)
{
    /// <summary>All measurements that there are to make, row by row.</summary>
    public IEnumerable<(Table2Row Row, Table2Cell Cell)> Cells =>
        from row in settings.Rows
        from direction in settings.Directions
        from rule in Table2Settings.Rules
        from seed in Enumerable.Range(1, settings.Seeds)
        select (row, new Table2Cell(row.Data, row.Name, $"{direction}-{rule}", seed));

    /// <summary>The images of a row, if they are not of any published data set.</summary>
    public ImageSet Noise()
    {
        const int Classes = 10;
        var shape = new ImageShape(3, settings.NoiseSide, settings.NoiseSide);
        var count = 4 * settings.Batch;
        var (pixels, labels) = (new byte[count * shape.Channels * shape.Height * shape.Width], new byte[count]);
        var random = new Rng(0);
        random.NextBytes(pixels);
        for (var i = 0; i < count; i++)
            labels[i] = (byte)random.Next(Classes);
        return new(pixels, labels, shape, Classes);
    }

    /// <summary>Makes all measurements that are not there yet, one after the other. After one that fails it goes on with the rest.</summary>
    /// <param name="results">Those that are there; each is added as soon as it is made.</param>
    /// <param name="images">The images of each data set that one is still to be made with.</param>
    /// <param name="status">Told of each; null to say nothing.</param>
    /// <param name="stop">Stops at the next product with the Hessian.</param>
    /// <returns>Those that failed.</returns>
    /// <exception cref="IOException">A result could not be kept.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="stop"/> asked for it.</exception>
    public IReadOnlyList<Table2Failure> MeasureMissing(Table2Results results, IReadOnlyDictionary<string, ImageSet> images, StatusLine? status, CancellationToken stop)
    {
        var failures = new List<Table2Failure>();
        var cells = Cells.ToArray();
        foreach (var (index, (row, cell)) in cells.Index().Where(entry => results[entry.Item.Cell] is null))
        {
            var what = string.Create(CultureInfo.InvariantCulture, $"{index + 1,3} / {cells.Length}  {cell}");
            status?.Show(what);
            try
            {
                var result = Measure(row, cell, images[cell.Data], stop);
                results.Add(cell, result);
                status?.Say(string.Create(CultureInfo.InvariantCulture, $"{what}: {Describe(result)}, {result.Seconds:0.0} s"));
            }
            catch (Exception failure) when (failure is not OperationCanceledException and not IOException)
            {
                failures.Add(new(cell, $"{failure.GetType().Name}: {failure.Message.ReplaceLineEndings(" ")}"));
                status?.Say($"{what}: failed, {failures[^1].Message}");
            }
        }

        return failures;
    }

    /// <summary>Makes one measurement.</summary>
    /// <param name="row">The row that it is of.</param>
    /// <param name="cell">Scheme and seed.</param>
    /// <param name="images">The row's images.</param>
    /// <param name="stop">Stops at the next product with the Hessian.</param>
    /// <exception cref="OperationCanceledException"><paramref name="stop"/> asked for it.</exception>
    public Table2Result Measure(Table2Row row, Table2Cell cell, ImageSet images, CancellationToken stop)
    {
        var started = Stopwatch.GetTimestamp();
        using var scope = NewDisposeScope();
        using var generator = new Generator((ulong)cell.Seed);
        using var batches = new Batches(images, images.All(), settings.Batch, Normalization.Cifar, Augmentation.Cifar, (ulong)cell.Seed);
        var (first, second) = Two(batches);
        using var network = Build(row, cell, images.Classes, generator, first.Images);

        var parts = new StoppableParts(Parts(network, second), stop);
        var loss = 0.0;
        using (no_grad())
        {
            foreach (var part in parts)
                loss += part().item<float>();
        }

        SpectralNorm? norm = null;
        try
        {
            norm = Curvature.SpectralNorm(network, parts, generator, settings.Iterations, settings.Tolerance);
        }
        catch (ArithmeticException)
        {
            // It overflows in float32: a result too, which the table shows as such.
        }

        return new(loss, norm, Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    private nn.Module<Tensor, Tensor> Build(Table2Row row, Table2Cell cell, int classes, Generator generator, Tensor batch)
    {
        const int Channels = 3;
        var scheme = Scheme.Parse(cell.Scheme);
        var init = new Initializer(generator, Device: device);
        nn.Module<Tensor, Tensor> network = row.Model == "wrn"
            ? WideResNet.OfDepth(row.Depth, row.Widening, Channels, classes, scheme, init)
            : ResNet.OfDepth(row.Depth, Channels, classes, scheme, init);
        if (scheme.NeedsBatch)
            Initialization.ApplyScales(network, scheme, batch);
        return network;
    }

    // Each the sum over its images by the number of all: together the mean.
    private Func<Tensor>[] Parts(nn.Module<Tensor, Tensor> network, ImageBatch batch)
    {
        var count = batch.Labels.size(0);
        var all = tensor((float)count, device: device);
        var parts = new List<Func<Tensor>>();
        for (var start = 0L; start < count; start += settings.MicroBatch)
        {
            var (from, size) = (start, Math.Min(settings.MicroBatch, count - start));
            parts.Add(() =>
            {
                using var scope = NewDisposeScope();
                var logits = network.call(batch.Images.narrow(0, from, size));
                var sum = nn.functional.cross_entropy(logits, batch.Labels.narrow(0, from, size), reduction: nn.Reduction.Sum);
                return (sum / all).MoveToOuterDisposeScope();
            });
        }

        return [.. parts];
    }

    private static string Describe(Table2Result result) => result.Norm is not { } norm
        ? "overflowed"
        : string.Create(CultureInfo.InvariantCulture, $"log10 ||H|| = {Math.Log10(norm.Value):0.00} after {norm.Iterations} products{(norm.HasConverged ? "" : ", not converged")}");

    private (ImageBatch First, ImageBatch Second) Two(Batches batches)
    {
        var two = batches.Epoch(0).Take(2).Select(batch => new ImageBatch(batch.Images.to(device, copy: true), batch.Labels.to(device, copy: true))).ToArray();
        return (two[0], two[1]);
    }

    // Power iteration goes through the parts at each product, also where it keeps a part's graph: there it can be stopped.
    private sealed class StoppableParts(IReadOnlyList<Func<Tensor>> parts, CancellationToken stop) : IReadOnlyList<Func<Tensor>>
    {
        public int Count => parts.Count;

        public Func<Tensor> this[int index] => parts[index];

        public IEnumerator<Func<Tensor>> GetEnumerator()
        {
            foreach (var part in parts)
            {
                stop.ThrowIfCancellationRequested();
                yield return part;
            }
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
