using RlWn.Experiments.Supervised.Data;
using RlWn.Experiments.Terminal;
using RlWn.Networks;

namespace RlWn.Experiments.Supervised;

/// <summary>Finds the images of a run, downloaded where they are missing.</summary>
/// <param name="folder">What the option --data says; null for none.</param>
/// <param name="status">Told of what is downloaded.</param>
internal sealed class SupervisedData(string? folder, StatusLine status)
{
    /// <summary>The training or the test images.</summary>
    /// <exception cref="IOException">They are not there and cannot be downloaded, or are not the published ones.</exception>
    public ImageSet Read(DataName name, bool isTest, CancellationToken stop)
    {
        if (name == DataName.Toy)
            return ToyImages.Make(isTest);

        using var download = new Download();
        return DataFolder.Choose(folder).Read(Published(name), isTest, download, status, stop).GetAwaiter().GetResult();
    }

    /// <summary>The shape of an image and how many classes there are, which need no image.</summary>
    public static (ImageShape Shape, int Classes) Describe(DataName name) =>
        name == DataName.Toy ? (ToyImages.Shape, ToyImages.Classes) : (Published(name).Shape, Published(name).Classes);

    private static ImageDataset Published(DataName name) => name switch
    {
        DataName.Mnist => ImageDataset.Mnist,
        DataName.Cifar10 => ImageDataset.Cifar10,
        DataName.Cifar100 => ImageDataset.Cifar100,
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "Expected toy, mnist, cifar10 or cifar100."),
    };
}
