using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using RlWn.Experiments.Runs;
using RlWn.Experiments.Supervised.Data;
using RlWn.Inference;
using RlWn.Init;
using RlWn.Networks;
using static TorchSharp.torch;

namespace RlWn.Experiments.Supervised;

/// <summary>How well a network does on some images.</summary>
/// <param name="Loss">The mean cross entropy.</param>
/// <param name="Accuracy">The part of the images that it tells right.</param>
internal readonly record struct Score(double Loss, double Accuracy);

/// <summary>One epoch, as a row of metrics.csv has it.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Train">While it learned, on altered images.</param>
/// <param name="Validation">After it; null where nothing is held out.</param>
/// <param name="LearningRate">Of its last step.</param>
/// <param name="ImagesPerSecond">Training alone.</param>
/// <param name="Seconds">Since the run began, validation included.</param>
/// <param name="Waiting">The part of training that was spent waiting for images.</param>
/// <param name="Preparing">The part of training during which the thread in the background altered and normalized images: what they cost, waited for or not.</param>
internal sealed record Epoch(
    int Number, Score Train, Score? Validation, double LearningRate, double ImagesPerSecond, double Seconds, double Waiting, double Preparing);

/// <summary>How a run ended.</summary>
internal enum Outcome
{
    /// <summary>All epochs were trained and the network was tested.</summary>
    Done,

    /// <summary>It was asked to stop; it can be gone on with.</summary>
    Stopped,

    /// <summary>The loss left all bounds, which is a result.</summary>
    Diverged,
}

/// <summary>What a run came to.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="Reason">Why it diverged or stopped; null otherwise.</param>
/// <param name="Epochs">Every whole epoch.</param>
/// <param name="Chosen">The number of the epoch whose network is kept: the best on validation, the last where nothing is held out; 0 before the first.</param>
/// <param name="Test">What the chosen network does on the test images; null unless done.</param>
internal sealed record SupervisedResult(Outcome Outcome, string? Reason, IReadOnlyList<Epoch> Epochs, int Chosen, Score? Test);

/// <summary>One supervised run, from settings to results: train, keep the network that is best on validation, test it once.</summary>
/// <remarks>The protocol of Arpit, Campos and Bengio 2019, arXiv:1906.02341. Everything random comes from the seed: on the CPU a resumed run ends as an uninterrupted one, to the bit.</remarks>
internal sealed class SupervisedRun : IDisposable
{
    /// <summary>The file of the chosen network.</summary>
    public const string Model = "model.safetensors";

    private const int KeptCheckpoints = 2;
    private const int CheckpointFormat = 2;   // of what Save writes; before it there was no number
    private const string EpochKey = "rlwn.epoch";
    private const string Interrupted = "stopped by Ctrl+C or a signal";

    private readonly SupervisedSettings settings;
    private readonly Device device;
    private readonly nn.Module<Tensor, Tensor> network;
    private readonly FlatParameters parameters;
    private readonly FlatSgd sgd;
    private readonly Batches train, test;
    private readonly Batches? validation;
    private readonly string? failedStart;
    private readonly List<Epoch> epochs = [];
    private readonly DateTimeOffset started = DateTimeOffset.Now;
    private readonly long startedAt = Stopwatch.GetTimestamp();
    private double secondsBefore;
    private int chosen;
    private long? eventsEnd;   // where TensorBoard's events of a resumed run go on; null in a new one

