using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace RlWn.Architecture.Tests;

public partial class ProjectTests
{
    public static TheoryData<string> Libraries => [.. Repository.Projects.Where(project => project.IsLibrary).Select(project => project.Name)];

    [Theory]
    [MemberData(nameof(Libraries))]
    public void Library_WhenBuilt_HasItsDocumentation(string name)
    {
        var documentation = XElement.Load(Path.Combine(AppContext.BaseDirectory, $"{name}.xml"));

        Assert.Equal(name, documentation.Element("assembly")!.Element("name")!.Value);
        Assert.Contains(
            documentation.Descendants("member"), member => member.Attribute("name")!.Value.StartsWith($"T:{name}.", StringComparison.Ordinal));
    }

    [Fact]
    public void Projects_NoneTurnsARuleOff()
    {
        string[] rules =
        [
            "NoWarn", "GenerateDocumentationFile", "TreatWarningsAsErrors", "Nullable", "EnforceCodeStyleInBuild", "AnalysisLevel", "TargetFramework",
        ];

        Assert.All(Repository.Projects, project => Assert.All(rules, rule => Assert.Empty(project.Xml.Descendants(rule))));
    }

    [Fact]
    public void Build_ForAllProjects_AsksForDocumentationAndNoWarnings()
    {
        var common = XElement.Load(Path.Combine(Repository.Root, "Directory.Build.props"));

        Assert.All(
            ["GenerateDocumentationFile", "TreatWarningsAsErrors", "Deterministic"],
            (string property) => Assert.Equal("true", Assert.Single(common.Descendants(property)).Value));
        Assert.Empty(common.Descendants("NoWarn"));
    }

    [Fact]
    public void PackageReferences_NameNoVersion_ItIsCentral() => Assert.All(
        Repository.Projects.SelectMany(project => project.Xml.Descendants("PackageReference")),
        reference => Assert.False(
            reference.Attribute("Version") is not null || reference.Attribute("VersionOverride") is not null || reference.Elements().Any(),
            $"Expected the version in Directory.Packages.props, got {reference}."));

    [Fact]
    public void Solution_HoldsEveryProject()
    {
        var solution = File.ReadAllText(Path.Combine(Repository.Root, "RlWn.sln"));
        var listed = ProjectPath().Matches(solution).Select(match => match.Groups[1].Value.Replace('\\', '/')).Order(StringComparer.Ordinal);

        Assert.Equal(Repository.Projects.Select(project => project.Path), listed);
    }

    [GeneratedRegex("\"([^\"]+\\.csproj)\"")]
    private static partial Regex ProjectPath();
}
