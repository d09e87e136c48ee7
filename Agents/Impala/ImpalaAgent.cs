using RlWn.Agents.A2c;
using RlWn.Agents.Data;
using RlWn.Agents.Formulas;
using RlWn.Envs;
using RlWn.Inference;
using RlWn.Networks;
using static TorchSharp.torch;

namespace RlWn.Agents.Impala;

/// <summary>IMPALA: actors that only act, a learner that only learns, and V-trace to correct for the updates in between, on weight-normalized networks.</summary>
/// <remarks>
/// <para>
/// Espeholt et al. 2018, arXiv:1802.01561. Actors fill trajectories with the newest weights there were when each began; <see cref="TrajectoryQueue"/>
/// brings them to the learner in their order and bounds the policy lag. The learner is the thread that asks for reports. An episode that is cut off is
/// bootstrapped from its last state; one that terminates is not.
/// </para>
/// <para>
/// The caller owns the time: actors run while a report is made and rest between reports, when every trajectory has been learned from, so that saving
/// and stopping need no further care. With <see cref="ImpalaOptions.MaxLag"/> 0 two runs are the same; else which weights a trajectory gets is chance,
/// and so two runs differ.
/// </para>
/// </remarks>
public sealed class ImpalaAgent : IAgent
{
    private readonly ImpalaOptions options;
    private readonly long totalSteps;

    private readonly ActorCritic network;
    private readonly FlatParameters parameters;
    private readonly IFlatOptimizer optimizer;
    private readonly Projection projection;
    private readonly Acting acting;          // the network as of the last update, for values to bootstrap from
    private readonly ImpalaActor[] actors;
    private readonly TrajectoryQueue queue;
    private readonly Crew crew;

    private readonly Features features;
    private readonly A2cGradient gradient;
    private readonly int batchSteps;         // B T N
    private readonly float[] logRatio;       // log π(a|s) - log μ(a|s), [T, B N]
    private readonly float[] nextValue;      // V(sₜ₊₁), [T, B N]
    private float[] cutOffValue;             // V of the states that a trajectory's episodes were cut off in
    private long firstUpdate, endUpdate;     // of the report under way, and the one after it
    private double lag, rho;                 // sums over the report's updates
    private long maxLag;

    /// <summary>Makes an agent with fresh networks.</summary>
    /// <param name="createEnvs">Makes a vector of as many environments as asked, for each actor one; owned.</param>
    /// <param name="options">Settings.</param>
    /// <param name="network">How the networks are built.</param>
    /// <param name="seed">Decides the first weights, environments and draws.</param>
    /// <param name="device">Where the network learns; actors act on the CPU where it is small.</param>
    /// <param name="totalSteps">When training ends and schedules reach zero, in environment steps; rounded up to whole batches.</param>
    /// <exception cref="ArgumentException">The spaces do not fit, the environments are normalized, or the network has batch normalization.</exception>
    /// <exception cref="System.ComponentModel.DataAnnotations.ValidationException">The settings contradict each other.</exception>
    public ImpalaAgent(Func<int, VectorEnv> createEnvs, ImpalaOptions options, NetworkOptions network, ulong seed, Device device, long totalSteps)
    {
        ArgumentNullException.ThrowIfNull(createEnvs);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(device);
        ArgumentOutOfRangeException.ThrowIfLessThan(totalSteps, 1);
        options.Validate();
        network.Validate();
        ActorCritics.RequireNoBatchNorm(network, "impala");
        (this.options, this.totalSteps) = (options, totalSteps);

        using var scope = NewDisposeScope();
        var envs = createEnvs(options.Environments);
        ActorCritics.RequireNotNormalized(envs, "impala");
        this.network = ActorCritics.Make(envs, network, seed, device);
        parameters = new FlatParameters(this.network, scalesLast: network.ScaleLearningRate != 1);
        optimizer = options.MakeOptimizer(parameters, network);
        projection = new Projection(this.network, network.ProjectEvery);
        acting = new Acting(this.network);
        actors = [.. Enumerable.Range(0, options.Actors).Select(i => new ImpalaActor(i, i == 0 ? envs : createEnvs(options.Environments), this.network, seed))];
        queue = new TrajectoryQueue(options.MaxLag, () => new TrajectoryBatch(options.Trajectories, options.RolloutSteps, envs, network.ActionBounds));
        crew = new Crew(options.Actors, "IMPALA actor", Act);

        features = new Features(envs.ObservationSpace);
        batchSteps = options.Trajectories * options.RolloutSteps * options.Environments;
        gradient = new A2cGradient(this.network, parameters, options, batchSteps, "impala");
        (logRatio, nextValue, cutOffValue) = (new float[batchSteps], new float[batchSteps], new float[options.Environments]);
    }

