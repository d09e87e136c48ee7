using System.CommandLine;
using System.Globalization;
using RlWn.Envs;
using RlWn.Experiments.Terminal;

namespace RlWn.Experiments.Commands;

/// <summary><c>rlwn envs</c></summary>
internal static class EnvsCommand
{
    public const string Examples = """
        rlwn envs
        rlwn envs | cut -f1                                 the ids alone: without a terminal, cells are separated by tabs
        """;

    public static Command Make()
    {
        var command = new Command("envs", "List the environments.");
        command.SetAction(_ =>
        {
            Listing.Write(
                ["environment", "steps at most", "solved at", "what to do"],
                from spec in EnvRegistry.All
                select new[] { spec.Id, Text(spec.MaxSteps), Text(spec.RewardThreshold), spec.Description });
            return Failures.Done;
        });
        return command;
    }

    private static string Text(double? number) => number?.ToString(CultureInfo.InvariantCulture) ?? "-";
}
