using System.Globalization;
using System.Text.Json.Nodes;
using RlWn.Experiments.Runs;
using RlWn.Experiments.Supervised;

namespace RlWn.Experiments.Cells;

/// <summary>What a supervised cell came to, read from its run folder.</summary>
/// <param name="Cell">The cell.</param>
/// <param name="Settings">All its settings.</param>
/// <param name="Outcome">How it ended; null where it has not ended.</param>
/// <param name="Reason">Why it diverged; empty otherwise.</param>
/// <param name="Test">Accuracy on the test images, from 0 to 1, of the network that was best on validation; NaN unless done.</param>
/// <param name="Validation">Accuracy on the validation images after each whole epoch.</param>
/// <param name="Seconds">What it took.</param>
internal sealed record CellOutcome(Cell Cell, SupervisedSettings Settings, Outcome? Outcome, string Reason, double Test, IReadOnlyList<double> Validation, double Seconds)
{
    private const int ValidationColumn = 4;

    /// <summary>How it ended, as a word; "missing" where it has not.</summary>
    public string State => Outcome is { } outcome ? Setting.Text(outcome) : "missing";

    /// <summary>Whether the loss left all bounds.</summary>
    public bool HasDiverged => Outcome == Supervised.Outcome.Diverged;

    /// <summary>The accuracy that counts: on the test images; of a network that diverged, which tells nothing apart any more, that of guessing.</summary>
    public double Accuracy => HasDiverged ? Chance : Test;

    private double Chance => 1.0 / (Settings.Data == DataName.Cifar100 ? 100 : 10);

    /// <summary>Accuracy on validation after an epoch; that of guessing where the network had diverged by then.</summary>
    /// <param name="epoch">From 1.</param>
    public double ValidationAfter(int epoch) => epoch <= Validation.Count ? Validation[epoch - 1] : HasDiverged ? Chance : double.NaN;

    /// <summary>Of each group of runs that differ in a hyperparameter, the one that validation chooses: the greatest accuracy after any epoch, and a network that diverged last of all.</summary>
    /// <param name="runs">Ended or not.</param>
    /// <param name="count">How many runs a group has: before all have ended, none of them is chosen.</param>
    /// <param name="key">What the runs of a group share.</param>
    public static IEnumerable<CellOutcome> ChosenOnValidation<TKey>(IEnumerable<CellOutcome> runs, int count, Func<CellOutcome, TKey> key) =>
        from run in runs
        where run.Outcome is not null
        group run by key(run) into same
        where same.Count() == count
        select same.MaxBy(run => run.HasDiverged ? 0 : run.Validation.DefaultIfEmpty(0).Max())!;

    /// <summary>Reads what is there.</summary>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static CellOutcome Read(Cell cell)
    {
        var settings = cell.ResolveSupervised();
        if (!cell.HasEnded)
            return new(cell, settings, null, "", double.NaN, [], double.NaN);

        var status = cell.ReadStatus()!;
        var metrics = Path.Combine(cell.Folder, RunFolder.Metrics);
        return new(
            cell, settings, Setting.Parse(typeof(Outcome), (string)status["state"]!) as Outcome?, (string?)status["reason"] ?? "", Number(cell.Read(RunFolder.Evaluation)?["accuracy"]),
            File.Exists(metrics) ? [.. File.ReadLines(metrics).Skip(1).Select(ReadValidation)] : [], Number(status["wallSeconds"]));
    }

    private static double Number(JsonNode? node) => (double?)node ?? double.NaN;

    private static double ReadValidation(string line) =>
        double.TryParse(line.Split(',')[ValidationColumn], NumberStyles.Float, CultureInfo.InvariantCulture, out var accuracy) ? accuracy : double.NaN;
}
