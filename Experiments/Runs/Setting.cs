using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using RlWn.Envs;
using RlWn.Init;

namespace RlWn.Experiments.Runs;

/// <summary>What somebody wants a setting to be.</summary>
/// <param name="Path">The setting, as <c>ppo.gamma</c>.</param>
/// <param name="Text">The value, as typed.</param>
/// <param name="Source">Where it was said, for messages: <c>--set</c>, <c>--seed</c>, or a recipe.</param>
internal sealed record Assignment(string Path, string Text, string Source)
{
    /// <summary>Reads what follows <c>--set</c>.</summary>
    public static Assignment Parse(string text) => text.Split('=', 2) is [var path, var value]
        ? new(path.Trim(), value.Trim(), "--set")
        : throw new UsageException($"Expected --set PATH=VALUE, as ppo.gamma=0.995, got '{text}'. 'rlwn recipes NAME' lists all settings.");
}

/// <summary>One setting of a run by its path: what may be assigned to it, and the assignment.</summary>
internal sealed record Setting(string Path, PropertyInfo? Section, PropertyInfo Property)
{
    /// <summary>All settings of a training run, in the order of their records.</summary>
    public static IReadOnlyList<Setting> All { get; } = Of(typeof(RunSettings));

    /// <summary>What may be assigned, as "a number from 0 to 1".</summary>
    public string Kind => KindOf(Type) + RangeText + (IsNullable ? ", or null" : "");

    private Type Type => Nullable.GetUnderlyingType(Property.PropertyType) ?? Property.PropertyType;

    private bool IsNullable => Nullable.GetUnderlyingType(Property.PropertyType) is not null;

    private RangeAttribute? Range => Property.GetCustomAttribute<RangeAttribute>();

    private string RangeText => Range switch
    {
        null => Type == typeof(ulong) ? " from 0" : "",
        { MinimumIsExclusive: true } range => $" above {Text(range.Minimum)} and up to {Text(range.Maximum)}",
        var range => $" from {Text(range.Minimum)} to {Text(range.Maximum)}",
    };

    /// <summary>The setting that an assignment means, whatever the case of its letters.</summary>
    /// <exception cref="UsageException">There is none.</exception>
    public static Setting Find(Assignment assignment) => Find(assignment, All, Recipe.Default);

    /// <summary>The setting that an assignment means, among others than those of a training run.</summary>
    /// <param name="assignment">The assignment.</param>
    /// <param name="all">The settings there are.</param>
    /// <param name="recipe">A recipe that has them, for the message.</param>
    /// <exception cref="UsageException">There is none.</exception>
    public static Setting Find(Assignment assignment, IReadOnlyList<Setting> all, string recipe)
    {
        var path = assignment.Path;
        return all.FirstOrDefault(setting => setting.Path.Equals(path, StringComparison.OrdinalIgnoreCase))
            ?? throw new UsageException(
                $"Expected the name of a setting, got '{path}' ({assignment.Source}). "
                + (NearestTo(path, all) is { } nearest ? $"Did you mean '{nearest}'? " : "")
                + $"'rlwn recipes {recipe}' lists all.");
    }

    /// <summary>Whether runs of an agent have the setting: it is not in another agent's section.</summary>
    public bool IsOf(string agent) => Section is null || !AgentFactory.Names.Except([agent]).Contains(Section.Name, StringComparer.OrdinalIgnoreCase);

    /// <summary>All settings of a record, in its order.</summary>
    public static IReadOnlyList<Setting> Of(Type record) => [.. Of(record, section: null)];

    public object? Get(object settings) => Property.GetValue(SectionOf(settings));

    /// <summary>Assigns a value. Only for settings that are just being made: their properties are init-only.</summary>
    /// <exception cref="UsageException">The text is no value of the setting's kind, or out of its range.</exception>
    public void Set(object settings, Assignment assignment)
    {
        var isNull = IsNullable && assignment.Text.Equals("null", StringComparison.OrdinalIgnoreCase);
        var value = isNull ? null : Read(assignment);
        if (!isNull && (value is null || Range?.IsValid(value) == false))
            throw new UsageException($"Expected {Path} to be {Kind}, got '{assignment.Text}' ({assignment.Source}).");
        Property.SetValue(SectionOf(settings), value);
    }

