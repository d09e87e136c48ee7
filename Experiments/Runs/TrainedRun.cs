using System.Globalization;
using System.Text.Json;
using RlWn.Envs;
using RlWn.Inference;

namespace RlWn.Experiments.Runs;

/// <summary>A policy and the task that it was trained in, read from a run folder or a policy file.</summary>
/// <param name="Policy">The policy.</param>
/// <param name="Spec">The task.</param>
/// <param name="Seed">What the run was trained with; 0 where a file does not say it.</param>
internal sealed record TrainedRun(Policy Policy, EnvSpec Spec, ulong Seed) : IDisposable
{
    /// <summary>Keys of what a run writes into its policy's metadata.</summary>
    public const string EnvKey = "rlwn.env", SeedKey = "rlwn.seed";

    /// <summary>A seed for evaluation that no training of the same seed has seen.</summary>
    public static ulong EvaluationSeed(ulong trainingSeed) => unchecked(trainingSeed + 1_000_000);

    /// <summary>Reads a run.</summary>
    /// <param name="path">A run folder, or a policy file.</param>
    /// <param name="env">The environment's id if it is not to be the one trained in.</param>
    /// <exception cref="IOException">Something is missing, unreadable or damaged.</exception>
    /// <exception cref="UsageException">A policy file does not say its task and <paramref name="env"/> does not either, or they do not fit.</exception>
    public static TrainedRun Load(string path, string? env)
    {
        RequireExists(path);
        var (trainedIn, seed) = Directory.Exists(path) ? ReadSettings(Path.Combine(path, RunFolder.Settings)) : (null, null);
        var policy = LoadPolicy(path);
        try
        {
            var id = env ?? trainedIn ?? policy.Metadata.GetValueOrDefault(EnvKey)
                ?? throw new UsageException($"Expected --env ID with the policy file '{path}', which does not say its environment. 'rlwn envs' lists all.");
            var spec = EnvRegistry.Get(id);
            RequireFit(policy, spec);
            return new(policy, spec, seed ?? (ulong.TryParse(policy.Metadata.GetValueOrDefault(SeedKey), out var written) ? written : 0));
        }
        catch
        {
            policy.Dispose();
            throw;
        }
    }

    public void Dispose() => Policy.Dispose();

    private static (string Env, ulong? Seed) ReadSettings(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            using var json = JsonDocument.Parse(stream);
            return (json.RootElement.GetProperty("env").GetString()!, json.RootElement.GetProperty("seed").GetUInt64());
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new IOException(
                $"Expected the settings of a run in '{path}', got: {failure.Message.TrimEnd('.')}. Name a folder that 'rlwn train' made, or its policy file with --env.", failure);
        }
    }

    /// <summary>Reads the policy alone, whatever its task.</summary>
    /// <param name="path">A run folder, whose last policy it is, or a policy file.</param>
    /// <exception cref="IOException">It is missing, unreadable or damaged.</exception>
    public static Policy LoadPolicy(string path)
    {
        RequireExists(path);
        path = Directory.Exists(path) ? Path.Combine(path, RunFolder.Policy) : path;
        try
        {
            return Policy.Load(path);
        }
        catch (Exception failure) when (failure is (IOException and not ModelFileException) or UnauthorizedAccessException)
        {
            throw new IOException($"Expected a trained policy in '{path}', got: {failure.Message.TrimEnd('.')}. A run writes it when training ends; train again if it did not.", failure);
        }
    }

    private static void RequireFit(Policy policy, EnvSpec spec)
    {
        var env = spec.Create();
        using var owned = env as IDisposable;
        var wanted = $"{env.ObservationSpace.Size} observed numbers and {Wanted(env.ActionSpace)}";
        var given = $"{policy.ObservationSize} observed numbers and {(policy.Kind == ActionKind.Continuous ? Numbers(policy.ActionSize) : Choices(policy.ActionCounts))}";
        if (wanted != given)
            throw new UsageException($"Expected a policy for {spec.Id}, with {wanted}, got one for {given}. Choose the environment that it was trained in with --env.");
    }

    private static string Wanted(Space actions) => actions switch
    {
        Discrete one => Choices([one.N]),
        MultiDiscrete several => Choices(several.Choices),
        _ => Numbers(actions.Size),
    };

    private static string Choices(IEnumerable<int> counts) => $"{string.Join(" and ", counts)} choices";

    private static string Numbers(int size) => $"{size} continuous actions";

    private static void RequireExists(string path)
    {
        if (!Directory.Exists(path) && !File.Exists(path))
            throw new IOException($"Expected a run folder or a policy file, found nothing at '{path}'. {SuggestInstead(path)}");
    }

    private static string SuggestInstead(string path)
    {
        var parent = Path.GetDirectoryName(Path.GetFullPath(path));
        var siblings = Directory.Exists(parent) ? Directory.EnumerateDirectories(parent).Select(Path.GetFileName) : [];
        return Nearest.Of(Path.GetFileName(Path.TrimEndingDirectorySeparator(path)), siblings!) is { } nearest
            ? string.Create(CultureInfo.InvariantCulture, $"Did you mean '{Path.Combine(Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(path)) ?? "", nearest)}'?")
            : "Name a folder that 'rlwn train' made; they are under 'runs' unless --out said otherwise.";
    }
}
