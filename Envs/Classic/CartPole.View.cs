using System.Globalization;
using System.Text;

namespace RlWn.Envs;

public sealed partial class CartPole
{
    private const int Columns = 79;                                            // the track, 4.8 m, from end to end
    private const double ColumnsPerMeter = (Columns - 1) / (2 * PositionLimit);
    private const double RowsPerMeter = ColumnsPerMeter / 2;                   // a character is twice as high as wide
    private const int PoleRows = 9;                                            // a pole of 1 m stands a little over 8 rows high
    private const string Cart = "[==o==]";

    /// <summary>Draws pole, cart and track to scale, under a line with the state: 12 lines of at most 79 characters.</summary>
    public string DrawText()
    {
        var (x, xDot, theta, thetaDot) = State;
        var rows = new char[PoleRows][];
        for (var row = 0; row < PoleRows; row++)
            rows[row] = [.. Enumerable.Repeat(' ', Columns)];

        var hinge = Math.Clamp(x + PositionLimit, 0, 2 * PositionLimit) * ColumnsPerMeter;
        var stroke = Math.Abs(Math.Tan(theta)) < 0.2 ? '|' : Math.Tan(theta) > 0 ? '/' : '\\';
        var points = (int)Math.Max(Math.Abs(Math.Cos(theta)) * RowsPerMeter, Math.Abs(Math.Sin(theta)) * ColumnsPerMeter);
        for (var point = 0; point <= points; point++)   // one a row, or one a column where the pole lies flat
        {
            var along = 2 * HalfLength * point / points;   // m from the hinge
            var row = PoleRows - 1 - (int)Math.Floor(along * Math.Cos(theta) * RowsPerMeter);
            var column = (int)Math.Round(hinge + (along * Math.Sin(theta) * ColumnsPerMeter));
            if (row is >= 0 and < PoleRows && column is >= 0 and < Columns)
                rows[row][column] = stroke;
        }

        var text = new StringBuilder(Columns * (PoleRows + 3)).Append(string.Create(
            CultureInfo.InvariantCulture,
            $"cart {x,6:0.00} m {xDot,6:0.00} m/s    pole {theta * 180 / Math.PI,7:0.0} deg {thetaDot * 180 / Math.PI,7:0.0} deg/s"));
        foreach (var row in rows)
            text.Append('\n').Append(new string(row).TrimEnd());

        var left = Math.Clamp((int)Math.Round(hinge) - (Cart.Length / 2), 0, Columns - Cart.Length);
        return text.Append('\n').Append(' ', left).Append(Cart)
            .Append("\n|").Append('-', Columns - 2).Append('|').ToString();
    }
}
