using System.Text.Json;
using RlWn.Experiments.Runs;

namespace RlWn.Experiments.Comparing;

/// <summary>What a run folder says that the run came to.</summary>
/// <param name="Folder">Its path, as it was named.</param>
/// <param name="Recipe">The recipe's name.</param>
/// <param name="Env">The environment's id.</param>
/// <param name="Seed">The run's seed.</param>
/// <param name="Settings">Every setting by its path, as text.</param>
/// <param name="Evaluation">Mean return of the evaluation after training; null where there was none.</param>
/// <param name="Training">Every report of the training.</param>
internal sealed record RunResult(
    string Folder, string Recipe, string Env, ulong Seed, IReadOnlyDictionary<string, string> Settings, double? Evaluation, IReadOnlyList<TrainingPoint> Training)
{
    /// <summary>Mean return of the last 100 training episodes; null where none ended.</summary>
    public double? LastReturn => Training is [.., { ReturnMean: var mean }] && double.IsFinite(mean) ? mean : null;

    /// <summary>Whether a folder is a run's.</summary>
    public static bool IsRun(string folder) => File.Exists(Path.Combine(folder, RunFolder.Settings));

    /// <summary>Reads a run folder.</summary>
    /// <exception cref="IOException">Something in it is missing or damaged.</exception>
    public static RunResult Read(string folder)
    {
        var path = Path.Combine(folder, RunFolder.Settings);
        try
        {
            var recipe = Runs.Recipe.Load(path);
            return new(
                folder, recipe["recipe"], recipe["env"], ulong.Parse(recipe["seed"], System.Globalization.CultureInfo.InvariantCulture),
                recipe.Assignments.GroupBy(assignment => assignment.Path).ToDictionary(same => same.Key, same => same.Last().Text),
                ReadEvaluation(Path.Combine(folder, RunFolder.Evaluation)), MetricsReader.Read(Path.Combine(folder, RunFolder.Metrics)));
        }
        catch (Exception failure) when (failure is UsageException or FormatException or UnauthorizedAccessException)
        {
            throw new IOException($"Expected the settings of a run in '{path}', got: {failure.Message.TrimEnd('.')}. Name folders that 'rlwn train' made.", failure);
        }
    }

    /// <summary>Steps of the first report at which the mean of the last 100 training episodes had reached a threshold; null where none had.</summary>
    public long? StepsTo(double threshold) => Training
        .Where(point => point.Episodes >= RunStatistics.Window && point.ReturnMean >= threshold)
        .Select(point => (long?)point.Steps)
        .FirstOrDefault();

    private static double? ReadEvaluation(string path)
    {
        if (!File.Exists(path))
            return null;

        try
        {
            using var stream = File.OpenRead(path);
            using var json = JsonDocument.Parse(stream);
            return json.RootElement.GetProperty("mean").GetDouble();
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException or KeyNotFoundException or UnauthorizedAccessException)
        {
            throw new IOException($"Expected the evaluation of a run in '{path}', got: {failure.Message.TrimEnd('.')}. Train the run again.", failure);
        }
    }
}
