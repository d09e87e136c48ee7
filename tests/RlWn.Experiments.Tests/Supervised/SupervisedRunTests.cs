using System.Text.Json;
using System.Text.Json.Nodes;
using RlWn.Agents;
using RlWn.Experiments.Runs;
using RlWn.Experiments.Supervised;
using RlWn.Experiments.Supervised.Data;
using RlWn.Inference;
using RlWn.Init;
using RlWn.Networks;
using static TorchSharp.torch;

namespace RlWn.Experiments.Tests.Supervised;

public sealed class SupervisedRunTests : IDisposable
{
    private static readonly SupervisedSettings Small = new()
    {
        Recipe = "toy", Data = DataName.Toy, Augmentation = Alteration.CropAndFlip, Model = Architecture.Resnet, Depth = 8, Width = 4, Epochs = 4, Batch = 100,
        LearningRate = 0.02, Device = "cpu", Threads = 1, Images = 300,
    };

    // Steps too small to change a weight that is not 0: the first epoch stays the best.
    private static readonly SupervisedSettings Unlearned = Small with { LearningRate = 1e-15 };

    private readonly Scratch scratch = new();

    public static TheoryData<string> Names => [.. RecipeShelf.Supervised.Names];

    public void Dispose() => scratch.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void Load_EveryRecipe_ResolvesAndDescribesItself(string name)
    {
        var recipe = Recipe.Load(name, RecipeShelf.Supervised);

        Assert.Equal(name, SupervisedSettings.Resolve(recipe.Assignments).Recipe);
        Assert.NotEmpty(recipe["description"]);
    }

    [Fact]
    public void Run_FilesInCifarsFormat_AreLearned()   // two classes, dark and bright: 100% can be reached
    {
        static byte[] Records(int count) => [.. Enumerable.Range(0, count).SelectMany(i => (byte[])[0, (byte)(i % 2), .. Enumerable.Repeat((byte)(i % 2 == 0 ? 20 + (i % 7) : 220 + (i % 7)), 60)])];
        File.WriteAllBytes(scratch["train.bin"], Records(200));
        File.WriteAllBytes(scratch["test.bin"], Records(20));
        var dataset = new ImageDataset(
            "TwoShades", "shades", TinyData.Shape, LabelBytes: 2, [new(new("http://127.0.0.1:9/shades.tar.gz"), "")],
            new([new(new("train.bin"), null, 200)], [100, 100], MeanPixel: 123), new([new(new("test.bin"), null, 20)], [10, 10], MeanPixel: 123));
        var settings = Small with { Images = null, Model = Architecture.Mlp, Depth = 2, Width = 16, Augmentation = Alteration.None, Batch = 20, Epochs = 5 };
        using var run = new SupervisedRun(settings, dataset.Read(scratch.Path, dataset.Train), dataset.Read(scratch.Path, dataset.Test));

        var folder = RunFolder.Create(scratch["run"]);
        var result = run.Run(folder, null, CancellationToken.None);

        Assert.Equal(Outcome.Done, result.Outcome);
        Assert.Equal(1.0, result.Test!.Value.Accuracy);
        Assert.Equal(6, File.ReadAllLines(folder[RunFolder.Metrics]).Length);
        Assert.Equal(2, Directory.GetFiles(folder.Path, "*.ckpt").Length);
        Assert.Equal("done", Status(folder));
    }