    /// <inheritdoc/>
    public long Steps { get; private set; }

    /// <inheritdoc/>
    public long Updates { get; private set; }

    /// <inheritdoc/>
    /// <remarks>Not where the lag may vary with the threads' speed, either.</remarks>
    public bool ResumesExactly => options.MaxLag == 0 && Array.TrueForAll(actors, actor => actor.Envs.CanSave);

    /// <inheritdoc/>
    /// <remarks>Each report closes <see cref="ImpalaOptions.ReportEvery"/> updates.</remarks>
    public IEnumerable<TrainingReport> Train()
    {
        if (Steps == 0)
            Start();

        while (Steps < totalSteps)
        {
            firstUpdate = Updates;
            endUpdate = Updates + Math.Min(options.ReportEvery, ((totalSteps - Steps - 1) / batchSteps) + 1);
            ActAndLearn();

            yield return Report();
        }
    }

    // The actors on their threads, the learner on this one, until all trajectories of the report are learned from.
    private void ActAndLearn()
    {
        (lag, maxLag, rho) = (0, 0, 0);
        gradient.Loss.Clear();
        queue.Open(Updates);
        crew.Start();
        try
        {
            while (Updates < endUpdate && queue.Next() is { } batch)
                Learn(batch);
        }
        finally
        {
            queue.Stop();   // where learning failed; else the actors are done
            crew.Wait();    // throws what an actor has thrown
        }
    }

    // An actor's part of a report: of all trajectories every K-th.
    private void Act(int actor)
    {
        var steps = (long)options.RolloutSteps * options.Environments;   // of a trajectory
        try
        {
            for (var number = firstUpdate * options.Trajectories; number < endUpdate * options.Trajectories; number++)
            {
                if (number % actors.Length == actor && !actors[actor].Act(number, queue, number * steps))
                    return;
            }
        }
        catch
        {
            queue.Stop();
            throw;
        }
    }

    // One update from B trajectories.
    private void Learn(TrajectoryBatch batch)
    {
        using var scope = NewDisposeScope();
        gradient.Forward(features.Read(batch.Transitions.Observations));   // π and V of the learner's weights
        Estimate(batch);                                                   // vₜ and Âₜ by V-trace
        gradient.Backward(batch.Transitions, acting.LogStd, Steps);
        Count(batch);

        lock (queue.Weights)
        {
            optimizer.Step(LearningRateAt(Steps));
            Steps += batchSteps;
            projection.After(++Updates);
            acting.Refresh();
            queue.Advance();
        }
    }

    private void Estimate(TrajectoryBatch batch)
    {
        var transitions = batch.Transitions;
        for (var i = 0; i < logRatio.Length; i++)
            logRatio[i] = (float)(LogProbability(transitions, i) - transitions.LogProbability[i]);

        Bootstrap(batch);
        VTrace.Targets(
            logRatio, batch.Rewards, gradient.Value, nextValue, batch.Ended, batch.Columns, options.Gamma, options.Lambda, options.RhoBar, options.CBar,
            transitions.Target, transitions.Advantage);
    }

    // log π(a|s) of a transition under the learner's weights.
    private double LogProbability(Minibatch transitions, int i)
    {
        var outputs = network.PolicyOutputs;
        var output = gradient.Output.Slice(i * outputs, outputs);
        return transitions.Distribution.Evaluate(output, acting.LogStd, transitions.Action(i)).LogProbability;
    }

