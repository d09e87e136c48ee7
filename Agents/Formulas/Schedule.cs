namespace RlWn.Agents.Formulas;

/// <summary>How a setting changes over a run.</summary>
public enum Schedule
{
    /// <summary>It stays.</summary>
    Constant,

    /// <summary>It falls linearly to zero at the run's last step.</summary>
    Linear,
}

/// <summary>Values of schedules.</summary>
public static class Schedules
{
    /// <summary>The value at a point of the run.</summary>
    /// <param name="schedule">How it changes.</param>
    /// <param name="initial">The value at the start.</param>
    /// <param name="done">The share of the run that is done, in [0, 1].</param>
    public static double At(this Schedule schedule, double initial, double done) => schedule switch
    {
        Schedule.Constant => initial,
        Schedule.Linear => initial * (1 - done),
        _ => throw new ArgumentOutOfRangeException(nameof(schedule), schedule, "Expected Constant or Linear."),
    };
}
