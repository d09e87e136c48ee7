using ScottPlot;
using SkiaSharp;

namespace RlWn.Experiments.Figures;

/// <summary>How a curve is drawn. Curves of one panel differ in pattern and marker too, so that they stay apart in grey.</summary>
internal enum Stroke
{
    /// <summary>A solid dark line with filled circles.</summary>
    First,

    /// <summary>A dashed lighter line with open squares.</summary>
    Second,

    /// <summary>A dotted line with triangles.</summary>
    Third,

    /// <summary>A dashed violet line with open diamonds.</summary>
    Fourth,

    /// <summary>A thin black line without markers, for what theory says.</summary>
    Theory,
}

/// <summary>One curve of a panel.</summary>
/// <param name="Stroke">How it is drawn.</param>
/// <param name="X">Where its points lie, ascending.</param>
/// <param name="Y">Their values, as many; NaN leaves a gap.</param>
internal sealed record Series(Stroke Stroke, IReadOnlyList<double> X, IReadOnlyList<double> Y)
{
    /// <summary>The lower and upper edge of a band around it, as many values each; null for none.</summary>
    public (IReadOnlyList<double> Low, IReadOnlyList<double> High)? Band { get; init; }

    /// <summary>How far an error bar reaches up and down from each value, as many; NaN for none. Null where there are no error bars.</summary>
    public IReadOnlyList<double>? Deviation { get; init; }

    /// <summary>Whether a line joins the points, in whose order there is then a meaning. Else each has its marker alone.</summary>
    public bool IsJoined { get; init; } = true;

    /// <summary>What the panel's key says of it; empty for nothing.</summary>
    public string Label { get; init; } = "";
}

/// <summary>An axis: what it shows, and from where to where.</summary>
/// <param name="Label">What it shows, with the unit; empty for nothing.</param>
/// <param name="Least">Its lower end; above 0 where it is logarithmic.</param>
/// <param name="Greatest">Its upper end.</param>
/// <param name="Ticks">Where numbers stand.</param>
internal sealed record Axis(string Label, double Least, double Greatest, params IReadOnlyList<double> Ticks)
{
    /// <summary>Whether equal distances are equal factors.</summary>
    public bool IsLogarithmic { get; init; }

    /// <summary>How the numbers are written; plainly by default.</summary>
    public Func<double, string> Format { get; init; } = value => value.ToString("#,0.######", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>A value's place on the axis: itself, or its logarithm.</summary>
    public double Place(double value) => IsLogarithmic ? value > 0 ? Math.Log10(value) : double.NaN : value;

    /// <summary>The place of a value; one that lies outside is moved to the end, or a little beyond where that is asked for.</summary>
    public double PlaceWithin(double value, double beyond = 0)
    {
        var (least, greatest) = (Place(Least), Place(Greatest));
        var more = beyond * (greatest - least);
        return IsLogarithmic && value <= 0 ? least - more : Math.Clamp(Place(value), least - more, greatest + more);
    }
}

/// <summary>A few words in a panel.</summary>
/// <param name="Stroke">Whose colour they have.</param>
/// <param name="X">Where their middle is.</param>
/// <param name="Y">Where their upper edge is.</param>
/// <param name="Text">The words.</param>
internal sealed record Note(Stroke Stroke, double X, double Y, string Text);

/// <summary>One small picture among others.</summary>
/// <param name="Title">What stands above it.</param>
/// <param name="X">Its x axis.</param>
/// <param name="Y">Its y axis.</param>
/// <param name="Series">Its curves; few, so that they can be told apart.</param>
internal sealed record Panel(string Title, Axis X, Axis Y, params IReadOnlyList<Series> Series)
{
    /// <summary>The corner that the curves leave free, where the key stands.</summary>
    public Alignment KeyAt { get; init; } = Alignment.UpperRight;

    /// <summary>Words beside the curves.</summary>
    public IReadOnlyList<Note> Notes { get; init; } = [];
}

/// <summary>Small pictures in a grid, each with few curves, instead of many curves piled on one another.</summary>
internal static class SmallMultiples
{
    private const int PageWidth = 800;   // a page's width, in the pixels of a screen; pictures have twice as many
    private const double Density = 2;
    private const float FontSize = 12, LineHeight = 15;
    private const double MarkerRoom = 0.02;   // in lengths of the axis
    private const double Beyond = 0.5;   // how far past its end, in lengths of the axis, a curve is drawn that leaves the panel

    private static readonly string SansSerif = Array.Find(["DejaVu Sans", "Arial", "Helvetica"], SKFontManager.Default.FontFamilies.Contains) ?? Fonts.Default;

    private static readonly Color Dark = Color.FromHex("#1F4E8C"), Light = Color.FromHex("#D9822B"), Middle = Color.FromHex("#4F8F5B"), Violet = Color.FromHex("#7B4FA3");

