namespace RlWn.Experiments.Supervised;

/// <summary>When the learning rate falls.</summary>
internal enum LearningRateSchedule
{
    /// <summary>Never.</summary>
    Constant,

    /// <summary>To a tenth after one third and after two thirds of all epochs.</summary>
    Thirds,

    /// <summary>To a tenth after half and after three quarters of all epochs.</summary>
    Quarters,

    /// <summary>To a fifth after 30%, 60% and 80% of all epochs: at 60, 120 and 160 of 200.</summary>
    WideResNet,

    /// <summary>To a tenth at epochs 91 and 136, however many there are.</summary>
    He,
}

/// <summary>The learning rate α of each step.</summary>
/// <remarks>Schedules and warm-up of the reference code of Arpit, Campos and Bengio 2019.</remarks>
internal static class LearningRate
{
    /// <summary>α of one step.</summary>
    /// <param name="settings">The schedule.</param>
    /// <param name="epoch">From 0.</param>
    /// <param name="step">Which step of the epoch, from 0.</param>
    /// <param name="steps">Steps in an epoch.</param>
    /// <returns>The schedule's α; in the warm-up α₀ + (α - α₀) a², a the fraction of the warm-up that is done before the step.</returns>
    public static double At(SupervisedSettings settings, int epoch, int step, int steps)
    {
        var rate = settings.LearningRate * Factor(settings.Schedule, epoch, settings.Epochs);
        if (epoch >= settings.WarmUpEpochs)
            return rate;

        var done = (((double)epoch * steps) + step) / ((double)settings.WarmUpEpochs * steps);
        return settings.WarmUpFrom + ((rate - settings.WarmUpFrom) * done * done);
    }

    private static double Factor(LearningRateSchedule schedule, int epoch, int epochs)
    {
        return schedule switch
        {
            LearningRateSchedule.Constant => 1,
            LearningRateSchedule.Thirds => Falls(0.1, Is(1, 3), Is(2, 3)),
            LearningRateSchedule.Quarters => Falls(0.1, Is(1, 2), Is(3, 4)),
            LearningRateSchedule.WideResNet => Falls(0.2, Is(3, 10), Is(6, 10), Is(8, 10)),
            LearningRateSchedule.He => Falls(0.1, epoch >= 91, epoch >= 136),
            _ => throw new ArgumentOutOfRangeException(nameof(schedule), schedule, "Expected one of the schedules."),
        };

        bool Is(long part, long whole) => epoch * whole >= part * epochs;
        static double Falls(double to, params ReadOnlySpan<bool> passed) => Math.Pow(to, passed.Count(true));
    }
}