    // Of schemes there are too many to list them as what may be assigned; whoever names one that there is not sees them.
    private object? Read(Assignment assignment)
    {
        try
        {
            return Parse(Type, assignment.Text);
        }
        catch (ArgumentException unknown)
        {
            throw new UsageException($"{Path} ({assignment.Source}): {Failures.WithoutParameter(unknown)}");
        }
    }

    /// <summary>A value as it is typed.</summary>
    public static string Text(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        Enum name => JsonNamingPolicy.CamelCase.ConvertName($"{name}"),
        IReadOnlyList<int> numbers => $"[{string.Join(",", numbers)}]",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    /// <summary>Reads a value of a type.</summary>
    /// <returns>The value, or null where the text is none.</returns>
    public static object? Parse(Type type, string text) => type switch
    {
        _ when type == typeof(string) => text,
        _ when type == typeof(bool) => bool.TryParse(text, out var flag) ? flag : null,
        _ when type == typeof(double) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : null,
        _ when type == typeof(IReadOnlyList<int>) => ParseList(text),
        _ when type == typeof(Scheme) => Scheme.Parse(text),
        { IsEnum: true } => Enum.GetValues(type).Cast<Enum>().FirstOrDefault(name => $"{name}".Equals(text, StringComparison.OrdinalIgnoreCase)),
        _ => ParseWhole(type, text),
    };

    // Whole numbers may be written 100000, 100_000 or 1e5.
    private static object? ParseWhole(Type type, string text)
    {
        if (!decimal.TryParse(text.Replace("_", "", StringComparison.Ordinal), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) || !decimal.IsInteger(number))
            return null;

        try
        {
            return Convert.ChangeType(number, type, CultureInfo.InvariantCulture);
        }
        catch (OverflowException)
        {
            return null;
        }
    }

    private static int[]? ParseList(string text)
    {
        var numbers = text.Trim().TrimStart('[').TrimEnd(']').Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Select(number => ParseWhole(typeof(int), number)).ToArray();
        return numbers.Contains(null) ? null : Array.ConvertAll(numbers, number => (int)number!);
    }

    private static string KindOf(Type type) => type switch
    {
        _ when type == typeof(string) => "text",
        _ when type == typeof(Scheme) => "a scheme, as orthogonal-proposed",
        _ when type == typeof(bool) => "true or false",
        _ when type == typeof(double) => "a number",
        _ when type == typeof(IReadOnlyList<int>) => "whole numbers, as [64,64]",
        { IsEnum: true } => $"one of {string.Join(", ", Enum.GetValues(type).Cast<object>().Select(Text))}",
        _ => "a whole number",
    };

    // A path whose last word is right but for its section is nearer than one that merely looks alike.
    private static string? NearestTo(string path, IReadOnlyList<Setting> all)
    {
        var paths = all.Select(setting => setting.Path).ToArray();
        return WithLastWord(LastWord(path)) ?? Nearest.Of(path, paths) ?? WithLastWord(Nearest.Of(LastWord(path), paths.Select(LastWord)));

        string? WithLastWord(string? word) => Array.Find(paths, known => LastWord(known).Equals(word, StringComparison.OrdinalIgnoreCase));
    }

    private static string LastWord(string path) => path[(path.LastIndexOf('.') + 1)..];

    private static IEnumerable<Setting> Of(Type record, PropertyInfo? section)
    {
        foreach (var property in record.GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            var isSection = property.PropertyType is { IsClass: true, Namespace: { } home } && property.PropertyType != typeof(Scheme) && home.StartsWith("RlWn.", StringComparison.Ordinal);
            var name = JsonNamingPolicy.CamelCase.ConvertName(property.Name);
            if (isSection)
            {
                foreach (var setting in Of(property.PropertyType, property))
                    yield return setting;
            }
            else
            {
                yield return new(section is null ? name : $"{JsonNamingPolicy.CamelCase.ConvertName(section.Name)}.{name}", section, property);
            }
        }
    }

    private object SectionOf(object settings) => Section?.GetValue(settings) ?? settings;
}
