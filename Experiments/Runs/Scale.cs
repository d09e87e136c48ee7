namespace RlWn.Experiments.Runs;

/// <summary>How large a repetition of one of the paper's experiments is.</summary>
internal enum Scale
{
    /// <summary>Tiny networks on synthetic data, in seconds: shows that everything works, and no result.</summary>
    Smoke,

    /// <summary>Real data and smaller networks, in minutes on two cores of a CPU.</summary>
    Cpu,

    /// <summary>The paper's own sizes, for a GPU.</summary>
    Paper,
}

/// <summary>Reads and names scales.</summary>
internal static class Scales
{
    /// <summary>The name in options, folders and files.</summary>
    public static string Name(this Scale scale) => scale switch
    {
        Scale.Smoke => "smoke",
        Scale.Cpu => "cpu",
        Scale.Paper => "paper",
        _ => throw new ArgumentOutOfRangeException(nameof(scale), scale, "Expected Smoke, Cpu or Paper."),
    };

    /// <summary>Of three values, the one for the scale.</summary>
    public static T Choose<T>(this Scale scale, T smoke, T cpu, T paper) => scale switch
    {
        Scale.Smoke => smoke,
        Scale.Cpu => cpu,
        Scale.Paper => paper,
        _ => throw new ArgumentOutOfRangeException(nameof(scale), scale, "Expected Smoke, Cpu or Paper."),
    };

    /// <summary>The scale of a name; upper and lower case are the same.</summary>
    /// <exception cref="UsageException">No scale has this name.</exception>
    public static Scale Parse(string name) =>
        Enum.GetValues<Scale>().Cast<Scale?>().FirstOrDefault(scale => scale!.Value.Name().Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? throw new UsageException($"Expected the scale smoke (tiny, in seconds), cpu (real data, smaller networks) or paper (as in the paper, on a GPU), got '{name}'.");
}