    /// <summary>Makes ready: everything that can be wrong with the settings shows here, before there is a run folder.</summary>
    /// <param name="settings">All settings.</param>
    /// <param name="trainImages">The training images, of which a part is held out.</param>
    /// <param name="testImages">The test images.</param>
    /// <exception cref="UsageException">The device's name means nothing, there is no such network, or the validation share is no image.</exception>
    /// <exception cref="NotSupportedException">The device is not there.</exception>
    public SupervisedRun(SupervisedSettings settings, ImageSet trainImages, ImageSet testImages)
    {
        if (settings.Threads is { } threads)
            set_num_threads(threads);
        NativeHeap.KeepFreed();
        if (settings.Images is { } most)
            (trainImages, testImages) = (trainImages.Sample(most), testImages.Sample(most));

        using var generator = new Generator(settings.Seed);
        try
        {
            device = TorchDevice.Choose(settings.Device);
            this.settings = settings = settings with { Device = device.ToString() };
            network = Models.Make(settings, trainImages.Shape, trainImages.Classes, new Initializer(generator, Device: device));
        }
        catch (ArgumentException misfit)
        {
            throw new UsageException(Failures.WithoutParameter(misfit));
        }

        if (settings.ValidationShare > 0 && Math.Round(settings.ValidationShare * trainImages.Count) == 0)
        {
            throw new UsageException(Text(
                $"Expected a validationShare that holds out an image at least, got {settings.ValidationShare} of {trainImages.Count}. Take a greater one, or 0 to train on all."));
        }

        var (learn, hold) = settings.ValidationShare > 0 ? trainImages.Split(settings.Seed, settings.ValidationShare) : (trainImages.All(), []);
        var normalization = Normalization.Of(trainImages.Shape);
        train = new(trainImages, learn, settings.Batch, normalization, AugmentationOf(settings), settings.Seed);
        validation = hold.Length > 0 ? new(trainImages, hold, settings.Batch, normalization, Data.Augmentation.None, settings.Seed) : null;
        test = new(testImages, testImages.All(), settings.Batch, normalization, Data.Augmentation.None, settings.Seed);

        failedStart = settings.Scheme.NeedsBatch ? StartFromBatch() : null;
        parameters = new(network);
        sgd = new(parameters, settings.Momentum, settings.WeightDecay, settings.Nesterov);
    }

    /// <summary>Goes on with a run that was stopped or killed, from its last whole checkpoint; where there is none, from the start, which the same settings repeat.</summary>
    /// <param name="path">The run's folder.</param>
    /// <param name="data">Where the images are.</param>
    /// <param name="show">Told of each epoch and of how far it is; null for nobody.</param>
    /// <param name="warn">Told of damaged checkpoints, and where the run goes on.</param>
    /// <param name="stop">Stops at the next step.</param>
    /// <exception cref="UsageException">The run has ended: it is done, or diverged.</exception>
    /// <exception cref="IOException">There is no run, it cannot be read, or another process has it.</exception>
    public static SupervisedResult Resume(string path, SupervisedData data, ISupervisedProgress? show, Action<string> warn, CancellationToken stop)
    {
        var folder = RunFolder.Open(path);
        var settings = SupervisedSettings.Resolve(Recipe.Load(folder[RunFolder.Settings], RecipeShelf.Supervised).Assignments);
        using var locked = folder.Lock();
        if (folder.ReadState() is { } state && (state == Setting.Text(Outcome.Done) || state == Setting.Text(Outcome.Diverged)))
        {
            throw new UsageException(
                $"Expected a run that did not end, got '{path}', which is {state}. Its results are there; "
                + $"'{OwnName.Command} supervised {folder[RunFolder.Settings]}' makes it again.");
        }

        using var run = new SupervisedRun(settings, data.Read(settings.Data, isTest: false, stop), data.Read(settings.Data, isTest: true, stop));
        var checkpoints = new Checkpoints(folder, KeptCheckpoints);
        warn(run.LoadNewest(folder, checkpoints, warn)
            ? Text($"Going on from epoch {run.epochs.Count}.")
            : "There is no whole checkpoint: starting from the beginning, with the same settings.");
        return run.Go(folder, checkpoints, show, stop);
    }

    /// <summary>Trains and tests, and leaves the results in the folder, also when asked to stop.</summary>
    /// <param name="folder">A new folder.</param>
    /// <param name="show">Told of each epoch and of how far it is; null for nobody.</param>
    /// <param name="stop">Stops at the next step; the epoch under way is made again when the run goes on.</param>
    /// <exception cref="IOException">A result could not be written.</exception>
    public SupervisedResult Run(RunFolder folder, ISupervisedProgress? show, CancellationToken stop)
    {
        using var locked = folder.Lock();
        WriteSettings(folder);
        return Go(folder, new(folder, KeptCheckpoints), show, stop);
    }

    public void Dispose()
    {
        sgd.Dispose();
        parameters.Dispose();
        network.Dispose();
        train.Dispose();
        validation?.Dispose();
        test.Dispose();
    }

    private SupervisedResult Go(RunFolder folder, Checkpoints checkpoints, ISupervisedProgress? show, CancellationToken stop)
    {
        WriteStatus(folder, "running", reason: null);
        try
        {
            var result = failedStart is null ? Train(folder, checkpoints, show, stop) : Ended(Outcome.Diverged, failedStart);
            WriteStatus(folder, Setting.Text(result.Outcome), result.Reason);
            return result;
        }
        catch (Exception failure) when (failure is not IOException)
        {
            WriteStatus(folder, "failed", failure.Message);
            throw;
        }
    }

