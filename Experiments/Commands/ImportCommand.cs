using System.CommandLine;
using System.Globalization;
using RlWn.Envs;
using RlWn.Experiments.Runs;
using RlWn.Inference;
using RlWn.Networks;
using TorchSharp;

namespace RlWn.Experiments.Commands;

/// <summary><c>rlwn import</c></summary>
internal static class ImportCommand
{
    public const string Examples = """
        rlwn import policy.safetensors --recipe cartpole-ppo                      then: rlwn evaluate policy.imported.safetensors
        rlwn import dqn.safetensors --recipe cartpole-dqn --rename q.0=actor.0 --rename q.2=actor.1 --rename q.4=actor.2 --out dqn-policy.safetensors
        rlwn import model.safetensors --recipe runs/mine/settings.json --rename pi=actor --skip value --out mine.safetensors
        """;

    private const string Imported = ".imported.safetensors";

    public static Command Make()
    {
        var file = new Argument<string>("FILE") { Description = "A safetensors file that PyTorch wrote." };
        var recipe = new Option<string>("--recipe")
        {
            Description = "What says the task and the network: a recipe's name, or the path of a .json file, as a run's settings.json.", HelpName = "NAME|PATH", Required = true,
        };
        var set = new Option<string[]>("--set") { Description = "A setting by its path, as network.hidden=[128,128]; may be repeated.", HelpName = "PATH=VALUE" };
        var rename = new Option<string[]>("--rename")
        {
            Description = "What a tensor, layer or branch of FILE is here; may be repeated. Nothing after = takes the first part of the names away.", HelpName = "THERE=HERE",
        };
        var skip = new Option<string[]>("--skip") { Description = "A tensor, layer or branch of FILE that no policy has, as the critic; may be repeated.", HelpName = "THERE" };
        var output = new Option<string?>("--out", "-o")
        {
            Description = "The policy's file; one that exists is replaced by a whole new one. [default: FILE's name, here, with .imported before the extension]", HelpName = "OUT",
        };
        var command = new Command("import", "Make a policy that evaluate, play and export take, of weights from PyTorch.") { file, recipe, set, rename, skip, output };
        command.SetAction(parsed =>
        {
            var path = parsed.GetRequiredValue(file);
            var names = Names(parsed.GetValue(rename) ?? []);
            var settings = RunSettings.Resolve(
                [.. Recipe.Load(parsed.GetRequiredValue(recipe)).Assignments, .. (parsed.GetValue(set) ?? []).Select(Assignment.Parse)]);
            var policyFile = parsed.GetValue(output) ?? Path.GetFileNameWithoutExtension(path) + Imported;
            using var policy = Import(path, settings, names, parsed.GetValue(skip) ?? []);
            RunFolder.Guard(policyFile, () => policy.Save(policyFile));
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{policyFile}: {new FileInfo(policyFile).Length:N0} bytes, a policy for {settings.Env} of the network of {settings.Recipe}"));
            return Failures.Done;
        });
        return command;
    }

    private static Policy Import(string path, RunSettings settings, Dictionary<string, string> names, IReadOnlyList<string> skipped)
    {
        var tensors = Read(path);
        if (skipped.FirstOrDefault(name => !tensors.Any(tensor => IsUnder(tensor.Name, name))) is { } unknown)
            throw new UsageException($"Expected --skip to name a tensor, layer or branch of '{path}', got '{unknown}'. Its tensors are: {string.Join(", ", tensors.Select(tensor => tensor.Name))}.");

        using var like = Fresh(settings);
        try
        {
            return PyTorchPolicy.Make([.. tensors.Where(tensor => !skipped.Any(name => IsUnder(tensor.Name, name)))], like, settings.Network, names);
        }
        catch (ArgumentException misfit)
        {
            throw new ModelFileException($"{path}: {misfit.Message} With --rename THERE=HERE, and --skip THERE for what is not wanted.", misfit);
        }
    }

    private static IReadOnlyList<TensorData> Read(string path)
    {
        try
        {
            return Safetensors.Read(path).Tensors;
        }
        catch (Exception failure) when (failure is (IOException and not ModelFileException) or UnauthorizedAccessException)
        {
            throw new IOException(
                $"Expected a safetensors file in '{path}', got: {failure.Message.TrimEnd('.')}. In Python, safetensors.torch.save_file(model.state_dict(), \"{path}\") writes one.", failure);
        }
    }

    // What a run of these settings would start from.
    private static Policy Fresh(RunSettings settings)
    {
        torch.set_num_threads(settings.Threads);
        var spec = EnvRegistry.Get(settings.Env);
        try
        {
            using var envs = AgentFactory.CreateEnvs(settings, spec);
            using var agent = AgentFactory.Make(settings, spec, envs, torch.CPU);
            return agent.SnapshotPolicy(new Dictionary<string, string> { [TrainedRun.EnvKey] = settings.Env });
        }
        catch (ArgumentException misfit)
        {
            throw new UsageException(Failures.WithoutParameter(misfit));
        }
    }

    private static Dictionary<string, string> Names(IEnumerable<string> texts)
    {
        var names = new Dictionary<string, string>();
        foreach (var text in texts)
        {
            if (text.Split('=') is not [{ Length: > 0 } there, var here])
                throw new UsageException($"Expected --rename THERE=HERE, as q.0=actor.0, got '{text}'.");
            if (!names.TryAdd(there, here))
                throw new UsageException($"Expected --rename to say once what '{there}' is here, got '{names[there]}' and '{here}'.");
        }

        return names;
    }

    private static bool IsUnder(string name, string branch) => name == branch || name.StartsWith($"{branch}.", StringComparison.Ordinal);
}
