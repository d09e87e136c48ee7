using RlWn.Experiments.Runs;

namespace RlWn.Experiments.Tables;

/// <summary>One row of the table: a network on a data set.</summary>
/// <param name="Data">cifar-10, cifar-100, or noise: images and labels of pure chance.</param>
/// <param name="Model">wrn or resnet.</param>
/// <param name="Depth">Layers, as the model's name counts them.</param>
/// <param name="Widening">k of a WideResNet; 1 for a ResNet.</param>
/// <param name="Paper">The paper's row that this one stands for: its model, and log10 by scheme, as printed.</param>
internal sealed record Table2Row(string Data, string Model, int Depth, int Widening, Table2Paper Paper)
{
    /// <summary>As WRN-40-10 or ResNet-164.</summary>
    public string Name => Model == "wrn" ? $"WRN-{Depth}-{Widening}" : $"ResNet-{Depth}";
}

/// <summary>A row as the paper has it.</summary>
/// <param name="Row">Its data and model.</param>
/// <param name="Log10">log10 ||H||, mean ± deviation, in the order of <see cref="Table2Settings.Rules"/>.</param>
internal sealed record Table2Paper(string Row, IReadOnlyList<string> Log10)
{
    public static Table2Paper WideResNet { get; } = new("CIFAR-10 WRN-40-10", ["4.68 ± 0.60", "3.01 ± 0.02", "7.14 ± 0.72", "1.31 ± 0.12"]);

    public static Table2Paper ResNet { get; } = new("CIFAR-100 ResNet-164", ["9.56 ± 0.54", "2.68 ± 0.09", "n/a", "1.56 ± 0.18"]);
}

/// <summary>All settings of one repetition of table 2.</summary>
internal sealed record Table2Settings
{
    /// <summary>The columns: how g starts.</summary>
    public static IReadOnlyList<string> Rules { get; } = ["pytorch-default", "data-dependent", "hanin", "proposed"];

    /// <summary>How large it is.</summary>
    public required Scale Scale { get; init; }

    /// <summary>Networks and data.</summary>
    public required IReadOnlyList<Table2Row> Rows { get; init; }

    /// <summary>How v is drawn, each for every column; the paper does not say which it used here.</summary>
    public required IReadOnlyList<string> Directions { get; init; }

    /// <summary>Seeds 1 to this number, each with weights and images of its own.</summary>
    public required int Seeds { get; init; }

    /// <summary>Images that the loss is the mean over; a data-dependent scheme starts from as many others.</summary>
    public required int Batch { get; init; }

    /// <summary>Images differentiated at once.</summary>
    public required int MicroBatch { get; init; }

    /// <summary>Hessian-vector products at most.</summary>
    public required int Iterations { get; init; }

    /// <summary>The relative change of ||Hv|| at which the power iteration ends.</summary>
    public required double Tolerance { get; init; }

    /// <summary>Where it is computed: cpu or cuda:N.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>Side of the images of noise; those of CIFAR are 32.</summary>
    public int NoiseSide { get; init; } = 8;

    /// <summary>What a scale means.</summary>
    public static Table2Settings Of(Scale scale) => scale switch
    {
        Scale.Smoke => new()
        {
            Scale = scale, Rows = [new("noise", "wrn", 10, 1, Table2Paper.WideResNet)], Directions = ["orthogonal"],
            Seeds = 2, Batch = 16, MicroBatch = 16, Iterations = 20, Tolerance = 1e-2,
        },
        Scale.Cpu => new()
        {
            Scale = scale, Rows = [new("cifar-10", "wrn", 40, 1, Table2Paper.WideResNet)], Directions = ["orthogonal", "he"],
            Seeds = 3, Batch = 128, MicroBatch = 128, Iterations = 50, Tolerance = 1e-2,
        },
        Scale.Paper => new()
        {
            Scale = scale,
            Rows = [new("cifar-10", "wrn", 40, 10, Table2Paper.WideResNet), new("cifar-100", "resnet", 164, 1, Table2Paper.ResNet)],
            Directions = ["orthogonal", "he"], Seeds = 5, Batch = 128, MicroBatch = 64, Iterations = 100, Tolerance = 1e-3,
        },
        _ => throw new ArgumentOutOfRangeException(nameof(scale), scale, "Expected Smoke, Cpu or Paper."),
    };
}
