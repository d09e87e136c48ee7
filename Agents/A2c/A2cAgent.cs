using RlWn.Agents.Data;
using RlWn.Agents.Formulas;
using RlWn.Envs;
using RlWn.Inference;
using RlWn.Networks;
using static TorchSharp.torch;

namespace RlWn.Agents.A2c;

/// <summary>The advantage actor-critic, synchronous: a few steps of all environments, then one step on their gradient, on weight-normalized networks.</summary>
/// <remarks>
/// <para>
/// Mnih et al. 2016, arXiv:1602.01783, algorithm S3, with all workers in step. An episode that is cut off is bootstrapped from its last state; one that
/// terminates is not.
/// </para>
/// <para>
/// Continuous actions come from a Gaussian. What the environment gets is clipped to its bounds, or squashed between them by a tanh; what is learned from
/// is the action as drawn.
/// </para>
/// <para>Small networks are fastest on one torch thread: call <c>torch.set_num_threads(1)</c> first, in the thread that trains.</para>
/// </remarks>
public sealed class A2cAgent : IAgent
{
    private readonly VectorEnv envs;
    private readonly A2cOptions options;
    private readonly ulong seed;
    private readonly long totalSteps;
    private readonly Rng random;

    private readonly ActorCritic network;
    private readonly Acting acting;         // the network as of the last update, for collecting
    private readonly FlatParameters parameters;
    private readonly IFlatOptimizer optimizer;
    private readonly Projection projection;
    private readonly Collector collector;
    private readonly Rollout rollout;

    private readonly Features features;
    private readonly int[] all;             // every transition of the rollout
    private readonly Minibatch batch;
    private readonly A2cGradient gradient;

    /// <summary>Makes an agent with fresh networks.</summary>
    /// <param name="envs">The environments to learn in, as many as <see cref="A2cOptions.Environments"/>; not owned.</param>
    /// <param name="options">Settings.</param>
    /// <param name="network">How the networks are built.</param>
    /// <param name="seed">Decides everything that is random: weights, environments, actions.</param>
    /// <param name="device">Where the networks learn.</param>
    /// <param name="totalSteps">When training ends and schedules reach zero, in environment steps; rounded up to whole rollouts.</param>
    /// <exception cref="ArgumentException">The vector's size or spaces do not fit.</exception>
    /// <exception cref="System.ComponentModel.DataAnnotations.ValidationException">The settings contradict each other.</exception>
    public A2cAgent(VectorEnv envs, A2cOptions options, NetworkOptions network, ulong seed, Device device, long totalSteps)
    {
        ArgumentNullException.ThrowIfNull(envs);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(device);
        ArgumentOutOfRangeException.ThrowIfLessThan(totalSteps, 1);
        options.Validate();
        network.Validate();
        if (envs.Count != options.Environments)
            throw new ArgumentException($"Expected {options.Environments} environments as a2c.environments says, got {envs.Count}.", nameof(envs));

        (this.envs, this.options, this.seed, this.totalSteps) = (envs, options, seed, totalSteps);
        random = new Rng(seed, stream: ulong.MaxValue);   // apart from every environment's stream

        using var scope = NewDisposeScope();
        this.network = ActorCritics.Make(envs, network, seed, device);
        parameters = new FlatParameters(this.network, scalesLast: network.ScaleLearningRate != 1);
        optimizer = options.MakeOptimizer(parameters, network);
        projection = new Projection(this.network, network.ProjectEvery);
        acting = new Acting(this.network);
        collector = new Collector(envs, acting, random, "a2c");
        rollout = new Rollout(options.RolloutSteps, envs);

        features = new Features(envs.ObservationSpace);
        all = [.. Enumerable.Range(0, rollout.Count)];
        batch = new Minibatch(rollout.Count, envs.ObservationSpace, envs.ActionSpace, network.ActionBounds);
        gradient = new A2cGradient(this.network, parameters, options, rollout.Count, "a2c");
    }

    /// <inheritdoc/>
    public long Steps { get; private set; }

    /// <inheritdoc/>
    public long Updates { get; private set; }

    /// <inheritdoc/>
    public bool ResumesExactly => envs.CanSave;

    /// <inheritdoc/>
    /// <remarks>Each report closes <see cref="A2cOptions.ReportEvery"/> rollouts and what was learned from them.</remarks>
    public IEnumerable<TrainingReport> Train()
    {
        if (Steps == 0)
            Start();

        while (Steps < totalSteps)
        {
            gradient.Loss.Clear();
            for (var round = 0; round < options.ReportEvery && Steps < totalSteps; round++)
            {
                Collect();   // T steps of the current policy in N environments
                Learn();     // one step on the gradient of all T N
                Steps += rollout.Count;
            }

            yield return new TrainingReport(Steps, Updates, collector.Episodes.Take(), Metrics());
        }
    }

    /// <inheritdoc/>
    public Policy SnapshotPolicy(IReadOnlyDictionary<string, string>? metadata = null) => PolicySnapshot.Of(network, envs, metadata);

    /// <inheritdoc/>
    public IReadOnlyList<LayerDiagnostics> Diagnose() =>
        Diagnosis.Of(network, parameters, LearningRateAt(Steps - rollout.Count), Updates, features, batch.Observations);

    /// <inheritdoc/>
    public void Save(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Write(Steps);
        writer.Write(Updates);
        parameters.Save(writer);
        optimizer.Save(writer);
        writer.Write(random);
        Resumption.Save(envs, collector.Episodes, writer);
    }

    /// <inheritdoc/>
    public void Load(BinaryReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        (Steps, Updates) = (reader.ReadInt64(), reader.ReadInt64());
        parameters.Load(reader);
        optimizer.Load(reader);
        random.State = reader.ReadRng().State;
        Resumption.Load(envs, collector.Episodes, reader, seed, Steps);
        acting.Refresh();
    }

    private double LearningRateAt(long steps) => options.LearningRateSchedule.At(options.LearningRate, (double)steps / totalSteps);

    private void Start()
    {
        ActorCritics.SetScales(network, envs, collector, seed);
        acting.Refresh();
        envs.Reset(seed);
    }

    private void Collect()
    {
        collector.Collect(rollout, Steps);
        rollout.Estimate(options.Gamma, options.Lambda);
        rollout.Gather(all, batch);
        if (options.NormalizeAdvantages)
            batch.NormalizeAdvantages();
    }

    private void Learn()
    {
        using var scope = NewDisposeScope();
        gradient.Forward(features.Read(batch.Observations));
        gradient.Backward(batch, acting.LogStd, Steps);

        optimizer.Step(LearningRateAt(Steps));
        projection.After(++Updates);
        acting.Refresh();
    }

    private Metric[] Metrics()
    {
        Metric[] metrics = [.. gradient.Loss.Metrics, new("learning_rate", LearningRateAt(Steps - rollout.Count))];
        Finite.Require(metrics, Steps, "a2c");
        return [.. metrics, new("explained_variance", Returns.ExplainedVariance(rollout.Values, rollout.Targets))];   // of the last rollout
    }

    /// <summary>Frees the networks and what was collected; the environments stay.</summary>
    public void Dispose()
    {
        acting.Dispose();
        gradient.Dispose();
        optimizer.Dispose();
        projection.Dispose();
        parameters.Dispose();
        network.Dispose();
    }
}
