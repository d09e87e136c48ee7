using RlWn.Envs;
using RlWn.Networks;

namespace RlWn.Experiments.Supervised.Data;

/// <summary>Labelled images, as bytes in one block.</summary>
/// <param name="Pixels">From 0 to 255, shape [N, C, H, W] in one array.</param>
/// <param name="Labels">From 0 to classes - 1, shape [N].</param>
/// <param name="Shape">The shape of one image.</param>
/// <param name="Classes">How many classes there are.</param>
internal sealed record ImageSet(byte[] Pixels, byte[] Labels, ImageShape Shape, int Classes)
{
    // Streams of a seed below this one are the epochs' (Batches).
    private const ulong SplitStream = ulong.MaxValue, PartStream = ulong.MaxValue - 1;

    /// <summary>N.</summary>
    public int Count => Labels.Length;

    /// <summary>Sets a part of the images aside by chance, by their numbers: the images themselves stay where they are.</summary>
    /// <param name="seed">Decides which.</param>
    /// <param name="share">The part set aside, between 0 and 1; rounded to whole images.</param>
    /// <returns>The numbers of the images to train on and of those to validate on, both in ascending order.</returns>
    public (int[] Train, int[] Validation) Split(ulong seed, double share = 0.1)
    {
        if (!(share is > 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(share), share, "Expected a share between 0 and 1, as 0.1.");

        var numbers = All();
        new Rng(seed, SplitStream).Shuffle(numbers);
        var aside = (int)Math.Round(share * Count);
        Array.Sort(numbers, 0, aside);
        Array.Sort(numbers, aside, Count - aside);
        return (numbers[aside..], numbers[..aside]);
    }

    /// <summary>A smaller set: images drawn by chance, always the same ones, in their order.</summary>
    /// <param name="most">How many, at least 1; a set of no more is given back as it is.</param>
    public ImageSet Sample(int most)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 1);
        if (most >= Count)
            return this;

        var numbers = All();
        new Rng(0, PartStream).Shuffle(numbers);
        Array.Sort(numbers, 0, most);
        var size = Pixels.Length / Count;
        var part = this with { Pixels = new byte[most * size], Labels = new byte[most] };
        for (var i = 0; i < most; i++)
        {
            Pixels.AsSpan(numbers[i] * size, size).CopyTo(part.Pixels.AsSpan(i * size));
            part.Labels[i] = Labels[numbers[i]];
        }

        return part;
    }

    /// <summary>The numbers of all images: 0 to N - 1.</summary>
    public int[] All() => [.. Enumerable.Range(0, Count)];
}
