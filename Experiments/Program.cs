using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using RlWn.Envs;
using RlWn.Experiments.Cells;
using RlWn.Experiments.Commands;

namespace RlWn.Experiments;

/// <summary>The command <c>rlwn</c>.</summary>
internal static class Program
{
    private static int Main(string[] arguments)
    {
        Tether.Follow();
        try
        {
            var parsed = Root().Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
            if (parsed.Action is ParseErrorAction || (UnknownOption(parsed) is not null && parsed.Action is not HelpWithExamples))
                throw new UsageException(Describe(parsed));
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (Exception failure)
        {
            return Failures.Report(failure, Console.Error);
        }
    }

    private static RootCommand Root()
    {
        var root = new RootCommand("Trains weight-normalized agents, started from the proposed initialization, and shows what they learned.")
        {
            TrainCommand.Make(), ResumeCommand.Make(), EvaluateCommand.Make(), PlayCommand.Make(), RecipesCommand.Make(), EnvsCommand.Make(), FigureCommand.Make(), TableCommand.Make(), SupervisedCommand.Make(),
            CompareCommand.Make(),
        };

        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExamples((SynchronousCommandLineAction)help.Action!);
        root.SetAction(_ => root.Parse("--help").Invoke());
        return root;
    }

    /// <summary>What is wrong with the command line, in one line.</summary>
    private static string Describe(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var name = FullName(command);
        if ((UnknownOption(parsed) ?? (parsed.UnmatchedTokens is [var first, ..] ? first : null)) is not { } token)
            return $"{parsed.Errors[0].Message.TrimEnd('.')}. '{name} --help' says what it takes.";

        var isOption = token.StartsWith('-');
        var known = isOption
            ? command.Options.SelectMany(option => option.Aliases.Prepend(option.Name))
            : command.Subcommands.Select(subcommand => subcommand.Name);
        var expected = isOption ? $"an option of '{name}'" : command.Subcommands.Count > 0 ? "a command" : $"nothing more after '{name}' and its arguments";
        var meant = Nearest.Of(token, known) is { } nearest ? $"Did you mean '{nearest}'? " : "";
        return $"Expected {expected}, got '{token}'. {meant}'{name} --help' lists all.";
    }

    private static string FullName(Symbol command) => command is RootCommand ? "rlwn" : $"{FullName(command.Parents.First())} {command.Name}";

    // System.CommandLine takes an option that it does not know for the argument of a command that has one.
    private static string? UnknownOption(ParseResult parsed) => parsed.CommandResult.Children.OfType<ArgumentResult>()
        .SelectMany(argument => argument.Tokens).Select(token => token.Value)
        .Concat(parsed.UnmatchedTokens)
        .FirstOrDefault(token => token.StartsWith('-'));

    /// <summary>System.CommandLine's help, then the command's examples.</summary>
    private sealed class HelpWithExamples(SynchronousCommandLineAction help) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            var exitCode = help.Invoke(parseResult);
            var examples = parseResult.CommandResult.Command.Name switch
            {
                "train" => TrainCommand.Examples,
                "resume" => ResumeCommand.Examples,
                "evaluate" => EvaluateCommand.Examples,
                "play" => PlayCommand.Examples,
                "recipes" => RecipesCommand.Examples,
                "envs" or "check" => EnvsCommand.Examples,
                "figure" => FigureCommand.Examples,
                "supervised" => SupervisedCommand.Examples,
                "table" => TableCommand.Examples,
                "compare" => CompareCommand.Examples,
                _ => $"{TrainCommand.Examples}\n{RecipesCommand.Examples}",
            };
            parseResult.InvocationConfiguration.Output.WriteLine(
                $"Examples:\n  {examples.ReplaceLineEndings("\n  ")}\n\nExit codes: 0 done, 1 failed, 2 bad usage, 130 stopped by Ctrl+C.");
            return exitCode;
        }
    }
}
