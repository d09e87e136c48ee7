using System.Reflection;
using RlWn.Agents;
using RlWn.Envs;

namespace RlWn.Experiments;

/// <summary>The command was asked for something that does not exist or does not fit. Nothing was started.</summary>
/// <param name="message">What was expected, what came, what to do.</param>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>Exit codes, and the one line that a failure gets.</summary>
internal static class Failures
{
    public const int Done = 0, Failed = 1, BadUsage = 2, Stopped = 130;

    private const string TraceVariable = "RLWN_TRACE";

    /// <summary>Writes what went wrong in one line, and after it the trace if <c>RLWN_TRACE</c> asks for it.</summary>
    /// <returns>The exit code.</returns>
    public static int Report(Exception failure, TextWriter output)
    {
        // What the loading of libtorch throws arrives inside the exception of whatever type was touched first.
        while (failure is TypeInitializationException or TargetInvocationException && failure.InnerException is { } cause)
            failure = cause;

        var isKnown = failure is UsageException or UnknownEnvException or IOException or UnauthorizedAccessException or DllNotFoundException
            or NotSupportedException || IsDivergence(failure);
        var line = isKnown ? failure.Message : $"unexpected {failure.GetType().Name}: {failure.Message} Set {TraceVariable}=1 to see where.";
        output.WriteLine($"rlwn: {line.ReplaceLineEndings(" ")}");

        if (Environment.GetEnvironmentVariable(TraceVariable) is "1")
            output.WriteLine(failure);
        return failure is UsageException or UnknownEnvException ? BadUsage : Failed;
    }

    /// <summary>An argument's error without the name of the method's parameter, which says nothing to who types commands.</summary>
    public static string WithoutParameter(ArgumentException failure) =>
        failure.Message.Replace($" (Parameter '{failure.ParamName}')", "", StringComparison.Ordinal);

    // Apart from the rest, because a type test loads the assembly of the type but none of its code, and so not libtorch.
    private static bool IsDivergence(Exception failure) => failure is TrainingDivergedException;
}
