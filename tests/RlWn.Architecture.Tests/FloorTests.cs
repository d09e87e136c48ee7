using System.Reflection;

namespace RlWn.Architecture.Tests;

/// <summary>A floor of the house rests only on those below it: in the project files, and in what was built from them.</summary>
public class FloorTests
{
    private static readonly string[] Torch = ["TorchSharp", "MathNet.Numerics"];
    private static readonly string[] TorchPackages = [.. Torch, "libtorch-cpu-$(TorchPlatform)", "TorchSharp-cuda-linux"];

    private static readonly Dictionary<string, Floor> Floors = new()
    {
        ["RlWn.Inference"] = new([], [], []),
        ["RlWn.Envs"] = new([], [], []),
        ["RlWn.Init"] = new([], TorchPackages, Torch),
        ["RlWn.Networks"] = new(["RlWn.Init", "RlWn.Inference"], [], ["RlWn.Init", "RlWn.Inference", .. Torch]),
        ["RlWn.Agents"] = new(["RlWn.Networks", "RlWn.Envs"], [], ["RlWn.Networks", "RlWn.Envs", "RlWn.Init", "RlWn.Inference", .. Torch]),
    };

    public static TheoryData<string> Names => [.. Floors.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Project_OfAFloor_ReferencesOnlyWhatIsBelow(string name)
    {
        var (project, floor) = (Repository.Project(name), Floors[name]);

        Assert.All(project.Projects, reference => Assert.Contains(reference, floor.Projects));
        Assert.All(project.Packages, reference => Assert.Contains(reference, floor.Packages));
        Assert.Empty(project.Xml.Descendants("Reference"));   // nor a file past both
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Assembly_OfAFloor_ReferencesOnlyWhatIsBelow(string name)
    {
        var references = Assembly.Load(name).GetReferencedAssemblies().Select(reference => reference.Name!);

        Assert.All(references.Where(reference => !IsBaseLibrary(reference)), reference => Assert.Contains(reference, Floors[name].Assemblies));
    }

    [Fact]
    public void Experiments_AssemblyReferences_IncludeAgentsAndEnvs()   // the check above sees what it looks at
    {
        var references = Assembly.Load("rlwn").GetReferencedAssemblies().Select(reference => reference.Name);

        Assert.Contains("RlWn.Agents", references);
        Assert.Contains("RlWn.Envs", references);
    }

    [Fact]
    public void Experiments_IsReferencedByTestsAlone() =>
        Assert.All(Repository.Projects.Where(project => !project.IsTest), project => Assert.DoesNotContain("RlWn.Experiments", project.Projects));

    [Fact]
    public void Libraries_AreTheFloors()
    {
        Assert.Equal(Floors.Keys.Order(), Repository.Projects.Where(project => project.IsLibrary).Select(project => project.Name).Order());
    }

    // In the folder of the shared framework, as System.Runtime; System.Numerics.Tensors is a package and is not.
    private static bool IsBaseLibrary(string assembly) =>
        File.Exists(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, $"{assembly}.dll"));

    /// <summary>What a floor may reference.</summary>
    /// <param name="Projects">In its project file.</param>
    /// <param name="Packages">In its project file, properties unresolved.</param>
    /// <param name="Assemblies">In its assembly, besides the base library: what flows through projects as well.</param>
    private sealed record Floor(string[] Projects, string[] Packages, string[] Assemblies);
}
