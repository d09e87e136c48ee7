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

    // Each command with its examples, in the order that help lists them.
    private static readonly (Func<Command> Make, string Examples)[] Commands =
    [
        (TrainCommand.Make, TrainCommand.Examples), (ResumeCommand.Make, ResumeCommand.Examples), (EvaluateCommand.Make, EvaluateCommand.Examples),
        (PlayCommand.Make, PlayCommand.Examples), (RecipesCommand.Make, RecipesCommand.Examples), (EnvsCommand.Make, EnvsCommand.Examples),
        (FigureCommand.Make, FigureCommand.Examples), (TableCommand.Make, TableCommand.Examples), (SupervisedCommand.Make, SupervisedCommand.Examples),
        (CompareCommand.Make, CompareCommand.Examples), (ExportCommand.Make, ExportCommand.Examples), (ImportCommand.Make, ImportCommand.Examples),
    ];

    private static RootCommand Root()
    {
        var root = new RootCommand("Trains weight-normalized agents, started from the proposed initialization, and shows what they learned.");
        var examples = new Dictionary<Command, string> { [root] = $"{TrainCommand.Examples}\n{RecipesCommand.Examples}" };
        foreach (var (make, text) in Commands)
        {
            var command = make();
            root.Subcommands.Add(command);
            examples[command] = text;
        }

        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExamples((SynchronousCommandLineAction)help.Action!, examples);
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
    private sealed class HelpWithExamples(SynchronousCommandLineAction help, IReadOnlyDictionary<Command, string> examples) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            var exitCode = help.Invoke(parseResult);
            var command = parseResult.CommandResult.Command;
            var text = examples.TryGetValue(command, out var own) ? own : examples[(Command)command.Parents.First()];   // a command within one has its examples there
            parseResult.InvocationConfiguration.Output.WriteLine(
                $"Examples:\n  {text.ReplaceLineEndings("\n  ")}\n\nExit codes: 0 done, 1 failed, 2 bad usage, 130 stopped by Ctrl+C.");
            return exitCode;
        }
    }
}