    /// <summary>Draws panels in rows, from the left to the right, as a PNG file 1,600 pixels wide.</summary>
    /// <param name="panels">The panels, row by row.</param>
    /// <param name="columns">How many stand in a row.</param>
    /// <param name="rowHeight">The height of a row, on a page 800 wide.</param>
    public static byte[] Png(IReadOnlyList<Panel> panels, int columns, int rowHeight)
    {
        var (width, height) = Size(panels, columns, rowHeight);
        using var picture = new SKBitmap((int)(Density * width), (int)(Density * height));
        using var canvas = new SKCanvas(picture);
        canvas.Clear(SKColors.White);
        canvas.Scale((float)Density);
        Draw(canvas, panels, columns, rowHeight);
        using var data = picture.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    /// <summary>Draws the same as an SVG file.</summary>
    /// <inheritdoc cref="Png"/>
    public static byte[] Svg(IReadOnlyList<Panel> panels, int columns, int rowHeight)
    {
        var (width, height) = Size(panels, columns, rowHeight);
        using var stream = new MemoryStream();
        using (var canvas = SKSvgCanvas.Create(new SKRect(0, 0, width, height), stream))
        {
            canvas.Clear(SKColors.White);
            Draw(canvas, panels, columns, rowHeight);
        }

        return stream.ToArray();
    }

    private static (int Width, int Height) Size(IReadOnlyList<Panel> panels, int columns, int rowHeight)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        ArgumentOutOfRangeException.ThrowIfZero(panels.Count);
        return (PageWidth, rowHeight * ((panels.Count + columns - 1) / columns));
    }

    private static void Draw(SKCanvas canvas, IReadOnlyList<Panel> panels, int columns, int rowHeight)
    {
        for (var i = 0; i < panels.Count; i++)
        {
            var (row, column) = (i / columns, i % columns);
            using var plot = Plot(panels[i]);
            plot.RenderManager.ClearCanvasBeforeEachRender = false;   // it would clear the panels before it
            canvas.Save();
            plot.Render(canvas, new PixelRect(Edge(column), Edge(column + 1), rowHeight * (row + 1), rowHeight * row));
            canvas.Restore();
        }

        float Edge(int column) => (float)PageWidth * column / columns;
    }

    private static Plot Plot(Panel panel)
    {
        var plot = new Plot();
        plot.Font.Set(SansSerif);
        plot.Title(panel.Title, FontSize + 1);
        plot.XLabel(panel.X.Label, FontSize);
        plot.YLabel(panel.Y.Label, FontSize);
        foreach (var label in (LabelStyle[])[plot.Axes.Title.Label, plot.Axes.Bottom.Label, plot.Axes.Left.Label])
            label.Bold = false;
        // The same room on all sides, so that panels above one another line up.
        plot.Layout.Fixed(new PixelPadding(left: 66, right: 30, bottom: 44, top: panel.Title.Length > 0 ? 34 : 12));
        plot.Axes.Right.FrameLineStyle.IsVisible = false;
        plot.Axes.Top.FrameLineStyle.IsVisible = false;
        plot.Axes.Bottom.TickGenerator = Ticks(panel.X);
        plot.Axes.Left.TickGenerator = Ticks(panel.Y);
        plot.Grid.MajorLineColor = Colors.Black.WithAlpha(0.08);

        foreach (var series in panel.Series)
            AddBand(plot, panel, series);
        foreach (var series in panel.Series)
            AddCurve(plot, panel, series);
        foreach (var note in panel.Notes)
            AddNote(plot, panel, note);
        AddKey(plot, panel);

        var ((left, right), (bottom, top)) = (Ends(panel.X), Ends(panel.Y));
        plot.Axes.SetLimits(left, right, bottom, top);
        return plot;
    }

    // With room at both ends for half a marker.
    private static (double Least, double Greatest) Ends(Axis axis)
    {
        var (least, greatest) = (axis.Place(axis.Least), axis.Place(axis.Greatest));
        var room = MarkerRoom * (greatest - least);
        return (least - room, greatest + room);
    }

    private static ScottPlot.TickGenerators.NumericManual Ticks(Axis axis) =>
        new([.. axis.Ticks.Select(axis.Place)], [.. axis.Ticks.Select(axis.Format)]);

    private static void AddBand(Plot plot, Panel panel, Series series)
    {
        if (series.Band is not { } band)
            return;

        var points = Enumerable.Range(0, series.X.Count).Where(i => double.IsFinite(band.Low[i]) && double.IsFinite(band.High[i])).ToArray();
        if (points.Length < 2)
            return;

        var fill = plot.Add.FillY(
            points.Select(i => panel.X.Place(series.X[i])).ToArray(),
            points.Select(i => panel.Y.PlaceWithin(band.Low[i], Beyond)).ToArray(),
            points.Select(i => panel.Y.PlaceWithin(band.High[i], Beyond)).ToArray());
        fill.FillColor = Colour(series.Stroke).WithAlpha(0.2);
        fill.LineWidth = 0;
        fill.MarkerSize = 0;
    }

