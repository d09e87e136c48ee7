namespace RlWn.Envs;

/// <summary>N copies of a Python environment, in as many processes as <see cref="BridgeOptions.Processes"/> says; made by <see cref="Gymnasium.MakeVector"/>.</summary>
/// <remarks>
/// After a <see cref="GymnasiumException"/> the processes are gone. <see cref="Reset"/> starts new ones; what the environments had learned to
/// know of their episodes is lost.
/// </remarks>
public sealed class GymnasiumVectorEnv : VectorEnv
{
    private readonly PythonEnvs python;
    private readonly long[] seeds;

    internal GymnasiumVectorEnv(PythonEnvs python, int count)
        : base(count, python.ObservationSpace, python.ActionSpace, (_, _) => python.Observations, (_, _) => python.FinalObservations, (_, _) => python.Actions) =>
        (this.python, seeds) = (python, new long[count]);

    /// <summary>The Python processes, for whoever watches them.</summary>
    public IReadOnlyList<int> ProcessIds => python.ProcessIds;

    /// <summary>Whether observations and actions lie in memory that both sides share; else they travel through pipes.</summary>
    public bool SharesMemory => python.IsShared;

    /// <inheritdoc/>
    /// <remarks>
    /// Environment i gets <c>reset(seed=new Rng(seed, i).Next())</c>. Its later episodes begin with <c>reset()</c>: they go on with its own generator,
    /// as Gymnasium's vectors do.
    /// </remarks>
    /// <exception cref="GymnasiumException">Python raised an exception, or a process ended.</exception>
    public override void Reset(ulong seed)
    {
        _ = Observations;   // refused while a step is under way
        for (var i = 0; i < seeds.Length; i++)
            seeds[i] = new Rng(seed, (ulong)i).Next();
        python.Reset(seeds);
    }

    /// <inheritdoc/>
    /// <exception cref="GymnasiumException">Python raised an exception, or a process ended.</exception>
    public override void Step()
    {
        Send();
        Receive();
    }

    /// <inheritdoc/>
    protected override void StartStep()
    {
        switch (ActionSpace)
        {
            case Space<int> choices:
                RequireInside(choices);
                break;
            case Space<float> numbers:
                RequireInside(numbers);
                break;
        }

        python.Send();
    }

    /// <inheritdoc/>
    protected override void FinishStep() => python.Receive(RewardsToWrite, TerminatedToWrite, TruncatedToWrite);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        python.Dispose();
        base.Dispose(disposing);
    }

    private void RequireInside<TAction>(Space<TAction> space) where TAction : unmanaged
    {
        for (var row = 0; row < Count; row++)
        {
            var action = Actions.Row<TAction>(row);
            if (!space.Contains(action))
            {
                throw new ArgumentException(
                    $"Expected every row of Actions to lie in {ActionSpace}, got [{string.Join(", ", action.ToArray())}] in row {row}. No environment was stepped.");
            }
        }
    }
}