    private SupervisedResult Train(RunFolder folder, Checkpoints checkpoints, ISupervisedProgress? show, CancellationToken stop)
    {
        using var events = new TensorBoardEvents(folder.Path, started, eventsEnd);
        while (epochs.Count < settings.Epochs)
        {
            var (epoch, diverged) = TrainEpoch(epochs.Count, show, stop);
            if (diverged is not null)
                return Ended(Outcome.Diverged, diverged);
            if (epoch is null)
                return Ended(Outcome.Stopped, Interrupted);

            epochs.Add(epoch);
            if (IsBest(epoch))
            {
                chosen = epoch.Number;
                SaveModel(folder);
            }

            folder.Write(RunFolder.Metrics, Csv());
            Write(events, epoch);
            eventsEnd = events.Log.Length;
            checkpoints.Save(epoch.Number, writer => Save(writer, folder));
            WriteStatus(folder, "running", reason: null);
            show?.Epoch(epoch, settings);
        }

        LoadModel(folder);
        if (Evaluate(test, stop) is not { } score)
            return Ended(Outcome.Stopped, Interrupted);
        if (!double.IsFinite(score.Loss))
            return Ended(Outcome.Diverged, Text($"the loss on the test images was {score.Loss:G4}"));

        events.Write(epochs.Count, [("test/loss", score.Loss), ("test/accuracy", score.Accuracy)]);
        events.Log.Flush();
        folder.WriteJson(RunFolder.Evaluation, new
        {
            settings.Data, Images = test.ImageCount, Epoch = chosen, score.Loss, score.Accuracy, ErrorPercent = 100 * (1 - score.Accuracy),
            Validation = epochs[chosen - 1].Validation?.Accuracy,
        });
        return Ended(Outcome.Done, null) with { Test = score };
    }

    // Null where it was stopped; with a reason where it diverged.
    private (Epoch? Epoch, string? Diverged) TrainEpoch(int number, ISupervisedProgress? show, CancellationToken stop)
    {
        network.train();
        var (from, waitedBefore, preparedBefore) = (Stopwatch.GetTimestamp(), train.Waited, train.Preparing);
        var (loss, right, seen, rate) = (0.0, 0L, 0L, 0.0);
        foreach (var (step, batch) in train.Epoch(number).Index())
        {
            if (stop.IsCancellationRequested)
                return (null, null);

            rate = LearningRate.At(settings, number, step, train.Count);
            var (batchLoss, batchRight) = Step(batch, rate);
            if (!(batchLoss <= settings.DivergedAbove))
                return (null, Text($"the loss was {batchLoss:G4} at step {step + 1} of epoch {number + 1}"));

            var images = batch.Labels.size(0);
            (loss, right, seen) = (loss + (batchLoss * images), right + batchRight, seen + images);
            show?.Step(number, step, train.Count, seen / Stopwatch.GetElapsedTime(from).TotalSeconds, settings);
        }

        var seconds = Stopwatch.GetElapsedTime(from).TotalSeconds;
        var (waited, prepared) = ((train.Waited - waitedBefore).TotalSeconds, (train.Preparing - preparedBefore).TotalSeconds);
        var validated = validation is null ? null : Evaluate(validation, stop);
        if (validation is not null && validated is null)
            return (null, null);
        if (validated is { } score && !double.IsFinite(score.Loss))
            return (null, Text($"the loss on validation was {score.Loss:G4} after epoch {number + 1}"));

        return (new(number + 1, new(loss / seen, (double)right / seen), validated, rate, seen / seconds, Seconds(), waited / seconds, prepared / seconds), null);
    }

    // One step of SGD on a batch: gradients of its parts add up to that of the mean loss.
    private (double Loss, long Right) Step(ImageBatch batch, double rate)
    {
        using var scope = NewDisposeScope();
        parameters.ZeroGradients();
        var count = batch.Labels.size(0);
        using var all = tensor((float)count, device: device);
        var (sum, right) = (0.0, 0L);
        var part = Math.Min(settings.MicroBatch ?? count, count);
        for (var start = 0L; start < count; start += part)
        {
            using var micro = NewDisposeScope();
            var size = Math.Min(part, count - start);
            var images = Models.Present(settings, batch.Images.narrow(0, start, size).to(device));
            var labels = batch.Labels.narrow(0, start, size).to(device);

            using var pass = settings.Recompute ? new CheckpointedPass((IChain)network, images) : null;
            var logits = pass?.Output ?? network.call(images);
            var loss = nn.functional.cross_entropy(logits, labels, reduction: nn.Reduction.Sum).div(all);
            loss.backward();
            pass?.Backward();

            sum += loss.item<float>();
            right += logits.detach().argmax(1).eq(labels).sum().item<long>();
        }

        sgd.Step(rate);
        return (sum, right);
    }

