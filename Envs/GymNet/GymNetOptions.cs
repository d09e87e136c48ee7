namespace RlWn.Envs.GymNet;

/// <summary>How an environment of Gym.NET is taken over.</summary>
public sealed record GymNetOptions
{
    /// <summary>After how many steps an episode is truncated, at least 1; null for no limit. Gym.NET itself truncates nothing.</summary>
    public int? MaxSteps { get; init; }

    /// <summary>The observation space where the environment declares a wrong one; null for what it declares.</summary>
    public Box? ObservationSpace { get; init; }

    /// <summary>
    /// The action space where the environment declares a wrong one, as its continuous lander does: one number, but it wants two. Null for what it declares.
    /// </summary>
    public Box? ActionSpace { get; init; }

    /// <summary>
    /// Whether the environment is never rendered. Its property <c>RenderEngineParticles</c>, where it has one, is then switched off: only rendering
    /// takes the particles away again.
    /// </summary>
    public bool IsHeadless { get; init; } = true;
}
