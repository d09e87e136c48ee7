using System.CommandLine;
using RlWn.Experiments.Runs;
using RlWn.Init;
using TorchSharp;

namespace RlWn.Experiments.Commands;

/// <summary>Arguments and options that evaluate and play share. Numbers come as text, so that a wrong one gets a plain message.</summary>
internal static class Options
{
    public static Argument<string> Run() => new("RUN") { Description = "A run folder, or a policy file." };

    public static Option<string?> Env() => new("--env") { Description = "The environment, instead of the one trained in.", HelpName = "ID" };

    public static Option<string> Episodes(int count) => Number("--episodes", "How many episodes.", $"{count}");

    public static Option<string?> Seed() =>
        new("--seed") { Description = "The environments' seed. [default: one that training has not seen]", HelpName = "N" };

    public static Option<string> Number(string name, string description, string value) =>
        new(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => value };

    /// <summary>What differs from the recipe, in the order in which it counts: what --set says, then the options that are named after a setting.</summary>
    public static IReadOnlyList<Assignment> Overrides(ParseResult parsed, Option<string[]> set, IEnumerable<Option<string?>> named) =>
    [
        .. (parsed.GetValue(set) ?? []).Select(Assignment.Parse),
        .. from option in named
           where parsed.GetValue(option) is not null
           select new Assignment(option.Name.TrimStart('-'), parsed.GetValue(option)!, option.Name),
    ];

    /// <summary>Reads a whole number of at least 1.</summary>
    public static int Read(ParseResult parsed, Option<string> option)
    {
        var text = parsed.GetRequiredValue(option);
        return Setting.Parse(typeof(int), text) is int number and >= 1
            ? number
            : throw new UsageException($"Expected {option.Name} to be a whole number of at least 1, got '{text}'.");
    }

    /// <summary>Reads a seed; null where none is given.</summary>
    public static ulong? ReadSeed(ParseResult parsed, Option<string?> option) => parsed.GetValue(option) is not { } text
        ? null
        : Setting.Parse(typeof(ulong), text) as ulong? ?? throw new UsageException($"Expected {option.Name} to be a whole number from 0, got '{text}'.");

    /// <summary>The device of a name.</summary>
    /// <exception cref="UsageException">The name means nothing.</exception>
    /// <exception cref="NotSupportedException">The device is not there.</exception>
    public static torch.Device ReadDevice(string name)
    {
        try
        {
            return TorchDevice.Choose(name);
        }
        catch (ArgumentException unknown)
        {
            throw new UsageException(Failures.WithoutParameter(unknown));
        }
    }
}