    // V(sₜ₊₁): of the next observation where the episode goes on, of the last one where it was cut off, none where it terminated.
    private void Bootstrap(TrajectoryBatch batch)
    {
        gradient.Value[batch.Columns..].CopyTo(nextValue);
        acting.Value(features.Read(batch.LastObservations), batch.Columns, nextValue.AsSpan(^batch.Columns..));

        foreach (var trajectory in batch.Trajectories)
        {
            var cutOffs = trajectory.CutOffs;
            if (cutOffs.Count == 0)
                continue;

            if (cutOffValue.Length < cutOffs.Count)
                cutOffValue = new float[2 * cutOffs.Count];
            acting.Value(features.Read(trajectory.CutOffObservations, cutOffs.Count), cutOffs.Count, cutOffValue.AsSpan(0, cutOffs.Count));
            for (var i = 0; i < cutOffs.Count; i++)
                nextValue[cutOffs[i]] = cutOffValue[i];
        }

        for (var i = 0; i < nextValue.Length; i++)
        {
            if (batch.Terminated[i])
                nextValue[i] = 0;
        }
    }

    private void Count(TrajectoryBatch batch)
    {
        foreach (var trajectory in batch.Trajectories)
        {
            var own = Updates - trajectory.Version;
            lag += (double)own / options.Trajectories;
            maxLag = Math.Max(maxLag, own);
        }

        foreach (var ratio in logRatio)
            rho += Math.Min(options.RhoBar, Math.Exp(ratio)) / batchSteps;
    }

    private TrainingReport Report()
    {
        var count = endUpdate - firstUpdate;
        Episode[] episodes = [.. actors.SelectMany(actor => actor.TakeEpisodes())];
        Metric[] metrics =
        [
            .. gradient.Loss.Metrics,
            new("learning_rate", LearningRateAt(Steps - batchSteps)),
            new("rho_mean", rho / count),
            new("lag_mean", lag / count),
            new("lag_max", maxLag),
        ];
        Finite.Require(metrics, Steps, "impala");
        var last = queue.Of(Updates - 1).Transitions;
        return new TrainingReport(Steps, Updates, episodes, [.. metrics, new("explained_variance", Returns.ExplainedVariance(gradient.Value, last.Target))]);
    }

    /// <inheritdoc/>
    public Policy SnapshotPolicy(IReadOnlyDictionary<string, string>? metadata = null) => PolicySnapshot.Of(network, actors[0].Envs, metadata);

    /// <inheritdoc/>
    public IReadOnlyList<LayerDiagnostics> Diagnose() => Diagnosis.Of(
        network, parameters, LearningRateAt(Steps - batchSteps), Updates, features, queue.Of(Math.Max(Updates, 1) - 1).Transitions.Observations);

    /// <inheritdoc/>
    /// <remarks>Between reports the actors rest, each at the end of a trajectory, and none is on its way.</remarks>
    public void Save(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Write(Steps);
        writer.Write(Updates);
        parameters.Save(writer);
        optimizer.Save(writer);
        foreach (var actor in actors)
            actor.Save(writer);
    }

    /// <inheritdoc/>
    public void Load(BinaryReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        (Steps, Updates) = (reader.ReadInt64(), reader.ReadInt64());
        parameters.Load(reader);
        optimizer.Load(reader);
        foreach (var actor in actors)
            actor.Load(reader, Steps);
        acting.Refresh();
    }

    private double LearningRateAt(long steps) => options.LearningRateSchedule.At(options.LearningRate, (double)steps / totalSteps);

    private void Start()
    {
        actors[0].SetScales(network);
        acting.Refresh();
        foreach (var actor in actors)
            actor.Start();
    }

    /// <summary>Ends the actors, and frees the networks and the environments.</summary>
    public void Dispose()
    {
        crew.Dispose();
        foreach (var actor in actors)
            actor.Dispose();
        acting.Dispose();
        gradient.Dispose();
        optimizer.Dispose();
        projection.Dispose();
        parameters.Dispose();
        network.Dispose();
    }
}
