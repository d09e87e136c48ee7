namespace RlWn.Envs.Tests;

public class CanvasTests
{
    private static readonly Rgb Black = new(0, 0, 0);
    private static readonly Rgb White = new(255, 255, 255);

    // Half of two columns and a quarter of two corners: 255 / 2 and 255 / 4, rounded.
    [Fact]
    public void Rectangle_EdgesWithinPixels_CoverThemInPart() =>
        Assert.Equal(
            [
                [0, 0, 0, 0],
                [0, 128, 255, 128],
                [0, 64, 128, 64],
            ],
            Draw(3, 4, canvas => canvas.Rectangle(1.5, 1, 3.5, 2.5, White)));

    [Fact]
    public void Clear_AnyFrame_WritesEveryByte()
    {
        var frame = new byte[2 * 3 * 3];
        new Canvas(frame, 2, 3).Clear(new Rgb(1, 2, 3));
        Assert.Equal([1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3], frame);
    }

    // A level line of width 2 from pixel 1 to pixel 3 covers rows 1 and 2, and half a pixel's distance of its round ends.
    [Fact]
    public void Line_Level_FillsItsWidth()
    {
        var pixels = Draw(4, 5, canvas => canvas.Line(1.5, 2, 3.5, 2, 2, White));
        Assert.Equal([0, 0, 0, 0, 0], pixels[0]);
        Assert.Equal([255, 255, 255], pixels[1][1..4]);
        Assert.Equal(pixels[1], pixels[2]);
        Assert.Equal(pixels[1][0], pixels[1][4]);
        Assert.Equal(Part(1.5 - Math.Sqrt(1.25)), pixels[1][0]);   // its centre is (1, 0.5) from the line's end
    }

    [Fact]
    public void Circle_AnyRadius_HasItsArea()
    {
        foreach (var radius in (ReadOnlySpan<double>)[2, 3.3, 10, 18.75])
        {
            var area = Draw(40, 40, canvas => canvas.Circle(20.25, 19.6, radius, White)).Sum(row => row.Sum(value => value / 255.0));
            Assert.Equal(Math.PI * radius * radius, area, 0.02 * Math.PI * radius * radius);
        }
    }

    [Fact]
    public void Polygon_EitherWayRound_HasItsAreaAndOneLook()
    {
        (double X, double Y)[] corners = [(3.5, 4), (30, 9.25), (12, 33)];   // half of |26.5·29 - 8.5·5.25| = 361.9375
        var one = Draw(40, 40, canvas => canvas.Polygon(corners, White));
        var other = Draw(40, 40, canvas => canvas.Polygon([.. corners.Reverse()], White));

        Assert.Equal(361.9375, one.Sum(row => row.Sum(value => value / 255.0)), 3.0);
        Assert.Equal(one, other);
    }

    [Fact]
    public void Shapes_OutsideTheFrame_AreLeftOut()
    {
        var pixels = Draw(3, 3, canvas =>
        {
            canvas.Rectangle(-5, -5, -1, 20, White);
            canvas.Circle(1e12, 1, 5, White);
            canvas.Line(-9, 50, 9, 50, 3, White);
            canvas.Polygon([(0, -9), (3, -9), (1, -2)], White);
            canvas.Polygon([(1, 1), (1, 1), (1, 1)], White);
        });
        Assert.All(pixels, row => Assert.All(row, value => Assert.Equal(0, value)));
    }

    [Fact]
    public void Grid_Cells_AreSquaresOfTheirColor() =>
        Assert.Equal(
            [
                [0, 0, 9, 9],
                [0, 0, 9, 9],
                [9, 9, 5, 5],
                [9, 9, 5, 5],
            ],
            Draw(4, 4, canvas => canvas.Grid([0, 1, 1, 2], columns: 2, [Black, new Rgb(9, 9, 9), new Rgb(5, 5, 5)])));

    [Fact]
    public void Grid_CellsThatDoNotFillTheFrame_AreRefused()
    {
        Assert.Throws<ArgumentException>(() => Draw(4, 4, canvas => canvas.Grid([0, 0, 0], columns: 2, [Black])));
        Assert.Throws<ArgumentException>(() => Draw(4, 5, canvas => canvas.Grid([0, 0, 0, 0], columns: 2, [Black])));
        Assert.Throws<ArgumentException>(() => Draw(6, 4, canvas => canvas.Grid([0, 0, 0, 0], columns: 2, [Black])));
    }

    [Fact]
    public void Construct_FrameOfAnotherSize_IsRefused() => Assert.Throws<ArgumentException>(() => new Canvas(new byte[10], 2, 2).Height);

    private delegate void Painting(Canvas canvas);

    // The red of each pixel, row by row; the other two must be the same.
    private static byte[][] Draw(int height, int width, Painting paint)
    {
        var frame = new byte[height * width * 3];
        paint(new Canvas(frame, height, width));
        Assert.All(frame.Chunk(3), pixel => Assert.Equal([pixel[0], pixel[0]], pixel[1..]));
        return [.. frame.Where((_, i) => i % 3 == 0).Chunk(width)];
    }

    private static byte Part(double coverage) => (byte)Math.Round(255 * Math.Round(256 * coverage) / 256);
}
