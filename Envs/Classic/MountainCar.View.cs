using System.Globalization;

namespace RlWn.Envs;

public sealed partial class MountainCar
{
    /// <inheritdoc/>
    public (int Height, int Width) FrameSize => Hill.FrameSize;

    /// <summary>30: a step has no length in seconds.</summary>
    public double FramesPerSecond => Hill.FramesPerSecond;

    /// <summary>Draws hill, flag and car, under a line with the state: 17 lines of at most 79 characters.</summary>
    public string DrawText() => Hill.DrawText(State.Position, State.Velocity, GoalPosition);

    /// <inheritdoc/>
    public void DrawFrame(Span<byte> rgb) => Hill.DrawFrame(rgb, State.Position, GoalPosition);

    /// <summary>How the valley looks, with a car in it: both tasks' pictures.</summary>
    internal static class Hill
    {
        public const double FramesPerSecond = 30;
        private const int TextRows = 16, TextColumns = 79;
        private const double Margin = 24, PixelsPerUnit = 240;   // 480 pixels: the whole track and both margins
        private const double Left = Physics.MinPosition, Length = Physics.MaxPosition - Physics.MinPosition;

        public static (int Height, int Width) FrameSize => (320, 480);

        public static string DrawText(double position, double velocity, double goal)
        {
            var grid = new TextGrid(TextRows, TextColumns);
            for (var column = 0; column < TextColumns; column++)
                grid.Set(Row(Left + (column * Length / (TextColumns - 1))), column, '.');

            grid.Line(Row(goal) - 1, Column(goal), Row(goal) - 2, Column(goal), '|');
            grid.Set(Row(goal) - 2, Column(goal) + 1, '>');
            grid.Set(Row(position), Column(position), 'O');
            return grid.Under(string.Create(CultureInfo.InvariantCulture, $"position {position,6:0.000}    velocity {velocity,7:0.0000} a step"));

            static double Row(double position) => TextRows - 1 - ((HeightAt(position) - 0.1) / 0.9 * (TextRows - 4));
            static double Column(double position) => (position - Left) / Length * (TextColumns - 1);
        }

        public static void DrawFrame(Span<byte> rgb, double position, double goal)
        {
            var (height, width) = FrameSize;
            var canvas = new Canvas(rgb, height, width);
            canvas.Clear(Palette.Paper);
            for (var column = 0; column < width; column++)
                canvas.Rectangle(column, Row(PositionOf(column + 0.5)), column + 1, height, Palette.Earth);
            for (var column = 0; column < width; column++)
                canvas.Line(column, Row(PositionOf(column)), column + 1, Row(PositionOf(column + 1)), 2, Palette.Grey);

            var (flagX, flagY) = (Column(goal), Row(goal));
            canvas.Polygon([(flagX, flagY - 44), (flagX, flagY - 28), (flagX + 22, flagY - 36)], Palette.Red);
            canvas.Line(flagX, flagY, flagX, flagY - 44, 2.5, Palette.Ink);

            // The car stands on the slope: along it and up from it are one step of its frame.
            var slope = 3 * 0.45 * Math.Cos(3 * position);
            var length = Math.Sqrt(1 + (slope * slope));
            var (alongX, alongY) = (1 / length, -slope / length);
            var (x, y) = (Column(position), Row(position));
            canvas.Polygon([Car(-20, 8), Car(20, 8), Car(20, 17), Car(-20, 17)], Palette.Blue);
            canvas.Polygon([Car(-11, 17), Car(9, 17), Car(5, 26), Car(-8, 26)], Palette.Blue);
            foreach (var wheel in (ReadOnlySpan<double>)[-11, 11])
            {
                var (wheelX, wheelY) = Car(wheel, 7);
                canvas.Circle(wheelX, wheelY, 6.5, Palette.Ink);
                canvas.Circle(wheelX, wheelY, 2.5, Palette.Paper);
            }

            static double Column(double position) => Margin + ((position - Left) * PixelsPerUnit);
            static double PositionOf(double column) => Left + ((column - Margin) / PixelsPerUnit);
            double Row(double position) => height - 8 - (HeightAt(position) * PixelsPerUnit);
            (double, double) Car(double along, double up) => (x + (along * alongX) + (up * alongY), y + (along * alongY) - (up * alongX));
        }

        private static double HeightAt(double position) => 0.55 + (0.45 * Math.Sin(3 * position));
    }
}
