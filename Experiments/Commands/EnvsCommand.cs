using System.CommandLine;
using System.Globalization;
using RlWn.Envs;
using RlWn.Experiments.Terminal;

namespace RlWn.Experiments.Commands;

/// <summary><c>rlwn envs</c> and <c>rlwn envs check</c></summary>
internal static class EnvsCommand
{
    public const string Examples = """
        rlwn envs
        rlwn envs | cut -f1                                 the ids alone: without a terminal, cells are separated by tabs
        rlwn envs check CartPole-v1                         the rules that an environment breaks, if any
        """;

    public static Command Make()
    {
        var command = new Command("envs", "List the environments, or check one.") { MakeCheck() };
        command.SetAction(_ =>
        {
            Listing.Write(
                ["environment", "steps at most", "solved at", "what to do", "observation", "action"],
                EnvRegistry.All.Select(Row));
            return Failures.Done;
        });
        return command;
    }

    private static Command MakeCheck()
    {
        var id = new Argument<string>("ID") { Description = "The environment." };
        var steps = Options.Number("--steps", "How many random steps the longest of the checks takes.", $"{new EnvContractOptions().Steps}");
        var seed = Options.Seed();
        seed.Description = "The seed of the actions and of the environment's own draws. [default: 0]";
        var command = new Command("check", "Check an environment, and its vector, against what agents rely on.") { id, steps, seed };
        command.SetAction(parsed =>
        {
            var spec = EnvRegistry.Get(parsed.GetRequiredValue(id));
            var violations = EnvContract.Check(spec, new EnvContractOptions { Steps = Options.Read(parsed, steps), Seed = Options.ReadSeed(parsed, seed) ?? 0 });
            var output = parsed.InvocationConfiguration.Output;
            foreach (var violation in violations)
                output.WriteLine($"{spec.Id} breaks {violation}");
            if (violations.Count > 0)
                return Failures.Failed;

            output.WriteLine($"{spec.Id} keeps all {Enum.GetValues<EnvRule>().Length} rules.");
            return Failures.Done;
        });
        return command;
    }

    private static string[] Row(EnvSpec spec)
    {
        var env = spec.Create();
        using var owned = env as IDisposable;
        return [spec.Id, Text(spec.MaxSteps), Text(spec.RewardThreshold), spec.Description, $"{env.ObservationSpace}", $"{env.ActionSpace}"];
    }

    private static string Text(double? number) => number?.ToString(CultureInfo.InvariantCulture) ?? "-";
}
