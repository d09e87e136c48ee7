using System.Xml.Linq;

namespace RlWn.Architecture.Tests;

/// <summary>A project as its file says it.</summary>
/// <param name="Path">Its file, relative to the repository, with forward slashes.</param>
/// <param name="Xml">What the file says.</param>
internal sealed record Project(string Path, XElement Xml)
{
    /// <summary>As RlWn.Init.</summary>
    public string Name => System.IO.Path.GetFileNameWithoutExtension(Path);

    public bool IsTest => Path.StartsWith("tests/", StringComparison.Ordinal);

    /// <summary>Whether it becomes a package.</summary>
    public bool IsLibrary => Xml.Descendants("IsPackable").Any(value => value.Value == "true");

    /// <summary>Names of the projects that it references.</summary>
    public IEnumerable<string> Projects =>
        Xml.Descendants("ProjectReference").Select(reference => System.IO.Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value));

    /// <summary>Names of the packages that it references, properties unresolved.</summary>
    public IEnumerable<string> Packages => Xml.Descendants("PackageReference").Select(reference => reference.Attribute("Include")!.Value);
}

/// <summary>The repository that the tests were built in.</summary>
internal static class Repository
{
    private static readonly string[] Elsewhere = ["artifacts", "bin", "obj", "BenchmarkDotNet.Artifacts"];

    /// <summary>The folder that holds the central package versions, above the test's own.</summary>
    public static string Root { get; } = Find(AppContext.BaseDirectory);

    /// <summary>Every project in the repository.</summary>
    public static IReadOnlyList<Project> Projects { get; } =
    [
        .. Directory.EnumerateFiles(Root, "*.csproj", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Root, file).Replace('\\', '/'))
            .Where(path => !path.Split('/').Any(part => part.StartsWith('.') || Elsewhere.Contains(part)))
            .Order(StringComparer.Ordinal)
            .Select(path => new Project(path, XElement.Load(Path.Combine(Root, path)))),
    ];

    public static Project Project(string name) => Projects.Single(project => project.Name == name);

    private static string Find(string start)
    {
        for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Directory.Packages.props")))
                return folder.FullName;
        }

        throw new DirectoryNotFoundException(
            $"Expected Directory.Packages.props in a folder above {start}, found none. Build the tests inside the repository.");
    }
}
