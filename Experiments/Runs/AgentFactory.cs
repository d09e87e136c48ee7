using RlWn.Agents;
using RlWn.Agents.Dqn;
using RlWn.Agents.Ppo;
using RlWn.Envs;
using static TorchSharp.torch;

namespace RlWn.Experiments.Runs;

/// <summary>The one place that knows which agents there are.</summary>
internal static class AgentFactory
{
    /// <summary>The agents by the names of their sections in the settings.</summary>
    public static IReadOnlyList<string> Names { get; } = ["ppo", "dqn"];

    /// <summary>Checks the settings of the agent that is asked for.</summary>
    public static void Validate(RunSettings settings)
    {
        switch (settings.Agent)
        {
            case "ppo":
                settings.Ppo.Validate();
                break;
            case "dqn":
                settings.Dqn.Validate();
                break;
            default:
                throw Unknown(settings);
        }
    }

    /// <summary>How many environments the agent steps together.</summary>
    public static int Environments(RunSettings settings) => settings.Agent switch
    {
        "ppo" => settings.Ppo.Environments,
        "dqn" => settings.Dqn.Environments,
        _ => throw Unknown(settings),
    };

    /// <summary>Makes the agent.</summary>
    /// <exception cref="ArgumentException">The settings do not fit the environments.</exception>
    public static IAgent Make(RunSettings settings, VectorEnv envs, Device device) => settings.Agent switch
    {
        "ppo" => new PpoAgent(envs, settings.Ppo, settings.Network, settings.Seed, device, settings.Steps),
        "dqn" => new DqnAgent(envs, settings.Dqn, settings.Network, settings.Seed, device, settings.Steps),
        _ => throw Unknown(settings),
    };

    private static InvalidOperationException Unknown(RunSettings settings) => new($"Expected an agent of {string.Join(", ", Names)}, got {settings.Agent}.");
}
