using System.Globalization;

namespace RlWn.Envs;

public sealed partial class Pendulum
{
    private const int TextRows = 17, TextColumns = 41;

    /// <summary>320 rows of 320 pixels.</summary>
    public (int Height, int Width) FrameSize => (320, 320);

    /// <summary>20: a step is 0.05 s.</summary>
    public double FramesPerSecond => Physics.StepsPerSecond;

    /// <summary>Draws the rod around its axle, under a line with the state: 18 lines of at most 50 characters.</summary>
    public string DrawText()
    {
        var (theta, thetaDot) = State;
        var grid = new TextGrid(TextRows, TextColumns);
        const int Middle = TextRows / 2, MiddleColumn = TextColumns / 2, Reach = Middle;
        grid.Line(Middle, MiddleColumn, Middle - (Reach * Math.Cos(theta)), MiddleColumn - (2 * Reach * Math.Sin(theta)), '#');
        grid.Set(Middle, MiddleColumn, 'o');
        return grid.Under(string.Create(
            CultureInfo.InvariantCulture, $"angle {Math.IEEERemainder(theta, Math.Tau) * 180 / Math.PI,7:0.0} deg    {thetaDot * 180 / Math.PI,7:0.0} deg/s"));
    }

    /// <inheritdoc/>
    public void DrawFrame(Span<byte> rgb)
    {
        const double Rod = 118;
        var (height, width) = FrameSize;
        var canvas = new Canvas(rgb, height, width);
        var (x, y) = (width / 2.0, height / 2.0);
        var (endX, endY) = (x - (Rod * Math.Sin(State.Theta)), y - (Rod * Math.Cos(State.Theta)));

        canvas.Clear(Palette.Paper);
        canvas.Line(x, y - Rod - 26, x, y - Rod - 16, 2, Palette.Grey);   // where it should point
        canvas.Line(x, y, endX, endY, 22, Palette.Red);
        canvas.Circle(x, y, 5, Palette.Ink);
    }
}
