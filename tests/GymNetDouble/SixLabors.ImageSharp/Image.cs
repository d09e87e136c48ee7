namespace SixLabors.ImageSharp
{
    /// <summary>An image that is only its bytes.</summary>
    public sealed class Image(byte[] data, int width, int height)
    {
        public byte[] Data => data;

        public int Width => width;

        public int Height => height;

        public static Image LoadPixelData<TPixel>(byte[] data, int width, int height) => new(data, width, height);
    }
}

namespace SixLabors.ImageSharp.PixelFormats
{
    public struct Rgb24;
}
