namespace RlWn.Envs;

public sealed partial class CartPole
{
    private const double PixelsPerMeter = 92;
    private const int TrackRow = 152;

    /// <summary>200 rows of 480 pixels: the whole track, with a margin.</summary>
    public (int Height, int Width) FrameSize => (200, 480);

    /// <summary>50: a step is 0.02 s.</summary>
    public double FramesPerSecond => 1 / Tau;

    /// <inheritdoc/>
    public void DrawFrame(Span<byte> rgb)
    {
        var (height, width) = FrameSize;
        var canvas = new Canvas(rgb, height, width);
        var (middle, reach) = (width / 2.0, PositionLimit * PixelsPerMeter);
        var cart = middle + (State.X * PixelsPerMeter);
        var pole = 2 * HalfLength * PixelsPerMeter;

        canvas.Clear(Palette.Paper);
        canvas.Line(middle - reach, TrackRow, middle + reach, TrackRow, 3, Palette.Grey);
        canvas.Rectangle(middle - reach - 2, TrackRow - 10, middle - reach + 2, TrackRow + 10, Palette.Grey);
        canvas.Rectangle(middle + reach - 2, TrackRow - 10, middle + reach + 2, TrackRow + 10, Palette.Grey);
        canvas.Rectangle(cart - 27, TrackRow - 15, cart + 27, TrackRow + 15, Palette.Ink);
        canvas.Line(cart, TrackRow - 15, cart + (pole * Math.Sin(State.Theta)), TrackRow - 15 - (pole * Math.Cos(State.Theta)), 9, Palette.Orange);
        canvas.Circle(cart, TrackRow - 15, 3, Palette.Paper);
    }
}
