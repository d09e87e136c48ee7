namespace RlWn.Inference;

/// <summary>What turns an observation into features before the fully connected layers.</summary>
public enum Torso
{
    /// <summary>Nothing: the fully connected layers see the observation itself.</summary>
    Mlp,

    /// <summary>One convolution of 16 filters, 3x3, for MinAtar's grids (Young and Tian 2019, arXiv:1903.03176).</summary>
    MinAtar,

    /// <summary>Convolutions 32 of 8x8 stride 4, 64 of 4x4 stride 2, 64 of 3x3, for images of 84 by 84 (Mnih et al. 2015, doi:10.1038/nature14236).</summary>
    Nature,

    /// <summary>The residual network of IMPALA: 3 sections of a convolution, max-pooling and residual blocks (Espeholt et al. 2018, arXiv:1802.01561).</summary>
    Impala,
}

/// <summary>The shape of what passes between two convolutions.</summary>
internal readonly record struct MapShape(int Channels, int Height, int Width)
{
    public int Size => checked(Channels * Height * Width);

    public override string ToString() => $"[{Channels}, {Height}, {Width}]";
}

/// <summary>One convolution of a torso, with what happens right before and after it.</summary>
/// <param name="Name">Its name in the saved file, within the torso.</param>
/// <param name="Input">What it sees.</param>
/// <param name="Output">What it makes, before any pooling.</param>
/// <param name="Kernel">k: filters are k by k.</param>
/// <param name="Stride">Positions from one window to the next.</param>
/// <param name="Padding">Zeros added on each side.</param>
internal sealed record TorsoLayer(string Name, MapShape Input, MapShape Output, int Kernel, int Stride, int Padding)
{
    /// <summary>How many numbers a filter has.</summary>
    public int FilterSize => Input.Channels * Kernel * Kernel;

    /// <summary>Whether a ReLU comes before it; the shortcut goes around that too.</summary>
    public bool ReluBefore { get; init; }

    /// <summary>Whether a shortcut starts at its input.</summary>
    public bool OpensShortcut { get; init; }

    /// <summary>Whether the shortcut that is open is added to its output.</summary>
    public bool ClosesShortcut { get; init; }

    /// <summary>Whether a ReLU comes after it, and after the shortcut.</summary>
    public bool ReluAfter { get; init; }

    /// <summary>Whether 3x3 max-pooling of stride 2 and padding 1 comes last.</summary>
    public bool PoolAfter { get; init; }

    /// <summary>What leaves it, after pooling where there is some.</summary>
    public MapShape Result => PoolAfter ? new(Output.Channels, (Output.Height + 1) / 2, (Output.Width + 1) / 2) : Output;
}

/// <summary>A torso as a chain of convolutions: what training builds, and what acting runs.</summary>
internal sealed class TorsoPlan
{
    private readonly List<TorsoLayer> layers = [];

    /// <summary>Plans a torso.</summary>
    /// <param name="kind">Which; not Mlp.</param>
    /// <param name="shape">The shape of an observation.</param>
    /// <param name="depth">Of <see cref="Torso.Impala"/>: 6n + 3 convolutions, or 6n + 4 with the linear layer counted. Others do not look at it.</param>
    /// <param name="widening">Multiplies the channels, at least 1.</param>
    /// <exception cref="ArgumentException">The observation is no image, or too small a one, or there is no such depth.</exception>
    public TorsoPlan(Torso kind, ReadOnlySpan<int> shape, int depth, int widening)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(widening, 1);
        if (shape is not [> 0 and var channels, > 0 and var height, > 0 and var width])
        {
            throw new ArgumentException(
                $"Expected observations of images, [channels, height, width], for the torso {kind}, got [{string.Join(", ", shape.ToArray())}]. Take the torso Mlp.");
        }

        (Kind, Depth, Widening, Input) = (kind, depth, widening, new(channels, height, width));
        switch (kind)
        {
            case Torso.MinAtar:
                Add("conv1", 16 * widening, 3);
                break;
            case Torso.Nature:
                Add("conv1", 32 * widening, 8, stride: 4);
                Add("conv2", 64 * widening, 4, stride: 2);
                Add("conv3", 64 * widening, 3);
                break;
            case Torso.Impala:
                AddSections(Blocks(depth));
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(kind), kind, "Expected MinAtar, Nature or Impala.");
        }
    }

    public Torso Kind { get; }

    public int Depth { get; }

    public int Widening { get; }

    /// <summary>The shape of an observation.</summary>
    public MapShape Input { get; }

    /// <summary>The convolutions from input to output.</summary>
    public IReadOnlyList<TorsoLayer> Layers => layers;

    /// <summary>How many features come out: the last map, flattened.</summary>
    public int Features => layers[^1].Result.Size;

    /// <summary>n, the residual blocks in each section of IMPALA's network of a depth.</summary>
    /// <exception cref="ArgumentException">There is no such depth.</exception>
    public static int Blocks(int depth) => depth >= 9 && depth % 6 is 3 or 4
        ? depth / 6
        : throw new ArgumentException($"Expected a depth of 6n + 3 or 6n + 4 with n at least 1 for the torso Impala, as 9, 15 or 100, got {depth}.", nameof(depth));

    private void AddSections(int blocks)
    {
        int[] channels = [16, 32, 32];
        for (var i = 0; i < channels.Length; i++)
        {
            var width = channels[i] * Widening;
            Add(new($"conv{i + 1}", Last, Last with { Channels = width }, 3, 1, 1) { PoolAfter = true });
            for (var block = 0; block < blocks; block++)
            {
                var isLast = i == channels.Length - 1 && block == blocks - 1;
                Add(new($"stage{i + 1}.{block}.conv1", Last, Last, 3, 1, 1) { ReluBefore = true, OpensShortcut = true });
                Add(new($"stage{i + 1}.{block}.conv2", Last, Last, 3, 1, 1) { ReluBefore = true, ClosesShortcut = true, ReluAfter = isLast });
            }
        }
    }

    private void Add(string name, int filters, int kernel, int stride = 1)
    {
        var (_, height, width) = Last;
        if (height < kernel || width < kernel)
            throw new ArgumentException($"Expected images of at least {(Kind == Torso.Nature ? 36 : kernel)} pixels in height and width for the torso {Kind}, got {Input}.");
        Add(new TorsoLayer(name, Last, new(filters, ((height - kernel) / stride) + 1, ((width - kernel) / stride) + 1), kernel, stride, 0) { ReluAfter = true });
    }

    private void Add(TorsoLayer layer) => layers.Add(layer);

    private MapShape Last => layers.Count == 0 ? Input : layers[^1].Result;
}
