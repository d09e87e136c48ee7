using RlWn.Agents.A2c;
using RlWn.Agents.Data;
using RlWn.Agents.Formulas;
using RlWn.Envs;
using RlWn.Inference;
using RlWn.Networks;
using static TorchSharp.torch;

namespace RlWn.Agents.A3c;

/// <summary>The asynchronous advantage actor-critic: workers that learn at once on shared parameters without locks, on weight-normalized networks.</summary>
/// <remarks>
/// <para>
/// Mnih et al. 2016, arXiv:1602.01783, algorithm S3; <see cref="A3cWorker"/> is its pseudo code. Parameters and the optimizer's statistics are plain memory
/// that all workers read and write at once: now and then one overwrites what another has just added (Hogwild, Recht et al. 2011, arXiv:1106.5730).
/// That is the algorithm.
/// </para>
/// <para>
/// The caller owns the time: workers run while a report is made and rest between reports, so that saving and stopping need no further care. What is
/// saved is complete, but with more than one worker the order of their steps is chance, and so two runs differ.
/// </para>
/// </remarks>
public sealed class A3cAgent : IAgent
{
    private readonly A3cOptions options;
    private readonly long totalSteps;
    private readonly VectorEnv firstEnvs;
    private readonly int roundSteps;         // T N, of one worker
    private readonly bool canSaveEnvs;

    private readonly ActorCritic network;
    private readonly FlatParameters parameters;
    private readonly IFlatOptimizer optimizer;
    private readonly Projection? projection;
    private readonly A3cWorker[] workers;
    private readonly Crew crew;
    private readonly A2cLoss loss;           // what the workers' have counted

    private long rounds;                     // to be done for the report under way
    private long taken;                      // of them, by whichever worker came first
    private long updates;

    /// <summary>Makes an agent with fresh networks.</summary>
    /// <param name="createEnvs">Makes a vector of as many environments as asked, for each worker one; owned.</param>
    /// <param name="options">Settings.</param>
    /// <param name="network">How the networks are built.</param>
    /// <param name="seed">Decides the first weights, environments and draws; the order in which workers come is chance.</param>
    /// <param name="device">Where the networks learn.</param>
    /// <param name="totalSteps">When training ends and schedules reach zero, in environment steps; rounded up to whole rollouts.</param>
    /// <exception cref="ArgumentException">The spaces do not fit, the environments are normalized, or the network has batch normalization.</exception>
    /// <exception cref="System.ComponentModel.DataAnnotations.ValidationException">The settings contradict each other.</exception>
    public A3cAgent(Func<int, VectorEnv> createEnvs, A3cOptions options, NetworkOptions network, ulong seed, Device device, long totalSteps)
    {
        ArgumentNullException.ThrowIfNull(createEnvs);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(device);
        ArgumentOutOfRangeException.ThrowIfLessThan(totalSteps, 1);
        options.Validate();
        network.Validate();
        ActorCritics.RequireNoBatchNorm(network, "a3c");

        (this.options, this.totalSteps) = (options, totalSteps);
        roundSteps = options.RolloutSteps * options.Environments;
        loss = new A2cLoss(options.ValueWeight, options.EntropyWeight);
        firstEnvs = createEnvs(options.Environments);
        ActorCritics.RequireNotNormalized(firstEnvs, "a3c");
        canSaveEnvs = firstEnvs.CanSave;

        using var scope = NewDisposeScope();
        this.network = ActorCritics.Make(firstEnvs, network, seed, device);
        parameters = new FlatParameters(this.network, scalesLast: network.ScaleLearningRate != 1);
        optimizer = options.MakeOptimizer(parameters, network);
        projection = network.ProjectEvery > 0 ? new Projection(this.network, network.ProjectEvery) : null;
        workers =
        [
            .. Enumerable.Range(0, options.Workers).Select(i => new A3cWorker(
                i, i == 0 ? firstEnvs : createEnvs(options.Environments), options, network, seed, parameters, optimizer)),
        ];
        crew = new Crew(options.Workers, "A3C worker", Work);
    }

