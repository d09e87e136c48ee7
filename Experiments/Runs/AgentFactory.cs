using RlWn.Agents;
using RlWn.Agents.A2c;
using RlWn.Agents.A3c;
using RlWn.Agents.Dqn;
using RlWn.Agents.Impala;
using RlWn.Agents.Ppo;
using RlWn.Envs;
using static TorchSharp.torch;

namespace RlWn.Experiments.Runs;

/// <summary>The one place that knows which agents there are.</summary>
internal static class AgentFactory
{
    /// <summary>The agents by the names of their sections in the settings.</summary>
    public static IReadOnlyList<string> Names { get; } = ["ppo", "dqn", "a2c", "a3c", "impala"];

    /// <summary>Checks the settings of the agent that is asked for.</summary>
    public static void Validate(RunSettings settings)
    {
        if ((settings.Normalize.Observations || settings.Normalize.Rewards) && settings.Agent is not ("ppo" or "a2c"))
        {
            throw new UsageException(
                $"Expected normalize.observations and normalize.rewards to be false for {settings.Agent}: the scales move, and it learns from steps of long ago, "
                + "or from several vectors, each with scales of its own. Take ppo or a2c.");
        }

        if (settings.Network.Lstm > 0 && settings.Agent != "ppo")
            throw new UsageException($"Expected network.lstm 0 for {settings.Agent}, which remembers nothing from step to step, got {settings.Network.Lstm}. Take ppo.");

        switch (settings.Agent)
        {
            case "ppo":
                settings.Ppo.Validate();
                if (settings.Network.Lstm > 0)
                    settings.Ppo.ValidateRecurrent();
                break;
            case "dqn":
                settings.Dqn.Validate();
                break;
            case "a2c":
                settings.A2c.Validate();
                break;
            case "a3c":
                settings.A3c.Validate();
                break;
            case "impala":
                settings.Impala.Validate();
                break;
            default:
                throw Unknown(settings);
        }
    }

    /// <summary>How many threads the agent acts and learns on at once.</summary>
    public static int Threads(RunSettings settings) => settings.Agent switch
    {
        "a3c" => settings.A3c.Workers,
        "impala" => settings.Impala.Actors + 1,   // the learner
        _ => 1,
    };

    /// <summary>The environments that the agent steps together; null for an agent that makes its own, one vector a thread.</summary>
    /// <exception cref="ArgumentException">The settings do not fit the environments.</exception>
    public static VectorEnv? CreateEnvs(RunSettings settings, EnvSpec spec) => settings.Agent switch
    {
        "ppo" => settings.Normalize.Apply(spec.CreateVector(settings.Ppo.Environments), settings.Ppo.Gamma),
        "dqn" => spec.CreateVector(settings.Dqn.Environments),
        "a2c" => settings.Normalize.Apply(spec.CreateVector(settings.A2c.Environments), settings.A2c.Gamma),
        "a3c" or "impala" => null,
        _ => throw Unknown(settings),
    };

    /// <summary>Makes the agent.</summary>
    /// <param name="settings">What it is to be.</param>
    /// <param name="spec">The task.</param>
    /// <param name="envs">What <see cref="CreateEnvs"/> made.</param>
    /// <param name="device">Where it learns.</param>
    /// <exception cref="ArgumentException">The settings do not fit the environments.</exception>
    public static IAgent Make(RunSettings settings, EnvSpec spec, VectorEnv? envs, Device device) => settings.Agent switch
    {
        "ppo" when settings.Network.Lstm > 0 => new RecurrentPpoAgent(envs!, settings.Ppo, settings.Network, settings.Seed, device, settings.Steps),
        "ppo" => new PpoAgent(envs!, settings.Ppo, settings.Network, settings.Seed, device, settings.Steps),
        "dqn" => new DqnAgent(envs!, settings.Dqn, settings.Network, settings.Seed, device, settings.Steps),
        "a2c" => new A2cAgent(envs!, settings.A2c, settings.Network, settings.Seed, device, settings.Steps),
        "a3c" => new A3cAgent(count => spec.CreateVector(count), settings.A3c, settings.Network, settings.Seed, device, settings.Steps),
        "impala" => new ImpalaAgent(count => spec.CreateVector(count), settings.Impala, settings.Network, settings.Seed, device, settings.Steps),
        _ => throw Unknown(settings),
    };

    private static InvalidOperationException Unknown(RunSettings settings) => new($"Expected an agent of {string.Join(", ", Names)}, got {settings.Agent}.");
}
