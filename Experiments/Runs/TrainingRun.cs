using System.Diagnostics;
using System.Globalization;
using RlWn.Agents;
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
    private readonly RunStatistics statistics;
    private readonly DateTimeOffset started = DateTimeOffset.Now;
    private readonly long startedAt = Stopwatch.GetTimestamp();

    private double secondsBefore;                     // of training, in the processes before this one
    private long reports;
    private double best = double.NegativeInfinity;    // mean return of the best evaluation during training

    /// <summary>Makes ready: everything that can be wrong with the settings shows here, before there is a run folder.</summary>
    /// <exception cref="UsageException">The device's name means nothing, or the settings do not fit the environment.</exception>
    /// <exception cref="NotSupportedException">The device is not there.</exception>
    public TrainingRun(RunSettings settings)
    {
        torch.set_num_threads(settings.Threads);
        spec = EnvRegistry.Get(settings.Env);
        statistics = new(spec.RewardThreshold);
        try
        {
            envs = AgentFactory.CreateEnvs(settings, spec);
            var device = TorchDevice.Choose(settings.Device);
            this.settings = settings with { Device = device.ToString() };   // what auto came to, so that the settings repeat the run
            agent = AgentFactory.Make(settings, spec, envs, device);
        }
        catch (ArgumentException misfit)
        {
            envs?.Dispose();
            throw new UsageException(Failures.WithoutParameter(misfit));
        }
    }

    /// <summary>Whether a resumed run ends as the uninterrupted one would have.</summary>
    public bool ResumesExactly => agent.ResumesExactly;

    /// <summary>Runs, and leaves the results in the folder, also when asked to stop.</summary>
    /// <param name="folder">A new folder.</param>
    /// <param name="progress">Shows each report; null shows nothing.</param>
    /// <param name="stop">Stops after the report under way; the evaluation is left out then.</param>
    /// <exception cref="IOException">A result could not be written.</exception>
    /// <exception cref="TrainingDivergedException">Training met a number that is not finite.</exception>
    public TrainingResult Run(RunFolder folder, ProgressLine? progress, CancellationToken stop)
    {
        // The settings first: from the moment they stand there, the run can be resumed.
        using var locked = folder.Lock();
        var document = settings.ToJson();
        document[Origin.Member] = Origin.Here(started).ToJson();
        folder.WriteJson(RunFolder.Settings, document);
        using var logs = new RunLogs(folder, settings, started);
        return Run(folder, logs, progress, stop);
    }

    /// <summary>Goes on from the run's last whole checkpoint; where there is none, from the start, which the same settings repeat.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="progress">Shows each report; null shows nothing.</param>
    /// <param name="warn">Told of damaged checkpoints, and where the run goes on.</param>
    /// <param name="stop">Stops after the report under way; the evaluation is left out then.</param>
    /// <exception cref="IOException">Another process has the run, or a result could not be written.</exception>
    /// <exception cref="TrainingDivergedException">Training met a number that is not finite.</exception>
    public TrainingResult Resume(RunFolder folder, ProgressLine? progress, Action<string> warn, CancellationToken stop)
    {
        using var locked = folder.Lock();
        var ends = RunLogs.Beginnings;
        var isFound = new Checkpoints(folder, settings.CheckpointsKept).Load(reader => ends = Load(reader), warn);
        warn(isFound
            ? string.Create(CultureInfo.InvariantCulture, $"Going on from step {agent.Steps:#,0}.")
            : "There is no checkpoint yet: starting from the beginning, with the same settings.");
        using var logs = new RunLogs(folder, settings, started, ends);
        return Run(folder, logs, progress, stop);
    }

    public void Dispose()
    {
        agent.Dispose();
        envs?.Dispose();
    }

    private TrainingResult Run(RunFolder folder, RunLogs logs, ProgressLine? progress, CancellationToken stop)
    {
        WriteStatus(folder, RunState.Running, reason: null);
        try
        {
            var result = Train(folder, logs, progress, stop);
            var stopped = result.Evaluation is null;
            WriteStatus(folder, stopped ? RunState.Stopped : RunState.Done, stopped ? "stopped by Ctrl+C or a signal" : null);
            return result;
        }
        catch (Exception failure)
        {
            ReportFailure(folder, logs, failure);
            throw;
        }
    }

    private TrainingResult Train(RunFolder folder, RunLogs logs, ProgressLine? progress, CancellationToken stop)
    {
        var checkpoints = new Checkpoints(folder, settings.CheckpointsKept);
        var trainingFrom = Stopwatch.GetTimestamp();
        var (flushedAt, savedAt) = (secondsBefore, secondsBefore);

        try
        {
            var stepsBefore = agent.Steps;
            foreach (var report in agent.Train())
            {
                var row = statistics.Add(report, Seconds());
                logs.Metrics.Write(row);
                logs.Events.Write(row);
                if (logs.Diagnostics is { } diagnostics && ++reports % settings.DiagnosticsEvery == 0 && report.Updates > 0)
                {
                    var layers = agent.Diagnose();
                    diagnostics.Write(report.Steps, layers);
                    logs.Events.Write(report.Steps, layers);
                }

                if (logs.Evaluations is not null && report.Steps / settings.EvaluateEvery > stepsBefore / settings.EvaluateEvery)
                    EvaluateMeanwhile(folder, logs, row.Seconds);
                stepsBefore = report.Steps;
                progress?.Show(row);

                if (row.Seconds - flushedAt > FlushEvery)
                {
                    logs.Flush();
                    flushedAt = row.Seconds;
                }

                if (row.Seconds - savedAt >= settings.CheckpointEvery)
                {
                    checkpoints.Save(agent.Steps, writer => Save(writer, logs));
                    savedAt = row.Seconds;
                }

                if (stop.IsCancellationRequested)
                    break;
            }
        }
        finally
        {
            progress?.Close();
        }

        var seconds = Seconds();
        logs.Flush();
        if (stop.IsCancellationRequested)
            checkpoints.Save(agent.Steps, writer => Save(writer, logs));

        using var policy = Snapshot();
        RunFolder.Guard(folder[RunFolder.Policy], () => policy.Save(folder[RunFolder.Policy]));

        var evaluation = stop.IsCancellationRequested ? null : Evaluate(folder, policy);
        folder.Write(RunFolder.LearningCurve, LearningCurve.Draw(
            statistics, $"{settings.Recipe} in {settings.Env}, seed {settings.Seed}", spec.RewardThreshold));
        return new(evaluation, statistics.Reached, agent.Steps, seconds);

        double Seconds() => secondsBefore + Stopwatch.GetElapsedTime(trainingFrom).TotalSeconds;
    }

    // Everything that decides how the run goes on: Load reads it in the same order.
    private void Save(BinaryWriter writer, RunLogs logs)
    {
        logs.SaveEnds(writer);
        writer.Write(statistics.Seconds);
        writer.Write(reports);
        writer.Write(best);
        statistics.Save(writer);
        agent.Save(writer);
    }

    private long[] Load(BinaryReader reader)
    {
        var ends = RunLogs.ReadEnds(reader);
        (secondsBefore, reports, best) = (reader.ReadDouble(), reader.ReadInt64(), reader.ReadDouble());
        statistics.Load(reader);
        agent.Load(reader);
        return ends;
    }

    private Policy Snapshot() => agent.SnapshotPolicy(new Dictionary<string, string>
    {
        [TrainedRun.EnvKey] = settings.Env,
        [TrainedRun.SeedKey] = Setting.Text(settings.Seed),
    });

    // On environments of their own, with a seed of their own: training does not notice.
    private void EvaluateMeanwhile(RunFolder folder, RunLogs logs, double seconds)
    {
        using var policy = Snapshot();
        using var fresh = spec.CreateVector(Math.Min(settings.EvaluationEpisodes, EvaluationEpisodes));
        var result = Evaluation.Run(policy, fresh, settings.EvaluationEpisodes, TrainedRun.EvaluationSeed(settings.Seed) + 1);
        logs.Evaluations!.Write(agent.Steps, seconds, result);
        logs.Events.Write(agent.Steps, result);
        if (result.Mean <= best)
            return;

        best = result.Mean;
        RunFolder.Guard(folder[RunFolder.Best], () => policy.Save(folder[RunFolder.Best]));
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
    private void ReportFailure(RunFolder folder, RunLogs logs, Exception failure)
    {
        try
        {
            WriteStatus(folder, RunState.Failed, failure.Message);
            logs.Flush();
        }
        catch (IOException)
        {
        }
    }
}