    // Null where it was stopped.
    private Score? Evaluate(Batches batches, CancellationToken stop)
    {
        network.eval();
        using var noGrad = no_grad();
        var (loss, right, seen) = (0.0, 0L, 0L);
        foreach (var batch in batches.InOrder())
        {
            if (stop.IsCancellationRequested)
                return null;

            using var scope = NewDisposeScope();
            var labels = batch.Labels.to(device);
            var logits = network.call(Models.Present(settings, batch.Images.to(device)));
            loss += nn.functional.cross_entropy(logits, labels, reduction: nn.Reduction.Sum).item<float>();
            right += logits.argmax(1).eq(labels).sum().item<long>();
            seen += labels.size(0);
        }

        return new Score(loss / seen, (double)right / seen);
    }

    // Where activations overflow or vanish in a deep network, no batch can set its scales: that too is a result.
    private string? StartFromBatch()
    {
        using var scope = NewDisposeScope();
        try
        {
            Initialization.ApplyScales(network, settings.Scheme, Models.Present(settings with { Precision = Precision.Float32 }, train.Epoch(0).First().Images.to(device)));
            return null;
        }
        catch (ArgumentException failure)
        {
            return $"the first batch gave no start: {Failures.WithoutParameter(failure)}";
        }
    }

    // Higher accuracy on validation; of equal ones, the lower loss.
    private bool IsBest(Epoch epoch) =>
        epoch.Validation is not { } now || chosen == 0 || epochs[chosen - 1].Validation is not { } best
        || now.Accuracy > best.Accuracy || (now.Accuracy == best.Accuracy && now.Loss < best.Loss);

    private SupervisedResult Ended(Outcome outcome, string? reason) => new(outcome, reason, epochs, chosen, null);

    private double Seconds() => secondsBefore + Stopwatch.GetElapsedTime(startedAt).TotalSeconds;

    // The chosen network's file too: a kill between the two, or a damaged checkpoint, cannot leave a network of another epoch beside the state that is gone on from.
    private void Save(BinaryWriter writer, RunFolder folder)
    {
        var model = File.ReadAllBytes(folder[Model]);
        writer.Write(CheckpointFormat);
        writer.Write(JsonSerializer.Serialize(epochs, RunFolder.Json));
        writer.Write(chosen);
        writer.Write(eventsEnd!.Value);
        writer.Write(model.Length);
        writer.Write(model);
        parameters.Save(writer);
        sgd.Save(writer);
        writer.Write(CheckpointFormat);   // and nothing after it
    }

    // False where there is no whole checkpoint; then nothing has changed.
    private bool LoadNewest(RunFolder folder, Checkpoints checkpoints, Action<string> warn)
    {
        eventsEnd = 0;
        (Epoch[] Epochs, int Chosen, long EventsEnd, byte[] Model)? read = null;
        if (!checkpoints.Load(reader => read = Load(reader, folder), warn))
            return false;

        var (made, best, end, model) = read!.Value;
        epochs.AddRange(made);
        (chosen, eventsEnd, secondsBefore) = (best, end, made[^1].Seconds);
        folder.Write(Model, model);
        return true;
    }

    // What is whole and does not fit ends the resuming, as it would leave half of a state: it is no damage that an older checkpoint could mend.
    private (Epoch[] Epochs, int Chosen, long EventsEnd, byte[] Model) Load(BinaryReader reader, RunFolder folder)
    {
        if (reader.ReadInt32() != CheckpointFormat)
            throw new IOException($"Expected in '{folder.Path}' checkpoints of a supervised run of format {CheckpointFormat}, got one of another version of RlWn. Go on with that, or start the run again in another folder.");

        var read = (
            JsonSerializer.Deserialize<Epoch[]>(reader.ReadString(), RunFolder.Json)!, Chosen: reader.ReadInt32(), EventsEnd: reader.ReadInt64(), Model: reader.ReadBytes(reader.ReadInt32()));
        try
        {
            parameters.Load(reader);
            sgd.Load(reader);
            return reader.ReadInt32() == CheckpointFormat ? read : throw new InvalidDataException("more state than the settings say");
        }
        catch (InvalidDataException misfit)
        {
            throw new IOException(
                $"Expected in '{folder.Path}' checkpoints of the network in its {RunFolder.Settings}, got: {misfit.Message.TrimEnd('.')}. Restore the settings that the run began with, or start it again in another folder.", misfit);
        }
    }

