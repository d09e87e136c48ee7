using RlWn.Envs;
using RlWn.Experiments.Cells;
using RlWn.Experiments.Runs;
using static TorchSharp.torch;

namespace RlWn.Experiments.Figures;

/// <summary>What a figure is made with.</summary>
/// <param name="Scale">How large.</param>
/// <param name="Device">Where everything is computed.</param>
/// <param name="Generator">Where everything random comes from; it lives on the device.</param>
/// <param name="Work">Is told how far the work is.</param>
internal sealed record FigureWork(Scale Scale, Device Device, Generator Generator, WorkLine? Work);

/// <summary>A figure that is made: the picture's panels, the numbers, and what they were made with.</summary>
/// <param name="Panels">Row by row.</param>
/// <param name="Columns">Panels in a row.</param>
/// <param name="RowHeight">On a page 800 wide.</param>
/// <param name="Numbers">All that was measured, and what theory says of it.</param>
/// <param name="Configuration">Sizes and counts, to be written as JSON.</param>
internal sealed record FigureResult(IReadOnlyList<Panel> Panels, int Columns, int RowHeight, CsvText Numbers, object Configuration);

/// <summary>A figure that can be asked for.</summary>
/// <param name="Name">What it is called on the command line.</param>
/// <param name="Summary">What it shows, in one sentence.</param>
internal abstract record Figure(string Name, string Summary)
{
    /// <summary>Every figure there is.</summary>
    public static IReadOnlyList<Figure> All { get; } =
    [
        new MeasuredFigure("1", "Norms of activations and gradients, layer by layer, in plain and residual networks: the paper's figure 1.", NormsFigure.Make),
        new RunsFigure("2", "Accuracy against depth and over 48 hyperparameters, on MNIST and CIFAR-10: the paper's figure 2.", Figure2.Plan),
        new RunsFigure("3", "Residual networks of 10 to 10,000 layers, and the seeds that survive a learning rate: the paper's figure 3.", Figure3.Plan),
        new MeasuredFigure("widths", "What the widths do: norms from width 4 to 4,096, and networks whose widths vary.", WidthsFigure.Make),
        new MeasuredFigure("scale-or-direction", "What the scale g does and what the directions v do, one varied at a time.", ScaleOrDirectionFigure.Make),
    ];

    /// <summary>The figure of a name.</summary>
    /// <exception cref="UsageException">There is none; the message lists those there are.</exception>
    public static Figure Get(string name)
    {
        var names = All.Select(figure => figure.Name).ToArray();
        return All.FirstOrDefault(figure => figure.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) ?? throw new UsageException(
            $"Expected a figure ({string.Join(", ", names)}), got '{name}'.{(Nearest.Of(name, names) is { } nearest ? $" Did you mean '{nearest}'?" : "")}");
    }
}

/// <summary>A figure that is measured at once, in this process.</summary>
/// <param name="Name">What it is called on the command line.</param>
/// <param name="Summary">What it shows, in one sentence.</param>
/// <param name="Make">Measures, and says what to draw.</param>
internal sealed record MeasuredFigure(string Name, string Summary, Func<FigureWork, FigureResult> Make) : Figure(Name, Summary);

/// <summary>A figure that is drawn from many training runs.</summary>
/// <param name="Name">What it is called on the command line.</param>
/// <param name="Summary">What it shows, in one sentence.</param>
/// <param name="Plan">Says which runs, and what to draw when they have ended.</param>
internal sealed record RunsFigure(string Name, string Summary, Func<RunsWork, RunsPlan<FigureResult>> Plan) : Figure(Name, Summary);
