using RlWn.Envs;
using RlWn.Networks;

namespace RlWn.Experiments.Supervised.Data;

/// <summary>Images that a small network learns in a second: each class is a picture of chance, each image of it that picture with noise.</summary>
internal static class ToyImages
{
    public const int Classes = 10;

    private const int TrainCount = 1_000, TestCount = 500;
    private const double Noise = 0.6;   // the part of each pixel that is the image's own

    public static readonly ImageShape Shape = new(3, 8, 8);

    /// <summary>The training or the test images, always the same.</summary>
    public static ImageSet Make(bool isTest)
    {
        var size = (int)(Shape.Channels * Shape.Height * Shape.Width);
        var pictures = new byte[Classes * size];
        new Rng(0).NextBytes(pictures);

        var count = isTest ? TestCount : TrainCount;
        var (pixels, labels) = (new byte[count * size], new byte[count]);
        var random = new Rng(0, isTest ? 2UL : 1UL);
        random.NextBytes(pixels);
        for (var i = 0; i < count; i++)
        {
            labels[i] = (byte)(i % Classes);
            for (var pixel = 0; pixel < size; pixel++)
                pixels[(i * size) + pixel] = (byte)((Noise * pixels[(i * size) + pixel]) + ((1 - Noise) * pictures[(labels[i] * size) + pixel]));
        }

        return new(pixels, labels, Shape, Classes);
    }
}
