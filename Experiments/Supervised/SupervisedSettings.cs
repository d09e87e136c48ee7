using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Nodes;
using RlWn.Experiments.Runs;
using RlWn.Init;

namespace RlWn.Experiments.Supervised;

/// <summary>What is learned to tell apart.</summary>
internal enum DataName
{
    /// <summary>Images of ten classes made by chance, which a small network learns in a second; needs no files.</summary>
    Toy,

    /// <summary>Handwritten digits.</summary>
    Mnist,

    /// <summary>Photographs of 10 things.</summary>
    Cifar10,

    /// <summary>Photographs of 100 things.</summary>
    Cifar100,
}

/// <summary>A kind of network of the paper.</summary>
internal enum Architecture
{
    /// <summary>Hidden layers of one width.</summary>
    Mlp,

    /// <summary>3x3 convolutions of one width, without shortcuts.</summary>
    Cnn,

    /// <summary>ResNet-(6n+2).</summary>
    Resnet,

    /// <summary>WideResNet-(6n+4)-k.</summary>
    Wrn,
}

/// <summary>How training images are altered by chance.</summary>
internal enum Alteration
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>A random window of the image padded by 4, mirrored every other time.</summary>
    CropAndFlip,

    /// <summary>The same, and a hole of 16x16 pixels.</summary>
    Cutout,
}

/// <summary>What a network computes in; parameters, their gradients and the optimizer are float32 always.</summary>
internal enum Precision
{
    /// <summary>Numbers of 32 bits.</summary>
    Float32,

    /// <summary>Numbers of 16 bits with the range of float32: activations and the products of layers; the mean over the image, the output layer and the loss are float32.</summary>
    Bfloat16,
}

/// <summary>All settings of a supervised run, resolved: the defaults below, what the recipe says, what the command line says.</summary>
internal sealed record SupervisedSettings
{
    /// <summary>Every setting there is.</summary>
    public static IReadOnlyList<Setting> All { get; } = Setting.Of(typeof(SupervisedSettings));

    /// <summary>The recipe's name, which the run folder carries.</summary>
    public string Recipe { get; init; } = "";

    /// <summary>What the recipe does, in one sentence.</summary>
    public string Description { get; init; } = "";

    /// <summary>The images: mnist, cifar10, cifar100, or toy, which needs no files.</summary>
    public DataName Data { get; init; } = DataName.Cifar10;

    /// <summary>At most so many images of the training set, and of the test set, the same for every seed; null takes all.</summary>
    [Range(10, 1_000_000_000)] public int? Images { get; init; }

    /// <summary>The part of the training images that is held out to choose by. 0 trains on all of them and tests the last epoch's network.</summary>
    [Range(0, 0.9)] public double ValidationShare { get; init; } = 0.1;

    /// <summary>How training images are altered.</summary>
    public Alteration Augmentation { get; init; } = Alteration.CropAndFlip;

    /// <summary>The network's kind.</summary>
    public Architecture Model { get; init; } = Architecture.Resnet;

    /// <summary>Layers as the model's name counts them: hidden layers of an MLP, convolutions of a CNN, 6n + 2 of a ResNet, 6n + 4 of a WideResNet.</summary>
    [Range(1, 1_000_000)] public int Depth { get; init; } = 20;

    /// <summary>Units of a hidden layer, channels of a CNN, channels of a ResNet's first stage. A WideResNet does not look at it.</summary>
    [Range(1, 100_000)] public int Width { get; init; } = 16;

    /// <summary>k of a WideResNet, which is so many times as wide as a ResNet.</summary>
    [Range(1, 1_000)] public int Widening { get; init; } = 1;

    /// <summary>Whether a WideResNet's first convolution has stride 2, as in the paper's deepest networks.</summary>
    public bool ReducedMemory { get; init; }

    /// <summary>How layers are built and start.</summary>
    public Scheme Scheme { get; init; } = Scheme.Proposed;

    /// <summary>How often every training image is seen.</summary>
    [Range(1, 1_000_000)] public int Epochs { get; init; } = 200;

    /// <summary>Images in one step of the optimizer.</summary>
    [Range(1, 1_000_000)] public int Batch { get; init; } = 128;

