using System.CommandLine;
using RlWn.Experiments.Runs;

namespace RlWn.Experiments.Commands;

/// <summary>The option --scale of what repeats the paper's experiments.</summary>
internal static class ScaleOption
{
    public static Option<string> Make() =>
        new("--scale") { Description = "smoke (tiny, in seconds), cpu (real data, smaller networks) or paper (as in the paper, on a GPU).", HelpName = "SIZE", DefaultValueFactory = _ => Scale.Cpu.Name() };

    /// <summary>Reads the option.</summary>
    /// <exception cref="UsageException">It names no scale.</exception>
    public static Scale Read(ParseResult parsed, Option<string> option) => Scales.Parse(parsed.GetRequiredValue(option));
}
