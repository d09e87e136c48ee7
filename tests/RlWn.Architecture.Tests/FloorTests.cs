using System.Reflection;

namespace RlWn.Architecture.Tests;

/// <summary>A floor of the house rests only on those below it: in the project files, and in what was built from them.</summary>
public class FloorTests
{
    private static readonly string[] Torch = ["TorchSharp", "MathNet.Numerics"];
    private static readonly string[] TorchPackages = [.. Torch, "libtorch-cpu-$(TorchPlatform)", "TorchSharp-cuda-linux"];

    /// <summary>Of each floor: its assembly, the projects it may reference, the packages, and the assemblies, those that flow through projects included.</summary>
    public static TheoryData<string, string, string[], string[], string[]> Floors => new()
    {
        { "RlWn.Inference", "RlWn.Inference", [], [], [] },
        { "RlWn.Envs", "RlWn.Envs", [], [], [] },
        { "RlWn.Init", "RlWn.Init", [], TorchPackages, Torch },
        { "RlWn.Networks", "RlWn.Networks", ["RlWn.Init", "RlWn.Inference"], [], ["RlWn.Init", "RlWn.Inference", .. Torch] },
        {
            "RlWn.Agents", "RlWn.Agents", ["RlWn.Networks", "RlWn.Envs"], [],
            ["RlWn.Networks", "RlWn.Envs", "RlWn.Init", "RlWn.Inference", .. Torch]
        },
    };

    [Theory]
    [MemberData(nameof(Floors))]
    public void Project_OfAFloor_ReferencesOnlyWhatIsBelow(string name, string assembly, string[] projects, string[] packages, string[] assemblies)
    {
        var project = Repository.Project(name);

        Assert.All(project.Projects, reference => Assert.Contains(reference, projects));
        Assert.All(project.Packages, reference => Assert.Contains(reference, packages));
        Assert.Empty(project.Xml.Descendants("Reference"));   // nor a file past both
        _ = (assembly, assemblies);
    }

    [Theory]
    [MemberData(nameof(Floors))]
    public void Assembly_OfAFloor_ReferencesOnlyWhatIsBelow(string name, string assembly, string[] projects, string[] packages, string[] assemblies)
    {
        var references = Assembly.Load(assembly).GetReferencedAssemblies().Select(reference => reference.Name!).Where(reference => !IsBaseLibrary(reference));

        Assert.All(references, reference => Assert.Contains(reference, assemblies));
        _ = (name, projects, packages);
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
    public void Libraries_AreAllOnAFloor()
    {
        var floors = Floors.Select(floor => floor.Data.Item1).Append("RlWn.Experiments");
        var libraries = Repository.Projects.Where(project => project.Xml.Descendants("IsPackable").Any(value => value.Value == "true"));

        Assert.All(libraries, library => Assert.Contains(library.Name, floors));
    }

    // In the folder of the shared framework, as System.Runtime; System.Numerics.Tensors is a package and is not.
    private static bool IsBaseLibrary(string assembly) =>
        File.Exists(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, $"{assembly}.dll"));
}
