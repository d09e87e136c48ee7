using System.Diagnostics;
using RlWn.Agents;
using RlWn.Agents.A2c;
using RlWn.Agents.A3c;
using RlWn.Agents.Ppo;
using RlWn.Envs;
using RlWn.Experiments.Terminal;
using RlWn.Inference;
using RlWn.Init;
using TorchSharp;

namespace RlWn.Experiments.Runs;

/// <summary>What a run came to.</summary>
/// <param name="Evaluation">The trained policy's episodes; null where the run was stopped before.</param>
/// <param name="Reached">Steps and seconds at which the last 100 training episodes first reached the threshold.</param>
/// <param name="Steps">Environment steps trained.</param>
/// <param name="Seconds">Of training alone.</param>
internal sealed record TrainingResult(EvaluationResult? Evaluation, (long Steps, double Seconds)? Reached, long Steps, double Seconds);

/// <summary>One run, from settings to results: train, keep the policy, evaluate it, draw the curve.</summary>
internal sealed class TrainingRun : IDisposable
{
    /// <summary>How many episodes, and how many at a time, the trained policy is evaluated over.</summary>
    public const int EvaluationEpisodes = 100;

    private const double FlushEvery = 0.5;   // seconds

    private readonly RunSettings settings;
    private readonly EnvSpec spec;
    private readonly VectorEnv? envs;   // none where the agent makes its own
    private readonly IAgent agent;
    private readonly DateTimeOffset started = DateTimeOffset.Now;
    private readonly long startedAt = Stopwatch.GetTimestamp();

    /// <summary>Makes ready: everything that can be wrong with the settings shows here, before there is a run folder.</summary>
    /// <exception cref="UsageException">The device's name means nothing, or the settings do not fit the environment.</exception>
    /// <exception cref="NotSupportedException">The device is not there.</exception>
    public TrainingRun(RunSettings settings)
    {
        torch.set_num_threads(settings.Threads);
        spec = EnvRegistry.Get(settings.Env);
        envs = settings.Agent switch
        {
            "ppo" => spec.CreateVector(settings.Ppo.Environments),
            "a2c" => spec.CreateVector(settings.A2c.Environments),
            _ => null,
        };
        try
        {
            var device = TorchDevice.Choose(settings.Device);
            this.settings = settings with { Device = device.ToString() };   // what auto came to, so that the settings repeat the run
            agent = settings.Agent switch
            {
                "a2c" => new A2cAgent(envs!, settings.A2c, settings.Network, settings.Seed, device, settings.Steps),
                "a3c" => new A3cAgent(spec.CreateVector, settings.A3c, settings.Network, settings.Seed, device, settings.Steps),
                _ => new PpoAgent(envs!, settings.Ppo, settings.Network, settings.Seed, device, settings.Steps),
            };
        }
        catch (ArgumentException misfit)
        {
            envs?.Dispose();
            throw new UsageException(Failures.WithoutParameter(misfit));
        }
    }

    /// <summary>Runs, and leaves the results in the folder, also when asked to stop.</summary>
    /// <param name="folder">A new folder.</param>
    /// <param name="progress">Shows each report; null shows nothing.</param>
    /// <param name="stop">Stops after the report under way; the evaluation is left out then.</param>
    /// <exception cref="IOException">A result could not be written.</exception>
    /// <exception cref="TrainingDivergedException">Training met a number that is not finite.</exception>
    public TrainingResult Run(RunFolder folder, ProgressLine? progress, CancellationToken stop)
    {
        // The log first: it cannot be made twice, so of two runs that found one folder empty only one goes on.
        using var metrics = new MetricsCsv(folder[RunFolder.Metrics]);
        using var events = new TensorBoardEvents(folder.Path, started);
        var document = settings.ToJson();
        document[Origin.Member] = Origin.Here(started).ToJson();
        folder.WriteJson(RunFolder.Settings, document);
        WriteStatus(folder, RunState.Running, reason: null);

        try
        {
            var result = Train(folder, metrics, events, progress, stop);
            var stopped = result.Evaluation is null;
            WriteStatus(folder, stopped ? RunState.Stopped : RunState.Done, stopped ? "stopped by Ctrl+C or a signal" : null);
            return result;
        }
        catch (Exception failure)
        {
            ReportFailure(folder, metrics, events, failure);
            throw;
        }
    }

    public void Dispose()
    {
        agent.Dispose();
        envs?.Dispose();
    }

    private TrainingResult Train(RunFolder folder, MetricsCsv metrics, TensorBoardEvents events, ProgressLine? progress, CancellationToken stop)
    {
        var statistics = new RunStatistics(spec.RewardThreshold);
        var trainingFrom = Stopwatch.GetTimestamp();
        var flushedAt = 0.0;

        try
        {
            foreach (var report in agent.Train())
            {
                var row = statistics.Add(report, Stopwatch.GetElapsedTime(trainingFrom).TotalSeconds);
                metrics.Write(row);
                events.Write(row);
                progress?.Show(row);

                if (row.Seconds - flushedAt > FlushEvery)
                {
                    metrics.Flush();
                    events.Flush();
                    flushedAt = row.Seconds;
                }

                if (stop.IsCancellationRequested)
                    break;
            }
        }
        finally
        {
            progress?.Close();
        }

        var seconds = Stopwatch.GetElapsedTime(trainingFrom).TotalSeconds;
        metrics.Flush();
        events.Flush();

        using var policy = agent.SnapshotPolicy(new Dictionary<string, string>
        {
            [TrainedRun.EnvKey] = settings.Env,
            [TrainedRun.SeedKey] = Setting.Text(settings.Seed),
        });
        RunFolder.Guard(folder[RunFolder.Policy], () => policy.Save(folder[RunFolder.Policy]));

        var evaluation = stop.IsCancellationRequested ? null : Evaluate(folder, policy);
        folder.Write(RunFolder.LearningCurve, LearningCurve.Draw(
            statistics, $"{settings.Recipe} in {settings.Env}, seed {settings.Seed}", spec.RewardThreshold));
        return new(evaluation, statistics.Reached, agent.Steps, seconds);
    }

    private EvaluationResult Evaluate(RunFolder folder, Policy policy)
    {
        var seed = TrainedRun.EvaluationSeed(settings.Seed);
        using var fresh = spec.CreateVector(EvaluationEpisodes);
        var result = Evaluation.Run(policy, fresh, EvaluationEpisodes, seed);
        folder.WriteJson(RunFolder.Evaluation, new
        {
            settings.Env,
            Seed = seed,
            Episodes = result.Episodes.Count,
            result.Mean,
            result.Deviation,
            result.Min,
            result.Max,
            spec.RewardThreshold,
            Returns = result.Episodes.Select(episode => episode.Return),
            Lengths = result.Episodes.Select(episode => episode.Length),
        });
        return result;
    }

    private void WriteStatus(RunFolder folder, RunState state, string? reason)
    {
        var hasEnded = state != RunState.Running;
        folder.WriteJson(RunFolder.Status, new RunStatus(
            state, reason, agent.Steps, started, hasEnded ? DateTimeOffset.Now : null,
            hasEnded ? Stopwatch.GetElapsedTime(startedAt).TotalSeconds : null, Environment.ProcessId));
    }

    // Leaves what can be left. If the disk is what failed, this fails too, and the first failure is the one to tell.
    private void ReportFailure(RunFolder folder, MetricsCsv metrics, TensorBoardEvents events, Exception failure)
    {
        try
        {
            WriteStatus(folder, RunState.Failed, failure.Message);
            metrics.Flush();
            events.Flush();
        }
        catch (IOException)
        {
        }
    }
}
