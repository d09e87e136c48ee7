using System.Reflection;
using System.Xml.Linq;

namespace RlWn.Experiments.Terminal;

/// <summary>The summaries in the source, which the compiler writes into an XML file beside each assembly.</summary>
internal sealed class Summaries
{
    private readonly Dictionary<Assembly, Dictionary<string, string>> read = [];

    /// <summary>What the source says of a property; empty where the file was not shipped.</summary>
    public string Of(PropertyInfo property)
    {
        var assembly = property.DeclaringType!.Assembly;
        if (!read.TryGetValue(assembly, out var summaries))
            read[assembly] = summaries = Read(Path.ChangeExtension(assembly.Location, ".xml"));
        return summaries.GetValueOrDefault($"P:{property.DeclaringType.FullName}.{property.Name}", "");
    }

    private static Dictionary<string, string> Read(string path) => !File.Exists(path) ? [] : XDocument.Load(path)
        .Descendants("member")
        .Where(member => member.Element("summary") is not null)
        .ToDictionary(member => member.Attribute("name")!.Value, member => Text(member.Element("summary")!));

    // <see cref="T:RlWn.Networks.OutputLayers"/> has no text of its own: its last name stands for it.
    private static string Text(XElement summary)
    {
        foreach (var see in summary.Elements().Where(element => element.Attribute("cref") is not null).ToArray())
            see.ReplaceWith(see.Attribute("cref")!.Value.Split('.')[^1]);
        return string.Join(' ', summary.Value.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
    }
}
