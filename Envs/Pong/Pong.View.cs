using System.Globalization;
using System.Text;

namespace RlWn.Envs;

public sealed partial class Pong
{
    /// <summary>How many things are drawn over the field.</summary>
    internal const int Things = 5;

    private const int Pixels = Height * Width;
    private const int Background = 0, Wall = 1, Left = 2, Right = 3, Ball = 4;   // rows of the palette

    private static readonly (byte Red, byte Green, byte Blue)[] Palette = [(14, 20, 34), (120, 124, 132), (232, 140, 80), (104, 200, 112), (240, 240, 240)];
    private static readonly byte[][] Channels =
    [
        [.. Palette.Select(colour => colour.Red)],
        [.. Palette.Select(colour => colour.Green)],
        [.. Palette.Select(colour => colour.Blue)],
    ];

    private static readonly byte[] Greys = [.. Palette.Select(colour => GreyScale.Luminance(colour.Red, colour.Green, colour.Blue))];

    private static readonly ByteBox ColourFrames = new([3, Height, Width]);
    private static readonly ByteBox GreyFrames = new([1, Height, Width]);

    // What never moves, drawn once: copying it is most of what a frame costs.
    private static readonly byte[] ColourField = [.. Channels.SelectMany(EmptyField)];
    private static readonly byte[] GreyField = EmptyField(Greys);

    /// <summary>What never moves, as brightness: [210, 160].</summary>
    internal static ReadOnlySpan<byte> Field => GreyField;

    /// <inheritdoc/>
    public (int Height, int Width) FrameSize => (Height, Width);

    /// <inheritdoc/>
    public double FramesPerSecond => 60;

    /// <inheritdoc/>
    public void DrawFrame(Span<byte> rgb)
    {
        if (rgb.Length != 3 * Pixels)
            throw new ArgumentException($"Expected {3 * Pixels} bytes, [{Height}, {Width}, 3], got {rgb.Length}.", nameof(rgb));

        var planes = new byte[3 * Pixels];
        DrawColour(state, planes);
        for (var i = 0; i < Pixels; i++)
            (rgb[3 * i], rgb[(3 * i) + 1], rgb[(3 * i) + 2]) = (planes[i], planes[Pixels + i], planes[(2 * Pixels) + i]);
    }

    /// <summary>Draws points, walls, paddles and ball, 4 x 8 pixels to a character: 22 lines of at most 40 characters.</summary>
    public string DrawText()
    {
        const int Across = 4, Down = 8, Columns = Width / Across, Rows = (FieldBottom - FieldTop) / Down;
        var rows = new char[Rows][];
        for (var row = 0; row < Rows; row++)
            rows[row] = [.. Enumerable.Repeat(' ', Columns)];

        for (var half = 0; half < PaddleHeight / Down; half++)
        {
            rows[Row(state.LeftY + (half * Down))][(LeftFront - PaddleWidth) / Across] = '|';
            rows[Row(state.RightY + (half * Down))][RightFront / Across] = '|';
        }

        if (state.Pause == 0)
            rows[Row(state.BallY)][Math.Clamp(Nearest(state.BallX) / Across, 0, Columns - 1)] = 'O';

        var text = new StringBuilder().Append(string.Create(CultureInfo.InvariantCulture, $"{state.LeftPoints,17} : {state.RightPoints}"))
            .Append('\n').Append('=', Columns);
        foreach (var row in rows)
            text.Append('\n').Append(new string(row).TrimEnd());
        return text.Append('\n').Append('=', Columns).ToString();

        static int Row(double y) => Math.Clamp((Nearest(y) - FieldTop) / Down, 0, Rows - 1);
    }

    private void Draw(Span<byte> observation)
    {
        if (grey)
            DrawGrey(state, observation);
        else
            DrawColour(state, observation);
    }

    private static void DrawGrey(in PongState state, Span<byte> plane)
    {
        GreyField.CopyTo(plane);
        DrawThings(state, Greys, plane);
    }

    private static void DrawColour(in PongState state, Span<byte> planes)
    {
        ColourField.CopyTo(planes);
        for (var channel = 0; channel < Channels.Length; channel++)
            DrawThings(state, Channels[channel], planes.Slice(channel * Pixels, Pixels));
    }

    private static void DrawThings(in PongState state, byte[] shades, Span<byte> plane)
    {
        Span<Thing> things = stackalloc Thing[Things];
        Place(state, things);
        foreach (var thing in things)
            Fill(plane, shades[thing.Colour], thing.Where);
    }

    private static byte[] EmptyField(byte[] shades)
    {
        const int WallHeight = 8;
        var plane = new byte[Pixels];
        plane.AsSpan().Fill(shades[Background]);
        Fill(plane, shades[Wall], new Patch(0, FieldTop - WallHeight, Width, WallHeight));
        Fill(plane, shades[Wall], new Patch(0, FieldBottom, Width, WallHeight));
        return plane;
    }

    /// <summary>Where the things are that are drawn over the field: the points' bars, the paddles, and last the ball.</summary>
    /// <param name="state">Of the game.</param>
    /// <param name="things">Receives all <see cref="Things"/>, in the order in which they are drawn; the ball is empty in a pause.</param>
    internal static void Place(in PongState state, Span<Thing> things)
    {
        const int BarTop = 9, BarHeight = 8, LeftBar = 8, RightBar = 89, PointWidth = 3;
        things[0] = new Thing(new Patch(LeftBar, BarTop, state.LeftPoints * PointWidth, BarHeight), Left);
        things[1] = new Thing(new Patch(RightBar, BarTop, state.RightPoints * PointWidth, BarHeight), Right);
        things[2] = new Thing(new Patch(LeftFront - PaddleWidth, Nearest(state.LeftY), PaddleWidth, PaddleHeight), Left);
        things[3] = new Thing(new Patch(RightFront, Nearest(state.RightY), PaddleWidth, PaddleHeight), Right);
        things[4] = new Thing(state.Pause == 0 ? BallPatch(state) : default, Ball);
    }

    private static Patch BallPatch(in PongState state)
    {
        var left = Math.Clamp(Nearest(state.BallX), 0, Width);
        var right = Math.Clamp(Nearest(state.BallX) + BallSize, 0, Width);
        return new Patch(left, Nearest(state.BallY), right - left, BallSize);
    }

    private static void Fill(Span<byte> plane, byte shade, Patch where)
    {
        for (var row = where.Top; row < where.Top + where.Height; row++)
            plane.Slice((row * Width) + where.Left, where.Width).Fill(shade);
    }

    private static int Nearest(double pixel) => (int)Math.Floor(pixel + 0.5);

    /// <summary>A rectangle of one colour.</summary>
    /// <param name="Where">In the frame.</param>
    /// <param name="Colour">A row of the palette.</param>
    internal readonly record struct Thing(Patch Where, int Colour)
    {
        /// <summary>How bright it is.</summary>
        public byte Grey => Greys[Colour];
    }
}
