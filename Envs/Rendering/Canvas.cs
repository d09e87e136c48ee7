namespace RlWn.Envs;

/// <summary>
/// Draws simple shapes into a frame, as of <see cref="IFrameView"/>. Edges are smooth: a pixel that a shape covers in part takes on a part
/// of its colour.
/// </summary>
/// <remarks>
/// <para>Places are in pixels from the frame's upper left corner, x to the right and y down: pixel (0, 0) reaches from 0 to 1. What lies
/// outside is left out. The same calls give the same bytes on every machine: the arithmetic is that of IEEE 754, square roots included,
/// and integers.</para>
/// <para>Nothing is allocated.</para>
/// </remarks>
public readonly ref struct Canvas
{
    private readonly Span<byte> rgb;

    /// <summary>Makes a canvas of a frame.</summary>
    /// <param name="rgb">The frame, [height, width, 3].</param>
    /// <param name="height">How many rows of pixels there are, at least 1.</param>
    /// <param name="width">How many columns of pixels there are, at least 1.</param>
    /// <exception cref="ArgumentException">The frame has another length.</exception>
    public Canvas(Span<byte> rgb, int height, int width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        if (rgb.Length != checked(height * width * 3))
            throw new ArgumentException($"Expected {height * width * 3} bytes for a frame of [{height}, {width}, 3], got {rgb.Length}.", nameof(rgb));

        this.rgb = rgb;
        (Height, Width) = (height, width);
    }

    /// <summary>How many rows of pixels there are.</summary>
    public int Height { get; }

    /// <summary>How many columns of pixels there are.</summary>
    public int Width { get; }

    /// <summary>Paints every pixel.</summary>
    /// <param name="color">In this colour.</param>
    public void Clear(Rgb color) => FillBlock(0, 0, Height, Width, color);

    /// <summary>Paints a rectangle whose sides stand upright.</summary>
    /// <param name="left">Where it begins, from the left; need not be whole.</param>
    /// <param name="top">Where it begins, from the top.</param>
    /// <param name="right">Where it ends, from the left.</param>
    /// <param name="bottom">Where it ends, from the top.</param>
    /// <param name="color">In this colour.</param>
    public void Rectangle(double left, double top, double right, double bottom, Rgb color) =>
        Fill(new Block(left, top, right, bottom), left, top, right, bottom, color);

    /// <summary>Paints a straight line with round ends.</summary>
    /// <param name="x0">Where it begins.</param>
    /// <param name="y0">Where it begins.</param>
    /// <param name="x1">Where it ends; may be where it begins.</param>
    /// <param name="y1">Where it ends.</param>
    /// <param name="width">How wide it is, at least 1.</param>
    /// <param name="color">In this colour.</param>
    public void Line(double x0, double y0, double x1, double y1, double width, Rgb color) => Fill(
        new Stroke(x0, y0, x1, y1, width / 2),
        Math.Min(x0, x1) - (width / 2), Math.Min(y0, y1) - (width / 2), Math.Max(x0, x1) + (width / 2), Math.Max(y0, y1) + (width / 2), color);

    /// <summary>Paints a disc.</summary>
    /// <param name="x">Where its centre is.</param>
    /// <param name="y">Where its centre is.</param>
    /// <param name="radius">At least 0.5.</param>
    /// <param name="color">In this colour.</param>
    public void Circle(double x, double y, double radius, Rgb color) =>
        Fill(new Stroke(x, y, x, y, radius), x - radius, y - radius, x + radius, y + radius, color);

    /// <summary>Paints a convex polygon.</summary>
    /// <param name="corners">At least three, in order, either way round.</param>
    /// <param name="color">In this colour.</param>
    /// <exception cref="ArgumentException">There are fewer than three corners.</exception>
    public void Polygon(ReadOnlySpan<(double X, double Y)> corners, Rgb color)
    {
        if (corners.Length < 3)
            throw new ArgumentException($"Expected at least 3 corners, got {corners.Length}.", nameof(corners));

        var (left, top, right, bottom) = (corners[0].X, corners[0].Y, corners[0].X, corners[0].Y);
        foreach (var (x, y) in corners[1..])
        {
            (left, right) = (Math.Min(left, x), Math.Max(right, x));
            (top, bottom) = (Math.Min(top, y), Math.Max(bottom, y));
        }

        Fill(new Convex(corners), left, top, right, bottom, color);
    }

    /// <summary>Paints a grid of square cells that fills the frame, each in one colour.</summary>
    /// <param name="cells">Which colour each cell has, an index of <paramref name="palette"/>: row by row from the top.</param>
    /// <param name="columns">How many cells a row has. A cell is Width / columns pixels wide and as high.</param>
    /// <param name="palette">The colours.</param>
    /// <exception cref="ArgumentException">The frame is not filled by whole, square cells.</exception>
    public void Grid(ReadOnlySpan<byte> cells, int columns, ReadOnlySpan<Rgb> palette)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        var (rows, size) = (cells.Length / columns, Width / columns);
        if (cells.Length != rows * columns || Width != columns * size || Height != rows * size)
        {
            throw new ArgumentException(
                $"Expected square cells that fill a frame of [{Height}, {Width}], got {cells.Length} cells in {columns} columns. "
                + "Make height and width the same multiple of rows and columns.",
                nameof(cells));
        }

        for (var i = 0; i < cells.Length; i++)
            FillBlock(i / columns * size, i % columns * size, size, size, palette[cells[i]]);
    }

    private void FillBlock(int top, int left, int height, int width, Rgb color)
    {
        var first = Row(top).Slice(left * 3, width * 3);
        for (var i = 0; i < first.Length; i += 3)
            (first[i], first[i + 1], first[i + 2]) = (color.Red, color.Green, color.Blue);
        for (var row = top + 1; row < top + height; row++)
            first.CopyTo(Row(row)[(left * 3)..]);
    }

    private void Fill<TShape>(TShape shape, double left, double top, double right, double bottom, Rgb color)
        where TShape : struct, IShape, allows ref struct
    {
        // A smooth edge reaches half a pixel beyond the shape. Clamped as numbers first: a shape may be anywhere.
        var (firstColumn, endColumn) = ((int)Math.Clamp(Math.Floor(left - 0.5), 0, Width), (int)Math.Clamp(Math.Ceiling(right + 0.5), 0, Width));
        var (firstRow, endRow) = ((int)Math.Clamp(Math.Floor(top - 0.5), 0, Height), (int)Math.Clamp(Math.Ceiling(bottom + 0.5), 0, Height));
        for (var row = firstRow; row < endRow; row++)
        {
            var pixels = Row(row);
            for (var column = firstColumn; column < endColumn; column++)
            {
                var weight = (int)((256 * Math.Clamp(shape.Coverage(column + 0.5, row + 0.5), 0, 1)) + 0.5);
                if (weight == 0)
                    continue;

                var pixel = pixels.Slice(column * 3, 3);
                pixel[0] = Mix(pixel[0], color.Red, weight);
                pixel[1] = Mix(pixel[1], color.Green, weight);
                pixel[2] = Mix(pixel[2], color.Blue, weight);
            }
        }
    }

    private Span<byte> Row(int row) => rgb.Slice(row * Width * 3, Width * 3);

    private static byte Mix(byte under, byte over, int weight) => (byte)(((under * (256 - weight)) + (over * weight) + 128) >> 8);

    /// <summary>A shape, by how much of a pixel it covers.</summary>
    private interface IShape
    {
        /// <summary>The part of the pixel around (x, y) that is covered, 0 to 1; beyond where it is covered wholly or not at all.</summary>
        double Coverage(double x, double y);
    }

    /// <summary>Exact: the overlap of two squares.</summary>
    private readonly struct Block(double left, double top, double right, double bottom) : IShape
    {
        public double Coverage(double x, double y) =>
            Math.Max(0, Math.Min(right, x + 0.5) - Math.Max(left, x - 0.5)) * Math.Max(0, Math.Min(bottom, y + 0.5) - Math.Max(top, y - 0.5));
    }

    /// <summary>All points within a radius of a line. What is covered of a pixel is taken from its centre's distance to the edge.</summary>
    private readonly struct Stroke(double x0, double y0, double x1, double y1, double radius) : IShape
    {
        private readonly double dx = x1 - x0, dy = y1 - y0;

        public double Coverage(double x, double y)
        {
            var squaredLength = (dx * dx) + (dy * dy);
            var along = squaredLength > 0 ? Math.Clamp((((x - x0) * dx) + ((y - y0) * dy)) / squaredLength, 0, 1) : 0;
            var (offX, offY) = (x - x0 - (along * dx), y - y0 - (along * dy));
            return radius + 0.5 - Math.Sqrt((offX * offX) + (offY * offY));
        }
    }

    /// <summary>All points on the inner side of every edge; covered as the nearest edge says.</summary>
    private readonly ref struct Convex(ReadOnlySpan<(double X, double Y)> corners) : IShape
    {
        private readonly ReadOnlySpan<(double X, double Y)> corners = corners;
        private readonly double turn = Math.Sign(TwiceArea(corners));

        public double Coverage(double x, double y)
        {
            var inside = double.PositiveInfinity;
            var from = corners[^1];
            foreach (var to in corners)
            {
                var (dx, dy) = (to.X - from.X, to.Y - from.Y);
                var length = Math.Sqrt((dx * dx) + (dy * dy));
                if (length > 0)
                    inside = Math.Min(inside, turn * ((dx * (y - from.Y)) - (dy * (x - from.X))) / length);
                from = to;
            }

            return turn == 0 ? 0 : inside + 0.5;
        }

        private static double TwiceArea(ReadOnlySpan<(double X, double Y)> corners)
        {
            var area = 0.0;
            var from = corners[^1];
            foreach (var to in corners)
            {
                area += (from.X * to.Y) - (to.X * from.Y);
                from = to;
            }

            return area;
        }
    }
}
