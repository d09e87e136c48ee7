using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Nodes;
using RlWn.Agents.A2c;
using RlWn.Agents.A3c;
using RlWn.Agents.Ppo;
using RlWn.Envs;
using RlWn.Networks;

namespace RlWn.Experiments.Runs;

/// <summary>All settings of a run, resolved: the defaults below, what the recipe says, what the command line says.</summary>
internal sealed record RunSettings
{
    /// <summary>The recipe's name, which the run folder carries.</summary>
    public string Recipe { get; init; } = "";

    /// <summary>What the recipe does, in one sentence.</summary>
    public string Description { get; init; } = "";

    /// <summary>The environment's id, as 'rlwn envs' lists them.</summary>
    public string Env { get; init; } = "";

    /// <summary>The algorithm: ppo, a2c or a3c.</summary>
    public string Agent { get; init; } = "ppo";

    /// <summary>Environment steps to train, rounded up to whole rollouts.</summary>
    [Range(1, 1e15)] public long Steps { get; init; } = 100_000;

    /// <summary>Decides everything that is random. The same seed gives the same weights on the CPU.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Where networks learn: auto, cpu, cuda or cuda:N.</summary>
    public string Device { get; init; } = "auto";

    /// <summary>Threads of libtorch. Small networks are fastest with 1; another number changes results in the last bits.</summary>
    [Range(1, 1024)] public int Threads { get; init; } = 1;

    public PpoOptions Ppo { get; init; } = new();

    public A2cOptions A2c { get; init; } = new();

    public A3cOptions A3c { get; init; } = new();

    public NetworkOptions Network { get; init; } = new();

    /// <summary>The settings of a run.</summary>
    /// <param name="assignments">What differs from the defaults, in order: of two for the same setting the later one counts.</param>
    /// <exception cref="UsageException">A name is unknown, a value does not fit, or settings contradict each other.</exception>
    /// <exception cref="UnknownEnvException">No such environment is registered.</exception>
    public static RunSettings Resolve(IEnumerable<Assignment> assignments)
    {
        var settings = new RunSettings();
        foreach (var assignment in assignments)
            Setting.Find(assignment).Set(settings, assignment);
        settings.Validate();
        return settings;
    }

    public JsonObject ToJson() => JsonSerializer.SerializeToNode(this, RunFolder.Json)!.AsObject();

    private void Validate()
    {
        if (Env.Length == 0)
            throw new UsageException("Expected an environment in the recipe's env or in --env, got none. 'rlwn envs' lists all.");
        EnvRegistry.Get(Env);
        if (Agent is not ("ppo" or "a2c" or "a3c"))
            throw new UsageException($"Expected the agent ppo, a2c or a3c, got '{Agent}'. Leave the setting agent out for ppo.");

        try
        {
            Ppo.Validate();
            A2c.Validate();
            A3c.Validate();
            Network.Validate();
        }
        catch (ValidationException contradiction)
        {
            throw new UsageException(contradiction.Message);
        }
    }
}
