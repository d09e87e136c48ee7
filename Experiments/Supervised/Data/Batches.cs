using System.Diagnostics;
using RlWn.Envs;
using RlWn.Init;
using static TorchSharp.torch;

namespace RlWn.Experiments.Supervised.Data;

/// <summary>Images and labels that a network sees at once. They are overwritten when the next batch is asked for.</summary>
/// <param name="Images">Normalized, shape [N, C, H, W], float32 on the CPU.</param>
/// <param name="Labels">Shape [N], int64.</param>
internal readonly record struct ImageBatch(Tensor Images, Tensor Labels);

/// <summary>Batches of a set of images: while one is used, a thread in the background makes the next.</summary>
/// <remarks>
/// All that is random comes from the seed and the epoch's number, drawn in one order, so that an epoch can be repeated without those
/// before it, on any machine. Two batches' tensors are made once; the last batch of an epoch may be smaller.
/// </remarks>
internal sealed class Batches : IDisposable
{
    private readonly ImageSet set;
    private readonly int[] numbers;
    private readonly Augmentation augmentation;
    private readonly ulong seed;
    private readonly ImageWriter writer;
    private readonly Slot[] slots;
    private readonly int batchSize;
    private bool isInUse;

    /// <summary>Prepares batches.</summary>
    /// <param name="set">The images.</param>
    /// <param name="numbers">Which of them, by their numbers in the set, at least one; <see cref="ImageSet.Split"/> and <see cref="ImageSet.All"/> give them.</param>
    /// <param name="batchSize">Images in a batch, at least 1.</param>
    /// <param name="normalization">For the set's channels.</param>
    /// <param name="augmentation">How training images are altered.</param>
    /// <param name="seed">Decides the order and every alteration.</param>
    public Batches(ImageSet set, int[] numbers, int batchSize, Normalization normalization, Augmentation augmentation, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfZero(numbers.Length);
        (this.set, this.numbers, this.augmentation, this.seed) = (set, numbers, augmentation, seed);
        this.batchSize = Math.Min(batchSize, numbers.Length);
        writer = new(set.Shape, normalization);
        slots = [new(this.batchSize, set), new(this.batchSize, set)];
    }

    /// <summary>Batches in an epoch.</summary>
    public int Count => (numbers.Length + batchSize - 1) / batchSize;

    /// <summary>Images in an epoch.</summary>
    public int ImageCount => numbers.Length;

    /// <summary>How long training was held back by waiting for a batch, over all epochs.</summary>
    public TimeSpan Waited { get; private set; }

    /// <summary>
    /// How long batches took to make, on the thread in the background, over all epochs: those that were handed out, and the one made ahead where an epoch
    /// was left early. Near the time of training, or above it, the thread is what training waits for; far below, images cost nothing.
    /// </summary>
    public TimeSpan Preparing { get; private set; }

    /// <summary>The images once, in random order and altered.</summary>
    /// <param name="epoch">Which epoch, from 0.</param>
    public IEnumerable<ImageBatch> Epoch(int epoch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        var random = new Rng(seed, (ulong)epoch);
        var order = (int[])numbers.Clone();
        random.Shuffle(order);
        return Prefetched(order, augmentation, random);
    }

    /// <summary>The images once, in their own order and as they are.</summary>
    public IEnumerable<ImageBatch> InOrder() => Prefetched(numbers, Augmentation.None, new Rng(seed));

    public void Dispose()
    {
        foreach (var slot in slots)
            slot.Dispose();
    }

    private IEnumerable<ImageBatch> Prefetched(int[] order, Augmentation change, Rng random)
    {
        if (isInUse)
            throw new InvalidOperationException("Expected one pass over the batches at a time, got a second. End the first, or make other batches.");

        isInUse = true;
        var (next, isAhead) = (Begin(0), true);
        try
        {
            for (var i = 0; i < Count; i++)
            {
                var started = Stopwatch.GetTimestamp();
                var preparing = next.GetAwaiter().GetResult();
                Waited += Stopwatch.GetElapsedTime(started);
                Preparing += preparing;

                isAhead = i + 1 < Count;
                if (isAhead)
                    next = Begin(i + 1);
                yield return slots[i % 2].First(SizeOf(i));
            }
        }
        finally
        {
            var preparing = next.GetAwaiter().GetResult();   // nobody writes into the tensors any more
            if (isAhead)
                Preparing += preparing;
            isInUse = false;
        }

        Task<TimeSpan> Begin(int batch) => Task.Run(() => Fill(slots[batch % 2], order.AsSpan(batch * batchSize, SizeOf(batch)), change, random));
    }

    private int SizeOf(int batch) => Math.Min(batchSize, numbers.Length - (batch * batchSize));

    // How long it took.
    private TimeSpan Fill(Slot slot, ReadOnlySpan<int> chosen, Augmentation change, Rng random)
    {
        var started = Stopwatch.GetTimestamp();
        var size = set.Pixels.Length / set.Count;
        var images = Aten.Memory<float>(slot.Images);
        var labels = Aten.Memory<long>(slot.Labels);
        for (var i = 0; i < chosen.Length; i++)
        {
            var image = set.Pixels.AsSpan(chosen[i] * size, size);
            writer.Write(image, change.Draw(random, set.Shape), images.Slice(i * size, size));
            labels[i] = set.Labels[chosen[i]];
        }

        return Stopwatch.GetElapsedTime(started);
    }

    // The tensors of one batch, and those of a smaller last one as views of them.
    private sealed class Slot : IDisposable
    {
        private ImageBatch? smaller;

        public Slot(int batchSize, ImageSet set)
        {
            Images = zeros([batchSize, set.Shape.Channels, set.Shape.Height, set.Shape.Width]).DetachFromDisposeScope();
            Labels = zeros([batchSize], ScalarType.Int64).DetachFromDisposeScope();
        }

        public Tensor Images { get; }

        public Tensor Labels { get; }

        public ImageBatch First(int count)
        {
            if (count == Labels.size(0))
                return new(Images, Labels);
            return smaller ??= new(Images.narrow(0, 0, count).DetachFromDisposeScope(), Labels.narrow(0, 0, count).DetachFromDisposeScope());
        }

        public void Dispose()
        {
            smaller?.Images.Dispose();
            smaller?.Labels.Dispose();
            Images.Dispose();
            Labels.Dispose();
        }
    }
}
