using System.Diagnostics;
using System.Globalization;
using RlWn.Experiments.Terminal;

namespace RlWn.Experiments.Supervised;

/// <summary>Is told how far a supervised run is.</summary>
internal interface ISupervisedProgress
{
    /// <summary>A step was made.</summary>
    void Step(int epoch, int step, int steps, double imagesPerSecond, SupervisedSettings settings);

    /// <summary>An epoch was made.</summary>
    void Epoch(Epoch epoch, SupervisedSettings settings);
}

/// <summary>Shows it: a line an epoch, and between them, in a terminal, one that is redrawn.</summary>
internal sealed class SupervisedProgress(StatusLine status) : ISupervisedProgress
{
    private static readonly TimeSpan RedrawEvery = TimeSpan.FromSeconds(0.2);

    private readonly long startedAt = Stopwatch.GetTimestamp();
    private TimeSpan nextAt;
    private int? stepsBefore;   // those that an earlier process made

    public void Step(int epoch, int step, int steps, double imagesPerSecond, SupervisedSettings settings)
    {
        stepsBefore ??= epoch * steps;
        var passed = Stopwatch.GetElapsedTime(startedAt);
        if (passed < nextAt)
            return;

        nextAt = passed + RedrawEvery;
        var done = (epoch * steps) + step + 1;
        var left = passed / (done - stepsBefore.Value) * ((settings.Epochs * steps) - done);
        status.Show(string.Create(
            CultureInfo.InvariantCulture, $"  epoch {epoch + 1} of {settings.Epochs}, step {step + 1} of {steps}  {imagesPerSecond:#,0} images/s  {(int)left.TotalHours}:{left:mm\\:ss} left"));
    }

    public void Epoch(Epoch epoch, SupervisedSettings settings) => status.Say(string.Create(
        CultureInfo.InvariantCulture,
        $"  epoch {epoch.Number,3} of {settings.Epochs}  loss {epoch.Train.Loss,7:0.0000}  accuracy {epoch.Train.Accuracy:0.0000}"
        + $"{(epoch.Validation is { } validation ? $"  validation {validation.Loss,7:0.0000} {validation.Accuracy:0.0000}" : "")}  {epoch.ImagesPerSecond,7:#,0} images/s  {epoch.Seconds:0.0} s"));
}