    private static void AddCurve(Plot plot, Panel panel, Series series)
    {
        // A curve that leaves the panel is cut at its first point outside; further ones would only lie beyond.
        var points = Enumerable.Range(0, series.X.Count).Where(i => double.IsFinite(series.Y[i])).ToArray();
        var xs = points.Select(i => panel.X.Place(series.X[i])).ToArray();
        var ys = points.Select(i => panel.Y.PlaceWithin(series.Y[i], Beyond)).ToArray();
        if (points.Length == 0)
            return;
        if (series.IsJoined)
        {
            var line = plot.Add.ScatterLine(xs, ys, Colour(series.Stroke));
            line.LineWidth = series.Stroke == Stroke.Theory ? 1 : 1.8f;
            line.LinePattern = series.Stroke switch
            {
                Stroke.Second => LinePattern.DenselyDashed,
                Stroke.Third => LinePattern.Dotted,
                Stroke.Fourth => LinePattern.Dashed,
                _ => LinePattern.Solid,
            };
        }

        if (series.Stroke == Stroke.Theory)
            return;

        AddErrorBars(plot, panel, series);

        // About ten markers a curve, the last point among them; all of points that are not joined.
        var every = series.IsJoined ? Math.Max(1, points.Length / 10) : 1;
        var marked = Enumerable.Range(0, points.Length).Where(i => (points.Length - 1 - i) % every == 0).ToArray();
        var markers = plot.Add.Markers(marked.Select(i => xs[i]).ToArray(), marked.Select(i => ys[i]).ToArray(), size: 6, color: Colour(series.Stroke));
        markers.MarkerShape = series.Stroke switch
        {
            Stroke.Second => MarkerShape.OpenSquare,
            Stroke.Third => MarkerShape.FilledTriangleUp,
            Stroke.Fourth => MarkerShape.OpenDiamond,
            _ => MarkerShape.FilledCircle,
        };
        markers.MarkerStyle.LineWidth = 1.5f;
    }

    private static void AddErrorBars(Plot plot, Panel panel, Series series)
    {
        if (series.Deviation is not { } deviation)
            return;

        foreach (var i in Enumerable.Range(0, series.X.Count).Where(i => double.IsFinite(series.Y[i]) && double.IsFinite(deviation[i])))
        {
            var (x, low, high) = (panel.X.Place(series.X[i]), panel.Y.PlaceWithin(series.Y[i] - deviation[i], Beyond), panel.Y.PlaceWithin(series.Y[i] + deviation[i], Beyond));
            var bar = plot.Add.ErrorBar([x], [(low + high) / 2], [(high - low) / 2]);
            bar.Color = Colour(series.Stroke);
            bar.LineWidth = 1.5f;
            bar.CapSize = 4;
        }
    }

    private static void AddNote(Plot plot, Panel panel, Note note)
    {
        var text = plot.Add.Text(note.Text, panel.X.Place(note.X), panel.Y.Place(note.Y));
        text.LabelFontSize = FontSize - 2;
        text.LabelFontColor = Colour(note.Stroke).Darken(0.2);
        text.LabelAlignment = Alignment.UpperCenter;
    }

    // One line of text a curve, with its marker before it.
    private static void AddKey(Plot plot, Panel panel)
    {
        var isLower = panel.KeyAt is Alignment.LowerLeft or Alignment.LowerCenter or Alignment.LowerRight;
        var named = panel.Series.Where(series => series.Label.Length > 0).ToArray();
        for (var i = 0; i < named.Length; i++)
        {
            var marker = named[i].Stroke switch
            {
                Stroke.First => "● ",
                Stroke.Second => "□ ",
                Stroke.Third => "▲ ",
                Stroke.Fourth => "◇ ",
                _ => "",
            };
            var line = plot.Add.Annotation(marker + named[i].Label, panel.KeyAt);
            line.OffsetX = 4;
            line.OffsetY = 2 + (LineHeight * (isLower ? named.Length - 1 - i : i));
            line.LabelFontSize = FontSize - 1;
            line.LabelFontColor = Colour(named[i].Stroke).Darken(0.2);
            line.LabelBackgroundColor = Colors.White.WithAlpha(0.6);
            line.LabelBorderWidth = 0;
            line.LabelShadowColor = Colors.Transparent;
            line.LabelPadding = 0;
        }
    }

    private static Color Colour(Stroke stroke) => stroke switch
    {
        Stroke.First => Dark,
        Stroke.Second => Light,
        Stroke.Third => Middle,
        Stroke.Fourth => Violet,
        _ => Colors.Black,
    };
}