    /// <summary>Images that go through the network at once, whose gradients add up to the batch's; null takes the whole batch.</summary>
    [Range(1, 1_000_000)] public int? MicroBatch { get; init; }

    /// <summary>Whether activations are computed a second time instead of kept, so that memory does not bound the depth.</summary>
    public bool Recompute { get; init; }

    /// <summary>What convolutions compute in: float32, or bfloat16, which is about twice as fast on processors and GPUs that have units for it. Never chosen by itself.</summary>
    public Precision Precision { get; init; } = Precision.Float32;

    /// <summary>The learning rate before the schedule lowers it.</summary>
    [Range(0, 1e6, MinimumIsExclusive = true)] public double LearningRate { get; init; } = 0.1;

    /// <summary>When the learning rate falls.</summary>
    public LearningRateSchedule Schedule { get; init; } = LearningRateSchedule.Quarters;

    /// <summary>Epochs over which the learning rate rises at first; 0 for no warm-up.</summary>
    [Range(0, 1_000_000)] public int WarmUpEpochs { get; init; }

    /// <summary>The learning rate that the warm-up begins with.</summary>
    [Range(0, 1e6)] public double WarmUpFrom { get; init; }

    /// <summary>Momentum of SGD.</summary>
    [Range(0, 0.9999)] public double Momentum { get; init; } = 0.9;

    /// <summary>Whether momentum is Nesterov's.</summary>
    public bool Nesterov { get; init; }

    /// <summary>The L2 penalty's factor, on every parameter.</summary>
    [Range(0, 1e6)] public double WeightDecay { get; init; } = 1e-4;

    /// <summary>A batch's loss above this, or one that is no number, ends the run as diverged.</summary>
    [Range(0, 1e30, MinimumIsExclusive = true)] public double DivergedAbove { get; init; } = 1e4;

    /// <summary>Decides everything that is random: weights, the split, the order of images and how they are altered.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Where the network learns: auto, cpu, cuda or cuda:N.</summary>
    public string Device { get; init; } = "auto";

    /// <summary>Threads of libtorch; null takes as many as the machine has. Another number changes results in the last bits.</summary>
    [Range(1, 1024)] public int? Threads { get; init; }

    /// <summary>The settings of a run.</summary>
    /// <param name="assignments">What differs from the defaults, in order: of two for the same setting the later one counts.</param>
    /// <exception cref="UsageException">A name is unknown, a value does not fit, or settings contradict each other.</exception>
    public static SupervisedSettings Resolve(IEnumerable<Assignment> assignments)
    {
        var settings = new SupervisedSettings();
        foreach (var assignment in assignments)
            Setting.Find(assignment, All, "mnist-mlp").Set(settings, assignment);
        settings.Validate();
        return settings with { Threads = settings.Threads ?? Environment.ProcessorCount };
    }

    public JsonObject ToJson() => JsonSerializer.SerializeToNode(this, RunFolder.Json)!.AsObject();

    private void Validate()
    {
        if (MicroBatch > Batch)
            throw new UsageException($"Expected a microBatch of at most the batch of {Batch}, got {MicroBatch}. Leave it out for the whole batch.");
        if (MicroBatch < Batch && Scheme.HasBatchNorm)
            throw new UsageException($"Expected whole batches for {Scheme}, whose statistics are those of the images seen at once, got a microBatch of {MicroBatch}. Leave it out.");
        if (Nesterov && Momentum == 0)
            throw new UsageException("Expected momentum for nesterov, got momentum=0. Set a momentum, as 0.9, or nesterov=false.");
        if (WarmUpEpochs > Epochs)
            throw new UsageException($"Expected a warm-up of at most the {Epochs} epochs of the run, got warmUpEpochs={WarmUpEpochs}.");
        if (Precision == Precision.Bfloat16 && (Model == Architecture.Mlp || !Scheme.HasWeightNorm))
            throw new UsageException($"Expected weight-normalized convolutions for bfloat16, got the model {Setting.Text(Model)} under {Scheme}. Leave precision out for float32.");
        if (Scheme.Rule == ScaleRule.Hanin && Model is (Architecture.Mlp or Architecture.Cnn))
            throw new UsageException($"Expected a residual network, resnet or wrn, for {Scheme}, got the model {Setting.Text(Model)}.");
    }
}