    [Theory]
    [InlineData("orthogonal-proposed", 0.9, "float32")]
    [InlineData("orthogonal-data-dependent", 0.9, "bfloat16")]
    [InlineData("he-bn", 0.9, "float32")]          // running statistics are resumed too
    [InlineData("he-proposed", 0, "float32")]      // without momentum there is no velocity
    public void Resume_AfterAnyEpoch_EndsAsTheUninterruptedRunToTheBit(string scheme, double momentum, string precision)
    {
        var settings = Small with { Scheme = Scheme.Parse(scheme), Momentum = momentum, Precision = Enum.Parse<Precision>(precision, ignoreCase: true) };
        var whole = RunFolder.Create(scratch["whole"]);
        var expected = Go(settings, whole);

        using var stop = new CancellationTokenSource();
        var cut = RunFolder.Create(scratch["cut"]);
        var first = Go(settings, cut, new StopAfter(2, stop), stop);
        var resumed = SupervisedRun.Resume(cut.Path, Toy(), null, NotDamaged, CancellationToken.None);

        Assert.Equal((Outcome.Stopped, 2), (first.Outcome, first.Epochs.Count));
        Assert.Equal(Outcome.Done, resumed.Outcome);
        Assert.Equal(expected.Test, resumed.Test);
        Assert.Equal(expected.Epochs.Select(epoch => (epoch.Train, epoch.Validation)), resumed.Epochs.Select(epoch => (epoch.Train, epoch.Validation)));
        foreach (var (left, right) in Safetensors.Read(whole[SupervisedRun.Model]).Tensors.Zip(Safetensors.Read(cut[SupervisedRun.Model]).Tensors))
            Assert.True(left.Bytes.Span.SequenceEqual(right.Bytes.Span), left.Name);
    }

    [Fact]
    public void Resume_StoppedInAnEpochAndInTheTest_LeavesEachEpochOnceForTensorBoard()
    {
        var folder = RunFolder.Create(scratch["run"]);
        using var first = new CancellationTokenSource();
        Go(Small, folder, new StopAfter(2, first), first);
        using var second = new CancellationTokenSource();

        var inTest = SupervisedRun.Resume(folder.Path, Toy(), new StopAfter(4, second), NotDamaged, second.Token);
        var result = SupervisedRun.Resume(folder.Path, Toy(), null, NotDamaged, CancellationToken.None);

        Assert.Equal((Outcome.Stopped, 4), (inTest.Outcome, inTest.Epochs.Count));
        Assert.False(inTest.Test.HasValue);
        Assert.Equal(Outcome.Done, result.Outcome);
        var events = TensorBoardFile.Read(Assert.Single(Directory.GetFiles(folder.Path, "events.out.tfevents.*"))).Skip(1).ToArray();   // after the version
        Assert.Equal([1, 2, 3, 4, 4], events.Select(entry => entry.Step));
        Assert.Equal((float)result.Epochs[2].Validation!.Value.Accuracy, events[2].Summary.Value.Single(value => value.Tag == "validation/accuracy").SimpleValue);
        Assert.Equal((float)result.Test!.Value.Accuracy, events[4].Summary.Value.Single(value => value.Tag == "test/accuracy").SimpleValue);
    }

    [Fact]
    public void Run_LearningRateTooHigh_DivergesWhichIsAResult()
    {
        var folder = RunFolder.Create(scratch["run"]);

        var result = Go(Small with { LearningRate = 1e6, WeightDecay = 1 }, folder);

        Assert.Equal(Outcome.Diverged, result.Outcome);
        Assert.Contains("the loss was", result.Reason, StringComparison.Ordinal);
        Assert.Null(result.Test);
        Assert.Equal("diverged", Status(folder));
    }