    private void SaveModel(RunFolder folder)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        RunFolder.Guard(folder[Model], () => Safetensors.Write(
            folder[Model],
            [
                .. from entry in network.state_dict()
                   let shape = entry.Value.shape.Select(length => (int)length).ToArray()
                   let numbers = entry.Value.cpu().contiguous()
                   select entry.Value.dtype == ScalarType.Int64
                       ? TensorData.Of(entry.Key, shape, (ReadOnlySpan<long>)Aten.Memory<long>(numbers))
                       : TensorData.Of(entry.Key, shape, (ReadOnlySpan<float>)Aten.Memory<float>(numbers)),
            ],
            new Dictionary<string, string> { [EpochKey] = Text($"{chosen}"), ["rlwn.scheme"] = settings.Scheme.Name }));
    }

    private void LoadModel(RunFolder folder)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (tensors, metadata) = Safetensors.Read(folder[Model]);
        if (metadata.GetValueOrDefault(EpochKey) is var epoch && epoch != Text($"{chosen}"))
            throw Unfit($"the network of epoch {epoch ?? "none"}");

        var saved = tensors.ToDictionary(entry => entry.Name);
        foreach (var (name, value) in network.state_dict())
        {
            if (!saved.TryGetValue(name, out var data))
                throw Unfit($"no tensor {name}");
            if (data.Bytes.Length != value.NumberOfElements * value.ElementSize)
                throw Unfit($"{name} of [{string.Join(", ", data.Shape)}], where [{string.Join(", ", value.shape)}] is wanted");

            var bytes = data.Bytes.Span;
            value.copy_(value.dtype == ScalarType.Int64
                ? tensor(MemoryMarshal.Cast<byte, long>(bytes).ToArray()).view(value.shape)
                : tensor(MemoryMarshal.Cast<byte, float>(bytes).ToArray()).view(value.shape));
        }

        IOException Unfit(string found) => new(
            $"Expected in '{folder[Model]}' the network of epoch {chosen}, which validation chose, got {found}. Something else wrote to it: '{OwnName.Command} supervised --resume {folder.Path}' restores it and tests it.");
    }

    private static void Write(TensorBoardEvents events, Epoch epoch)
    {
        events.Write(epoch.Number,
        [
            ("train/loss", epoch.Train.Loss), ("train/accuracy", epoch.Train.Accuracy),
            ("validation/loss", epoch.Validation?.Loss ?? double.NaN), ("validation/accuracy", epoch.Validation?.Accuracy ?? double.NaN),
            ("train/learning_rate", epoch.LearningRate), ("train/images_per_second", epoch.ImagesPerSecond), ("train/waiting_share", epoch.Waiting),
            ("train/preparing_share", epoch.Preparing),
        ]);
        events.Log.FlushToDisk();
    }

    private byte[] Csv()
    {
        var text = new StringBuilder("epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,learning_rate,images_per_second,seconds,waiting_share,preparing_share\n");
        foreach (var epoch in epochs)
        {
            text.Append(CultureInfo.InvariantCulture, $"{epoch.Number},{epoch.Train.Loss:G9},{epoch.Train.Accuracy:G9},{epoch.Validation?.Loss:G9},{epoch.Validation?.Accuracy:G9},");
            text.Append(CultureInfo.InvariantCulture, $"{epoch.LearningRate:G9},{epoch.ImagesPerSecond:0.0},{epoch.Seconds:0.000},{epoch.Waiting:0.0000},{epoch.Preparing:0.0000}\n");
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private void WriteSettings(RunFolder folder)
    {
        var document = settings.ToJson();
        document[Origin.Member] = Origin.Here(started).ToJson();
        folder.WriteJson(RunFolder.Settings, document);
    }

    private void WriteStatus(RunFolder folder, string state, string? reason) => folder.WriteJson(RunFolder.Status, new
    {
        State = state, Reason = reason, Epochs = epochs.Count, Chosen = chosen, Started = started,
        Ended = state == "running" ? (DateTimeOffset?)null : DateTimeOffset.Now, WallSeconds = Seconds(), Environment.ProcessId,
    });

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static Augmentation AugmentationOf(SupervisedSettings settings) => settings.Augmentation switch
    {
        Alteration.None => Data.Augmentation.None,
        Alteration.CropAndFlip => Data.Augmentation.Cifar,
        Alteration.Cutout => Data.Augmentation.CifarCutout,
        var other => throw new ArgumentOutOfRangeException(nameof(settings), other, "Expected none, cropAndFlip or cutout."),
    };
}
