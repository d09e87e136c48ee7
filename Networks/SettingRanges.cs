using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text.Json;

namespace RlWn.Networks;

/// <summary>Checks a record of settings against the ranges that its properties carry.</summary>
public static class SettingRanges
{
    /// <summary>Checks every property that has a <see cref="RangeAttribute"/>; null is in every range.</summary>
    /// <param name="settings">The record.</param>
    /// <param name="section">What the record is called where it is set, as <c>ppo</c>; for the message.</param>
    /// <exception cref="ValidationException">A value lies outside its range.</exception>
    public static void Check(object settings, string section)
    {
        ArgumentNullException.ThrowIfNull(settings);
        foreach (var property in settings.GetType().GetProperties())
        {
            if (property.GetCustomAttribute<RangeAttribute>() is { } range && !range.IsValid(property.GetValue(settings)))
            {
                throw new ValidationException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"Expected {section}.{JsonNamingPolicy.CamelCase.ConvertName(property.Name)} from {range.Minimum} to {range.Maximum}, got {property.GetValue(settings)}."));
            }
        }
    }
}