    /// <inheritdoc/>
    public long Steps { get; private set; }

    /// <inheritdoc/>
    public long Updates => updates;

    /// <inheritdoc/>
    /// <remarks>Only one worker's order of steps is certain.</remarks>
    public bool ResumesExactly => canSaveEnvs && options.Workers == 1;

    /// <inheritdoc/>
    /// <remarks>Each report closes <see cref="A3cOptions.ReportEvery"/> rollouts, whichever workers they were of.</remarks>
    public IEnumerable<TrainingReport> Train()
    {
        if (Steps == 0)
            Start();
        foreach (var worker in workers)
            worker.Join();

        while (Steps < totalSteps)
        {
            rounds = Math.Min(options.ReportEvery, ((totalSteps - Steps - 1) / roundSteps) + 1);
            taken = 0;
            crew.Start();
            crew.Wait();

            Steps += rounds * roundSteps;
            yield return Report();
        }
    }

    /// <inheritdoc/>
    public Policy SnapshotPolicy(IReadOnlyDictionary<string, string>? metadata = null) => PolicySnapshot.Of(network, firstEnvs, metadata);

    /// <inheritdoc/>
    /// <remarks>As one of the workers saw it: the gradient of its last rollout, at the parameters it had then.</remarks>
    public IReadOnlyList<LayerDiagnostics> Diagnose() =>
        (workers.FirstOrDefault(worker => worker.HasLearned) ?? workers[0]).Diagnose(LearningRateAt(Steps - roundSteps));

    /// <inheritdoc/>
    /// <remarks>Between reports the workers rest, each at the end of a rollout.</remarks>
    public void Save(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Write(Steps);
        writer.Write(Updates);
        parameters.Save(writer);
        optimizer.Save(writer);
        foreach (var worker in workers)
            worker.Save(writer);
    }

    /// <inheritdoc/>
    public void Load(BinaryReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        (Steps, updates) = (reader.ReadInt64(), reader.ReadInt64());
        parameters.Load(reader);
        optimizer.Load(reader);
        foreach (var worker in workers)
            worker.Load(reader, Steps);
    }

    private double LearningRateAt(long steps) => options.LearningRateSchedule.At(options.LearningRate, (double)Math.Min(steps, totalSteps) / totalSteps);

    private void Start()
    {
        workers[0].SetScales(network);
        foreach (var worker in workers)
            worker.Start();
    }

    // One worker's part of a report: rounds, until all are taken.
    private void Work(int index)
    {
        for (var round = Interlocked.Increment(ref taken); round <= rounds && !crew.HasFailed; round = Interlocked.Increment(ref taken))
        {
            var steps = Steps + ((round - 1) * roundSteps);
            workers[index].Round(LearningRateAt(steps), steps);
            var update = Interlocked.Increment(ref updates);
            if (projection is not null)
            {
                lock (projection)
                    projection.After(update);
            }
        }
    }

    private TrainingReport Report()
    {
        loss.Clear();
        Episode[] episodes = [.. workers.SelectMany(worker => worker.Report(loss))];
        Metric[] metrics = [.. loss.Metrics, new("learning_rate", LearningRateAt(Steps - roundSteps))];
        Finite.Require(metrics, Steps, "a3c");
        return new TrainingReport(Steps, Updates, episodes, [.. metrics, new("explained_variance", workers[0].ExplainedVariance)]);   // of a last rollout
    }

    /// <summary>Ends the workers, and frees the networks and the environments.</summary>
    public void Dispose()
    {
        crew.Dispose();
        foreach (var worker in workers)
            worker.Dispose();
        optimizer.Dispose();
        projection?.Dispose();
        parameters.Dispose();
        network.Dispose();
    }
}
