using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Nodes;
using RlWn.Agents.A2c;
using RlWn.Agents.A3c;
using RlWn.Agents.Dqn;
using RlWn.Agents.Impala;
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

    /// <summary>The algorithm: ppo, dqn, a2c, a3c or impala. Its settings are under its name.</summary>
    public string Agent { get; init; } = "ppo";

    /// <summary>Environment steps to train, rounded up to whole rollouts.</summary>
    [Range(1, 1e15)] public long Steps { get; init; } = 100_000;

    /// <summary>Decides everything that is random. The same seed gives the same weights on the CPU.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Where networks learn: auto, cpu, cuda or cuda:N.</summary>
    public string Device { get; init; } = "auto";

    /// <summary>Threads of libtorch. Small networks are fastest with 1; another number changes results in the last bits.</summary>
    [Range(1, 1024)] public int Threads { get; init; } = 1;

    /// <summary>How many reports from one diagnosis of the layers to the next; 0 makes none. At 20 it takes less than 2% of cartpole-ppo.</summary>
    [Range(0, 1_000_000_000)] public int DiagnosticsEvery { get; init; } = 20;

    /// <summary>Environment steps from one evaluation during training to the next, on environments of its own; 0 evaluates at the end alone.</summary>
    [Range(0, 1e15)] public long EvaluateEvery { get; init; }

    /// <summary>Episodes of an evaluation during training. The best policy so far is kept.</summary>
    [Range(1, 1_000_000)] public int EvaluationEpisodes { get; init; } = 10;

    /// <summary>Seconds from one checkpoint to the next: what a crash costs at most. 0 makes one after every report; null makes none but when stopped.</summary>
    [Range(0.0, 1e9)] public double? CheckpointEvery { get; init; } = 60;

    /// <summary>How many checkpoints are kept, the last ones.</summary>
    [Range(1, 1_000_000)] public int CheckpointsKept { get; init; } = 2;

    public PpoOptions Ppo { get; init; } = new();

    public DqnOptions Dqn { get; init; } = new();

    public A2cOptions A2c { get; init; } = new();

    public A3cOptions A3c { get; init; } = new();

    public ImpalaOptions Impala { get; init; } = new();

    public NormalizationSettings Normalize { get; init; } = new();

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

    /// <summary>The settings as a recipe that repeats the run; those of other agents are left out.</summary>
    public JsonObject ToJson()
    {
        var json = JsonSerializer.SerializeToNode(this, RunFolder.Json)!.AsObject();
        foreach (var other in AgentFactory.Names.Where(name => name != Agent))
            json.Remove(other);
        return json;
    }

    private void Validate()
    {
        if (Env.Length == 0)
            throw new UsageException("Expected an environment in the recipe's env or in --env, got none. 'rlwn envs' lists all.");
        EnvRegistry.Get(Env);
        if (!AgentFactory.Names.Contains(Agent))
            throw new UsageException($"Expected the agent to be one of {string.Join(", ", AgentFactory.Names)}, got '{Agent}'.");

        try
        {
            AgentFactory.Validate(this);
            Network.Validate();
        }
        catch (ValidationException contradiction)
        {
            throw new UsageException(contradiction.Message);
        }
    }
}
