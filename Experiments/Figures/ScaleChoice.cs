using RlWn.Experiments.Runs;

namespace RlWn.Experiments.Figures;

/// <summary>What differs between the scales of an experiment.</summary>
internal static class ScaleChoice
{
    /// <summary>Of three values, the one for the scale.</summary>
    public static T Choose<T>(this Scale scale, T smoke, T cpu, T paper) => scale switch
    {
        Scale.Smoke => smoke,
        Scale.Cpu => cpu,
        Scale.Paper => paper,
        _ => throw new ArgumentOutOfRangeException(nameof(scale), scale, "Expected Smoke, Cpu or Paper."),
    };
}
