using System.Globalization;

namespace RlWn.Envs;

public sealed partial class Acrobot
{
    private const int TextRows = 19, TextColumns = 45;

    /// <summary>320 rows of 320 pixels.</summary>
    public (int Height, int Width) FrameSize => (320, 320);

    /// <summary>5: a step is 0.2 s.</summary>
    public double FramesPerSecond => Physics.StepsPerSecond;

    /// <summary>Draws both links and the line to be reached, under a line with the state: 20 lines of at most 79 characters.</summary>
    public string DrawText()
    {
        const int Middle = TextRows / 2, MiddleColumn = TextColumns / 2;
        const double RowsPerMeter = 4.5;
        var grid = new TextGrid(TextRows, TextColumns);
        var (jointX, jointY, endX, endY) = Places();
        grid.Line(Middle - RowsPerMeter, 0, Middle - RowsPerMeter, TextColumns - 1, '-');
        grid.Line(Middle, MiddleColumn, Row(jointY), Column(jointX), '#');
        grid.Line(Row(jointY), Column(jointX), Row(endY), Column(endX), '*');
        grid.Set(Middle, MiddleColumn, 'o');
        grid.Set(Row(jointY), Column(jointX), 'o');
        return grid.Under(string.Create(
            CultureInfo.InvariantCulture,
            $"angles {State.Theta1 * 180 / Math.PI,6:0.0} and {State.Theta2 * 180 / Math.PI,6:0.0} deg    "
            + $"{State.Theta1Dot * 180 / Math.PI,6:0.0} and {State.Theta2Dot * 180 / Math.PI,6:0.0} deg/s"));

        double Row(double up) => Middle - (RowsPerMeter * up);
        double Column(double right) => MiddleColumn + (2 * RowsPerMeter * right);
    }

    /// <inheritdoc/>
    public void DrawFrame(Span<byte> rgb)
    {
        const double PixelsPerMeter = 68;
        var (height, width) = FrameSize;
        var canvas = new Canvas(rgb, height, width);
        var (x, y) = (width / 2.0, height / 2.0);
        var (jointX, jointY, endX, endY) = Places();

        canvas.Clear(Palette.Paper);
        canvas.Rectangle(12, y - PixelsPerMeter - 1, width - 12, y - PixelsPerMeter + 1, Palette.Grey);
        canvas.Line(x, y, Column(jointX), Row(jointY), 14, Palette.Blue);
        canvas.Line(Column(jointX), Row(jointY), Column(endX), Row(endY), 14, Palette.Orange);
        canvas.Circle(x, y, 4, Palette.Ink);
        canvas.Circle(Column(jointX), Row(jointY), 4, Palette.Ink);

        double Row(double up) => y - (PixelsPerMeter * up);
        double Column(double right) => x + (PixelsPerMeter * right);
    }

    // Where the joint and the free end are (m), to the right of the fixed end and above it.
    private (double JointX, double JointY, double EndX, double EndY) Places()
    {
        var (theta1, theta2, _, _) = State;
        var (x, y) = (Math.Sin(theta1), -Math.Cos(theta1));
        return (x, y, x + Math.Sin(theta1 + theta2), y - Math.Cos(theta1 + theta2));
    }
}
