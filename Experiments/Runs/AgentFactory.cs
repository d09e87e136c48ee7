using RlWn.Agents;
using RlWn.Agents.A2c;
using RlWn.Agents.A3c;
using RlWn.Agents.Dqn;
using RlWn.Agents.Ppo;
using RlWn.Envs;
using static TorchSharp.torch;

namespace RlWn.Experiments.Runs;

/// <summary>The one place that knows which agents there are.</summary>
internal static class AgentFactory
{
    /// <summary>The agents by the names of their sections in the settings.</summary>
    public static IReadOnlyList<string> Names { get; } = ["ppo", "a2c", "a3c", "dqn"];

    /// <summary>Checks the settings of the agent that is asked for.</summary>
    public static void Validate(RunSettings settings)
    {
        switch (settings.Agent)
        {
            case "ppo":
                settings.Ppo.Validate();
                break;
            case "a2c":
                settings.A2c.Validate();
                break;
            case "a3c":
                settings.A3c.Validate();
                break;
            case "dqn":
                settings.Dqn.Validate();
                break;
            default:
                throw Unknown(settings);
        }
    }

    /// <summary>How many environments the agent steps together; null where it makes vectors of its own, one for each of its threads.</summary>
    public static int? Environments(RunSettings settings) => settings.Agent switch
    {
        "ppo" => settings.Ppo.Environments,
        "a2c" => settings.A2c.Environments,
        "a3c" => null,
        "dqn" => settings.Dqn.Environments,
        _ => throw Unknown(settings),
    };

    /// <summary>Makes the agent.</summary>
    /// <param name="settings">The run's.</param>
    /// <param name="spec">Makes environments for agents that want vectors of their own.</param>
    /// <param name="envs">As many as <see cref="Environments"/> says; not owned. Null for agents that make their own.</param>
    /// <param name="device">Where networks learn.</param>
    /// <exception cref="ArgumentException">The settings do not fit the environments.</exception>
    public static IAgent Make(RunSettings settings, EnvSpec spec, VectorEnv? envs, Device device) => settings.Agent switch
    {
        "ppo" => new PpoAgent(envs!, settings.Ppo, settings.Network, settings.Seed, device, settings.Steps),
        "a2c" => new A2cAgent(envs!, settings.A2c, settings.Network, settings.Seed, device, settings.Steps),
        "a3c" => new A3cAgent(count => spec.CreateVector(count), settings.A3c, settings.Network, settings.Seed, device, settings.Steps),
        "dqn" => new DqnAgent(envs!, settings.Dqn, settings.Network, settings.Seed, device, settings.Steps),
        _ => throw Unknown(settings),
    };

    private static InvalidOperationException Unknown(RunSettings settings) => new($"Expected an agent of {string.Join(", ", Names)}, got {settings.Agent}.");
}
