namespace RlWn.Envs;

/// <summary>
/// Environments of Python's Gymnasium, as the user has installed them, in child processes: <c>gymnasium:CartPole-v1</c>,
/// <c>gymnasium:ALE/Pong-v5?frameskip=1</c>.
/// </summary>
/// <remarks>
/// <para>An id is <c>gymnasium:</c> and what gymnasium.make is asked for. A module to import first stands before it, as in
/// <c>gymnasium:my_envs:Maze-v0</c> (ale_py is imported for ALE's own); arguments of make follow it, as in
/// <c>?frameskip=1,obs_type=ram,render_mode=rgb_array</c>, with values in JSON or in plain words.</para>
/// <para>Spaces become RlWn's: Discrete and MultiDiscrete count from 0, whatever their start; MultiBinary becomes choices of two; Box of uint8 becomes a
/// <see cref="ByteBox"/>, with images turned to [channels, height, width]; every other Box one of floats, rounded from whatever type it has in Python.</para>
/// <para>Time limits are those that Gymnasium puts around the environment. Nothing of the processes stays behind, whatever ends this one.</para>
/// </remarks>
public static class Gymnasium
{
    /// <summary>What every id of a Python environment begins with.</summary>
    public const string Prefix = GymnasiumId.Prefix;

    /// <summary>Makes one environment in a process of its own. Dispose it.</summary>
    /// <param name="id">The environment, as gymnasium:CartPole-v1.</param>
    /// <param name="options">How it is run; null for the defaults.</param>
    /// <returns>A <see cref="GymnasiumEnv{TObservation, TAction}"/>; with <c>render_mode=rgb_array</c> a <see cref="DrawnGymnasiumEnv{TObservation, TAction}"/>.</returns>
    /// <exception cref="FormatException">The id is none of a Python environment.</exception>
    /// <exception cref="GymnasiumException">Python or Gymnasium are not there, or the environment cannot be made.</exception>
    public static IEnv Make(string id, BridgeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(id);
        return Start(GymnasiumId.Parse(id), options);
    }

    /// <summary>Makes a vector of environments. Dispose it.</summary>
    /// <param name="id">The environment, as gymnasium:CartPole-v1.</param>
    /// <param name="count">How many, at least 1.</param>
    /// <param name="options">How they are run; null for the defaults.</param>
    /// <exception cref="FormatException">The id is none of a Python environment.</exception>
    /// <exception cref="GymnasiumException">Python or Gymnasium are not there, or the environment cannot be made.</exception>
    public static GymnasiumVectorEnv MakeVector(string id, int count, BridgeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(id);
        return StartVector(GymnasiumId.Parse(id), count, options);
    }

    /// <summary>
    /// The environment as a registered one would be; nothing is started until it makes one. Where a vector is asked for so many workers, they are
    /// processes.
    /// </summary>
    /// <param name="id">The environment, as gymnasium:CartPole-v1.</param>
    /// <param name="options">How it is run; null for the defaults.</param>
    /// <exception cref="FormatException">The id is none of a Python environment.</exception>
    public static EnvSpec Spec(string id, BridgeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(id);
        var parsed = GymnasiumId.Parse(id);
        return new(
            checks => Check(parsed, options, checks),
            (count, workers) => StartVector(parsed, count, workers == 0 ? options : (options ?? new BridgeOptions()) with { Processes = workers }))
        {
            Id = id,
            Description = "An environment of Python's Gymnasium.",
            MaxSteps = null,
            RewardThreshold = null,
            Create = () => Start(parsed, options),
        };
    }

    private static GymnasiumVectorEnv StartVector(GymnasiumId id, int count, BridgeOptions? options) =>
        new(new PythonEnvs(id, count, autoreset: true, options ?? new BridgeOptions()), count);

    private static IEnv Start(GymnasiumId id, BridgeOptions? options)
    {
        var python = new PythonEnvs(id, count: 1, autoreset: false, options ?? new BridgeOptions());
        return (python.ObservationSpace, python.ActionSpace) switch
        {
            (Space<float>, Space<int>) => Wrap<float, int>(python),
            (Space<float>, Space<float>) => Wrap<float, float>(python),
            (Space<byte>, Space<int>) => Wrap<byte, int>(python),
            (Space<byte>, Space<float>) => Wrap<byte, float>(python),
            (Space<int>, Space<int>) => Wrap<int, int>(python),
            _ => Wrap<int, float>(python),
        };
    }

    private static GymnasiumEnv<TObservation, TAction> Wrap<TObservation, TAction>(PythonEnvs python)
        where TObservation : unmanaged
        where TAction : unmanaged =>
        python.FrameSize is null ? new GymnasiumEnv<TObservation, TAction>(python) : new DrawnGymnasiumEnv<TObservation, TAction>(python);

    private static IReadOnlyList<Violation> Check(GymnasiumId id, BridgeOptions? options, EnvContractOptions? checks)
    {
        using var env = (IDisposable)Start(id, options);
        return env switch
        {
            IEnv<float, int> => Check<float, int>(id, options, checks),
            IEnv<float, float> => Check<float, float>(id, options, checks),
            IEnv<byte, int> => Check<byte, int>(id, options, checks),
            IEnv<byte, float> => Check<byte, float>(id, options, checks),
            IEnv<int, int> => Check<int, int>(id, options, checks),
            _ => Check<int, float>(id, options, checks),
        };
    }

    private static IReadOnlyList<Violation> Check<TObservation, TAction>(GymnasiumId id, BridgeOptions? options, EnvContractOptions? checks)
        where TObservation : unmanaged
        where TAction : unmanaged
    {
        IEnv<TObservation, TAction> Create() => (IEnv<TObservation, TAction>)Start(id, options);
        return [.. EnvContract.Check(Create, checks), .. EnvContract.CheckVector(count => StartVector(id, count, options), Create, checks)];
    }
}