    [Fact]
    public void Command_Diverging_ExitsWithZeroAndSaysSo()
    {
        var (exitCode, output, _) = Rlwn.Run(
            scratch.Path, "supervised", "toy-mlp", "--set", "learningRate=1e6", "--set", "weightDecay=1", "--out", "run", "--quiet", "--device", "cpu", "--threads", "1");

        Assert.Equal(0, exitCode);
        Assert.Contains("  diverged    the loss was ", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mlp", 2)]
    [InlineData("cnn", 3)]
    [InlineData("resnet", 8)]
    [InlineData("wrn", 10)]
    public void Run_MicroBatches_AreTheWholeBatch(string model, int depth)
    {
        var settings = Small with { Model = Enum.Parse<Architecture>(model, ignoreCase: true), Depth = depth, Epochs = 1, LearningRate = 0.005 };

        var whole = Go(settings, RunFolder.Create(scratch["whole"]));
        var parts = Go(settings with { MicroBatch = 32 }, RunFolder.Create(scratch["parts"]));   // 100 = 32 + 32 + 32 + 4
        var again = model == "mlp" ? whole : Go(settings with { Recompute = true }, RunFolder.Create(scratch["again"]));

        Assert.Equal(whole.Epochs[0].Train.Loss, parts.Epochs[0].Train.Loss, 1e-3);
        Assert.Equal(whole.Epochs[0].Validation!.Value.Loss, parts.Epochs[0].Validation!.Value.Loss, 1e-3);
        Assert.Equal(whole.Epochs[0].Validation!.Value.Loss, again.Epochs[0].Validation!.Value.Loss, 1e-6);
    }

    [Theory]
    [InlineData("cnn", 3)]
    [InlineData("resnet", 8)]
    [InlineData("wrn", 10)]
    public void Run_Bfloat16_LearnsAsFloat32Does(string model, int depth)
    {
        var settings = Small with { Model = Enum.Parse<Architecture>(model, ignoreCase: true), Depth = depth };

        var full = Go(settings, RunFolder.Create(scratch["full"])).Epochs;
        var half = Go(settings with { Precision = Precision.Bfloat16 }, RunFolder.Create(scratch["half"])).Epochs;

        Assert.NotEqual(full[0].Train.Loss, half[0].Train.Loss);   // it is another arithmetic
        Assert.Equal(full[0].Train.Loss, half[0].Train.Loss, 0.02 * full[0].Train.Loss);
        Assert.Equal(full[^1].Train.Loss, half[^1].Train.Loss, 0.1 * full[0].Train.Loss);
    }

    [Fact]
    public void Run_BestOnValidation_IsTheNetworkTested()
    {
        // It learns while the rate is small; when the warm-up has raised it, each step takes up to half of every weight away, until the last network only guesses.
        var settings = Small with
        {
            Model = Architecture.Mlp, Depth = 3, Width = 32, Augmentation = Alteration.None, Batch = 20, Epochs = 6, WarmUpEpochs = 6, WarmUpFrom = 0.02, LearningRate = 1,
            Schedule = LearningRateSchedule.Constant, Momentum = 0, WeightDecay = 0.5,
        };
        var folder = RunFolder.Create(scratch["run"]);

        var result = Go(settings, folder);

        var best = result.Epochs.Max(epoch => epoch.Validation!.Value.Accuracy);
        var candidates = result.Epochs.Where(epoch => epoch.Validation!.Value.Accuracy == best).ToArray();
        Assert.Equal(candidates.MinBy(epoch => epoch.Validation!.Value.Loss)!.Number, result.Chosen);
        Assert.InRange(result.Chosen, 1, settings.Epochs - 1);
        Assert.True(result.Test!.Value.Accuracy > 0.5, $"The network of a guessing epoch was tested: {result.Test}");
        Assert.Equal($"{result.Chosen}", Safetensors.Read(folder[SupervisedRun.Model]).Metadata["rlwn.epoch"]);
        var (loss, accuracy) = TestByHand(settings, folder[SupervisedRun.Model]);
        Assert.Equal(accuracy, result.Test.Value.Accuracy, 1e-12);
        Assert.Equal(loss, result.Test.Value.Loss, 1e-4 * loss);   // summed in another order
    }

    [Fact]
    public void Resume_NetworkOfALaterEpochInTheFile_TestsTheChosenOne()   // as a kill between a new best network and its checkpoint leaves it
    {
        var expected = Go(Unlearned, RunFolder.Create(scratch["whole"]));
        var folder = Stopped(Unlearned);
        var (tensors, metadata) = Safetensors.Read(folder[SupervisedRun.Model]);
        Safetensors.Write(
            folder[SupervisedRun.Model], [.. tensors.Select(tensor => new TensorData(tensor.Name, tensor.Shape.AsSpan(), tensor.Type, new byte[tensor.Bytes.Length]))],
            new Dictionary<string, string>(metadata) { ["rlwn.epoch"] = "3" });

        var result = SupervisedRun.Resume(folder.Path, Toy(), null, NotDamaged, CancellationToken.None);

        Assert.Equal(1, result.Chosen);
        Assert.Equal(expected.Test, result.Test);
        Assert.Equal(File.ReadAllBytes(scratch["whole/model.safetensors"]), File.ReadAllBytes(folder[SupervisedRun.Model]));
    }

    [Theory]
    [InlineData("3", false, "the network of epoch 1, which validation chose, got the network of epoch 3.")]
    [InlineData("1", true, "the network of epoch 1, which validation chose, got no tensor ")]
    public void Run_FileOfTheNetworkIsAltered_IsRefusedAndResumable(string epoch, bool isCut, string message)
    {
        var folder = RunFolder.Create(scratch["run"]);
        var alter = new AfterEpoch(Small.Epochs, () =>
        {
            var (tensors, metadata) = Safetensors.Read(folder[SupervisedRun.Model]);
            Safetensors.Write(folder[SupervisedRun.Model], isCut ? [.. tensors.Skip(1)] : tensors, new Dictionary<string, string>(metadata) { ["rlwn.epoch"] = epoch });
        });

        var failure = Assert.Throws<IOException>(() => Go(Unlearned, folder, alter));
        var resumed = SupervisedRun.Resume(folder.Path, Toy(), null, NotDamaged, CancellationToken.None);

        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
        Assert.Equal(Go(Unlearned, RunFolder.Create(scratch["whole"])).Test, resumed.Test);
    }

    [Theory]
    [InlineData("momentum", "0", "more state than the settings say")]
    [InlineData("width", "6", "a network's parameters as ")]
    public void Resume_CheckpointsOfOtherSettings_EndsInsteadOfTrainingOnHalfAState(string setting, string value, string message)
    {
        var folder = Stopped(Small);
        var settings = JsonNode.Parse(File.ReadAllText(folder[RunFolder.Settings]))!;
        settings[setting] = JsonNode.Parse(value);
        File.WriteAllText(folder[RunFolder.Settings], settings.ToJsonString());

        var failure = Assert.Throws<IOException>(() => SupervisedRun.Resume(folder.Path, Toy(), null, NotDamaged, CancellationToken.None));

        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
        Assert.Equal("stopped", Status(folder));
    }

    [Fact]
    public void Resume_CheckpointWithoutAFormat_SaysSoAndChangesNothing()
    {
        var folder = Stopped(Small);
        foreach (var file in Directory.GetFiles(folder.Path, "*.ckpt"))
            Checkpoint.Save(file, writer => writer.Write((int)ScalarType.Float32));   // which stood first

        var failure = Assert.Throws<IOException>(() => SupervisedRun.Resume(folder.Path, Toy(), null, NotDamaged, CancellationToken.None));

        Assert.Contains("of format 2, got one of another version of RlWn", failure.Message, StringComparison.Ordinal);
        Assert.Equal("stopped", Status(folder));
    }

    [Fact]
    public void Resume_DamagedCheckpointAndQuiet_WarnsAllTheSame()
    {
        var whole = Go(Small, RunFolder.Create(scratch["whole"]));
        var folder = Stopped(Small);
        var newest = Directory.GetFiles(folder.Path, "*.ckpt").Max(StringComparer.Ordinal)!;
        File.WriteAllBytes(newest, File.ReadAllBytes(newest)[..^100]);

        var (exitCode, _, error) = Rlwn.Run(scratch.Path, "resume", "cut", "--quiet");

        Assert.Equal(0, exitCode);
        var lines = error.TrimEnd().Split('\n');
        Assert.Contains($"'cut/{Path.GetFileName(newest)}', but its checksum is another", lines[0], StringComparison.Ordinal);
        Assert.Equal("rlwn: Going on from epoch 1.", lines[1]);   // of two
        using var evaluation = JsonDocument.Parse(File.ReadAllBytes(folder[RunFolder.Evaluation]));
        Assert.Equal(whole.Test!.Value.Loss, evaluation.RootElement.GetProperty("loss").GetDouble());
    }

    [Theory]
    [InlineData(0.02, "done")]
    [InlineData(1e6, "diverged")]
    public void Resume_RunThatEnded_IsRefusedAndStaysAsItIs(double learningRate, string state)
    {
        var folder = RunFolder.Create(scratch["run"]);
        Go(Small with { LearningRate = learningRate, WeightDecay = 1, Epochs = 1 }, folder);
        var before = File.ReadAllText(folder[RunFolder.Status]);
        Assert.Equal(state, Status(folder));

        var failure = Assert.Throws<UsageException>(() => SupervisedRun.Resume(folder.Path, Toy(), null, NotDamaged, new(canceled: true)));

        Assert.StartsWith($"Expected a run that did not end, got '{folder.Path}', which is {state}.", failure.Message, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllText(folder[RunFolder.Status]));
    }

    [Fact]
    public void Make_ShareOfNoImage_IsRefused()   // 0.001 of 300: 0.3, and so 0
    {
        var failure = Assert.Throws<UsageException>(() => new SupervisedRun(Small with { ValidationShare = 0.001 }, ToyImages.Make(isTest: false), ToyImages.Make(isTest: true)));

        Assert.StartsWith("Expected a validationShare that holds out an image at least, got 0.001 of 300.", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_NothingHeldOut_TestsTheLastEpoch()
    {
        var result = Go(Small with { ValidationShare = 0, Epochs = 3 }, RunFolder.Create(scratch["run"]));

        Assert.Equal(3, result.Chosen);
        Assert.All(result.Epochs, epoch => Assert.Null(epoch.Validation));
        Assert.NotNull(result.Test);
    }

    [Fact]
    public void Sample_OfASet_IsAPartWithItsLabelsAlwaysTheSame()
    {
        var set = new ImageSet([.. Enumerable.Range(0, 100).Select(i => (byte)i)], [.. Enumerable.Range(0, 100).Select(i => (byte)i)], new(1, 1, 1), 100);

        var part = set.Sample(30);

        Assert.Equal(part.Pixels, part.Labels);
        Assert.Equal(30, part.Labels.Distinct().Count());
        Assert.Equal(part.Labels, set.Sample(30).Labels);
        Assert.Same(set, set.Sample(100));
        var (learn, hold) = part.Split(seed: 5);
        Assert.Empty(learn.Intersect(hold));
        Assert.Equal(30, learn.Length + hold.Length);
    }

    [Theory]
    [InlineData(nameof(LearningRateSchedule.Constant), 100, 99, 1)]
    [InlineData(nameof(LearningRateSchedule.Thirds), 9, 2, 1)]
    [InlineData(nameof(LearningRateSchedule.Thirds), 9, 3, 0.1)]
    [InlineData(nameof(LearningRateSchedule.Thirds), 9, 6, 0.01)]
    [InlineData(nameof(LearningRateSchedule.Thirds), 10, 3, 1)]       // a third of ten is passed after epoch 3
    [InlineData(nameof(LearningRateSchedule.Thirds), 10, 4, 0.1)]
    [InlineData(nameof(LearningRateSchedule.Quarters), 200, 99, 1)]
    [InlineData(nameof(LearningRateSchedule.Quarters), 200, 100, 0.1)]
    [InlineData(nameof(LearningRateSchedule.Quarters), 200, 150, 0.01)]
    [InlineData(nameof(LearningRateSchedule.WideResNet), 200, 59, 1)]
    [InlineData(nameof(LearningRateSchedule.WideResNet), 200, 60, 0.2)]
    [InlineData(nameof(LearningRateSchedule.WideResNet), 200, 120, 0.04)]
    [InlineData(nameof(LearningRateSchedule.WideResNet), 200, 160, 0.008)]
    [InlineData(nameof(LearningRateSchedule.WideResNet), 50, 15, 0.2)]
    [InlineData(nameof(LearningRateSchedule.He), 164, 90, 1)]
    [InlineData(nameof(LearningRateSchedule.He), 164, 91, 0.1)]
    [InlineData(nameof(LearningRateSchedule.He), 164, 136, 0.01)]
    public void At_Schedules_MatchThePaper(string schedule, int epochs, int epoch, double expected) =>
        Assert.Equal(2 * expected, LearningRate.At(new() { Schedule = Enum.Parse<LearningRateSchedule>(schedule), Epochs = epochs, LearningRate = 2 }, epoch, 0, 10), 1e-12);

    [Theory]
    [InlineData(0, 0, 0.1)]       // α₀
    [InlineData(0, 5, 0.15625)]   // a = 1/4: 0.1 + 0.9/16
    [InlineData(1, 0, 0.325)]     // a = 1/2: 0.1 + 0.9/4
    [InlineData(1, 5, 0.60625)]   // a = 3/4: 0.1 + 0.9 * 9/16
    [InlineData(2, 0, 1)]
    public void At_WarmUp_RisesWithTheSquare(int epoch, int step, double expected) =>
        Assert.Equal(expected, LearningRate.At(new() { WarmUpEpochs = 2, WarmUpFrom = 0.1, LearningRate = 1, Epochs = 100 }, epoch, step, 10), 1e-12);

    [Theory]
    [InlineData("microBatch=200", "Expected a microBatch of at most the batch of 128")]
    [InlineData("nesterov=true momentum=0", "Expected momentum for nesterov")]
    [InlineData("warmUpEpochs=300", "Expected a warm-up of at most the 200 epochs")]
    [InlineData("scheme=he-hanin model=mlp", "Expected a residual network")]
    [InlineData("scheme=he-bn microBatch=4", "Expected whole batches")]
    [InlineData("scheme=he-bn precision=bfloat16", "Expected weight-normalized convolutions for bfloat16")]
    [InlineData("model=mlp precision=bfloat16", "Expected weight-normalized convolutions for bfloat16")]
    [InlineData("epochz=3", "Expected the name of a setting, got 'epochz' (--set). Did you mean 'epochs'? 'rlwn recipes mnist-mlp' lists all.")]
    public void Resolve_Contradictions_AreRefused(string set, string message) => Assert.StartsWith(
        message, Assert.Throws<UsageException>(() => SupervisedSettings.Resolve(set.Split(' ').Select(Assignment.Parse))).Message, StringComparison.Ordinal);

    private static SupervisedResult Go(SupervisedSettings settings, RunFolder folder, ISupervisedProgress? show = null, CancellationTokenSource? stop = null)
    {
        using var run = new SupervisedRun(settings, ToyImages.Make(isTest: false), ToyImages.Make(isTest: true));
        return run.Run(folder, show, stop?.Token ?? CancellationToken.None);
    }

    // A run that was stopped after two epochs of its four.
    private RunFolder Stopped(SupervisedSettings settings)
    {
        var folder = RunFolder.Create(scratch["cut"]);
        using var stop = new CancellationTokenSource();
        Assert.Equal(Outcome.Stopped, Go(settings, folder, new StopAfter(2, stop), stop).Outcome);
        return folder;
    }

    // All test images as one batch, through a network that knows nothing but the file.
    private static (double Loss, double Accuracy) TestByHand(SupervisedSettings settings, string file)
    {
        var set = ToyImages.Make(isTest: true).Sample(settings.Images!.Value);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator(99);
        using var network = Models.Make(settings, set.Shape, set.Classes, new Initializer(generator));
        PyTorchWeights.Load(network, file);
        network.eval();
        using var batches = new Batches(set, set.All(), set.Count, Normalization.Of(set.Shape), Augmentation.None, seed: 1);
        var batch = batches.InOrder().Single();
        var logits = network.call(Models.Present(settings, batch.Images));
        return (nn.functional.cross_entropy(logits, batch.Labels).item<float>(), (double)logits.argmax(1).eq(batch.Labels).sum().item<long>() / set.Count);
    }

    private static void NotDamaged(string warning) => Assert.StartsWith("Going on from epoch ", warning, StringComparison.Ordinal);

    private static SupervisedData Toy() => new(null, new(TextWriter.Null, isLive: false));

    private static string? Status(RunFolder folder)
    {
        using var status = JsonDocument.Parse(File.ReadAllBytes(folder[RunFolder.Status]));
        return status.RootElement.GetProperty("state").GetString();
    }

    // Does something when so many epochs were made.
    private sealed class AfterEpoch(int number, Action act) : ISupervisedProgress
    {
        public void Step(int epoch, int step, int steps, double imagesPerSecond, SupervisedSettings settings)
        {
        }

        public void Epoch(Epoch epoch, SupervisedSettings settings)
        {
            if (epoch.Number == number)
                act();
        }
    }

    // Stops at the first step after so many epochs, or, where there is none, before the test.
    private sealed class StopAfter(int epochs, CancellationTokenSource stop) : ISupervisedProgress
    {
        public void Step(int epoch, int step, int steps, double imagesPerSecond, SupervisedSettings settings)
        {
            if (epoch == epochs)
                stop.Cancel();
        }

        public void Epoch(Epoch epoch, SupervisedSettings settings)
        {
            if (epoch.Number == epochs && epochs == settings.Epochs)
                stop.Cancel();
        }
    }
}
